#include "kernels/reduce/reduce.h"

#include "simd/row.h"

namespace tidemerge {
namespace {

template <typename Reduction>
TIDEMERGE_INLINE void for_each_row(const float* x, ptrdiff_t stride, size_t rows, float* out, Reduction reduction) {
  for (size_t row = 0; row < rows; ++row) out[row] = reduction(x + static_cast<ptrdiff_t>(row) * stride);
}

void sum_f32(const float* x, ptrdiff_t stride, size_t rows, size_t cols, float* out) {
  for_each_row(x, stride, rows, out, [cols](const float* row) { return row_sum(row, cols); });
}
void mean_f32(const float* x, ptrdiff_t stride, size_t rows, size_t cols, float* out) {
  const float count = static_cast<float>(cols);
  for_each_row(x, stride, rows, out, [cols, count](const float* row) { return row_sum(row, cols) / count; });
}
void sum_squares_f32(const float* x, ptrdiff_t stride, size_t rows, size_t cols, float* out) {
  for_each_row(x, stride, rows, out, [cols](const float* row) { return row_sum_squares(row, cols); });
}
void max_f32(const float* x, ptrdiff_t stride, size_t rows, size_t cols, float* out) {
  for_each_row(x, stride, rows, out, [cols](const float* row) { return row_max(row, cols); });
}

}  // namespace

namespace TIDEMERGE_SET {
extern const ReduceKernels reduce_kernels;
const ReduceKernels reduce_kernels = {
    .sum_f32 = sum_f32,
    .mean_f32 = mean_f32,
    .sum_squares_f32 = sum_squares_f32,
    .max_f32 = max_f32,
};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
