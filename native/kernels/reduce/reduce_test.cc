#include "kernels/reduce/reduce.h"

#include <cmath>
#include <limits>

#include "base/bf16.h"
#include "kernels/reduce/reduce_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kLargest = std::numeric_limits<float>::max();

void check(const KernelSet& set, size_t rows, size_t cols, size_t misalignment, size_t gap, float scale) {
  TRACE("rows = %zu, cols = %zu, misalignment = %zu, gap = %zu, scale = %g", rows, cols, misalignment, gap,
        static_cast<double>(scale));
  const size_t stride = cols + gap;
  const size_t extent = rows == 0 ? 0 : (rows - 1) * stride + cols;
  GuardedBuffer<float> x(extent, misalignment), sum(rows), mean(rows), squares(rows), max(rows);
  Random(cols * 31 + misalignment).fill_normal(x.data(), extent, scale);
  const ptrdiff_t step = static_cast<ptrdiff_t>(stride);
  set.reduce->sum_f32(x.data(), step, rows, cols, sum.data());
  set.reduce->mean_f32(x.data(), step, rows, cols, mean.data());
  set.reduce->sum_squares_f32(x.data(), step, rows, cols, squares.data());
  set.reduce->max_f32(x.data(), step, rows, cols, max.data());
  for (size_t row = 0; row < rows; ++row) {
    const reference::RowStatistics expected = reference::row_statistics(x.data() + row * stride, cols);
    const double relative = reference::row_sum_error(cols);
    EXPECT_NEAR(sum[row], expected.sum, relative * expected.sum_magnitudes);
    EXPECT_NEAR(squares[row], expected.sum_squares,
                relative * expected.sum_squares + 0x1p-149 * static_cast<double>(cols));
    EXPECT_EQ(static_cast<double>(max[row]), expected.max);
    if (cols == 0) {
      EXPECT_TRUE(std::isnan(mean[row]));
    } else {
      const double count = static_cast<double>(cols);
      EXPECT_NEAR(mean[row], expected.sum / count, (relative + 0x1p-23) * expected.sum_magnitudes / count + 0x1p-149);
    }
  }
  EXPECT_TRUE(x.intact() && sum.intact() && mean.intact() && squares.intact() && max.intact());
}

TEST(reduce_every_length) {
  for_each_set([](const KernelSet& set) {
    for (size_t cols = 0; cols <= 140; ++cols) {  // past two rounds of four registers of sixteen
      for (size_t misalignment = 0; misalignment < 4; ++misalignment)
        check(set, 2, cols, misalignment, misalignment, 1.0f);
    }
    for (size_t cols : {511u, 512u, 1000u, 4097u, 65537u}) check(set, 3, cols, 1, 2, 1.0f);
    check(set, 0, 5, 0, 0, 1.0f);
  });
}

TEST(reduce_denormal_and_huge_values) {
  for_each_set([](const KernelSet& set) {
    check(set, 2, 77, 1, 0, 1e-41f);
    check(set, 2, 77, 1, 0, 1e17f);
  });
}

TEST(reduce_special_values_at_every_place) {
  for_each_set([](const KernelSet& set) {
    for (size_t cols : {1u, 3u, 7u, 16u, 33u, 70u}) {
      for (size_t place = 0; place < cols; ++place) {
        TRACE("cols = %zu, place = %zu", cols, place);
        GuardedBuffer<float> x(cols, 1);
        const auto run = [&](ReduceKernels::Rows kernel, float special) {
          for (size_t i = 0; i < cols; ++i) x[i] = -1.0f - static_cast<float>(i);
          x[place] = special;
          float result = 0.0f;
          kernel(x.data(), 0, 1, cols, &result);
          return result;
        };
        for (ReduceKernels::Rows kernel :
             {set.reduce->sum_f32, set.reduce->mean_f32, set.reduce->sum_squares_f32, set.reduce->max_f32}) {
          EXPECT_TRUE(std::isnan(run(kernel, kNan)));
        }
        EXPECT_EQ(run(set.reduce->sum_f32, kInfinity), kInfinity);
        EXPECT_EQ(run(set.reduce->sum_f32, -kInfinity), -kInfinity);
        EXPECT_EQ(run(set.reduce->sum_squares_f32, kLargest), kInfinity);
        EXPECT_EQ(run(set.reduce->max_f32, kInfinity), kInfinity);
        EXPECT_EQ(run(set.reduce->max_f32, 5.0f), 5.0f);
        if (cols > 1) EXPECT_EQ(run(set.reduce->max_f32, -kInfinity), place == 0 ? -2.0f : -1.0f);
        if (cols == 1) EXPECT_EQ(run(set.reduce->max_f32, -kInfinity), -kInfinity);
      }
    }
  });
}

TEST(reduce_a_row_does_not_depend_on_its_neighbours) {
  for_each_set([](const KernelSet& set) {
    constexpr size_t rows = 7, cols = 61;
    GuardedBuffer<float> x(rows * cols, 1), together(rows), alone(1);
    Random(4).fill_normal(x.data(), rows * cols);
    set.reduce->sum_f32(x.data(), cols, rows, cols, together.data());
    for (size_t row = 0; row < rows; ++row) {
      set.reduce->sum_f32(x.data() + row * cols, cols, 1, cols, alone.data());
      EXPECT_EQ(bits_from_f32(together[row]), bits_from_f32(alone[0]));
    }
  });
}

}  // namespace
}  // namespace tidemerge
