#include "kernels/softmax/softmax.h"

#include "simd/math.h"
#include "simd/row.h"

namespace tidemerge {
namespace {

void fill(float* out, size_t n, float value) {
  const Vec v = broadcast(value);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, v);
  store_first(out + i, v, static_cast<int>(n - i));
}

// Writes e^(x - largest) and returns the sum.
float exponentials(const float* x, size_t n, float largest, float* out) {
  const Vec m = broadcast(largest);
  FourSums sums;
  for_each_block(x, n, [&](int part, Vec v, size_t i, int count) TIDEMERGE_INLINE_LAMBDA {
    Vec e = exp_nonpositive(sub(v, m));
    if (count < kLanes) {
      store_first(out + i, e, count);
      e = select(first_lanes(count), e, zero());
    } else {
      store(out + i, e);
    }
    sums.part[part] = add(sums.part[part], e);
  });
  return sums.total();
}

void scale(float* x, size_t n, float factor) {
  const Vec f = broadcast(factor);
  for_each_block(x, n, [&](int, Vec v, size_t i, int count) TIDEMERGE_INLINE_LAMBDA {
    if (count < kLanes) {
      store_first(x + i, mul(v, f), count);
    } else {
      store(x + i, mul(v, f));
    }
  });
}

void softmax_row(const float* x, size_t n, float* out) {
  const float largest = row_max(x, n);
  if (largest == -__builtin_inff()) return fill(out, n, 0.0f);
  if (!(largest < __builtin_inff())) return fill(out, n, __builtin_nanf(""));
  scale(out, n, 1.0f / exponentials(x, n, largest, out));  // the sum is at least one, the term of the largest element
}

void softmax_f32(const float* x, ptrdiff_t x_stride, size_t rows, size_t cols, float* out, ptrdiff_t out_stride) {
  for (size_t row = 0; row < rows; ++row) {
    const ptrdiff_t r = static_cast<ptrdiff_t>(row);
    softmax_row(x + r * x_stride, cols, out + r * out_stride);
  }
}

}  // namespace

namespace TIDEMERGE_SET {
extern const SoftmaxKernels softmax_kernels;
const SoftmaxKernels softmax_kernels = {.softmax_f32 = softmax_f32};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
