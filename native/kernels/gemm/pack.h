#pragma once

// Packs W [n, k] into panels (layout in tile.h).

#include "kernels/gemm/tile.h"

namespace tidemerge {
namespace {

// Units of a row handled at a time: that part of a panel stays in L1 while its columns are written one by one.
constexpr size_t kPackBlock = 64;

// read(row, first, count, out): the 32-bit units [first, first + count) of a row of W, count <= kPackBlock.
template <class Read>
TIDEMERGE_INLINE void pack_panels(size_t n, size_t units, void* packed, Read read) {
  uint32_t* panel = static_cast<uint32_t*>(packed);
  for (size_t column = 0; column < n; column += kPanelWidth, panel += units * kPanelWidth) {
    for (size_t first = 0; first < units; first += kPackBlock) {
      const size_t count = units - first < kPackBlock ? units - first : kPackBlock;
      uint32_t* to = panel + first * kPanelWidth;
      for (size_t j = 0; j < size_t{kPanelWidth}; ++j) {
        uint32_t block[kPackBlock] = {};
        if (column + j < n) read(column + j, first, count, block);
        for (size_t i = 0; i < count; ++i) to[i * kPanelWidth + j] = block[i];
      }
    }
  }
}

// Pairs of k from `count` units; a last k without partner is paired with zero.
TIDEMERGE_INLINE void pair_up(const uint16_t* values, size_t available, size_t count, uint32_t* out) {
  for (size_t i = 0; i < count; ++i) {
    const uint32_t high = 2 * i + 1 < available ? values[2 * i + 1] : 0;
    out[i] = values[2 * i] | high << 16;
  }
}

void pack_f32(const float* w, ptrdiff_t row_stride, size_t n, size_t k, void* packed) {
  pack_panels(n, k, packed, [=](size_t row, size_t first, size_t count, uint32_t* out) {
    __builtin_memcpy(out, w + static_cast<ptrdiff_t>(row) * row_stride + first, count * sizeof(float));
  });
}

void pack_bf16(const uint16_t* w, ptrdiff_t row_stride, size_t n, size_t k, void* packed) {
  pack_panels(n, (k + 1) / 2, packed, [=](size_t row, size_t first, size_t count, uint32_t* out) {
    pair_up(w + static_cast<ptrdiff_t>(row) * row_stride + 2 * first, k - 2 * first, count, out);
  });
}

void pack_bf16_from_f32(const float* w, ptrdiff_t row_stride, size_t n, size_t k, void* packed) {
  pack_panels(n, (k + 1) / 2, packed, [=](size_t row, size_t first, size_t count, uint32_t* out) {
    const float* values = w + static_cast<ptrdiff_t>(row) * row_stride + 2 * first;
    const size_t available = k - 2 * first < 2 * count ? k - 2 * first : 2 * count;
    uint16_t rounded[2 * kPackBlock];
    for (size_t i = 0; i < available; i += kLanes) {
      const int lanes = available - i < size_t{kLanes} ? static_cast<int>(available - i) : kLanes;
      store_first_bf16(rounded + i, load_first(values + i, lanes), lanes);
    }
    pair_up(rounded, available, count, out);
  });
}

}  // namespace
}  // namespace tidemerge
