#include "kernels/softmax/softmax.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/bf16.h"
#include "kernels/softmax/softmax_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The bound of softmax.h, for the set with the fewest lanes.
double bound(double weight, double distance, size_t cols) {
  return weight * (8.0 + 2.0 * distance + static_cast<double>(cols) / 16.0) * 0x1p-23 + 0x1p-125;
}

void expect_softmax(const float* x, const float* out, size_t cols) {
  const std::vector<double> expected = reference::softmax(x, cols);
  float largest = -kInfinity;
  for (size_t i = 0; i < cols; ++i) largest = std::fmax(largest, x[i]);
  for (size_t i = 0; i < cols; ++i) {
    const double distance = std::isinf(x[i]) ? 0.0 : static_cast<double>(largest) - x[i];
    EXPECT_NEAR(out[i], expected[i], bound(expected[i], distance, cols));
  }
}

void check(const KernelSet& set, size_t rows, size_t cols, size_t misalignment, size_t gap, float spread) {
  TRACE("rows = %zu, cols = %zu, misalignment = %zu, spread = %g", rows, cols, misalignment,
        static_cast<double>(spread));
  const size_t stride = cols + gap;
  const size_t extent = rows == 0 ? 0 : (rows - 1) * stride + cols;
  GuardedBuffer<float> x(extent, misalignment), out(extent, 3 - misalignment);
  Random(cols + 7).fill_normal(x.data(), extent, spread);
  for (float& value : out) value = 7.0f;
  const ptrdiff_t step = static_cast<ptrdiff_t>(stride);
  set.softmax->softmax_f32(x.data(), step, rows, cols, out.data(), step);
  for (size_t row = 0; row < rows; ++row) {
    expect_softmax(x.data() + row * stride, out.data() + row * stride, cols);
    for (size_t i = cols; row + 1 < rows && i < stride; ++i) EXPECT_EQ(out[row * stride + i], 7.0f);
  }
  EXPECT_TRUE(x.intact() && out.intact());
  if (gap != 0) return;
  set.softmax->softmax_f32(x.data(), step, rows, cols, x.data(), step);  // in place
  EXPECT_TRUE(x.same_bytes(out) && x.intact());
}

TEST(softmax_every_length) {
  for_each_set([](const KernelSet& set) {
    for (size_t cols = 0; cols <= 140; ++cols) {
      for (size_t misalignment = 0; misalignment < 4; ++misalignment)
        check(set, 2, cols, misalignment, misalignment, 2.0f);
    }
    for (size_t cols : {500u, 512u, 1000u, 4096u}) check(set, 2, cols, 1, 0, 3.0f);
    for (float spread : {1e-42f, 1e-3f, 30.0f, 1e4f, 1e30f}) check(set, 3, 77, 2, 0, spread);
  });
}

TEST(softmax_special_values_at_every_place) {
  for_each_set([](const KernelSet& set) {
    for (size_t cols : {1u, 2u, 5u, 16u, 37u}) {
      for (size_t place = 0; place < cols; ++place) {
        for (float special : {kNan, kInfinity, -kInfinity, -3e38f, -90.0f, 0.0f}) {
          TRACE("cols = %zu, place = %zu, special = %g", cols, place, static_cast<double>(special));
          GuardedBuffer<float> x(cols, 1), out(cols, 2);
          for (size_t i = 0; i < cols; ++i) x[i] = 0.25f * static_cast<float>(i % 5);
          x[place] = special;
          set.softmax->softmax_f32(x.data(), 0, 1, cols, out.data(), 0);
          expect_softmax(x.data(), out.data(), cols);
          if (special == -kInfinity) EXPECT_EQ(out[place], 0.0f);
        }
      }
      GuardedBuffer<float> x(cols, 1), out(cols, 2);
      for (float& value : x) value = -kInfinity;
      set.softmax->softmax_f32(x.data(), 0, 1, cols, out.data(), 0);
      for (float value : out) EXPECT_EQ(value, 0.0f);
    }
  });
}

TEST(softmax_of_equal_logits_is_uniform) {
  for_each_set([](const KernelSet& set) {
    for (float logit : {0.0f, -1e30f, 1e30f, 5.5f}) {
      std::vector<float> x(64, logit), out(64);
      set.softmax->softmax_f32(x.data(), 64, 1, 64, out.data(), 64);
      for (float weight : out) EXPECT_EQ(weight, 1.0f / 64);
    }
  });
}

TEST(softmax_a_row_does_not_depend_on_its_neighbours) {
  for_each_set([](const KernelSet& set) {
    constexpr size_t rows = 5, cols = 53;
    GuardedBuffer<float> x(rows * cols, 1), together(rows * cols), alone(cols);
    Random(4).fill_normal(x.data(), rows * cols);
    set.softmax->softmax_f32(x.data(), cols, rows, cols, together.data(), cols);
    for (size_t row = 0; row < rows; ++row) {
      set.softmax->softmax_f32(x.data() + row * cols, cols, 1, cols, alone.data(), cols);
      for (size_t i = 0; i < cols; ++i) EXPECT_EQ(bits_from_f32(together[row * cols + i]), bits_from_f32(alone[i]));
    }
  });
}

}  // namespace
}  // namespace tidemerge
