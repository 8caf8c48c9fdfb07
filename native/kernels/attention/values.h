#pragma once

// Weighted sums of value rows: rows of weights times value rows, sums kept in registers over a range of keys and in
// scratch between ranges. Every sum runs over ascending keys.

#include "kernels/attention/tile.h"

namespace tidemerge {
namespace {

// Stored elements of one vector of channels.
template <class E>
constexpr ptrdiff_t kElements = kLanes* static_cast<ptrdiff_t>(E::kStep);

// Pointers stand at the first row, key and channel they concern.
template <class E>
struct ValueTile {
  const typename E::Weight* weights;  // rows of kScoreStride
  const typename E::Stored* values;
  ptrdiff_t value_stride;  // elements from one step (a key, or a pair of keys) to the next
  float* sums;
  size_t sum_stride;
};

// kVecs vectors of channels over `steps` steps. kTail: one vector of which only `channels` lanes exist in memory.
template <class E, int kRows, int kVecs, bool kTail>
TIDEMERGE_NOINLINE void value_tile(const ValueTile<E>& tile, size_t steps, int channels) {
  Vec sums[kRows][kVecs];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) sums[r][v] = load_aligned(tile.sums + r * tile.sum_stride + v * kLanes);
  const typename E::Weight* weights = tile.weights;
  const typename E::Stored* values = tile.values;
  for (size_t step = 0; step < steps; ++step) {
    typename E::Right right[kVecs];
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) {
      right[v] = kTail ? E::right_first(values, channels) : E::right(values + v * kElements<E>);
    }
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const typename E::Left left = E::weight(weights + r * kScoreStride);
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v) sums[r][v] = E::multiply_add(left, right[v], sums[r][v]);
    }
    weights += E::kStep;
    values += tile.value_stride;
  }
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) store_aligned(tile.sums + r * tile.sum_stride + v * kLanes, sums[r][v]);
}

template <class E>
using ValueFunction = void (*)(const ValueTile<E>&, size_t, int);

template <class E, int kVecs, bool kTail, int kRows = 1>
TIDEMERGE_INLINE ValueFunction<E> value_function(size_t rows) {
  constexpr int kFitting = kAccumulators / kVecs;
  if constexpr (kRows == (kFitting < kValueRows ? kFitting : kValueRows)) {
    return value_tile<E, kRows, kVecs, kTail>;
  } else {
    return rows == kRows ? value_tile<E, kRows, kVecs, kTail> : value_function<E, kVecs, kTail, kRows + 1>(rows);
  }
}

// All channels of one range of steps, in as wide vectors as the registers allow for this number of rows.
template <class E>
TIDEMERGE_INLINE void value_range(ValueTile<E> tile, size_t rows, size_t steps, size_t channels) {
  int vecs = static_cast<int>(channels / kLanes);
  const auto run = [&](ValueFunction<E> function, int width) {
    for (; vecs >= width; vecs -= width) {
      function(tile, steps, kLanes);
      tile.values += width * kElements<E>;
      tile.sums += width * kLanes;
    }
  };
  if (vecs >= 8 && rows * 8 <= kAccumulators) run(value_function<E, 8, false>(rows), 8);
  if (vecs >= 4 && rows * 4 <= kAccumulators) run(value_function<E, 4, false>(rows), 4);
  if (vecs >= 2) run(value_function<E, 2, false>(rows), 2);
  if (vecs >= 1) run(value_function<E, 1, false>(rows), 1);
  const int rest = static_cast<int>(channels % kLanes);
  if (rest > 0) value_function<E, 1, true>(rows)(tile, steps, rest);
}

// One step of one row of which only some keys count.
template <class E>
TIDEMERGE_INLINE void value_step(const ValueTile<E>& tile, size_t channels, bool keep_first, bool keep_second) {
  const typename E::Left left = E::weight(tile.weights);
  for (size_t channel = 0; channel < channels; channel += kLanes) {
    const size_t rest = channels - channel;
    const int n = rest < kLanes ? static_cast<int>(rest) : kLanes;
    const typename E::Stored* p = tile.values + channel / kLanes * kElements<E>;
    const typename E::Right right = E::keep(E::right_first(p, n), keep_first, keep_second);
    store_aligned(tile.sums + channel, E::multiply_add(left, right, load_aligned(tile.sums + channel)));
  }
}

// Keys of this block that row r sees.
struct Seen {
  ptrdiff_t keys;   // there are, from the start of the block
  ptrdiff_t first;  // the first row may see; every further row one more
  TIDEMERGE_INLINE size_t operator()(size_t r) const {
    const ptrdiff_t seen = first + static_cast<ptrdiff_t>(r);
    const ptrdiff_t n = seen < keys ? seen : keys;
    return n < 0 ? 0 : static_cast<size_t>(n);
  }
};

// Steps that all rows of a tile see are done together; what only the later rows see (a few keys on the diagonal of
// causal attention) row by row: a weight of 0 would not stop the NaN of a key that the row must not see.
template <class E>
TIDEMERGE_INLINE void value_block(const ValueTile<E>& block, size_t rows, size_t channels, const Seen& seen) {
  const size_t tile_rows = even_tile(rows, kValueRows);
  const size_t most = seen(rows - 1) / E::kStep;
  const size_t step_bytes = E::kStep * channels * sizeof(typename E::Stored);
  const size_t chunk = rows <= kValueRows ? most : kValueChunkBytes / step_bytes + 1;
  const auto at = [&](size_t row, size_t step) {
    ValueTile<E> tile = block;
    tile.weights += row * kScoreStride + step * E::kStep;
    tile.values += static_cast<ptrdiff_t>(step) * tile.value_stride;
    tile.sums += row * tile.sum_stride;
    return tile;
  };
  for (size_t step = 0; step < most; step += chunk) {
    for (size_t row = 0; row < rows; row += tile_rows) {
      const size_t common = seen(row) / E::kStep;
      if (common <= step) continue;
      value_range(at(row, step), min_of(tile_rows, rows - row), min_of(chunk, common - step), channels);
    }
  }
  for (size_t row = 0; row < rows; ++row) {
    const size_t common = seen(row - row % tile_rows) / E::kStep;
    const size_t own = seen(row) / E::kStep;
    if (own > common) value_range(at(row, common), 1, own - common, channels);
    if (seen(row) % E::kStep != 0) value_step(at(row, own), channels, true, false);
  }
}

// One row, leaving out the keys whose weight is kExcluded.
template <class E>
TIDEMERGE_INLINE void value_row_exact(ValueTile<E> tile, size_t channels, size_t seen) {
  for (size_t key = 0; key < seen; key += E::kStep) {
    const bool first = !E::excluded(tile.weights);
    const bool second = E::kStep == 2 && key + 1 < seen && !E::excluded(tile.weights + 1);
    if (first || second) value_step(tile, channels, first, second);
    tile.weights += E::kStep;
    tile.values += tile.value_stride;
  }
}

}  // namespace
}  // namespace tidemerge
