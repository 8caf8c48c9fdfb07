#pragma once

// The parts of the epilogue that do not fit into the registers of a tile: activations with an exponential,
// and the last columns where a panel reaches beyond n. The tile has written max(floor, sum + bias) to a
// buffer; from there each row goes to C.

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/tile.h"
#include "simd/math.h"

namespace tidemerge {
namespace {

struct TileBuffer {
  const float* sums;  // [rows][stride]
  ptrdiff_t stride;
  int rows;
  int columns;  // to write
};

template <class Function>
TIDEMERGE_INLINE void finish_rows(const TileBuffer& tile, float* c, ptrdiff_t c_stride, const float* residual,
                                  ptrdiff_t residual_stride, Function function) {
  for (int r = 0; r < tile.rows; ++r) {
    const float* sums = tile.sums + r * tile.stride;
    float* out = c + r * c_stride;
    const float* add_to = residual ? residual + r * residual_stride : nullptr;
    int j = 0;
    for (; j + kLanes <= tile.columns; j += kLanes) {
      const Vec value = function(load(sums + j));
      store(out + j, add_to ? add(value, load(add_to + j)) : value);
    }
    const int rest = tile.columns - j;
    if (rest == 0) continue;
    const Vec value = function(load(sums + j));
    store_first(out + j, add_to ? add(value, load_first(add_to + j, rest)) : value, rest);
  }
}

// Not inlined: one copy of each activation for every tile shape.
TIDEMERGE_NOINLINE void finish_tile(const TileBuffer& tile, Activation activation, float* c, ptrdiff_t c_stride,
                                    const float* residual, ptrdiff_t residual_stride) {
  switch (activation) {
    case Activation::kNone:
    case Activation::kRelu:  // done by the tile
      return finish_rows(tile, c, c_stride, residual, residual_stride, [](Vec x) { return x; });
    case Activation::kGelu:
      return finish_rows(tile, c, c_stride, residual, residual_stride, [](Vec x) { return gelu(x); });
    case Activation::kGeluTanh:
      return finish_rows(tile, c, c_stride, residual, residual_stride, [](Vec x) { return gelu_tanh(x); });
    case Activation::kSilu:
      return finish_rows(tile, c, c_stride, residual, residual_stride, [](Vec x) { return silu(x); });
  }
}

}  // namespace
}  // namespace tidemerge
