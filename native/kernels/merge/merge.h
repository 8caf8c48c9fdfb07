#pragma once

// Arithmetic of local token merging (arXiv 2405.17951, section 3): the similarity of A tokens (even rows) and B tokens
// (odd rows) of one series, the best B token of every A token, and means of rows.
//
//   pair i: A token = row 2i, B token = row 2i + 1
//   cosine(a, b) = (a.b * inverse(a)) * inverse(b),   inverse(x) = 1 / max(sqrt(x.x), 1e-12)
//   l2(a, b) = -sqrt(sum (a - b)^2),   l1(a, b) = -sum |a - b|
//
// Order. Every sum over channels runs over ascending blocks of a register, lane by lane, then one fixed tree of lanes:
// a similarity has the same bits in every tile, range and neighbourhood, so equal tokens tie exactly. The order differs
// between sets.
// Error, u = 2^-24 (2^-23 on `baseline`, which has no fused multiply-add), c channels, n = c / 4 + 8:
//   |cosine - exact| <= (2 n + 8) u;   distances: relative (n + 4) u.
// Special values. A row with a NaN, an infinity, or squares beyond the range of float has inverse NaN, and a similarity
// with it is NaN; NaN is never the best. Denormal squares count as they are.
// Alignment: any. Nothing outside the stated rows is read; outputs must not overlap inputs.

#include <cstddef>
#include <cstdint>

namespace tidemerge {

enum class SimilarityKind : uint8_t { kCosine, kL2, kL1 };

// A tokens [begin, end) of a series of `pairs` pairs against the B tokens j with |i - j| < reach.
struct BandArgs {
  SimilarityKind kind;
  const float* tokens;  // [2 * pairs, channels]
  size_t channels;
  size_t pairs;
  size_t reach;  // 1 to pairs
  size_t begin;
  size_t end;
  // [2 * pairs], by row. Cosine: the inverse. Distances: 0. NaN for rows that take part in nothing.
  const float* factors;
  float* best;      // [pairs], written from begin to end: -inf where there is none
  int32_t* choice;  // [pairs]: -1 where there is none; of equals the smallest
};

struct MergeKernels {
  // inverses[r] of rows [0, rows).
  void (*row_inverses)(const float* x, size_t rows, size_t channels, float* inverses);
  // best[i] = cosine of the two tokens of pair i, in one pass over them; NaN where an inverse is.
  void (*pair_cosines)(const float* tokens, size_t pairs, size_t channels, float* best);
  // Returns how many similarities it computed: those of the band, each once.
  size_t (*band)(const BandArgs& args);
  // The largest score of every row of scores [rows, cols] (row stride in elements) and its column, counted from
  // first_column, where it is larger than what best and choice hold already.
  void (*row_maxima)(const float* scores, size_t rows, size_t cols, ptrdiff_t stride, int32_t first_column, float* best,
                     int32_t* choice);
  // out = sum over m of shares[m] * rows[m], in the order of m. out may be rows[0].
  void (*weighted_sum)(const float* const* rows, const float* shares, size_t members, size_t channels, float* out);
  // The same, written past the caches where `out` is aligned to a register: for results larger than they are.
  // finish_streamed_sums() on the same thread before another one reads them.
  void (*streamed_sum)(const float* const* rows, const float* shares, size_t members, size_t channels, float* out);
  void (*finish_streamed_sums)();
};

}  // namespace tidemerge
