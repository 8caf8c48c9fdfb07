#include "kernels/gemm/gemm.h"

#include "base/assume.h"
#include "kernels/gemm/multiply.h"
#include "kernels/gemm/pack.h"

namespace tidemerge {
namespace {

size_t packed_bytes(WeightType type, size_t n, size_t k) {
  const size_t steps = type == WeightType::kF32 ? k : ceil_div(k, 2);
  return ceil_div(n, kPanelWidth) * steps * kStepBytes;
}

size_t scratch_bytes(WeightType type, size_t m, size_t k) {
  return type == WeightType::kF32 ? blocking_of<WeightType::kF32>(m, k).scratch_bytes()
                                  : blocking_of<WeightType::kBf16>(m, k).scratch_bytes();
}

template <WeightType kType>
void run_product(const Product& product, void* scratch) {
  const Blocking cut = blocking_of<kType>(product.m, product.k);
  char* memory = static_cast<char*>(scratch);
  float* packed = reinterpret_cast<float*>(memory);
  float* partial = reinterpret_cast<float*>(memory + cut.row_bytes);
  float* widened = cut.widened_bytes ? reinterpret_cast<float*>(memory + cut.row_bytes + cut.partial_bytes) : nullptr;
  const size_t blocks = ceil_div(product.m, cut.rows);
  size_t row = 0;
  for (size_t b = 0; b < blocks; ++b) {
    const size_t rows = ceil_div(product.m - row, blocks - b);
    const RowBlock block(row, rows, row_units<kType>(product.k), packed);
    multiply_rows<kType>(product, block, cut, partial, widened);
    row += rows;
  }
}

void run(WeightType type, const float* a, ptrdiff_t a_stride, size_t m, const void* packed, size_t n, size_t k,
         size_t n_begin, size_t n_end, float* c, ptrdiff_t c_stride, const GemmEpilogue& epilogue, void* scratch) {
  TIDEMERGE_ASSUME(n_begin % kPanelWidth == 0 && n_end <= n && (n_end == n || n_end % kPanelWidth == 0));
  if (m == 0 || n_begin >= n_end) return;
  const Product product = {
      a, a_stride, m,       n, k, static_cast<const char*>(packed), n_begin / kPanelWidth, ceil_div(n_end, kPanelWidth),
      c, c_stride, epilogue};
  if (type == WeightType::kF32) {
    run_product<WeightType::kF32>(product, scratch);
  } else {
    run_product<WeightType::kBf16>(product, scratch);
  }
}

}  // namespace

namespace TIDEMERGE_SET {
extern const GemmKernels gemm_kernels;
const GemmKernels gemm_kernels = {
    .panel_width = kPanelWidth,
    .row_tile = kTileRows,
    .packed_bytes = packed_bytes,
    .pack_f32 = pack_f32,
    .pack_bf16 = pack_bf16,
    .pack_bf16_from_f32 = pack_bf16_from_f32,
    .scratch_bytes = scratch_bytes,
    .run = run,
};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
