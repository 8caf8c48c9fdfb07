#pragma once

// The band of similarities: tiles of kTileA x kTileB dot products, single ones at the band's edges. A tile reads each
// of its rows once for several products; whatever the tile, a product is one register of sums over ascending channels.

#include "kernels/merge/merge.h"
#include "simd/vec.h"

namespace tidemerge {
namespace {

constexpr size_t kTileA = 4;
constexpr size_t kTileB = 2;

struct Product {
  static TIDEMERGE_INLINE Vec add_to(Vec sum, Vec a, Vec b) { return fma(a, b, sum); }
  static TIDEMERGE_INLINE float value(float sum, float factor_a, float factor_b) { return sum * factor_a * factor_b; }
};
struct SquaredDifference {
  static TIDEMERGE_INLINE Vec add_to(Vec sum, Vec a, Vec b) {
    const Vec difference = sub(a, b);
    return fma(difference, difference, sum);
  }
  static TIDEMERGE_INLINE float value(float sum, float factor_a, float factor_b) {
    return -__builtin_sqrtf(sum) + factor_a + factor_b;
  }
};
struct AbsoluteDifference {
  static TIDEMERGE_INLINE Vec add_to(Vec sum, Vec a, Vec b) { return add(sum, abs(sub(a, b))); }
  static TIDEMERGE_INLINE float value(float sum, float factor_a, float factor_b) { return -sum + factor_a + factor_b; }
};

// sums[a][b] of A rows a and B rows b, each 2 * channels after the one before.
template <class Kind, size_t kA, size_t kB>
TIDEMERGE_INLINE void tile_sums(const float* a_rows, const float* b_rows, size_t channels, float (&out)[kA][kB]) {
  Vec sums[kA][kB];
  for (size_t a = 0; a < kA; ++a) {
    for (size_t b = 0; b < kB; ++b) sums[a][b] = zero();
  }
  const auto step = [&](size_t c, int count) TIDEMERGE_INLINE_LAMBDA {
    Vec b_parts[kB];
    for (size_t b = 0; b < kB; ++b) {
      const float* from = b_rows + 2 * b * channels + c;
      b_parts[b] = count < kLanes ? load_first(from, count) : load(from);
    }
    for (size_t a = 0; a < kA; ++a) {
      const float* from = a_rows + 2 * a * channels + c;
      const Vec a_part = count < kLanes ? load_first(from, count) : load(from);
      for (size_t b = 0; b < kB; ++b) sums[a][b] = Kind::add_to(sums[a][b], a_part, b_parts[b]);
    }
  };
  size_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) step(c, kLanes);
  if (c < channels) step(c, static_cast<int>(channels - c));
  for (size_t a = 0; a < kA; ++a) {
    for (size_t b = 0; b < kB; ++b) out[a][b] = reduce_add(sums[a][b]);
  }
}

TIDEMERGE_INLINE float dot_product(const float* a, const float* b, size_t channels) {
  float sum[1][1];
  tile_sums<Product, 1, 1>(a, b, channels, sum);
  return sum[0][0];
}

// A tokens i to i + kA - 1 against B tokens [from, to), all of them within everyone's reach.
template <class Kind, size_t kA>
TIDEMERGE_INLINE size_t match(const BandArgs& args, size_t i, size_t from, size_t to) {
  const float* a_rows = args.tokens + 2 * i * args.channels;
  const auto offer = [&](size_t a, size_t j, float sum) TIDEMERGE_INLINE_LAMBDA {
    const float value = Kind::value(sum, args.factors[2 * (i + a)], args.factors[2 * j + 1]);
    if (value > args.best[i + a]) {
      args.best[i + a] = value;
      args.choice[i + a] = static_cast<int32_t>(j);
    }
  };
  size_t j = from;
  for (; j + kTileB <= to; j += kTileB) {
    float sums[kA][kTileB];
    tile_sums<Kind, kA, kTileB>(a_rows, args.tokens + (2 * j + 1) * args.channels, args.channels, sums);
    for (size_t a = 0; a < kA; ++a) {
      for (size_t b = 0; b < kTileB; ++b) offer(a, j + b, sums[a][b]);
    }
  }
  for (; j < to; ++j) {
    float sums[kA][1];
    tile_sums<Kind, kA, 1>(a_rows, args.tokens + (2 * j + 1) * args.channels, args.channels, sums);
    for (size_t a = 0; a < kA; ++a) offer(a, j, sums[a][0]);
  }
  return from < to ? kA * (to - from) : 0;
}

// A token i sees the B tokens [first_of(i), end_of(i)).
TIDEMERGE_INLINE size_t first_of(const BandArgs& args, size_t i) { return i + 1 > args.reach ? i + 1 - args.reach : 0; }
TIDEMERGE_INLINE size_t end_of(const BandArgs& args, size_t i) {
  return args.pairs - i > args.reach ? i + args.reach : args.pairs;
}

template <class Kind>
size_t band_of(const BandArgs& args) {
  size_t computed = 0;
  for (size_t i = args.begin; i < args.end; ++i) {
    args.best[i] = -__builtin_inff();
    args.choice[i] = -1;
  }
  size_t i = args.begin;
  for (; i + kTileA <= args.end; i += kTileA) {
    // What all rows of the tile see, and what only some do before and behind it.
    const size_t from = first_of(args, i + kTileA - 1), to = end_of(args, i);
    if (from >= to) break;
    for (size_t a = 0; a < kTileA; ++a) computed += match<Kind, 1>(args, i + a, first_of(args, i + a), from);
    computed += match<Kind, kTileA>(args, i, from, to);
    for (size_t a = 0; a < kTileA; ++a) computed += match<Kind, 1>(args, i + a, to, end_of(args, i + a));
  }
  for (; i < args.end; ++i) computed += match<Kind, 1>(args, i, first_of(args, i), end_of(args, i));
  return computed;
}

size_t band(const BandArgs& args) {
  switch (args.kind) {
    case SimilarityKind::kCosine: return band_of<Product>(args);
    case SimilarityKind::kL2: return band_of<SquaredDifference>(args);
    default: return band_of<AbsoluteDifference>(args);
  }
}

}  // namespace
}  // namespace tidemerge
