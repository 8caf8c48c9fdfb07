#pragma once

// From the scores of a key block to weights exp(score - maximum), with a running maximum and sum per row.

#include "kernels/attention/tile.h"
#include "simd/math.h"

namespace tidemerge {
namespace {

// What a row carries from one key block to the next.
struct RowState {
  float maximum;  // of all scores so far; -inf: no key yet
  float sum;      // of exp(score - maximum)
};

// Weights of the `seen` first keys of the block, up to a whole vector. Returns the factor by which the sums of values
// so far have to shrink: 1 unless this block raised the maximum.
template <class E, bool kExact>
TIDEMERGE_INLINE float weigh_row(const float* scores, const float* maxima, size_t seen, RowState& state,
                                 typename E::Weight* weights) {
  const Vec nothing = broadcast(-__builtin_inff());
  const float block_maximum = reduce_max(load_aligned(maxima));
  const float before = state.maximum;
  if (block_maximum > before) state.maximum = block_maximum;
  // Without any key yet all scores are -inf (or NaN): subtracting 0 keeps -inf - -inf from becoming NaN.
  const float origin = state.maximum == -__builtin_inff() ? 0.0f : state.maximum;
  const Vec shift = broadcast(origin);
  Vec sum = zero();
  for (size_t j = 0; j < seen; j += kLanes) {
    const Vec score = load_aligned(scores + j);
    const Vec weight = exp_nonpositive(sub(score, shift));
    if constexpr (kExact) {
      const Mask excluded = eq(score, nothing);
      // A weight is never negative: -1 marks the key for the exact value product.
      E::store_weights(weights + j, select(excluded, broadcast(-1.0f), weight));
      sum = add(sum, select(excluded, zero(), E::round_weights(weight)));
    } else {
      sum = add(sum, E::store_weights(weights + j, weight));
    }
  }
  float factor = 1.0f;
  if (state.maximum != before && before != -__builtin_inff()) {
    factor = reduce_max(exp_nonpositive(broadcast(before - origin)));
    state.sum *= factor;
  }
  state.sum += reduce_add(sum);
  return factor;
}

}  // namespace
}  // namespace tidemerge
