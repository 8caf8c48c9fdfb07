#include "ops/window_attention.h"

#include "ops/attention.h"
#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

struct Sizes {
  size_t past, heads, head_dim;
  size_t width() const { return heads * head_dim; }
  int32_t places() const { return static_cast<int32_t>(2 * past + 1); }
};

OpAttributes attributes(Sizes s) {
  return {{"numHeads", static_cast<double>(s.heads)},
          {"headDim", static_cast<double>(s.head_dim)},
          {"scale", 0.3},
          {"past", static_cast<double>(s.past)}};
}

// The results of one step after the other, from step `first` of the series on.
struct Stream {
  State keys, values;
  int32_t place = 0;

  Tensor push(const Context& context, Sizes s, const Tensor& series, size_t step) {
    const Tensor x = rows_of(context, series, 2 * step, 2 * step + 2);
    const OpRun run(context, window_attention_operator(), attributes(s),
                    {x, x, x, keys, values, scalar(context, place)});
    place = (place == s.places() ? static_cast<int32_t>(s.past) : place) + 1;
    return copy_of(context, run.out(0));
  }
};

TEST(window_attention_of_a_step_is_that_of_its_window) {
  for_each_context([](const Context& context) {
    for (const Sizes s : {Sizes{0, 1, 3}, Sizes{1, 2, 4}, Sizes{12, 3, 5}, Sizes{70, 2, 38}}) {
      TRACE("%zu past steps, %zu heads of %zu", s.past, s.heads, s.head_dim);
      Random random(s.past);
      const size_t length = 5 * s.past + 7;
      const Tensor series = random_floats(context, random, 2 * length, s.width());
      Stream stream;
      for (size_t t = 0; t < length; ++t) {
        const Tensor out = stream.push(context, s, series, t);
        EXPECT_TRUE(same_bytes(rows_of(context, out, 1, 2), rows_of(context, series, 2 * t + 1, 2 * t + 2)));
        if (t % 7 != 3 || t < s.past) continue;
        // Begun with its window, a stream gives the same bits.
        Stream alone;
        for (size_t j = t - s.past; j < t; ++j) alone.push(context, s, series, j);
        EXPECT_TRUE(same_bytes(out, alone.push(context, s, series, t)));
      }
    }
  });
}

// How far the attention of a query to some rows may be off in float: kernels/window_attention/window_attention.h.
double bound(const Tensor& q, const Tensor& past, Sizes s) {
  double score = 0, value = 0;
  for (size_t j = 0; j < past.rows(); ++j) {
    double sum = 0;
    for (size_t c = 0; c < s.width(); ++c) {
      const double x = std::fabs(static_cast<double>(past.data<float>()[j * s.width() + c]));
      sum += 0.3 * std::fabs(static_cast<double>(q.data<float>()[c])) * x;
      value = std::fmax(value, x);
    }
    score = std::fmax(score, sum);
  }
  const double head_dim = static_cast<double>(s.head_dim), count = static_cast<double>(past.rows());
  return 0x1p-23 * value * (2 * (head_dim + 10) * score + 2 * count + 24);
}

// Against the attention of whole windows.
TEST(window_attention_attends_to_past_rows) {
  for_each_context([](const Context& context) {
    const Sizes s{9, 2, 6};
    Random random(3);
    const Tensor series = random_floats(context, random, 60, s.width());
    Stream stream;
    for (size_t t = 0; t < 30; ++t) {
      const Tensor out = stream.push(context, s, series, t);
      const size_t count = t < s.past ? t : s.past;
      Tensor past(context.buffers, DType::kFloat32, count, s.width());
      for (size_t j = 0; j < count; ++j) {
        std::memcpy(past.data<float>() + j * s.width(), series.data<float>() + (2 * (t - count + j) + 1) * s.width(),
                    s.width() * 4);
      }
      OpAttributes whole = attributes(s);
      whole.pop_back();
      whole.insert(
          whole.end(),
          {{"causal", false}, {"packedKeys", false}, {"queryColumn", 0.0}, {"keyColumn", 0.0}, {"valueColumn", 0.0}});
      const Tensor q = rows_of(context, series, 2 * t, 2 * t + 1);
      const OpRun expected(context, attention_operator(), whole,
                           {q, past, past, ints(context, {0, 1}), ints(context, {0, static_cast<int32_t>(count)})});
      for (size_t c = 0; c < s.width(); ++c)
        EXPECT_NEAR(out.data<float>()[c], expected.f32(0, 0, c), 2 * bound(q, past, s));
    }
  });
}

TEST(window_attention_errors) {
  with_context([](const Context& context) {
    const Sizes s{2, 1, 3};
    const Tensor x = floats(context, 2, 3, {1, 2, 3, 4, 5, 6}), narrow = floats(context, 2, 2, {1, 2, 3, 4});
    State keys, values;
    const auto run = [&](const OpInput& q, int32_t place, State& other) {
      OpRun(context, window_attention_operator(), attributes(s), {q, x, x, keys, other, scalar(context, place)});
    };
    EXPECT_ERROR([&] { run(x, 1, values); }, "ERR_INVALID_SHAPE",
                 "window_attention: keyState: expected the state that place 0 made");
    EXPECT_ERROR([&] { run(x, -1, values); }, "ERR_INVALID_ARGUMENT", "window_attention: place: expected at least 0");
    EXPECT_ERROR([&] { run(x, 6, values); }, "ERR_INVALID_ARGUMENT", "window_attention: place: expected at most 5");
    EXPECT_ERROR([&] { run(narrow, 0, values); }, "ERR_INVALID_SHAPE",
                 "window_attention: q: expected at least 3 columns");
    EXPECT_ERROR([&] { run(x, 0, keys); }, "ERR_INVALID_ARGUMENT",
                 "window_attention: keyState: expected a state of its own");
    run(x, 0, values);
    EXPECT_ERROR([&] { run(keys, 1, values); }, "ERR_INVALID_SHAPE", "window_attention: q");
  });
}

}  // namespace
}  // namespace tidemerge::testing
