#include "kernels/norm/norm.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/bf16.h"
#include "kernels/norm/norm_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Case {
  size_t rows, cols, misalignment, gap;
  bool has_weight, has_bias;
  float scale, offset, eps;
};

// s of norm.h, for the set with the fewest lanes.
double summation(size_t cols) { return (static_cast<double>(cols) / 16.0 + 8.0) * 0x1p-24; }

void expect_row(const Case& c, const float* x, const float* weight, const float* bias, const float* rms,
                const float* layer) {
  const double s = summation(c.cols);
  const std::vector<double> expected_rms = reference::rms_norm(x, weight, c.eps, c.cols);
  const reference::LayerNorm expected = reference::layer_norm(x, weight, bias, c.eps, c.cols);
  for (size_t i = 0; i < c.cols; ++i) {
    EXPECT_NEAR(rms[i], expected_rms[i], std::fabs(expected_rms[i]) * (0x1p-22 + s / 2) + 0x1p-126);
    const double w = weight != nullptr ? std::fabs(weight[i]) : 1.0;
    const double b = bias != nullptr ? std::fabs(bias[i]) : 0.0;
    const double scaled = std::fabs(expected.out[i]) + b;  // of the part before the bias
    // The mean's own error also shifts the centre of the variance; that is of second order unless the row is all but
    // constant.
    const double centre = s * expected.mean_magnitude * expected.scale;
    EXPECT_NEAR(layer[i], expected.out[i],
                scaled * (0x1p-22 + s / 2 + centre * centre) + centre * w + b * 0x1p-23 + 0x1p-126);
  }
}

void check(const KernelSet& set, const Case& c) {
  TRACE("rows = %zu, cols = %zu, misalignment = %zu, weight %d, bias %d, scale %g, offset %g", c.rows, c.cols,
        c.misalignment, c.has_weight, c.has_bias, static_cast<double>(c.scale), static_cast<double>(c.offset));
  const size_t stride = c.cols + c.gap;
  const size_t extent = c.rows == 0 ? 0 : (c.rows - 1) * stride + c.cols;
  GuardedBuffer<float> x(extent, c.misalignment), rms(extent, 3 - c.misalignment), layer(extent, 1);
  GuardedBuffer<float> weight(c.cols, 2), bias(c.cols, 3);
  Random random(c.cols * 10 + c.misalignment);
  random.fill_normal(x.data(), extent, c.scale);
  for (float& value : x) value += c.offset;
  random.fill_uniform(weight.data(), c.cols, -2.0f, 2.0f);
  random.fill_uniform(bias.data(), c.cols, -2.0f, 2.0f);
  const float* w = c.has_weight ? weight.data() : nullptr;
  const float* b = c.has_bias ? bias.data() : nullptr;
  const ptrdiff_t step = static_cast<ptrdiff_t>(stride);
  set.norm->rms_norm_f32(x.data(), step, w, c.eps, c.rows, c.cols, rms.data(), step);
  set.norm->layer_norm_f32(x.data(), step, w, b, c.eps, c.rows, c.cols, layer.data(), step);
  for (size_t row = 0; row < c.rows; ++row) {
    expect_row(c, x.data() + row * stride, w, b, rms.data() + row * stride, layer.data() + row * stride);
  }
  EXPECT_TRUE(x.intact() && rms.intact() && layer.intact() && weight.intact() && bias.intact());
  if (c.gap != 0) return;
  GuardedBuffer<float> in_place(extent, c.misalignment);
  for (size_t i = 0; i < extent; ++i) in_place[i] = x[i];
  set.norm->rms_norm_f32(in_place.data(), step, w, c.eps, c.rows, c.cols, in_place.data(), step);
  EXPECT_TRUE(in_place.same_bytes(rms) && in_place.intact());
  set.norm->layer_norm_f32(x.data(), step, w, b, c.eps, c.rows, c.cols, x.data(), step);
  EXPECT_TRUE(x.same_bytes(layer) && x.intact());
}

TEST(norm_every_length) {
  for_each_set([](const KernelSet& set) {
    for (size_t cols = 0; cols <= 140; ++cols) {
      for (size_t misalignment = 0; misalignment < 4; ++misalignment) {
        check(set, {2, cols, misalignment, misalignment, true, true, 1.0f, 0.0f, 1e-6f});
      }
    }
    for (size_t cols : {511u, 512u, 768u, 3001u}) check(set, {3, cols, 1, 0, true, true, 1.0f, 0.3f, 1e-5f});
    check(set, {0, 5, 0, 0, true, true, 1.0f, 0.0f, 1e-6f});
  });
}

TEST(norm_optional_parameters_and_magnitudes) {
  for_each_set([](const KernelSet& set) {
    for (int mask = 0; mask < 4; ++mask) {
      for (float scale : {1e-30f, 1e-4f, 1.0f, 1e15f}) {
        for (float offset : {0.0f, 100.0f}) {
          check(set, {2, 75, 1, 0, (mask & 1) != 0, (mask & 2) != 0, scale, offset * scale, 1e-6f});
        }
      }
    }
  });
}

TEST(norm_constant_rows) {
  for_each_set([](const KernelSet& set) {
    std::vector<float> x(48, 3.0f), out(48);
    set.norm->layer_norm_f32(x.data(), 48, nullptr, nullptr, 1e-5f, 1, 48, out.data(), 48);
    for (float value : out) EXPECT_EQ(value, 0.0f);
    set.norm->rms_norm_f32(x.data(), 48, nullptr, 0.0f, 1, 48, out.data(), 48);
    for (float value : out) EXPECT_NEAR(value, 1.0, 0x1p-22);
    for (float& value : x) value = 0.0f;
    set.norm->rms_norm_f32(x.data(), 48, nullptr, 1e-6f, 1, 48, out.data(), 48);
    for (float value : out) EXPECT_EQ(value, 0.0f);
  });
}

TEST(norm_special_values_at_every_place) {
  for_each_set([](const KernelSet& set) {
    for (size_t cols : {1u, 5u, 16u, 37u, 70u}) {
      for (size_t place = 0; place < cols; ++place) {
        for (float special : {kNan, kInfinity, -kInfinity}) {
          TRACE("cols = %zu, place = %zu, special = %g", cols, place, static_cast<double>(special));
          GuardedBuffer<float> x(cols, 1), out(cols, 2);
          for (size_t i = 0; i < cols; ++i) x[i] = 1.0f + static_cast<float>(i);
          x[place] = special;
          set.norm->rms_norm_f32(x.data(), 0, nullptr, 1e-6f, 1, cols, out.data(), 0);
          EXPECT_TRUE(std::isnan(out[place]));
          // A NaN spreads over its row; an infinity leaves nothing of the others.
          for (size_t i = 0; i < cols; ++i) {
            if (i != place) EXPECT_TRUE(std::isnan(special) ? std::isnan(out[i]) : out[i] == 0.0f);
          }
          set.norm->layer_norm_f32(x.data(), 0, nullptr, nullptr, 1e-6f, 1, cols, out.data(), 0);
          for (size_t i = 0; i < cols; ++i) EXPECT_TRUE(std::isnan(out[i]));
        }
      }
    }
  });
}

// The steps lie in rows; every column is checked as a row of layer_norm would be.
void check_time(const KernelSet& set, size_t rows, size_t cols, size_t misalignment, float scale, float offset) {
  TRACE("rows = %zu, cols = %zu, misalignment = %zu, scale %g, offset %g", rows, cols, misalignment,
        static_cast<double>(scale), static_cast<double>(offset));
  const size_t stride = cols + misalignment;
  const size_t extent = rows == 0 ? 0 : (rows - 1) * stride + cols;
  GuardedBuffer<float> x(extent, misalignment), out(extent, 3 - misalignment), weight(rows, 2), bias(rows, 3);
  Random random(rows * 1000 + cols * 10 + misalignment);
  random.fill_normal(x.data(), extent, scale);
  for (float& value : x) value += offset;
  random.fill_uniform(weight.data(), rows, -2.0f, 2.0f);
  random.fill_uniform(bias.data(), rows, -2.0f, 2.0f);
  if (rows > 1) weight[1] = 0.0f;  // a pruned step
  for (float& value : out) value = 7.0f;
  const ptrdiff_t step = static_cast<ptrdiff_t>(stride);
  set.norm->time_norm_f32(x.data(), step, weight.data(), bias.data(), 1e-5f, rows, cols, out.data(), step);
  const double s = (static_cast<double>(rows) + 4.0) * 0x1p-24;
  std::vector<float> column(rows);
  for (size_t c = 0; c < cols; ++c) {
    for (size_t r = 0; r < rows; ++r) column[r] = x[r * stride + c];
    const reference::LayerNorm expected = reference::layer_norm(column.data(), weight.data(), bias.data(), 1e-5, rows);
    const double centre = s * expected.mean_magnitude * expected.scale;
    for (size_t r = 0; r < rows; ++r) {
      const double w = std::fabs(weight[r]), b = std::fabs(bias[r]);
      const double scaled = std::fabs(expected.out[r]) + b;
      EXPECT_NEAR(out[r * stride + c], expected.out[r],
                  scaled * (0x1p-22 + s / 2 + centre * centre) + centre * w + b * 0x1p-23 + 0x1p-126);
    }
  }
  for (size_t i = 0; i < extent; ++i) {
    if (i % stride >= cols) EXPECT_EQ(out[i], 7.0f);  // between the rows nothing is written
  }
  EXPECT_TRUE(x.intact() && out.intact() && weight.intact() && bias.intact());
  set.norm->time_norm_f32(x.data(), step, weight.data(), bias.data(), 1e-5f, rows, cols, x.data(), step);
  for (size_t i = 0; i < extent; ++i) {
    if (i % stride < cols) EXPECT_EQ(bits_from_f32(x[i]), bits_from_f32(out[i]));
  }
}

TEST(time_norm_every_shape) {
  for_each_set([](const KernelSet& set) {
    for (size_t cols = 0; cols <= 130; ++cols) check_time(set, 1 + cols % 7, cols, cols % 4, 1.0f, 0.3f);
    for (size_t rows : {0u, 1u, 2u, 50u, 333u}) check_time(set, rows, 77, 1, 1.0f, 0.0f);
    for (float scale : {1e-30f, 1e-4f, 1e15f}) check_time(set, 20, 21, 2, scale, 10.0f * scale);
  });
}

TEST(time_norm_special_values_stay_in_their_column) {
  for_each_set([](const KernelSet& set) {
    constexpr size_t rows = 5, cols = 39;
    for (size_t place = 0; place < cols; ++place) {
      for (float special : {kNan, kInfinity, -kInfinity, 1e-40f}) {
        TRACE("place = %zu, special = %g", place, static_cast<double>(special));
        GuardedBuffer<float> x(rows * cols, 1), clean(rows * cols, 2), out(rows * cols, 3), scale(rows), shift(rows);
        Random(place).fill_normal(x.data(), rows * cols);
        for (size_t r = 0; r < rows; ++r) scale[r] = 1.0f, shift[r] = 0.5f;
        set.norm->time_norm_f32(x.data(), cols, scale.data(), shift.data(), 1e-5f, rows, cols, clean.data(), cols);
        x[2 * cols + place] = special;
        set.norm->time_norm_f32(x.data(), cols, scale.data(), shift.data(), 1e-5f, rows, cols, out.data(), cols);
        for (size_t i = 0; i < rows * cols; ++i) {
          if (i % cols != place) {
            EXPECT_EQ(bits_from_f32(out[i]), bits_from_f32(clean[i]));
          } else {
            EXPECT_TRUE(std::isnan(out[i]) == (special != 1e-40f));
          }
        }
      }
    }
  });
}

TEST(norm_a_row_does_not_depend_on_its_neighbours) {
  for_each_set([](const KernelSet& set) {
    constexpr size_t rows = 5, cols = 53;
    GuardedBuffer<float> x(rows * cols, 1), together(rows * cols), alone(cols);
    Random(4).fill_normal(x.data(), rows * cols);
    set.norm->layer_norm_f32(x.data(), cols, nullptr, nullptr, 1e-6f, rows, cols, together.data(), cols);
    for (size_t row = 0; row < rows; ++row) {
      set.norm->layer_norm_f32(x.data() + row * cols, cols, nullptr, nullptr, 1e-6f, 1, cols, alone.data(), cols);
      for (size_t i = 0; i < cols; ++i) EXPECT_EQ(bits_from_f32(together[row * cols + i]), bits_from_f32(alone[i]));
    }
  });
}

}  // namespace
}  // namespace tidemerge
