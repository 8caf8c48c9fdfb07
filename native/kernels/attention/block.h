#pragma once

// One block of queries against all its keys: scores, weights, weighted values per key block, then the division by the
// sum.

#include "kernels/attention/scores.h"
#include "kernels/attention/values.h"
#include "kernels/attention/weights.h"

namespace tidemerge {
namespace {

// The scratch of one call, cut up: rows of a query block.
template <class E>
struct Scratch {
  float* scores;                // [kQueryBlock][kScoreStride]
  typename E::Weight* weights;  // the same shape; may be the same memory
  float* sums;                  // [kQueryBlock][sum_stride] of weighted values
  float* maxima;                // [kQueryBlock][kLanes]
  RowState* states;             // [kQueryBlock]
  typename E::Query* queries;   // [kQueryBlock][steps], steps rounded up as the element type likes
};

// One call as the products see it. Strides in elements of E.
template <class E>
struct Call {
  const typename E::Args& args;
  Scratch<E> scratch;
  size_t steps;            // of a query: channels, or pairs of them
  size_t panel_stride;     // from one key panel to the next
  ptrdiff_t value_stride;  // from one key, or pair of keys, to the next
  size_t channels;         // of a row of values in memory
  size_t sum_stride;
};

struct Rows {
  size_t first;
  size_t count;
};

template <class E>
TIDEMERGE_INLINE ScoreTile score_tile_at(const Call<E>& call, Rows rows, size_t first_key, const Seen& seen,
                                         bool exact) {
  const auto& args = call.args;
  const ptrdiff_t row = static_cast<ptrdiff_t>(rows.first);
  ScoreTile tile;
  tile.scale = args.scale;
  tile.bias =
      args.bias == nullptr ? nullptr : args.bias + row * args.bias_row_stride + static_cast<ptrdiff_t>(first_key);
  tile.bias_row_stride = args.bias_row_stride;
  tile.key_bias = args.key_bias == nullptr ? nullptr : args.key_bias + first_key;
  tile.keys = seen.keys;
  tile.seen = seen.first;
  tile.scores = call.scratch.scores;
  tile.maxima = call.scratch.maxima;
  tile.exact = exact;
  return tile;
}

template <class E, bool kExact>
TIDEMERGE_INLINE void attend_key_block(const Call<E>& call, const typename E::Query* q, ptrdiff_t q_stride, Rows rows,
                                       size_t first_key) {
  const auto& args = call.args;
  const Scratch<E>& scratch = call.scratch;
  const Seen seen = {static_cast<ptrdiff_t>(min_of(args.num_keys - first_key, kKeyBlock)),
                     static_cast<ptrdiff_t>(rows.first) + 1 + args.causal_offset - static_cast<ptrdiff_t>(first_key)};

  for (size_t r = 0; r < rows.count; ++r) store_aligned(scratch.maxima + r * kLanes, broadcast(-__builtin_inff()));
  score_block<E>(q, q_stride, rows.count, args.keys + first_key / kKeyPanel * call.panel_stride, call.panel_stride,
                 call.steps, seen(rows.count - 1), score_tile_at(call, rows, first_key, seen, kExact));

  for (size_t r = 0; r < rows.count; ++r) {
    const float factor = weigh_row<E, kExact>(scratch.scores + r * kScoreStride, scratch.maxima + r * kLanes, seen(r),
                                              scratch.states[r], scratch.weights + r * kScoreStride);
    if (factor == 1.0f) continue;
    float* sums = scratch.sums + r * call.sum_stride;
    for (size_t d = 0; d < call.sum_stride; d += kLanes) {
      store_aligned(sums + d, mul(load_aligned(sums + d), broadcast(factor)));
    }
  }

  const ptrdiff_t first_step = static_cast<ptrdiff_t>(first_key / E::kStep);
  const ValueTile<E> values = {scratch.weights, args.values + first_step * call.value_stride, call.value_stride,
                               scratch.sums, call.sum_stride};
  if constexpr (kExact) {
    value_row_exact(values, call.channels, seen(0));
  } else {
    value_block(values, rows.count, call.channels, seen);
  }
}

// Writes sums / sum of weights. False if a number is not finite.
TIDEMERGE_INLINE bool write_row(const float* sums, float sum, size_t channels, float* out) {
  // The sum of weights is 0 only without any key; otherwise the maximum itself counts 1.
  const Vec inverse = broadcast(sum == 0.0f ? 0.0f : 1.0f / sum);
  Vec not_finite = zero();  // becomes NaN
  for (size_t c = 0; c < channels; c += kLanes) {
    const Vec value = mul(load_aligned(sums + c), inverse);
    not_finite = add(not_finite, sub(value, value));
    if (channels - c >= kLanes) {
      store(out + c, value);
    } else {
      store_first(out + c, value, static_cast<int>(channels - c));
    }
  }
  return !any(is_nan(not_finite));
}

// kExact is for one row: keys are left out one by one.
template <class E, bool kExact>
TIDEMERGE_NOINLINE void attend_block(const Call<E>& call, Rows rows) {
  const auto& args = call.args;
  const Scratch<E>& scratch = call.scratch;
  for (size_t i = 0; i < rows.count * call.sum_stride; i += kLanes) store_aligned(scratch.sums + i, zero());
  for (size_t r = 0; r < rows.count; ++r) scratch.states[r] = {-__builtin_inff(), 0.0f};

  ptrdiff_t q_stride = args.q_stride;
  const typename E::Query* q = E::queries(args, rows.first, rows.count, scratch.queries, q_stride);
  const Seen seen = {static_cast<ptrdiff_t>(args.num_keys),
                     static_cast<ptrdiff_t>(rows.first) + 1 + args.causal_offset};
  const size_t keys = seen(rows.count - 1);
  for (size_t key = 0; key < keys; key += kKeyBlock) attend_key_block<E, kExact>(call, q, q_stride, rows, key);

  bool finite[kQueryBlock];
  for (size_t r = 0; r < rows.count; ++r) {
    float* out = args.out + static_cast<ptrdiff_t>(rows.first + r) * args.out_stride;
    finite[r] = write_row(scratch.sums + r * call.sum_stride, scratch.states[r].sum, args.head_dim, out);
  }
  if constexpr (!kExact) {
    // The products above trust that a weight of 0 removes a key and a bias of -inf its score. Not true of NaN and
    // infinity: such rows, and they alone, are done again key by key.
    for (size_t r = 0; r < rows.count; ++r) {
      if (!finite[r]) attend_block<E, true>(call, {rows.first + r, 1});
    }
  }
}

}  // namespace
}  // namespace tidemerge
