#include "kernels/window_attention/window_attention.h"

#include "simd/math.h"
#include "simd/row.h"

namespace tidemerge {
namespace {

static_assert(kLanes <= static_cast<int>(kWindowSlack) + 1, "a register may be read from any element on");

// Scores of vecs registers of keys from `first` on.
template <int vecs>
TIDEMERGE_INLINE void score(const WindowAttentionArgs& a, size_t first, float* scores) {
  Vec sums[vecs];
#pragma GCC unroll 8
  for (int v = 0; v < vecs; ++v) sums[v] = zero();
  const float* keys = a.keys + first;
  for (size_t c = 0; c < a.head_dim; ++c, keys += a.key_stride) {
    const Vec q = broadcast(a.q[c]);
#pragma GCC unroll 8
    for (int v = 0; v < vecs; ++v) sums[v] = fma(q, load(keys + v * kLanes), sums[v]);
  }
  const Vec scale = broadcast(a.scale);
#pragma GCC unroll 8
  for (int v = 0; v < vecs; ++v) store(scores + first + v * kLanes, mul(scale, sums[v]));
}

void score_all(const WindowAttentionArgs& a, float* scores) {
  size_t j = 0;
  for (; j + 8 * kLanes <= a.count; j += 8 * kLanes) score<8>(a, j, scores);
  for (; j + 2 * kLanes <= a.count; j += 2 * kLanes) score<2>(a, j, scores);
  for (; j < a.count; j += kLanes) score<1>(a, j, scores);
}

// Scores to weights; gives their sum.
float weigh(float* x, size_t n, float largest) {
  const Vec m = broadcast(largest);
  FourSums sums;
  for_each_block(x, n, [&](int part, Vec v, size_t i, int count) TIDEMERGE_INLINE_LAMBDA {
    Vec e = exp_nonpositive(sub(v, m));
    if (count < kLanes) e = select(first_lanes(count), e, zero());
    store(x + i, e);
    sums.part[part] = add(sums.part[part], e);
  });
  return sums.total();
}

// Channels from `first` on, vecs registers of them. Steps are summed in `parts` shares, so that there are eight
// independent sums.
template <int vecs, int parts>
TIDEMERGE_INLINE void mix(const WindowAttentionArgs& a, size_t first, const float* weights, Vec factor) {
  Vec sums[parts][vecs];
#pragma GCC unroll 8
  for (int p = 0; p < parts; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) sums[p][v] = zero();
  }
  const float* values = a.values + first;
  size_t j = 0;
  for (; j + parts <= a.count; j += parts, values += parts * a.value_stride) {
#pragma GCC unroll 8
    for (int p = 0; p < parts; ++p) {
      const Vec weight = broadcast(weights[j + static_cast<size_t>(p)]);
      const float* row = values + static_cast<size_t>(p) * a.value_stride;
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) sums[p][v] = fma(weight, load(row + v * kLanes), sums[p][v]);
    }
  }
  for (; j < a.count; ++j, values += a.value_stride) {
    const Vec weight = broadcast(weights[j]);
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) sums[0][v] = fma(weight, load(values + v * kLanes), sums[0][v]);
  }
#pragma GCC unroll 4
  for (int half = parts / 2; half > 0; half /= 2) {
#pragma GCC unroll 4
    for (int p = 0; p < half; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) sums[p][v] = add(sums[p][v], sums[p + half][v]);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < vecs; ++v) {
    const size_t channel = first + static_cast<size_t>(v) * kLanes;
    store_first(a.out + channel, mul(sums[0][v], factor), static_cast<int>(a.head_dim - channel));
  }
}

void mix_all(const WindowAttentionArgs& a, const float* weights, float total) {
  const Vec factor = broadcast(1.0f / total);
  for (size_t c = 0; c < a.head_dim;) {
    const size_t vecs = (a.head_dim - c + kLanes - 1) / kLanes;
    if (vecs >= 4) {
      mix<4, 2>(a, c, weights, factor);
      c += 4 * kLanes;
    } else if (vecs >= 2) {
      mix<2, 4>(a, c, weights, factor);
      c += 2 * kLanes;
    } else {
      mix<1, 8>(a, c, weights, factor);
      c += kLanes;
    }
  }
}

void fill(const WindowAttentionArgs& a, float value) {
  for (size_t c = 0; c < a.head_dim; ++c) a.out[c] = value;
}

void attend(const WindowAttentionArgs& a, float* scratch) {
  if (a.count == 0) return fill(a, 0.0f);
  score_all(a, scratch);
  const float largest = row_max(scratch, a.count);
  if (!(largest - largest == 0.0f)) return fill(a, __builtin_nanf(""));
  mix_all(a, scratch, weigh(scratch, a.count, largest));
}

}  // namespace

namespace TIDEMERGE_SET {
extern const WindowAttentionKernels window_attention_kernels;
const WindowAttentionKernels window_attention_kernels = {.attend = attend};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
