#pragma once

// Scores of a tile: rows of queries times panels of packed keys, then scale, biases and visibility while the sums are
// still in registers, and the running maximum of every row.

#include "kernels/attention/tile.h"

namespace tidemerge {
namespace {

// Everything a tile of scores needs besides its two factors. Pointers stand at the first row and first key of the tile.
struct ScoreTile {
  float scale;
  const float* bias;  // or null
  ptrdiff_t bias_row_stride;
  const float* key_bias;  // or null
  ptrdiff_t keys;         // keys there are, counted from the first key of the tile
  ptrdiff_t seen;         // keys the first row may see, counted alike; every further row sees one more
  float* scores;          // rows of kScoreStride
  float* maxima;          // rows of kLanes: the maximum of every lane
  bool exact;             // a bias of -inf excludes its key also from a NaN or +inf product
};

template <int kRows, int kVecs>
struct Sums {
  Vec v[kRows][kVecs];
};

// Hides where a pointer comes from. Without it the compiler addresses twelve rows from one base with as many offset
// registers, runs out of them and reloads offsets inside the innermost loop.
template <class T>
TIDEMERGE_INLINE const T* separate(const T* p) {
  __asm__("" : "+r"(p));
  return p;
}

template <class E, int kRows, int kVecs>
TIDEMERGE_INLINE void multiply(const typename E::Query* q, ptrdiff_t q_stride, const typename E::Stored* panel,
                               size_t panel_stride, size_t steps, Sums<kRows, kVecs>& sums) {
  constexpr int kNear = kVecs < kPanelVecs ? kVecs : kPanelVecs;
  constexpr int kGroup = 4;  // rows addressed from one pointer
  const typename E::Query* rows[(kRows + kGroup - 1) / kGroup];
#pragma GCC unroll 3
  for (int r = 0; r < kRows; r += kGroup) rows[r / kGroup] = r == 0 ? q : separate(q + r * q_stride);
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) sums.v[r][v] = zero();
  for (size_t step = 0; step < steps; ++step) {
    typename E::Right keys[kVecs];
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) {
      keys[v] = E::right(panel + (v / kNear) * panel_stride + (step * kKeyPanel + (v % kNear) * kLanes) * E::kStep);
    }
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const typename E::Left left = E::query(rows[r / kGroup] + (r % kGroup) * q_stride + step);
#pragma GCC unroll 8
      for (int v = 0; v < kVecs; ++v) sums.v[r][v] = E::multiply_add(left, keys[v], sums.v[r][v]);
    }
  }
}

// Every row sees every key of the tile.
template <int kRows, int kVecs>
TIDEMERGE_INLINE void finish_whole(Sums<kRows, kVecs>& sums, const ScoreTile& tile) {
  const Vec scale = broadcast(tile.scale);
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) {
      sums.v[r][v] = tile.bias != nullptr
                         ? fma(sums.v[r][v], scale, load(tile.bias + r * tile.bias_row_stride + v * kLanes))
                         : mul(sums.v[r][v], scale);
    }
  }
  if (tile.key_bias != nullptr) {
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) {
      const Vec key_bias = load(tile.key_bias + v * kLanes);
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) sums.v[r][v] = add(sums.v[r][v], key_bias);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    Vec maximum = load_aligned(tile.maxima + r * kLanes);
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) {
      // NaN is no maximum (vec.h: the second operand wins); it stays a score and makes the sum of the row NaN.
      maximum = max(sums.v[r][v], maximum);
      store_aligned(tile.scores + r * kScoreStride + v * kLanes, sums.v[r][v]);
    }
    store_aligned(tile.maxima + r * kLanes, maximum);
  }
}

// One vector of scores of which only the first `n` keys are seen.
TIDEMERGE_INLINE Vec finish_first(Vec sum, int n, const float* bias, const float* key_bias, const ScoreTile& tile) {
  const Vec nothing = broadcast(-__builtin_inff());
  const Vec scale = broadcast(tile.scale);
  Vec score = mul(sum, scale);
  Mask seen = first_lanes(n);
  if (bias != nullptr) {
    const Vec b = load_first(bias, n);
    score = fma(sum, scale, b);
    if (tile.exact) seen = mask_andnot(eq(b, nothing), seen);
  }
  if (key_bias != nullptr) {
    const Vec b = load_first(key_bias, n);
    score = add(score, b);
    if (tile.exact) seen = mask_andnot(eq(b, nothing), seen);
  }
  return select(seen, score, nothing);
}

// Products stand in tile.scores already: rows are no longer alike here, and unrolling this for every shape of a tile
// would only cost code.
TIDEMERGE_NOINLINE void finish_partial(int rows, int vecs, const ScoreTile& tile) {
  for (int r = 0; r < rows; ++r) {
    const ptrdiff_t seen = tile.seen + r < tile.keys ? tile.seen + r : tile.keys;
    const float* bias = tile.bias == nullptr ? nullptr : tile.bias + r * tile.bias_row_stride;
    float* scores = tile.scores + r * kScoreStride;
    Vec maximum = load_aligned(tile.maxima + r * kLanes);
    for (int v = 0; v < vecs; ++v) {
      const ptrdiff_t left = seen - v * kLanes;
      const int n = left < 0 ? 0 : left > kLanes ? kLanes : static_cast<int>(left);
      const Vec score =
          finish_first(load_aligned(scores + v * kLanes), n, bias == nullptr ? nullptr : bias + v * kLanes,
                       tile.key_bias == nullptr ? nullptr : tile.key_bias + v * kLanes, tile);
      maximum = max(score, maximum);
      store_aligned(scores + v * kLanes, score);
    }
    store_aligned(tile.maxima + r * kLanes, maximum);
  }
}

template <class E, int kRows, int kVecs>
TIDEMERGE_NOINLINE void score_tile(const typename E::Query* q, ptrdiff_t q_stride, const typename E::Stored* panel,
                                   size_t panel_stride, size_t steps, const ScoreTile& tile) {
  Sums<kRows, kVecs> sums;
  // The lines the scores go to, fetched while the products are under way: a block of scores is larger than the first
  // level.
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) __builtin_prefetch(tile.scores + r * kScoreStride + v * kLanes, 1);
  multiply<E>(q, q_stride, panel, panel_stride, steps, sums);
  if (tile.seen >= kVecs * kLanes && tile.keys >= kVecs * kLanes && !tile.exact) {
    finish_whole(sums, tile);
    return;
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; ++v) store_aligned(tile.scores + r * kScoreStride + v * kLanes, sums.v[r][v]);
  finish_partial(kRows, kVecs, tile);
}

template <class E>
using ScoreFunction = void (*)(const typename E::Query*, ptrdiff_t, const typename E::Stored*, size_t, size_t,
                               const ScoreTile&);

// The function for a tile of `rows` rows, at most kMost, and kVecs vectors.
template <class E, int kVecs, int kMost, int kRows = 1>
TIDEMERGE_INLINE ScoreFunction<E> score_function(size_t rows) {
  if constexpr (kRows == kMost) {
    return score_tile<E, kRows, kVecs>;
  } else {
    return rows == kRows ? score_tile<E, kRows, kVecs> : score_function<E, kVecs, kMost, kRows + 1>(rows);
  }
}

// Rows that may take four panels at once: as many as the sums fit registers for, and no more than profit from it.
constexpr int kFourPanelRows = kAccumulators / (4 * kPanelVecs);
constexpr int kTwoPanelRows = kAccumulators / (2 * kPanelVecs) < 3 ? kAccumulators / (2 * kPanelVecs) : 3;

// Vectors of one tile. Few rows take several panels, so that enough independent sums are under way; a last panel at
// most half full costs half.
template <class E>
TIDEMERGE_INLINE int score_vecs(size_t rows, size_t columns) {
  if (rows <= kFourPanelRows && columns > 3 * kKeyPanel) return 4 * kPanelVecs;
  if (rows <= kTwoPanelRows && columns > kKeyPanel) return 2 * kPanelVecs;
  return columns > kLanes ? kPanelVecs : 1;
}

template <class E>
TIDEMERGE_INLINE ScoreFunction<E> score_function(size_t rows, int vecs) {
  switch (vecs) {
    case 4 * kPanelVecs: return score_function<E, 4 * kPanelVecs, kFourPanelRows>(rows);
    case 2 * kPanelVecs: return score_function<E, 2 * kPanelVecs, kTwoPanelRows>(rows);
    case kPanelVecs: return score_function<E, kPanelVecs, kScoreRows>(rows);
    default: return score_function<E, 1, kScoreRows>(rows);
  }
}

// Scores of `rows` rows against the first `columns` keys from `panel` on; `block` stands at the first row and key.
template <class E>
TIDEMERGE_INLINE void score_block(const typename E::Query* q, ptrdiff_t q_stride, size_t rows,
                                  const typename E::Stored* panel, size_t panel_stride, size_t steps, size_t columns,
                                  const ScoreTile& block) {
  const size_t tile_rows = even_tile(rows, kScoreRows);
  for (size_t column = 0; column < columns;) {
    const int vecs = score_vecs<E>(rows, columns - column);
    // A panel is read once for all rows, from the first cache level after the first tile.
    for (size_t row = 0; row < rows; row += tile_rows) {
      const size_t count = min_of(tile_rows, rows - row);
      const ptrdiff_t r = static_cast<ptrdiff_t>(row);
      const ptrdiff_t c = static_cast<ptrdiff_t>(column);
      ScoreTile tile = block;
      if (tile.bias != nullptr) tile.bias += r * tile.bias_row_stride + c;
      if (tile.key_bias != nullptr) tile.key_bias += c;
      tile.keys -= c;
      tile.seen += r - c;
      tile.scores += row * kScoreStride + column;
      tile.maxima += row * kLanes;
      score_function<E>(count, vecs)(q + r * q_stride, q_stride, panel, panel_stride, steps, tile);
    }
    column += static_cast<size_t>(vecs) * kLanes;
    panel += static_cast<size_t>(vecs) * kLanes / kKeyPanel * panel_stride;
  }
}

}  // namespace
}  // namespace tidemerge
