#include "kernels/merge/merge.h"

#include "kernels/merge/band.h"
#include "simd/stream.h"
#include "simd/vec.h"

namespace tidemerge {
namespace {

constexpr float kLeastNorm = 1e-12f;

// NaN where the squares are not a finite number.
TIDEMERGE_INLINE Vec inverse_of(Vec squares) {
  const Vec inverse = div(broadcast(1.0f), max(sqrt(squares), broadcast(kLeastNorm)));
  return add(inverse, sub(squares, squares));
}

struct PairSums {
  Vec dot = zero(), a = zero(), b = zero();
};

TIDEMERGE_INLINE void add_products(PairSums& sums, Vec a, Vec b) {
  sums.dot = fma(a, b, sums.dot);
  sums.a = fma(a, a, sums.a);
  sums.b = fma(b, b, sums.b);
}

// Two pairs at a time: six sums hide the latency of one.
template <size_t kPairs>
TIDEMERGE_INLINE void pair_products(const float* tokens, size_t channels, float* dots, float* a_squares,
                                    float* b_squares) {
  PairSums sums[kPairs];
  size_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    for (size_t p = 0; p < kPairs; ++p) {
      const float* a = tokens + 2 * p * channels + c;
      add_products(sums[p], load(a), load(a + channels));
    }
  }
  if (c < channels) {
    const int rest = static_cast<int>(channels - c);
    for (size_t p = 0; p < kPairs; ++p) {
      const float* a = tokens + 2 * p * channels + c;
      add_products(sums[p], load_first(a, rest), load_first(a + channels, rest));
    }
  }
  for (size_t p = 0; p < kPairs; ++p) {
    dots[p] = reduce_add(sums[p].dot);
    a_squares[p] = reduce_add(sums[p].a);
    b_squares[p] = reduce_add(sums[p].b);
  }
}

void pair_cosines(const float* tokens, size_t pairs, size_t channels, float* best) {
  constexpr size_t kBlock = kLanes;
  alignas(64) float dots[kBlock], a_squares[kBlock], b_squares[kBlock];
  for (size_t first = 0; first < pairs; first += kBlock) {
    const size_t count = pairs - first < kBlock ? pairs - first : kBlock;
    for (size_t i = count; i < kBlock; ++i) dots[i] = a_squares[i] = b_squares[i] = 0.0f;
    size_t i = 0;
    for (; i + 2 <= count; i += 2) {
      pair_products<2>(tokens + 2 * (first + i) * channels, channels, dots + i, a_squares + i, b_squares + i);
    }
    if (i < count) {
      pair_products<1>(tokens + 2 * (first + i) * channels, channels, dots + i, a_squares + i, b_squares + i);
    }
    const Vec a = inverse_of(load_aligned(a_squares)), b = inverse_of(load_aligned(b_squares));
    store_first(best + first, mul(mul(load_aligned(dots), a), b), static_cast<int>(count));
  }
}

void row_inverses(const float* x, size_t rows, size_t channels, float* inverses) {
  constexpr size_t kBlock = kLanes;
  alignas(64) float squares[kBlock];
  for (size_t first = 0; first < rows; first += kBlock) {
    const size_t count = rows - first < kBlock ? rows - first : kBlock;
    for (size_t i = 0; i < kBlock; ++i) {
      squares[i] = i < count ? dot_product(x + (first + i) * channels, x + (first + i) * channels, channels) : 0.0f;
    }
    store_first(inverses + first, inverse_of(load_aligned(squares)), static_cast<int>(count));
  }
}

void row_maxima(const float* scores, size_t rows, size_t cols, ptrdiff_t stride, int32_t first_column, float* best,
                int32_t* choice) {
  alignas(64) int32_t lane[kLanes];
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
  const IVec lanes = load_int(lane);
  for (size_t r = 0; r < rows; ++r) {
    const float* row = scores + static_cast<ptrdiff_t>(r) * stride;
    Vec most = broadcast(-__builtin_inff());
    IVec place = broadcast_int(-1);
    IVec column = add(lanes, broadcast_int(first_column));
    size_t c = 0;
    for (; c + kLanes <= cols; c += kLanes) {
      const Vec value = load(row + c);
      const Mask larger = gt(value, most);
      most = select(larger, value, most);
      place = select(larger, column, place);
      column = add(column, broadcast_int(kLanes));
    }
    alignas(64) float values[kLanes];
    alignas(64) int32_t places[kLanes];
    store_aligned(values, most);
    store_int(places, place);
    float row_best = best[r];
    int32_t row_choice = choice[r];
    // Of equal lanes the one with the smallest column; what was there before came from smaller columns.
    float found = -__builtin_inff();
    int32_t found_at = -1;
    for (int i = 0; i < kLanes; ++i) {
      if (values[i] > found || (values[i] == found && places[i] >= 0 && (found_at < 0 || places[i] < found_at))) {
        found = values[i];
        found_at = places[i];
      }
    }
    for (; c < cols; ++c) {
      if (row[c] > found) {
        found = row[c];
        found_at = first_column + static_cast<int32_t>(c);
      }
    }
    if (found > row_best) {
      row_best = found;
      row_choice = found_at;
    }
    best[r] = row_best;
    choice[r] = row_choice;
  }
}

template <bool kTwo, bool kStream>
TIDEMERGE_INLINE void sum_rows(const float* const* rows, const float* shares, size_t members, size_t channels,
                               float* out) {
  const auto at = [&](size_t c, int count) TIDEMERGE_INLINE_LAMBDA {
    const auto part = [&](size_t m) TIDEMERGE_INLINE_LAMBDA {
      return count < kLanes ? load_first(rows[m] + c, count) : load(rows[m] + c);
    };
    Vec sum = mul(part(0), broadcast(shares[0]));
    if constexpr (kTwo) {
      sum = fma(part(1), broadcast(shares[1]), sum);
    } else {
      for (size_t m = 1; m < members; ++m) sum = fma(part(m), broadcast(shares[m]), sum);
    }
    return sum;
  };
  size_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    if constexpr (kStream) {
      store_streaming(out + c, at(c, kLanes));
    } else {
      store(out + c, at(c, kLanes));
    }
  }
  if (c < channels) {
    const int rest = static_cast<int>(channels - c);
    store_first(out + c, at(c, rest), rest);
  }
}

template <bool kStream>
TIDEMERGE_INLINE void any_sum(const float* const* rows, const float* shares, size_t members, size_t channels,
                              float* out) {
  if (members == 2) {
    sum_rows<true, kStream>(rows, shares, 2, channels, out);
  } else {
    sum_rows<false, kStream>(rows, shares, members, channels, out);
  }
}

void weighted_sum(const float* const* rows, const float* shares, size_t members, size_t channels, float* out) {
  any_sum<false>(rows, shares, members, channels, out);
}

void streamed_sum(const float* const* rows, const float* shares, size_t members, size_t channels, float* out) {
  if (reinterpret_cast<uintptr_t>(out) % sizeof(Vec) == 0) {
    any_sum<true>(rows, shares, members, channels, out);
  } else {
    any_sum<false>(rows, shares, members, channels, out);
  }
}

void finish_streamed_sums() { finish_streaming(); }

}  // namespace

namespace TIDEMERGE_SET {
extern const MergeKernels merge_kernels;
const MergeKernels merge_kernels = {.row_inverses = row_inverses,
                                    .pair_cosines = pair_cosines,
                                    .band = band,
                                    .row_maxima = row_maxima,
                                    .weighted_sum = weighted_sum,
                                    .streamed_sum = streamed_sum,
                                    .finish_streamed_sums = finish_streamed_sums};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
