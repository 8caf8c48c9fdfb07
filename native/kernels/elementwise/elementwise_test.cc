#include "kernels/elementwise/elementwise.h"

#include <cmath>
#include <limits>

#include "base/bf16.h"
#include "kernels/elementwise/elementwise_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
constexpr size_t kMaxLength = 83;  // a round of four registers of sixteen, one more and some

// Mostly ordinary numbers, with special ones strewn in.
void fill(Random& random, GuardedBuffer<float>& x) {
  const float special[] = {0.0f,       -0.0f, kSmallest, -3 * kSmallest, 0x1p-127f, kInfinity,
                           -kInfinity, kNan,  3e38f,     -3e38f,         100.0f,    -100.0f};
  for (float& value : x) {
    value =
        random.below(6) == 0 ? special[random.below(sizeof special / sizeof special[0])] : random.uniform(-8.0f, 8.0f);
  }
}

// Every length up to two registers and some, then every third, every misalignment of a register of four, out of place
// and in place.
template <typename Check>
void for_each_shape(Check check) {
  Random random(11);
  for (size_t n = 0; n <= kMaxLength; n += n < 35 ? 1 : 3) {
    for (size_t misalignment = 0; misalignment < 4; ++misalignment) {
      TRACE("n = %zu, misalignment = %zu", n, misalignment);
      check(random, n, misalignment);
    }
  }
}

// The result of an element must not depend on where it stands: it is compared bit for bit with that of the element
// alone. Whether that is the right function is checked against double precision.
void check_unary(ElementwiseKernels::Unary kernel, double (*exact)(double), double (*bound)(double x, double exact)) {
  for_each_shape([&](Random& random, size_t n, size_t misalignment) {
    GuardedBuffer<float> x(n, misalignment), out(n, 3 - misalignment);
    fill(random, x);
    kernel(x.data(), out.data(), n);
    EXPECT_TRUE(x.intact() && out.intact());
    for (size_t i = 0; i < n; ++i) {
      float alone = 0.0f;
      kernel(&x[i], &alone, 1);
      if (!std::isnan(alone)) EXPECT_EQ(bits_from_f32(out[i]), bits_from_f32(alone));
      const double expected = exact(x[i]);
      if (!std::isfinite(x[i]) || std::fabs(expected) > 3.4e38) {
        EXPECT_ULP(out[i], expected, 2.0);
      } else {
        EXPECT_NEAR(out[i], expected, bound(x[i], expected));
      }
    }
    kernel(x.data(), x.data(), n);
    for (size_t i = 0; i < n; ++i) EXPECT_TRUE(std::isnan(out[i]) ? std::isnan(x[i]) : x[i] == out[i]);
    EXPECT_TRUE(x.intact());
  });
}

double relu(double x) { return std::isnan(x) ? x : std::fmax(x, 0.0); }

// The bounds of simd/math.h, loosened to one formula: relative 2^-23 (6 + 4 x^2) below, and what leaves the normal
// range.
double math_bound(double x, double exact) {
  return std::fabs(exact) * 0x1p-23 * (6.0 + (x < 0 ? 4.0 * x * x : 0.0)) + 0x1p-115;
}
double no_error(double, double) { return 0.0; }

TEST(elementwise_functions) {
  for_each_set([](const KernelSet& set) {
    const ElementwiseKernels& kernels = *set.elementwise;
    check_unary(kernels.relu_f32, relu, no_error);
    check_unary(kernels.gelu_f32, reference::gelu, math_bound);
    check_unary(kernels.gelu_tanh_f32, reference::gelu_tanh, math_bound);
    check_unary(kernels.silu_f32, reference::silu, math_bound);
    check_unary(kernels.sigmoid_f32, reference::sigmoid, math_bound);
    check_unary(kernels.tanh_f32, std::tanh, math_bound);
    check_unary(kernels.exp_f32, std::exp, math_bound);
    check_unary(kernels.softplus_f32, reference::softplus, math_bound);
  });
}

void check_binary(ElementwiseKernels::Binary kernel, float (*exact)(float, float)) {
  for_each_shape([&](Random& random, size_t n, size_t misalignment) {
    GuardedBuffer<float> a(n, misalignment), b(n, 3 - misalignment), out(n, (misalignment + 1) % 4),
        in_place(n, misalignment);
    fill(random, a);
    fill(random, b);
    kernel(a.data(), b.data(), out.data(), n);
    for (size_t i = 0; i < n; ++i) EXPECT_ULP(out[i], static_cast<double>(exact(a[i], b[i])), 0.0);
    for (GuardedBuffer<float>* target : {&a, &b}) {  // in the place of either input
      GuardedBuffer<float> other_a(n, misalignment), other_b(n, 3 - misalignment);
      std::memcpy(other_a.data(), a.data(), n * sizeof(float));
      std::memcpy(other_b.data(), b.data(), n * sizeof(float));
      GuardedBuffer<float>& aliased = target == &a ? other_a : other_b;
      kernel(other_a.data(), other_b.data(), aliased.data(), n);
      for (size_t i = 0; i < n; ++i) EXPECT_ULP(aliased[i], static_cast<double>(exact(a[i], b[i])), 0.0);
      EXPECT_TRUE(other_a.intact() && other_b.intact());
    }
    EXPECT_TRUE(a.intact() && b.intact() && out.intact());
  });
}

TEST(elementwise_arithmetic) {
  for_each_set([](const KernelSet& set) {
    check_binary(set.elementwise->add_f32, [](float a, float b) { return a + b; });
    check_binary(set.elementwise->sub_f32, [](float a, float b) { return a - b; });
    check_binary(set.elementwise->mul_f32, [](float a, float b) { return a * b; });
  });
}

TEST(elementwise_mul_silu_is_mul_of_silu) {
  for_each_set([](const KernelSet& set) {
    for_each_shape([&](Random& random, size_t n, size_t misalignment) {
      GuardedBuffer<float> a(n, misalignment), b(n, 1), gate(n, 2), out(n, 3);
      fill(random, a);
      fill(random, b);
      set.elementwise->mul_silu_f32(a.data(), b.data(), out.data(), n);
      set.elementwise->silu_f32(b.data(), gate.data(), n);
      for (size_t i = 0; i < n; ++i) EXPECT_ULP(out[i], static_cast<double>(a[i] * gate[i]), 0.0);
      EXPECT_TRUE(out.intact());
    });
  });
}

// One rounding or two, by set: both answers are right, but always the same one.
TEST(elementwise_mul_add) {
  for_each_set([](const KernelSet& set) {
    for_each_shape([&](Random& random, size_t n, size_t misalignment) {
      GuardedBuffer<float> a(n, misalignment), b(n, 1), c(n, 2), out(n, 3);
      fill(random, a);
      fill(random, b);
      fill(random, c);
      set.elementwise->mul_add_f32(a.data(), b.data(), c.data(), out.data(), n);
      for (size_t i = 0; i < n; ++i) {
        const float product = a[i] * b[i];
        const float fused = std::fma(a[i], b[i], c[i]);
        const float twice = product + c[i];
        const auto is = [&](float answer) { return testing::ulp_distance(out[i], static_cast<double>(answer)) == 0.0; };
        EXPECT_TRUE(is(fused) || is(twice));
      }
      EXPECT_TRUE(out.intact());
    });
  });
}

// Rows with a gap between them; the scale and shift of an element are those of its row or of its column.
template <typename Kernel>
void check_scale_shift(Kernel kernel, size_t rows, size_t cols, bool by_column) {
  TRACE("rows = %zu, cols = %zu, by column %d", rows, cols, by_column);
  const size_t stride = cols + 5;
  const size_t extent = rows == 0 ? 0 : (rows - 1) * stride + cols;
  const size_t parameters = by_column ? cols : rows;
  GuardedBuffer<float> x(extent, 1), out(extent, 2), scale(parameters, 3), shift(parameters, 1);
  Random random(rows * 100 + cols);
  random.fill_uniform(x.data(), extent);
  random.fill_uniform(scale.data(), parameters);
  random.fill_uniform(shift.data(), parameters);
  for (float& value : out) value = 7.0f;
  kernel(x.data(), static_cast<ptrdiff_t>(stride), scale.data(), shift.data(), rows, cols, out.data(),
         static_cast<ptrdiff_t>(stride));
  for (size_t i = 0; i < extent; ++i) {
    const size_t row = i / stride, col = i % stride;
    if (col >= cols) {
      EXPECT_EQ(out[i], 7.0f);  // between the rows nothing is written
      continue;
    }
    const size_t p = by_column ? col : row;
    const double product = static_cast<double>(x[i]) * scale[p];
    EXPECT_NEAR(out[i], product + shift[p], (2.0 * std::fabs(product) + std::fabs(shift[p])) * 0x1p-24);
  }
  EXPECT_TRUE(x.intact() && out.intact() && scale.intact() && shift.intact());
}

TEST(elementwise_scale_shift_of_rows_and_columns) {
  for_each_set([](const KernelSet& set) {
    for (size_t rows : {0u, 1u, 3u}) {
      for (size_t cols = 0; cols <= kMaxLength; ++cols) {
        check_scale_shift(set.elementwise->scale_shift_rows_f32, rows, cols, false);
        check_scale_shift(set.elementwise->scale_shift_columns_f32, rows, cols, true);
      }
    }
  });
}

TEST(elementwise_bf16_conversions) {
  for_each_set([](const KernelSet& set) {
    for_each_shape([&](Random& random, size_t n, size_t misalignment) {
      GuardedBuffer<float> x(n, misalignment), back(n, 3 - misalignment);
      GuardedBuffer<uint16_t> half(n, misalignment);
      fill(random, x);
      set.elementwise->bf16_from_f32(x.data(), half.data(), n);
      set.elementwise->f32_from_bf16(half.data(), back.data(), n);
      for (size_t i = 0; i < n; ++i) {
        EXPECT_EQ(half[i], bf16_from_f32(x[i]));
        EXPECT_EQ(bits_from_f32(back[i]), static_cast<uint32_t>(half[i]) << 16);
      }
      EXPECT_TRUE(x.intact() && half.intact() && back.intact());
    });
  });
}

}  // namespace
}  // namespace tidemerge
