#pragma once

// Packs rows of A into tiles: [chunk][row][kChunk], the last chunk filled up with zeros (which are never
// multiplied, except as the missing half of a last bf16 pair).

#include "kernels/gemm/tile.h"
#include "kernels/gemm/weights_bf16.h"

namespace tidemerge {
namespace {

constexpr size_t ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }

TIDEMERGE_INLINE void copy_chunk(const float* from, int count, float* to) {
#pragma GCC unroll 4
  for (int i = 0; i < kChunk; i += kLanes) {
    store_aligned(to + i, count >= i + kLanes ? load(from + i) : load_first(from + i, count - i));
  }
}

TIDEMERGE_INLINE void pack_tile_f32(const float* a, ptrdiff_t stride, int rows, size_t k, float* tile) {
  for (int r = 0; r < rows; ++r, a += stride) {
    float* to = tile + r * kChunk;
    size_t i = 0;
    for (; i + kChunk <= k; i += kChunk, to += rows * kChunk) copy_chunk(a + i, kChunk, to);
    if (i < k) copy_chunk(a + i, static_cast<int>(k - i), to);
  }
}

#if defined(__AVX512BF16__)

// vcvtne2ps2bf16 rounds to nearest even, takes denormals as zero as vdpbf16ps does, and keeps NaN a NaN.
TIDEMERGE_INLINE void convert_chunk(Vec low, Vec high, float* to) {
  _mm512_store_si512(to, (__m512i)_mm512_cvtne2ps_pbh(high.v, low.v));
}

TIDEMERGE_INLINE void pack_tile_bf16(const float* a, ptrdiff_t stride, int rows, size_t k, float* tile) {
  constexpr size_t kPerChunk = 2 * kChunk;
  for (int r = 0; r < rows; ++r, a += stride) {
    float* to = tile + r * kChunk;
    size_t i = 0;
    for (; i + kPerChunk <= k; i += kPerChunk, to += rows * kChunk) {
      convert_chunk(load(a + i), load(a + i + kLanes), to);
    }
    if (i == k) continue;
    const int rest = static_cast<int>(k - i);
    const Vec high = rest > kLanes ? load_first(a + i + kLanes, rest - kLanes) : zero();
    convert_chunk(load_first(a + i, rest), high, to);
  }
}

#endif

template <WeightType kType>
TIDEMERGE_INLINE size_t row_units(size_t k) {
  return kType == WeightType::kBf16 && kBf16Pairs ? ceil_div(k, 2) : k;
}

template <WeightType kType>
void pack_tile(const float* a, ptrdiff_t stride, int rows, size_t k, float* tile) {
#if defined(__AVX512BF16__)
  if (kType == WeightType::kBf16) return pack_tile_bf16(a, stride, rows, k, tile);
#endif
  pack_tile_f32(a, stride, rows, k, tile);
}

}  // namespace
}  // namespace tidemerge
