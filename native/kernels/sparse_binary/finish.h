#pragma once

// From sums to results.

#include "kernels/sparse_binary/sparse_binary.h"
#include "simd/transpose.h"

namespace tidemerge {
namespace {

// alpha, bias and relu. max() gives its second argument when one is NaN.
TIDEMERGE_INLINE Vec activated(const SparseBinaryProduct& p, Vec factor, Vec sum, Vec bias) {
  const Vec value = fma(factor, sum, bias);
  return p.relu ? max(zero(), value) : value;
}

// A tile in the layout of panels: four outputs from `output` on, kLanes rows from `row` on. value(o) is output o of the
// rows, alpha, bias and relu included. Turned back, the residual is added where it lies.
template <typename Value>
TIDEMERGE_INLINE void store_tile(const SparseBinaryProduct& p, size_t row, size_t output, Value value) {
  const size_t rows = p.rows - row, outputs = p.end - output;
  float* y = p.y + static_cast<ptrdiff_t>(row) * p.y_stride + output;
  const float* residual =
      p.residual != nullptr ? p.residual + static_cast<ptrdiff_t>(row) * p.residual_stride + output : nullptr;
  if (rows >= kLanes && outputs >= 4) {
    Vec x[4] = {value(0), value(1), value(2), value(3)};
    transpose_quads(x);
    float* to[kLanes];
    for (int r = 0; r < kLanes; ++r) to[r] = y + r * p.y_stride;
    if (residual != nullptr) {
      const float* from[kLanes];
      for (int r = 0; r < kLanes; ++r) from[r] = residual + r * p.residual_stride;
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) x[i] = add(x[i], quads_of(from + i, 0));
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) store_quads(to + i, 0, x[i]);
    return;
  }
  const size_t count = rows < kLanes ? rows : kLanes;
  for (size_t o = 0; o < outputs && o < 4; ++o) {
    float lanes[kLanes];
    store(lanes, value(static_cast<int>(o)));
    for (size_t r = 0; r < count; ++r) {
      const float add_to = residual != nullptr ? residual[static_cast<ptrdiff_t>(r) * p.residual_stride + o] : 0.0f;
      y[static_cast<ptrdiff_t>(r) * p.y_stride + o] = residual != nullptr ? lanes[r] + add_to : lanes[r];
    }
  }
}

}  // namespace
}  // namespace tidemerge
