#pragma once

// How the products read float keys, values, queries and weights: one channel, or one key, per multiply-add.

#include "kernels/attention/attention.h"
#include "kernels/attention/tile.h"

namespace tidemerge {
namespace {

struct F32Element {
  using Args = AttentionArgs;
  using Stored = float;  // one lane of packed keys, one element of a value row
  using Query = float;   // one step of a query
  using Weight = float;  // weight of one key
  using Left = Vec;
  using Right = Vec;
  static constexpr size_t kStep = 1;  // channels (scores) or keys (values) per multiply-add; elements per lane

  TIDEMERGE_INLINE static Left query(const Query* p) { return broadcast(*p); }
  TIDEMERGE_INLINE static Left weight(const Weight* p) { return broadcast(*p); }
  TIDEMERGE_INLINE static Right right(const Stored* p) { return load(p); }
  TIDEMERGE_INLINE static Right right_first(const Stored* p, int n) { return load_first(p, n); }
  TIDEMERGE_INLINE static Vec multiply_add(Left a, Right b, Vec sum) { return fma(a, b, sum); }

  // Other element types take two keys per step, of which one may be left out; here a step is one key.
  TIDEMERGE_INLINE static Right keep(Right right, bool, bool) { return right; }

  TIDEMERGE_INLINE static Vec round_weights(Vec weights) { return weights; }
  // Returns the weights as the value product will use them.
  TIDEMERGE_INLINE static Vec store_weights(Weight* p, Vec weights) {
    store_aligned(p, weights);
    return weights;
  }
  // Rows of a model are often a power of two apart, which puts the same channel of all queries into a few sets of the
  // first cache level: a block of queries is copied together.
  TIDEMERGE_INLINE static const Query* queries(const Args& args, size_t first_row, size_t rows, Query* copy,
                                               ptrdiff_t& q_stride) {
    const float* q = args.q + static_cast<ptrdiff_t>(first_row) * args.q_stride;
    q_stride = args.q_stride;
    if (rows == 1) return q;
    const size_t stride = query_stride(args.head_dim);
    for (size_t r = 0; r < rows; ++r) {
      const float* row = q + static_cast<ptrdiff_t>(r) * args.q_stride;
      for (size_t d = 0; d < args.head_dim; d += kLanes) {
        const size_t left = args.head_dim - d;
        const Vec x = left < kLanes ? load_first(row + d, static_cast<int>(left)) : load(row + d);
        store_aligned(copy + r * stride + d, x);
      }
    }
    q_stride = static_cast<ptrdiff_t>(stride);
    return copy;
  }
  static size_t query_stride(size_t head_dim) { return round_up(head_dim, kLanes); }

  // Weights overwrite the scores they come from.
  template <class Cutter>
  static Weight* take_weights(Cutter&, float* scores, size_t) {
    return scores;
  }
  static ptrdiff_t value_stride(const Args& args) { return args.value_stride; }
  static size_t value_channels(size_t head_dim) { return head_dim; }
  TIDEMERGE_INLINE static bool excluded(const Weight* p) { return *p < 0.0f; }
};

}  // namespace
}  // namespace tidemerge
