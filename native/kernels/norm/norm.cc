#include "kernels/norm/norm.h"

#include "simd/row.h"

namespace tidemerge {
namespace {

// out = (x - center) * scale * weight + bias. Templated on what is there, so that the loop has no branches; without a
// center nothing is subtracted, as x - 0 is not x for a signed zero.
template <bool has_center, bool has_weight, bool has_bias>
void apply(const float* x, size_t n, float center, float scale, const float* weight, const float* bias, float* out) {
  const Vec c = broadcast(center);
  const Vec s = broadcast(scale);
  for_each_block(x, n, [&](int, Vec v, size_t i, int count) TIDEMERGE_INLINE_LAMBDA {
    const auto parameter = [&](const float* p) { return count < kLanes ? load_first(p + i, count) : load(p + i); };
    if constexpr (has_center) v = sub(v, c);
    v = mul(v, s);
    if constexpr (has_weight && has_bias) {
      v = fma(v, parameter(weight), parameter(bias));
    } else if constexpr (has_weight) {
      v = mul(v, parameter(weight));
    } else if constexpr (has_bias) {
      v = add(v, parameter(bias));
    }
    if (count < kLanes) {
      store_first(out + i, v, count);
    } else {
      store(out + i, v);
    }
  });
}

float inverse_deviation(float sum_squares, size_t n, float eps) {
  return 1.0f / __builtin_sqrtf(sum_squares / static_cast<float>(n) + eps);
}

void rms_norm_f32(const float* x, ptrdiff_t x_stride, const float* weight, float eps, size_t rows, size_t cols,
                  float* out, ptrdiff_t out_stride) {
  const auto finish = weight != nullptr ? apply<false, true, false> : apply<false, false, false>;
  for (size_t row = 0; row < rows; ++row) {
    const float* source = x + static_cast<ptrdiff_t>(row) * x_stride;
    const float scale = inverse_deviation(row_sum_squares(source, cols), cols, eps);
    finish(source, cols, 0.0f, scale, weight, nullptr, out + static_cast<ptrdiff_t>(row) * out_stride);
  }
}

void layer_norm_f32(const float* x, ptrdiff_t x_stride, const float* weight, const float* bias, float eps, size_t rows,
                    size_t cols, float* out, ptrdiff_t out_stride) {
  const auto finish = weight != nullptr ? (bias != nullptr ? apply<true, true, true> : apply<true, true, false>)
                                        : (bias != nullptr ? apply<true, false, true> : apply<true, false, false>);
  for (size_t row = 0; row < rows; ++row) {
    const float* source = x + static_cast<ptrdiff_t>(row) * x_stride;
    const float mean = row_sum(source, cols) / static_cast<float>(cols);
    const float scale = inverse_deviation(row_sum_squared_deviations(source, cols, mean), cols, eps);
    finish(source, cols, mean, scale, weight, bias, out + static_cast<ptrdiff_t>(row) * out_stride);
  }
}

// `width` registers side by side, whose sums do not wait for each other; `load_at` and `store_at` know the columns.
template <int width, typename Load, typename Store>
TIDEMERGE_INLINE void normalise_columns(Load load_at, Store store_at, const float* scale, const float* shift, float eps,
                                        size_t rows) {
  Vec mean[width], scales[width];
  const Vec count = broadcast(static_cast<float>(rows));
  for (int k = 0; k < width; ++k) mean[k] = scales[k] = zero();
  for (size_t r = 0; r < rows; ++r) {
    for (int k = 0; k < width; ++k) mean[k] = add(mean[k], load_at(r, k));
  }
  for (int k = 0; k < width; ++k) mean[k] = div(mean[k], count);
  for (size_t r = 0; r < rows; ++r) {
    for (int k = 0; k < width; ++k) {
      const Vec d = sub(load_at(r, k), mean[k]);
      scales[k] = fma(d, d, scales[k]);
    }
  }
  for (int k = 0; k < width; ++k) {
    scales[k] = div(broadcast(1.0f), sqrt(add(div(scales[k], count), broadcast(eps))));
  }
  for (size_t r = 0; r < rows; ++r) {
    const Vec s = broadcast(scale[r]);
    const Vec t = broadcast(shift[r]);
    for (int k = 0; k < width; ++k) store_at(r, k, fma(mul(sub(load_at(r, k), mean[k]), scales[k]), s, t));
  }
}

void time_norm_f32(const float* x, ptrdiff_t x_stride, const float* scale, const float* shift, float eps, size_t rows,
                   size_t cols, float* out, ptrdiff_t out_stride) {
  if (rows == 0) return;
  size_t c = 0;
  const auto source = [&](size_t r, int k) TIDEMERGE_INLINE_LAMBDA {
    return x + static_cast<ptrdiff_t>(r) * x_stride + c + static_cast<size_t>(k) * kLanes;
  };
  const auto target = [&](size_t r, int k) TIDEMERGE_INLINE_LAMBDA {
    return out + static_cast<ptrdiff_t>(r) * out_stride + c + static_cast<size_t>(k) * kLanes;
  };
  const auto load_whole = [&](size_t r, int k) TIDEMERGE_INLINE_LAMBDA { return load(source(r, k)); };
  const auto store_whole = [&](size_t r, int k, Vec v) TIDEMERGE_INLINE_LAMBDA { store(target(r, k), v); };
  for (; c + 4 * kLanes <= cols; c += 4 * kLanes) {
    normalise_columns<4>(load_whole, store_whole, scale, shift, eps, rows);
  }
  for (; c + kLanes <= cols; c += kLanes) normalise_columns<1>(load_whole, store_whole, scale, shift, eps, rows);
  const int rest = static_cast<int>(cols - c);
  if (rest == 0) return;
  normalise_columns<1>([&](size_t r, int k) TIDEMERGE_INLINE_LAMBDA { return load_first(source(r, k), rest); },
                       [&](size_t r, int k, Vec v) TIDEMERGE_INLINE_LAMBDA { store_first(target(r, k), v, rest); },
                       scale, shift, eps, rows);
}

}  // namespace

namespace TIDEMERGE_SET {
extern const NormKernels norm_kernels;
const NormKernels norm_kernels = {
    .rms_norm_f32 = rms_norm_f32, .layer_norm_f32 = layer_norm_f32, .time_norm_f32 = time_norm_f32};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
