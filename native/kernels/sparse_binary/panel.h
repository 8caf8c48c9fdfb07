#pragma once

// A panel: some rows of x turned to [input][row], kLanes rows to a register of floats, twice as many to one of int16.

#include "kernels/sparse_binary/quantize.h"
#include "simd/transpose.h"

namespace tidemerge {
namespace {

// Registers of a full panel.
constexpr int kPanelVecs = 4;
constexpr size_t kFloatRows = size_t{kPanelVecs} * kLanes;
constexpr size_t kInt16Rows = 2 * kFloatRows;

// Calls column(k, x) for every input, x being input k of the kLanes rows from `first` on. Rows behind the last one
// repeat it.
template <typename Column>
TIDEMERGE_INLINE void for_each_column(const SparseBinaryProduct& p, size_t first, size_t k, Column column) {
  const float* rows[kLanes];
  for (size_t r = 0; r < kLanes; ++r) {
    const size_t row = first + r < p.rows ? first + r : p.rows - 1;
    rows[r] = p.x + static_cast<ptrdiff_t>(row) * p.x_stride;
  }
  size_t c = 0;
  for (; c + 4 <= k; c += 4) {
    Vec x[4] = {quads_of(rows, c), quads_of(rows + 1, c), quads_of(rows + 2, c), quads_of(rows + 3, c)};
    transpose_quads(x);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) column(c + i, x[i]);
  }
  for (; c < k; ++c) {
    float lanes[kLanes];
    for (int r = 0; r < kLanes; ++r) lanes[r] = rows[r][c];
    column(c, load(lanes));
  }
}

// Rows from `first` on as floats: panel[c * stride + r].
TIDEMERGE_INLINE void fill_panel(const SparseBinaryProduct& p, size_t first, size_t k, size_t stride, float* panel) {
  for (size_t r = 0; r < stride; r += kLanes) {
    for_each_column(p, first + r, k,
                    [&](size_t c, Vec x) TIDEMERGE_INLINE_LAMBDA { store(panel + c * stride + r, x); });
  }
}

// The same as whole numbers; scales[r] belongs to row first + r. The floats of kLanes rows stand in `floats` meanwhile,
// which has room for k registers: there the largest magnitudes of all of them are found at once.
TIDEMERGE_INLINE void fill_panel(const SparseBinaryProduct& p, size_t first, size_t k, size_t stride, int16_t* panel,
                                 float* scales, float* floats) {
  for (size_t r = 0; r < stride; r += kLanes) {
    LargestMagnitude largest;
    for_each_column(p, first + r, k, [&](size_t c, Vec x) TIDEMERGE_INLINE_LAMBDA {
      store_aligned(floats + c * kLanes, x);
      largest.take(x);
    });
    const Vec scale = largest.scale(), inverse = largest.inverse();
    store(scales + r, scale);
    for (size_t c = 0; c < k; ++c) {
      const IVec q = quantized(load_aligned(floats + c * kLanes), inverse);
      store_u16(reinterpret_cast<uint16_t*>(panel + c * stride + r), q);
    }
  }
}

}  // namespace
}  // namespace tidemerge
