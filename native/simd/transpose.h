#pragma once

// Turning [row][column] into [column][row] and back, kLanes rows times four columns at a time.
//
//   quads_of(rows, at)       register whose quad q holds rows[4 q][at .. at + 3]: four floats of every fourth row
//   store_quads(rows, at, x) the reverse
//   transpose_quads(x)       x[i] holds, in quad q, columns 0 to 3 of row 4 q + i. Afterwards x[c] holds column c of
//   rows
//                            0 to kLanes - 1, in order. It is its own inverse.

#include "simd/vec.h"

namespace tidemerge {
namespace {

constexpr int kQuads = kLanes / 4;

#if defined(__AVX512F__)

TIDEMERGE_INLINE Vec quads_of(const float* const* rows, size_t at) {
  __m512 x = _mm512_castps128_ps512(_mm_loadu_ps(rows[0] + at));
  x = _mm512_insertf32x4(x, _mm_loadu_ps(rows[4] + at), 1);
  x = _mm512_insertf32x4(x, _mm_loadu_ps(rows[8] + at), 2);
  return {_mm512_insertf32x4(x, _mm_loadu_ps(rows[12] + at), 3)};
}
TIDEMERGE_INLINE void store_quads(float* const* rows, size_t at, Vec x) {
  _mm_storeu_ps(rows[0] + at, _mm512_castps512_ps128(x.v));
  _mm_storeu_ps(rows[4] + at, _mm512_extractf32x4_ps(x.v, 1));
  _mm_storeu_ps(rows[8] + at, _mm512_extractf32x4_ps(x.v, 2));
  _mm_storeu_ps(rows[12] + at, _mm512_extractf32x4_ps(x.v, 3));
}
TIDEMERGE_INLINE void transpose_quads(Vec (&x)[4]) {
  const __m512 low_01 = _mm512_unpacklo_ps(x[0].v, x[1].v), high_01 = _mm512_unpackhi_ps(x[0].v, x[1].v);
  const __m512 low_23 = _mm512_unpacklo_ps(x[2].v, x[3].v), high_23 = _mm512_unpackhi_ps(x[2].v, x[3].v);
  x[0].v = _mm512_shuffle_ps(low_01, low_23, 0x44);
  x[1].v = _mm512_shuffle_ps(low_01, low_23, 0xee);
  x[2].v = _mm512_shuffle_ps(high_01, high_23, 0x44);
  x[3].v = _mm512_shuffle_ps(high_01, high_23, 0xee);
}

#elif defined(__AVX2__)

TIDEMERGE_INLINE Vec quads_of(const float* const* rows, size_t at) {
  return {_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows[0] + at)), _mm_loadu_ps(rows[4] + at), 1)};
}
TIDEMERGE_INLINE void store_quads(float* const* rows, size_t at, Vec x) {
  _mm_storeu_ps(rows[0] + at, _mm256_castps256_ps128(x.v));
  _mm_storeu_ps(rows[4] + at, _mm256_extractf128_ps(x.v, 1));
}
TIDEMERGE_INLINE void transpose_quads(Vec (&x)[4]) {
  const __m256 low_01 = _mm256_unpacklo_ps(x[0].v, x[1].v), high_01 = _mm256_unpackhi_ps(x[0].v, x[1].v);
  const __m256 low_23 = _mm256_unpacklo_ps(x[2].v, x[3].v), high_23 = _mm256_unpackhi_ps(x[2].v, x[3].v);
  x[0].v = _mm256_shuffle_ps(low_01, low_23, 0x44);
  x[1].v = _mm256_shuffle_ps(low_01, low_23, 0xee);
  x[2].v = _mm256_shuffle_ps(high_01, high_23, 0x44);
  x[3].v = _mm256_shuffle_ps(high_01, high_23, 0xee);
}

#else  // four lanes

TIDEMERGE_INLINE Vec quads_of(const float* const* rows, size_t at) { return load(rows[0] + at); }
TIDEMERGE_INLINE void store_quads(float* const* rows, size_t at, Vec x) { store(rows[0] + at, x); }
TIDEMERGE_INLINE void transpose_quads(Vec (&x)[4]) {
  const Vec a = x[0], b = x[1], c = x[2], d = x[3];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) x[i] = Vec{{a.v[i], b.v[i], c.v[i], d.v[i]}};
}

#endif

// to[c * to_stride + r] = from[r * from_stride + c] for every row r and column c. `to` and to_stride are multiples of
// kLanes.
inline void columns_of_rows(const float* from, ptrdiff_t from_stride, size_t rows, size_t cols, float* to,
                            size_t to_stride) {
  size_t row = 0;
  for (; row + kLanes <= rows; row += kLanes) {
    const float* at[kLanes];
    for (size_t i = 0; i < kLanes; ++i) at[i] = from + static_cast<ptrdiff_t>(row + i) * from_stride;
    size_t c = 0;
    for (; c + 4 <= cols; c += 4) {
      Vec x[4] = {quads_of(at, c), quads_of(at + 1, c), quads_of(at + 2, c), quads_of(at + 3, c)};
      transpose_quads(x);
      for (size_t i = 0; i < 4; ++i) store_aligned(to + (c + i) * to_stride + row, x[i]);
    }
    for (; c < cols; ++c) {
      for (size_t i = 0; i < kLanes; ++i) to[c * to_stride + row + i] = at[i][c];
    }
  }
  for (; row < rows; ++row) {
    const float* const at = from + static_cast<ptrdiff_t>(row) * from_stride;
    for (size_t c = 0; c < cols; ++c) to[c * to_stride + row] = at[c];
  }
}

// The reverse: to[r * to_stride + c] = from[c * from_stride + r].
inline void rows_of_columns(const float* from, size_t from_stride, size_t rows, size_t cols, float* to,
                            ptrdiff_t to_stride) {
  size_t row = 0;
  for (; row + kLanes <= rows; row += kLanes) {
    float* at[kLanes];
    for (size_t i = 0; i < kLanes; ++i) at[i] = to + static_cast<ptrdiff_t>(row + i) * to_stride;
    size_t c = 0;
    for (; c + 4 <= cols; c += 4) {
      Vec x[4];
      for (size_t i = 0; i < 4; ++i) x[i] = load_aligned(from + (c + i) * from_stride + row);
      transpose_quads(x);
      for (size_t i = 0; i < 4; ++i) store_quads(at + i, c, x[i]);
    }
    for (; c < cols; ++c) {
      for (size_t i = 0; i < kLanes; ++i) at[i][c] = from[c * from_stride + row + i];
    }
  }
  for (; row < rows; ++row) {
    float* const at = to + static_cast<ptrdiff_t>(row) * to_stride;
    for (size_t c = 0; c < cols; ++c) at[c] = from[c * from_stride + row];
  }
}

}  // namespace
}  // namespace tidemerge
