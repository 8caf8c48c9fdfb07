#include "ops/patch.h"

#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

struct Settings {
  size_t context_length, patch_length, patch_stride;
};

struct Expected {
  std::vector<float> patches, loc, scale;
  std::vector<int32_t> offsets{0}, positions, counts;
};

// The definition: the padded series is written out.
template <typename T>
Expected expected_patches(const std::vector<T>& values, const std::vector<int32_t>& offsets, Settings s) {
  Expected expected;
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    std::vector<double> x(values.begin() + offsets[b], values.begin() + offsets[b + 1]);
    if (x.size() > s.context_length) x.erase(x.begin(), x.end() - static_cast<ptrdiff_t>(s.context_length));
    double sum = 0.0, squares = 0.0;
    double count = 0.0;
    for (const double value : x) {
      if (value == value) sum += value, ++count;
    }
    const float loc = count == 0.0 ? 0.0f : static_cast<float>(sum / count);
    for (const double value : x) {
      if (value == value) squares += (value - loc) * (value - loc);
    }
    float scale = count == 0.0 ? 1.0f : static_cast<float>(std::sqrt(squares / count));
    if (scale == 0.0f) scale = 1e-5f;
    while (x.size() % s.patch_length != 0) x.insert(x.begin(), kNaN);
    int32_t patch = 0;
    for (size_t begin = 0; begin + s.patch_length <= x.size(); begin += s.patch_stride, ++patch) {
      std::vector<float> row, mask;
      bool observed = false;
      for (size_t i = begin; i < begin + s.patch_length; ++i) {
        const bool here = !std::isnan(x[i]);
        row.push_back(here ? static_cast<float>(x[i] - loc) / scale : 0.0f);
        mask.push_back(here ? 1.0f : 0.0f);
        observed |= here;
      }
      if (!observed) continue;
      expected.patches.insert(expected.patches.end(), row.begin(), row.end());
      expected.patches.insert(expected.patches.end(), mask.begin(), mask.end());
      expected.positions.push_back(patch);
    }
    expected.counts.push_back(patch);
    expected.offsets.push_back(static_cast<int32_t>(expected.positions.size()));
    expected.loc.push_back(loc);
    expected.scale.push_back(scale);
  }
  return expected;
}

OpAttributes attributes(Settings s) {
  return {{"contextLength", static_cast<double>(s.context_length)},
          {"patchLength", static_cast<double>(s.patch_length)},
          {"patchStride", static_cast<double>(s.patch_stride)}};
}

template <typename T>
void check(const Context& context, const std::vector<T>& values, const std::vector<int32_t>& offsets, Settings s) {
  TRACE("context %zu, patch %zu, stride %zu", s.context_length, s.patch_length, s.patch_stride);
  const Tensor v = tensor_of(context, values.size(), 1, values);
  const Tensor o = ints(context, offsets);
  const OpRun run(context, instance_norm_patch_operator(), attributes(s), {v, o});
  const Expected expected = expected_patches(values, offsets, s);
  EXPECT_EQ(run.out(0).cols(), 2 * s.patch_length);
  const std::vector<float> got = values_of<float>(run.out(0));
  EXPECT_EQ(got.size(), expected.patches.size());
  for (size_t i = 0; i < std::min(got.size(), expected.patches.size()); ++i)
    EXPECT_ULP(got[i], expected.patches[i], 0.0);
  EXPECT_TRUE(values_of<int32_t>(run.out(1)) == expected.offsets);
  EXPECT_TRUE(values_of<int32_t>(run.out(2)) == expected.positions);
  EXPECT_TRUE(values_of<int32_t>(run.out(3)) == expected.counts);
  for (size_t b = 0; b < expected.loc.size(); ++b) {
    EXPECT_ULP(run.f32(4, b, 0), expected.loc[b], 0.0);
    EXPECT_ULP(run.f32(5, b, 0), expected.scale[b], 0.0);
  }
}

TEST(instance_norm_patch_by_hand) {
  with_context([](const Context& context) {
    // The last 5 of 6 values: 1, missing, 3, 5, 3: mean 3, deviation sqrt(2); one missing value in front.
    const Tensor v = tensor_of<double>(context, 6, 1, {100, 1, std::nan(""), 3, 5, 3});
    const Tensor o = ints(context, {0, 6});
    const OpRun run(context, instance_norm_patch_operator(), attributes({5, 3, 3}), {v, o});
    const float d = 2.0f / std::sqrt(2.0f);
    const std::vector<float> expected = {0, -d, 0, 0, 1, 0, 0, d, 0, 1, 1, 1};
    EXPECT_EQ(run.out(0).rows(), 2u);
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_ULP(run.out(0).data<float>()[i], expected[i], 1.0);
    EXPECT_EQ(run.f32(4, 0, 0), 3.0f);
    EXPECT_ULP(run.f32(5, 0, 0), std::sqrt(2.0), 0.5);
    EXPECT_EQ(run.out(3).data<int32_t>()[0], 2);
  });
}

TEST(instance_norm_patch_follows_its_definition) {
  with_context([](const Context& context) {
    Random random(3);
    std::vector<double> values(9000);
    for (double& value : values) value = random.below(4) == 0 ? std::nan("") : 1000.0 + random.normal();
    // Empty, one value, one missing value, constants (0.1 is not exact), long gaps, huge, infinite.
    const std::vector<int32_t> offsets = {0, 0, 1, 2, 100, 200, 1300, 1317, 5000, 5100, 9000};
    values[0] = 17.0;
    values[1] = std::nan("");
    std::fill(values.begin() + 2, values.begin() + 100, 0.1);
    std::fill(values.begin() + 100, values.begin() + 200, 0.0);
    std::fill(values.begin() + 300, values.begin() + 1200, std::nan(""));
    for (size_t i = 1300; i < 1317; ++i) values[i] *= 1e34;
    values[5050] = HUGE_VAL;
    for (const Settings s : {Settings{512, 16, 16}, Settings{96, 8, 4}, Settings{5000, 16, 5}, Settings{33, 7, 9},
                             Settings{1, 1, 1}, Settings{100, 64, 1}, Settings{3, 16, 16}}) {
      check(context, values, offsets, s);
      check(context, std::vector<float>(values.begin(), values.end()), offsets, s);
    }
    check(context, std::vector<double>{}, {0}, {4, 2, 2});
  });
}

TEST(instance_norm_patch_does_not_see_batch_mates) {
  with_context([](const Context& context) {
    Random random(4);
    const Tensor values = random_floats(context, random, 700, 1);
    const Settings s{256, 16, 8};
    const OpRun both(context, instance_norm_patch_operator(), attributes(s), {values, ints(context, {0, 100, 700})});
    const Tensor part = rows_of(context, values, 100, 700);
    const OpRun alone(context, instance_norm_patch_operator(), attributes(s), {part, ints(context, {0, 600})});
    const size_t first = static_cast<size_t>(both.out(1).data<int32_t>()[1]);
    EXPECT_TRUE(same_bytes(rows_of(context, both.out(0), first, both.out(0).rows()), alone.out(0)));
    EXPECT_EQ(both.f32(5, 1, 0), alone.f32(5, 0, 0));
  });
}

TEST(append_row_to_every_series) {
  with_context([](const Context& context) {
    const Tensor x = floats(context, 3, 2, {1, 2, 3, 4, 5, 6});
    const Tensor offsets = ints(context, {0, 1, 1, 3}), positions = ints(context, {4, 0, 7});
    const Tensor counts = ints(context, {5, 0, 9}), row = floats(context, 1, 2, {-1, -2});
    const OpRun run(context, append_row_operator(), {}, {x, offsets, positions, counts, row});
    EXPECT_TRUE((values_of<float>(run.out(0)) == std::vector<float>{1, 2, -1, -2, -1, -2, 3, 4, 5, 6, -1, -2}));
    EXPECT_TRUE((values_of<int32_t>(run.out(1)) == std::vector<int32_t>{0, 2, 3, 6}));
    EXPECT_TRUE((values_of<int32_t>(run.out(2)) == std::vector<int32_t>{4, 5, 0, 0, 7, 9}));
    EXPECT_ERROR(
        [&] {
          OpRun(context, append_row_operator(), {},
                {x, offsets, positions, counts, floats(context, 2, 2, {1, 2, 3, 4})});
        },
        "ERR_INVALID_SHAPE", "append_row: row: expected shape [1, 2] or [3, 2], got [2, 2]");
    const OpRun own(context, append_row_operator(), {}, {x, offsets, positions, counts, x});
    EXPECT_TRUE((values_of<float>(own.out(0)) == std::vector<float>{1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6}));
    const Tensor two = ints(context, {5, 0});
    EXPECT_ERROR(
        [&] {
          OpRun(context, append_row_operator(), {}, {x, offsets, positions, two, row});
        },
        "ERR_INVALID_SHAPE", "append_row: counts");
  });
}

}  // namespace
}  // namespace tidemerge::testing
