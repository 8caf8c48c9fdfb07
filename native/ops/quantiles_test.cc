#include "ops/quantiles.h"

#include <algorithm>

#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

// The definition in quantiles.h.
float expected_quantile(std::vector<float> v, float level) {
  for (const float x : v) {
    if (std::isnan(x)) return kNaN;
  }
  std::sort(v.begin(), v.end());
  const float rank = level * static_cast<float>(v.size() - 1);
  const float below = std::floor(rank);
  const double low = v[static_cast<size_t>(below)];
  if (rank == below) return static_cast<float>(low);
  const double high = v[static_cast<size_t>(below) + 1];
  return static_cast<float>(low + (static_cast<double>(rank) - below) * (high - low));
}

TEST(quantiles_by_hand) {
  with_context([](const Context& context) {
    const Tensor samples = floats(context, 4, 2, {4, 0, 1, 0, 3, kNaN, 2, 0});
    const Tensor levels = tensor_of<double>(context, 4, 1, {0.0, 0.5, 0.75, 1.0});
    const Tensor four = scalar(context, 4);
    const OpRun quantiles(context, sample_quantiles_operator(), {}, {samples, levels, four});
    EXPECT_EQ(quantiles.out(0).rows(), 2u);
    const float expected[] = {1.0f, 2.5f, 3.25f, 4.0f};
    for (size_t l = 0; l < 4; ++l) {
      EXPECT_EQ(quantiles.f32(0, 0, l), expected[l]);
      EXPECT_TRUE(std::isnan(quantiles.f32(0, 1, l)));
    }
    const OpRun mean(context, sample_mean_operator(), {}, {samples, four});
    EXPECT_EQ(mean.f32(0, 0, 0), 2.5f);
    EXPECT_TRUE(std::isnan(mean.f32(0, 0, 1)));
    const OpRun median(context, sample_median_operator(), {}, {samples, four});
    EXPECT_EQ(median.f32(0, 0, 0), 2.0f);
    EXPECT_TRUE(std::isnan(median.f32(0, 0, 1)));
    const Tensor two = scalar(context, 2);
    const OpRun halves(context, sample_median_operator(), {}, {samples, two});
    EXPECT_EQ(halves.f32(0, 0, 0), 1.0f);
    EXPECT_EQ(halves.f32(0, 1, 0), 2.0f);
  });
}

TEST(sample_statistics_follow_their_definition) {
  with_context([](const Context& context) {
    Random random(11);
    const std::vector<float> level = {0.0f, 0.01f, 0.1f, 0.3f, 0.5f, 0.7f, 0.9f, 0.975f, 1.0f};
    const Tensor levels = floats(context, level.size(), 1, level);
    for (const size_t count : {1u, 2u, 3u, 20u, 101u}) {
      TRACE("%zu samples", count);
      const size_t batch = 3, horizon = 65;
      Tensor samples = random_floats(context, random, batch * count, horizon);
      for (size_t i = 0; i < samples.count(); i += 5) samples.data<float>()[i] = 0.25f;  // ties
      samples.data<float>()[3] = kInfinity;
      samples.data<float>()[7] = -kInfinity;
      const Tensor n = scalar(context, static_cast<int32_t>(count));
      const OpRun quantiles(context, sample_quantiles_operator(), {}, {samples, levels, n});
      const OpRun mean(context, sample_mean_operator(), {}, {samples, n});
      const OpRun median(context, sample_median_operator(), {}, {samples, n});
      EXPECT_EQ(quantiles.out(0).rows(), batch * horizon);
      for (size_t b = 0; b < batch; ++b) {
        for (size_t h = 0; h < horizon; ++h) {
          std::vector<float> v;
          double sum = 0.0;
          for (size_t s = 0; s < count; ++s) v.push_back(samples.data<float>()[(b * count + s) * horizon + h]);
          for (const float x : v) sum += x;
          for (size_t l = 0; l < level.size(); ++l) {
            EXPECT_ULP(quantiles.f32(0, b * horizon + h, l), expected_quantile(v, level[l]), 0.0);
          }
          EXPECT_ULP(mean.f32(0, b, h), sum / static_cast<double>(count), 0.5);
          std::sort(v.begin(), v.end());
          EXPECT_EQ(median.f32(0, b, h), v[(count - 1) / 2]);
        }
      }
    }
  });
}

TEST(interpolate_quantiles_picks_or_interpolates) {
  with_context([](const Context& context) {
    // One step, three trained quantiles that cross.
    const Tensor x = floats(context, 1, 3, {5, 1, 3});
    const Tensor trained = tensor_of<double>(context, 3, 1, {0.1, 0.5, 0.9});
    const auto at = [&](const std::vector<double>& levels) {
      const Tensor l = tensor_of(context, levels.size(), 1, levels);
      const OpRun run(context, interpolate_quantiles_operator(), {{"horizon", 1.0}}, {x, l, trained});
      return values_of<float>(run.out(0));
    };
    EXPECT_TRUE((at({0.9, 0.1, 0.1, 0.5}) == std::vector<float>{3, 5, 5, 1}));
    // One unknown level: all come from the sorted 1 3 3 5 5.
    EXPECT_TRUE((at({0.9, 0.25, 0.5, 0.375, 0.0}) == std::vector<float>{5, 3, 3, 3, 1}));
    EXPECT_TRUE((at({0.125}) == std::vector<float>{2}));
    EXPECT_TRUE(at({}).empty());
  });
}

TEST(interpolate_quantiles_of_a_batch) {
  with_context([](const Context& context) {
    Random random(12);
    const size_t batch = 5, horizon = 33;
    const std::vector<float> known = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f, 0.9f};
    const std::vector<float> level = {0.05f, 0.5f, 0.77f};
    const Tensor x = random_floats(context, random, batch, known.size() * horizon);
    const Tensor trained = floats(context, known.size(), 1, known);
    const Tensor levels = floats(context, level.size(), 1, level);
    const OpAttributes attributes = {{"horizon", static_cast<double>(horizon)}};
    const OpRun run(context, interpolate_quantiles_operator(), attributes, {x, levels, trained});
    const OpRun same(context, interpolate_quantiles_operator(), attributes, {x, trained, trained});
    for (size_t b = 0; b < batch; ++b) {
      for (size_t h = 0; h < horizon; ++h) {
        std::vector<float> v;
        for (size_t q = 0; q < known.size(); ++q) v.push_back(x.data<float>()[(b * known.size() + q) * horizon + h]);
        for (size_t q = 0; q < known.size(); ++q) EXPECT_EQ(same.f32(0, b * horizon + h, q), v[q]);
        const float first = v.front(), last = v.back();
        v.push_back(first);
        v.push_back(last);
        for (size_t l = 0; l < level.size(); ++l) {
          EXPECT_EQ(run.f32(0, b * horizon + h, l), expected_quantile(v, level[l]));
        }
      }
    }
  });
}

TEST(quantile_errors) {
  with_context([](const Context& context) {
    const Tensor samples = floats(context, 4, 1, {1, 2, 3, 4}), fine = floats(context, 1, 1, {0.5f});
    const Tensor three = scalar(context, 3), zero = scalar(context, 0), two = scalar(context, 2);
    const auto run = [&](const Tensor& levels, const Tensor& count) {
      OpRun(context, sample_quantiles_operator(), {}, {samples, levels, count});
    };
    EXPECT_ERROR([&] { run(fine, three); }, "ERR_INVALID_SHAPE",
                 "sample_quantiles: samples: expected a multiple of numSamples 3");
    EXPECT_ERROR([&] { run(fine, zero); }, "ERR_INVALID_ARGUMENT", "sample_quantiles: numSamples");
    for (const float level : {-0.1f, 1.5f, kNaN}) {
      const Tensor levels = floats(context, 1, 1, {level});
      EXPECT_ERROR([&] { run(levels, two); }, "ERR_INVALID_ARGUMENT", "sample_quantiles: levels");
    }
    EXPECT_ERROR(
        [&] {
          OpRun(context, interpolate_quantiles_operator(), {{"horizon", 3.0}}, {samples, fine, fine});
        },
        "ERR_INVALID_SHAPE", "interpolate_quantiles: x: expected shape [*, 3], got [4, 1]");
  });
}

}  // namespace
}  // namespace tidemerge::testing
