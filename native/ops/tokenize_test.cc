#include "ops/tokenize.h"

#include <algorithm>

#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

struct Expected {
  std::vector<int32_t> ids, offsets{0}, positions;
  std::vector<float> scale;
};

struct Settings {
  size_t context_length;
  int32_t num_tokens, num_special, eos;
};

// The definition, one value at a time.
template <typename T>
Expected expected_tokens(const std::vector<T>& values, const std::vector<int32_t>& offsets,
                         const std::vector<float>& boundaries, Settings s) {
  Expected expected;
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    std::vector<float> x(values.begin() + offsets[b], values.begin() + offsets[b + 1]);
    if (x.size() > s.context_length) x.erase(x.begin(), x.end() - static_cast<ptrdiff_t>(s.context_length));
    double sum = 0.0;
    size_t count = 0;
    for (const float value : x) {
      if (value == value) sum += std::fabs(value), ++count;
    }
    const float mean = count == 0 ? 1.0f : static_cast<float>(sum / static_cast<double>(count));
    const float scale = mean > 0.0f ? mean : 1.0f;
    for (size_t i = 0; i < x.size(); ++i) {
      if (std::isnan(x[i])) continue;
      int32_t id = s.num_special;
      for (const float boundary : boundaries) id += boundary > x[i] / scale ? 0 : 1;
      expected.ids.push_back(std::min(id, s.num_tokens - 1));
      expected.positions.push_back(static_cast<int32_t>(i));
    }
    if (s.eos >= 0) {
      expected.ids.push_back(s.eos);
      expected.positions.push_back(static_cast<int32_t>(x.size()));
    }
    expected.offsets.push_back(static_cast<int32_t>(expected.ids.size()));
    expected.scale.push_back(scale);
  }
  return expected;
}

OpAttributes attributes(Settings s) {
  return {{"contextLength", static_cast<double>(s.context_length)},
          {"numTokens", static_cast<double>(s.num_tokens)},
          {"numSpecialTokens", static_cast<double>(s.num_special)},
          {"eosTokenId", static_cast<double>(s.eos)}};
}

template <typename T>
void check(const Context& context, const std::vector<T>& values, const std::vector<int32_t>& offsets,
           const std::vector<float>& boundaries, Settings s) {
  const Tensor v = tensor_of(context, values.size(), 1, values);
  const Tensor o = ints(context, offsets);
  const Tensor edges = floats(context, boundaries.size(), 1, boundaries);
  const OpRun run(context, mean_scale_tokenize_operator(), attributes(s), {v, o, edges});
  const Expected expected = expected_tokens(values, offsets, boundaries, s);
  EXPECT_TRUE(values_of<int32_t>(run.out(0)) == expected.ids);
  EXPECT_TRUE(values_of<int32_t>(run.out(1)) == expected.offsets);
  EXPECT_TRUE(values_of<int32_t>(run.out(2)) == expected.positions);
  EXPECT_TRUE(values_of<float>(run.out(3)) == expected.scale);
}

TEST(mean_scale_tokenize_by_hand) {
  with_context([](const Context& context) {
    // Scale (1 + 3) / 2 = 2: scaled values -0.5 and 1.5; -0.5 is a boundary and counts as above it.
    const Tensor v = tensor_of<double>(context, 5, 1, {9.0, -1.0, std::nan(""), 3.0, std::nan("")});
    const Tensor o = ints(context, {0, 5});
    const Tensor edges = floats(context, 4, 1, {-1e20f, -0.5f, 0.5f, 1e20f});
    const OpRun run(context, mean_scale_tokenize_operator(), attributes({4, 10, 2, 1}), {v, o, edges});
    EXPECT_TRUE((values_of<int32_t>(run.out(0)) == std::vector<int32_t>{4, 5, 1}));
    EXPECT_TRUE((values_of<int32_t>(run.out(2)) == std::vector<int32_t>{0, 2, 4}));
    EXPECT_EQ(run.f32(3, 0, 0), 2.0f);
  });
}

TEST(mean_scale_tokenize_follows_its_definition) {
  with_context([](const Context& context) {
    Random random(7);
    std::vector<float> boundaries(255);
    for (float& boundary : boundaries) boundary = random.uniform(-15.0f, 15.0f);
    std::sort(boundaries.begin(), boundaries.end());
    boundaries.front() = -1e20f;
    boundaries.back() = 1e20f;
    std::vector<double> values(4000);
    for (double& value : values) value = random.below(5) == 0 ? std::nan("") : 100.0 * random.normal();
    // Empty series, one value, zeros, nothing observed, huge, tiny, infinite, scaled values on boundaries.
    const std::vector<int32_t> offsets = {0, 0, 1, 40, 41, 600, 603, 1200, 3000, 4000};
    std::fill(values.begin() + 1, values.begin() + 40, std::nan(""));
    values[40] = 0.0;
    for (size_t i = 600; i < 603; ++i) values[i] = 1e-310;  // 0 in float32
    for (size_t i = 603; i < 1200; ++i) values[i] *= 1e36;
    values[2000] = HUGE_VAL;
    for (const int32_t eos : {-1, 1}) {
      for (const size_t context_length : {1u, 2u, 100u, 5000u}) {
        check(context, values, offsets, boundaries, {context_length, 258, 2, eos});
        check(context, values, offsets, boundaries, {context_length, 100, 0, eos});
        check(context, std::vector<float>(values.begin(), values.end()), offsets, boundaries,
              {context_length, 258, 2, eos});
      }
    }
    check(context, std::vector<double>{}, {0}, boundaries, {5, 10, 2, 1});
    check(context, std::vector<double>{1.0}, {0, 1}, {}, {5, 10, 2, 1});
  });
}

TEST(mean_scale_tokenize_errors) {
  with_context([](const Context& context) {
    const Tensor v = floats(context, 2, 1, {1, 2}), o = ints(context, {0, 3}), good = ints(context, {0, 2});
    const Tensor edges = floats(context, 2, 2, {1, 2, 3, 4});
    const auto run = [&](const Tensor& offsets) {
      OpRun(context, mean_scale_tokenize_operator(), attributes({4, 10, 2, 1}), {v, offsets, edges});
    };
    EXPECT_ERROR([&] { run(o); }, "ERR_INVALID_ARGUMENT", "mean_scale_tokenize: offsets");
    EXPECT_ERROR([&] { run(good); }, "ERR_INVALID_SHAPE", "mean_scale_tokenize: boundaries");
    EXPECT_ERROR(
        [&] {
          OpRun(context, mean_scale_tokenize_operator(), attributes({0, 10, 2, 1}), {v, good, edges});
        },
        "ERR_INVALID_ARGUMENT", "contextLength");
  });
}

TEST(tokens_to_values_clamps) {
  with_context([](const Context& context) {
    const Tensor ids = tensor_of<int32_t>(context, 4, 2, {0, 3, 4, 5, INT32_MIN, INT32_MAX, 2, 3});
    const Tensor scale = floats(context, 2, 1, {2.0f, -0.5f});
    const Tensor centers = floats(context, 3, 1, {-1.0f, 0.25f, 4.0f});
    const OpRun run(context, tokens_to_values_operator(), {{"numSpecialTokens", 2.0}}, {ids, scale, centers});
    EXPECT_TRUE((values_of<float>(run.out(0)) == std::vector<float>{-2, -2, 0.5, 8, 0.5, -2, 0.5, 0.5}));
    const Tensor three = tensor_of<int32_t>(context, 3, 1, {0, 1, 2});
    EXPECT_ERROR(
        [&] {
          OpRun(context, tokens_to_values_operator(), {{"numSpecialTokens", 2.0}}, {three, scale, centers});
        },
        "ERR_INVALID_SHAPE", "tokens_to_values: ids");
    const Tensor none = tensor_of<int32_t>(context, 0, 5, {}), no_scale = floats(context, 0, 1, {});
    const OpRun empty(context, tokens_to_values_operator(), {{"numSpecialTokens", 2.0}}, {none, no_scale, centers});
    EXPECT_EQ(empty.out(0).cols(), 5u);
  });
}

}  // namespace
}  // namespace tidemerge::testing
