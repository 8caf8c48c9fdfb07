#include "ops/kv_cache.h"

#include "ops/attention.h"
#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

struct Sizes {
  size_t rows, length, heads, head_dim, reach;
};

OpAttributes attributes(Sizes s) {
  const double width = static_cast<double>(s.heads * s.head_dim);
  return {{"numHeads", static_cast<double>(s.heads)},
          {"headDim", static_cast<double>(s.head_dim)},
          {"scale", 0.3},
          {"queryColumn", 0.0},
          {"keyColumn", width},
          {"valueColumn", 2.0 * width}};
}

// Queries, keys and values of all rows at one place, side by side as one fused product makes them.
Tensor at_place(const Context& context, const Tensor& sequences, Sizes s, size_t place) {
  Tensor x(context.buffers, DType::kFloat32, s.rows, sequences.cols());
  for (size_t r = 0; r < s.rows; ++r) {
    std::memcpy(x.data<float>() + r * x.cols(), sequences.data<float>() + (r * s.length + place) * x.cols(),
                x.cols() * 4);
  }
  return x;
}

// Step by step equals one causal attention over the whole sequences, bit for bit.
void check(const Context& context, Sizes s, size_t capacity, State& keys, State& values, uint64_t seed) {
  TRACE("%zu rows, length %zu, %zu heads of %zu, reach %zu, capacity %zu", s.rows, s.length, s.heads, s.head_dim,
        s.reach, capacity);
  Random random(seed);
  const Tensor sequences = random_floats(context, random, s.rows * s.length, 3 * s.heads * s.head_dim);
  const Tensor bias = random_floats(context, random, s.heads, 2 * s.reach + 1);
  const OpInput bias_input = s.reach == 0 ? absent() : OpInput(bias);

  std::vector<int32_t> starts, places;
  for (size_t r = 0; r <= s.rows; ++r) starts.push_back(static_cast<int32_t>(r * s.length));
  for (size_t i = 0; i < s.rows * s.length; ++i) places.push_back(static_cast<int32_t>(i % s.length));
  const Tensor offsets = ints(context, starts), positions = ints(context, places);
  OpAttributes whole = attributes(s);
  whole.push_back({"causal", true});
  whole.push_back({"packedKeys", false});
  const OpRun expected(context, attention_operator(), whole,
                       {sequences, sequences, sequences, offsets, offsets, positions, positions, bias_input});

  const Tensor room = scalar(context, static_cast<int32_t>(capacity));
  for (size_t step = 0; step < s.length; ++step) {
    const Tensor x = at_place(context, sequences, s, step), now = scalar(context, static_cast<int32_t>(step));
    const OpRun run(context, cached_attention_operator(), attributes(s),
                    {x, x, x, keys, values, now, room, bias_input});
    EXPECT_TRUE(same_bytes(run.out(0), at_place(context, expected.out(0), s, step)));
  }
}

TEST(cached_attention_equals_causal_attention) {
  for_each_context([](const Context& context) {
    State keys, values;  // kept: a session runs again with other sizes
    check(context, {1, 5, 1, 3, 0}, 5, keys, values, 1);
    check(context, {20, 40, 8, 64, 128}, 64, keys, values, 2);
    check(context, {3, 75, 2, 20, 11}, 75, keys, values, 3);
    check(context, {2, 3, 1, 1, 1}, 100, keys, values, 4);
    check(context, {0, 2, 2, 4, 3}, 2, keys, values, 5);
  });
}

TEST(cached_attention_errors) {
  with_context([](const Context& context) {
    const Sizes s{2, 3, 1, 4, 0};
    Random random(6);
    const Tensor x = random_floats(context, random, 2, 12), more = random_floats(context, random, 3, 12);
    const Tensor room = scalar(context, 3), other_room = scalar(context, 4);
    State keys, values;
    const auto run = [&](const Tensor& rows, int32_t step, const Tensor& capacity) {
      const Tensor now = scalar(context, step);
      OpRun(context, cached_attention_operator(), attributes(s), {rows, rows, rows, keys, values, now, capacity});
    };
    EXPECT_ERROR([&] { run(x, 1, room); }, "ERR_INVALID_SHAPE",
                 "cached_attention: valueState: expected the cache that step 0 made");
    run(x, 0, room);
    EXPECT_ERROR([&] { run(x, 2, room); }, "ERR_INVALID_ARGUMENT",
                 "cached_attention: step: expected 1, the first place that is empty, got 2");
    EXPECT_ERROR([&] { run(more, 1, room); }, "ERR_INVALID_SHAPE", "cached_attention: valueState");
    EXPECT_ERROR([&] { run(x, 1, other_room); }, "ERR_INVALID_SHAPE", "cached_attention");
    run(x, 1, room);
    run(x, 2, room);
    EXPECT_ERROR([&] { run(x, 3, room); }, "ERR_INVALID_ARGUMENT",
                 "cached_attention: step: expected a place below capacity 3, got 3");
    EXPECT_ERROR([&] { run(x, -1, room); }, "ERR_INVALID_ARGUMENT", "cached_attention: step");
    const Tensor zero = scalar(context, 0);
    EXPECT_ERROR(
        [&] {
          OpRun(context, cached_attention_operator(), attributes(s), {x, x, x, keys, keys, zero, room});
        },
        "ERR_INVALID_ARGUMENT", "cached_attention: keyState: expected a state of its own");
    EXPECT_ERROR(
        [&] {
          OpRun(context, cached_attention_operator(), attributes(s), {x, keys, x, keys, values, zero, room});
        },
        "ERR_INVALID_ARGUMENT", "cached_attention: keyState: expected a state of its own");
  });
}

}  // namespace
}  // namespace tidemerge::testing
