#include "kernels/elementwise/elementwise.h"

#include "simd/math.h"

namespace tidemerge {
namespace {

// Four independent registers a round: the functions are long chains of dependent operations.
template <typename Function>
TIDEMERGE_INLINE void map(const float* x, float* out, size_t n, Function function) {
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    const Vec y0 = function(load(x + i));
    const Vec y1 = function(load(x + i + kLanes));
    const Vec y2 = function(load(x + i + 2 * kLanes));
    const Vec y3 = function(load(x + i + 3 * kLanes));
    store(out + i, y0), store(out + i + kLanes, y1), store(out + i + 2 * kLanes, y2), store(out + i + 3 * kLanes, y3);
  }
  for (; i + kLanes <= n; i += kLanes) store(out + i, function(load(x + i)));
  const int rest = static_cast<int>(n - i);
  if (rest > 0) store_first(out + i, function(load_first(x + i, rest)), rest);
}

template <typename Function>
TIDEMERGE_INLINE void map(const float* a, const float* b, float* out, size_t n, Function function) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, function(load(a + i), load(b + i)));
  const int rest = static_cast<int>(n - i);
  if (rest > 0) store_first(out + i, function(load_first(a + i, rest), load_first(b + i, rest)), rest);
}

void add_f32(const float* a, const float* b, float* out, size_t n) {
  map(a, b, out, n, [](Vec x, Vec y) TIDEMERGE_INLINE_LAMBDA { return add(x, y); });
}
void sub_f32(const float* a, const float* b, float* out, size_t n) {
  map(a, b, out, n, [](Vec x, Vec y) TIDEMERGE_INLINE_LAMBDA { return sub(x, y); });
}
void mul_f32(const float* a, const float* b, float* out, size_t n) {
  map(a, b, out, n, [](Vec x, Vec y) TIDEMERGE_INLINE_LAMBDA { return mul(x, y); });
}
void mul_silu_f32(const float* a, const float* b, float* out, size_t n) {
  map(a, b, out, n, [](Vec x, Vec gate) TIDEMERGE_INLINE_LAMBDA { return mul(x, silu(gate)); });
}

void mul_add_f32(const float* a, const float* b, const float* c, float* out, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, fma(load(a + i), load(b + i), load(c + i)));
  const int rest = static_cast<int>(n - i);
  if (rest == 0) return;
  store_first(out + i, fma(load_first(a + i, rest), load_first(b + i, rest), load_first(c + i, rest)), rest);
}

void scale_shift_f32(const float* x, float scale, float shift, float* out, size_t n) {
  const Vec s = broadcast(scale);
  const Vec t = broadcast(shift);
  map(x, out, n, [s, t](Vec v) TIDEMERGE_INLINE_LAMBDA { return fma(v, s, t); });
}

void scale_shift_rows_f32(const float* x, ptrdiff_t x_stride, const float* scale, const float* shift, size_t rows,
                          size_t cols, float* out, ptrdiff_t out_stride) {
  for (size_t row = 0; row < rows; ++row) {
    const ptrdiff_t r = static_cast<ptrdiff_t>(row);
    scale_shift_f32(x + r * x_stride, scale[row], shift[row], out + r * out_stride, cols);
  }
}

void scale_shift_columns_f32(const float* x, ptrdiff_t x_stride, const float* scale, const float* shift, size_t rows,
                             size_t cols, float* out, ptrdiff_t out_stride) {
  for (size_t row = 0; row < rows; ++row) {
    const ptrdiff_t r = static_cast<ptrdiff_t>(row);
    mul_add_f32(x + r * x_stride, scale, shift, out + r * out_stride, cols);
  }
}

void relu_f32(const float* x, float* out, size_t n) {
  map(x, out, n, [](Vec v) TIDEMERGE_INLINE_LAMBDA { return max(zero(), v); });  // in this order NaN stays NaN
}
void gelu_f32(const float* x, float* out, size_t n) {
  map(x, out, n, [](Vec v) TIDEMERGE_INLINE_LAMBDA { return gelu(v); });
}
void gelu_tanh_f32(const float* x, float* out, size_t n) {
  map(x, out, n, [](Vec v) TIDEMERGE_INLINE_LAMBDA { return gelu_tanh(v); });
}
void silu_f32(const float* x, float* out, size_t n) {
  map(x, out, n, [](Vec v) TIDEMERGE_INLINE_LAMBDA { return silu(v); });
}
void sigmoid_f32(const float* x, float* out, size_t n) {
  map(x, out, n, [](Vec v) TIDEMERGE_INLINE_LAMBDA { return sigmoid(v); });
}
void tanh_f32(const float* x, float* out, size_t n) {
  map(x, out, n, [](Vec v) TIDEMERGE_INLINE_LAMBDA { return tanh(v); });
}
void exp_f32(const float* x, float* out, size_t n) {
  map(x, out, n, [](Vec v) TIDEMERGE_INLINE_LAMBDA { return exp(v); });
}
void softplus_f32(const float* x, float* out, size_t n) {
  map(x, out, n, [](Vec v) TIDEMERGE_INLINE_LAMBDA { return softplus(v); });
}

void bf16_from_f32_array(const float* x, uint16_t* out, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_bf16(out + i, load(x + i));
  const int rest = static_cast<int>(n - i);
  if (rest > 0) store_first_bf16(out + i, load_first(x + i, rest), rest);
}

void f32_from_bf16_array(const uint16_t* x, float* out, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, load_bf16(x + i));
  const int rest = static_cast<int>(n - i);
  if (rest > 0) store_first(out + i, load_first_bf16(x + i, rest), rest);
}

}  // namespace

namespace TIDEMERGE_SET {
extern const ElementwiseKernels elementwise_kernels;
const ElementwiseKernels elementwise_kernels = {
    .add_f32 = add_f32,
    .sub_f32 = sub_f32,
    .mul_f32 = mul_f32,
    .mul_silu_f32 = mul_silu_f32,
    .mul_add_f32 = mul_add_f32,
    .scale_shift_f32 = scale_shift_f32,
    .scale_shift_rows_f32 = scale_shift_rows_f32,
    .scale_shift_columns_f32 = scale_shift_columns_f32,
    .relu_f32 = relu_f32,
    .gelu_f32 = gelu_f32,
    .gelu_tanh_f32 = gelu_tanh_f32,
    .silu_f32 = silu_f32,
    .sigmoid_f32 = sigmoid_f32,
    .tanh_f32 = tanh_f32,
    .exp_f32 = exp_f32,
    .softplus_f32 = softplus_f32,
    .bf16_from_f32 = bf16_from_f32_array,
    .f32_from_bf16 = f32_from_bf16_array,
};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
