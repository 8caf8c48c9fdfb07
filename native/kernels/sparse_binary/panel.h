#pragma once

// A panel: some rows of x turned to [input][row], kLanes rows to a register of floats, twice as many to one of int16.

#include "kernels/sparse_binary/finish.h"
#include "kernels/sparse_binary/quantize.h"

namespace tidemerge {
namespace {

// Registers of a full panel.
constexpr int kPanelVecs = 4;
constexpr size_t kFloatRows = size_t{kPanelVecs} * kLanes;
constexpr size_t kInt16Rows = 2 * kFloatRows;

// Rows of floats, `stride` elements apart.
struct Rows {
  const float* data;
  ptrdiff_t stride;
  size_t count;
};

// Calls column(c, x) for every input, x being input c of the kLanes rows from `first` on. Rows behind the last one
// repeat it.
template <typename Column>
TIDEMERGE_INLINE void for_each_column(const Rows& from, size_t first, size_t columns, Column column) {
  const float* rows[kLanes];
  for (size_t r = 0; r < kLanes; ++r) {
    const size_t row = first + r < from.count ? first + r : from.count - 1;
    rows[r] = from.data + static_cast<ptrdiff_t>(row) * from.stride;
  }
  size_t c = 0;
  for (; c + 4 <= columns; c += 4) {
    Vec x[4] = {quads_of(rows, c), quads_of(rows + 1, c), quads_of(rows + 2, c), quads_of(rows + 3, c)};
    transpose_quads(x);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) column(c + i, x[i]);
  }
  for (; c < columns; ++c) {
    float lanes[kLanes];
    for (int r = 0; r < kLanes; ++r) lanes[r] = rows[r][c];
    column(c, load(lanes));
  }
}

// The column of zeros that lists without an input of one sign refer to.
TIDEMERGE_INLINE void end_panel(float* end, size_t stride) {
  for (size_t r = 0; r < stride; r += kLanes) store_aligned(end + r, zero());
}
TIDEMERGE_INLINE void end_panel(int16_t* end, size_t stride) { __builtin_memset(end, 0, stride * sizeof(int16_t)); }

// Rows from `first` on as floats: panel[c * stride + r].
TIDEMERGE_INLINE void fill_panel(const Rows& rows, size_t first, size_t columns, size_t stride, float* panel) {
  for (size_t r = 0; r < stride; r += kLanes) {
    for_each_column(rows, first + r, columns,
                    [&](size_t c, Vec x) TIDEMERGE_INLINE_LAMBDA { store_aligned(panel + c * stride + r, x); });
  }
  end_panel(panel + columns * stride, stride);
}

// kLanes rows of a panel as whole numbers of their own scale each.
TIDEMERGE_INLINE void quantize_lanes(const float* floats, size_t from_stride, size_t columns,
                                     const LargestMagnitude& largest, size_t stride, int16_t* panel, float* scales) {
  const Vec inverse = largest.inverse();
  store_aligned(scales, largest.scale());
  for (size_t c = 0; c < columns; ++c) {
    const IVec q = quantized(load_aligned(floats + c * from_stride), inverse);
    store_u16(reinterpret_cast<uint16_t*>(panel + c * stride), q);
  }
}

// Rows from `first` on as whole numbers; scales[r] belongs to row first + r. The floats of kLanes rows stand in
// `floats` meanwhile, which has room for a register per column: there the largest magnitudes of all of them are found
// at once.
TIDEMERGE_INLINE void fill_panel(const Rows& rows, size_t first, size_t columns, size_t stride, int16_t* panel,
                                 float* scales, float* floats) {
  for (size_t r = 0; r < stride; r += kLanes) {
    LargestMagnitude largest;
    for_each_column(rows, first + r, columns, [&](size_t c, Vec x) TIDEMERGE_INLINE_LAMBDA {
      store_aligned(floats + c * kLanes, x);
      largest.take(x);
    });
    quantize_lanes(floats, kLanes, columns, largest, stride, panel + r, scales + r);
  }
  end_panel(panel + columns * stride, stride);
}

// A panel of floats, 2 * vecs registers to a column, as one of whole numbers. Column by column, in the order of memory:
// a panel may be larger than the first cache.
template <int vecs>
TIDEMERGE_INLINE void quantize_panel(const float* floats, size_t columns, int16_t* panel, float* scales) {
  constexpr int kRegisters = 2 * vecs;
  constexpr size_t kStride = size_t{kRegisters} * kLanes;
  LargestMagnitude largest[kRegisters];
  for (size_t c = 0; c < columns; ++c) {
#pragma GCC unroll 8
    for (int r = 0; r < kRegisters; ++r) largest[r].take(load_aligned(floats + c * kStride + r * kLanes));
  }
  Vec inverse[kRegisters];
#pragma GCC unroll 8
  for (int r = 0; r < kRegisters; ++r) {
    inverse[r] = largest[r].inverse();
    store_aligned(scales + r * kLanes, largest[r].scale());
  }
  for (size_t c = 0; c < columns; ++c) {
#pragma GCC unroll 8
    for (int r = 0; r < kRegisters; ++r) {
      const IVec q = quantized(load_aligned(floats + c * kStride + r * kLanes), inverse[r]);
      store_u16(reinterpret_cast<uint16_t*>(panel + c * kStride + r * kLanes), q);
    }
  }
  end_panel(panel + columns * kStride, kStride);
}

// Columns [begin, end) of a panel back to rows from `first` on; `panel` is that of column `begin`. The residual is
// added where it lies.
TIDEMERGE_INLINE void store_panel(const SparseBinaryProduct& p, size_t first, size_t begin, size_t end, size_t stride,
                                  const float* panel) {
  for (size_t output = begin; output < end; output += 4) {
    const float* columns = panel + (output - begin) * stride;
    for (size_t r = 0; r < stride && first + r < p.rows; r += kLanes) {
      store_tile(p, first + r, output,
                 [&](int i) TIDEMERGE_INLINE_LAMBDA { return load_aligned(columns + i * stride + r); });
    }
  }
}

}  // namespace
}  // namespace tidemerge
