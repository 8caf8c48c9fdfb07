#pragma once

// How a product is cut so that what is used again stays in a near cache. Nothing here changes a result:
// each sum runs over ascending k in every cut.

#include "kernels/gemm/rows.h"

namespace tidemerge {
namespace {

// Rows of A packed at once: they stay in L2 while the panels pass by, and one panel is fetched from L3 or
// memory once for all of them. Sets with 512-bit registers run on cores with 1 MiB of L2 or more.
#if defined(__AVX512F__)
constexpr size_t kRowBytes = 448 * 1024;
#else
constexpr size_t kRowBytes = 160 * 1024;
#endif
constexpr size_t kMostTiles = 32;  // for short k: enough rows to fetch a panel for

// Sums longer than this are taken in several runs over k, about kRunUnits each, so that the rows of a tile
// and the panel stay in reach; partial sums of kGroupPanels panels wait meanwhile.
constexpr size_t kLongSum = 1536;
constexpr size_t kRunUnits = 1024;
constexpr size_t kGroupPanels = 4;

// Where a widened panel of bf16 weights is used by this many tiles, it is widened once, into scratch.
constexpr size_t kWidenTiles = 8;

struct Blocking {
  size_t rows;   // most rows packed at once
  size_t units;  // of a row, per run over k
  size_t row_bytes, partial_bytes, widened_bytes;

  size_t scratch_bytes() const { return row_bytes + partial_bytes + widened_bytes; }
};

constexpr size_t at_most(size_t value, size_t limit) { return value < limit ? value : limit; }
constexpr size_t at_least(size_t value, size_t limit) { return value > limit ? value : limit; }

template <WeightType kType>
Blocking blocking_of(size_t m, size_t k) {
  constexpr size_t kTile = kTileRows;
  const size_t units = row_units<kType>(k);
  const size_t chunks = ceil_div(units, kChunk);
  Blocking cut = {};
  cut.units = units;
  // One tile reads every weight once whatever the order.
  const bool several_runs = m > kTile && units > kLongSum;
  if (several_runs) cut.units = ceil_div(chunks, ceil_div(units, kRunUnits)) * kChunk;
  const size_t tiles = kRowBytes / (sizeof(float) * kTile * at_least(cut.units, 1));
  cut.rows = at_most(m, kTile * at_most(at_least(tiles, 1), kMostTiles));
  cut.row_bytes = cut.rows * chunks * kChunk * sizeof(float);
  if (several_runs) cut.partial_bytes = cut.rows * kGroupPanels * kPanelWidth * sizeof(float);
  const bool widen = kType == WeightType::kBf16 && !kBf16Pairs && ceil_div(cut.rows, kTile) >= kWidenTiles;
  if (widen) cut.widened_bytes = cut.units * kPanelWidth * sizeof(float);
  return cut;
}

}  // namespace
}  // namespace tidemerge
