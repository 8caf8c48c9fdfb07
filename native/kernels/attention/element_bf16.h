#pragma once

// How the products read bf16 keys and values: pairs of channels, or of keys, per multiply-add. Two forms of the same
// arithmetic: vdpbf16ps, or two float multiply-adds of the same rounded numbers in the order of that instruction
// (second of the pair first).

#include "kernels/attention/attention.h"
#include "kernels/attention/tile.h"

namespace tidemerge {
namespace {

TIDEMERGE_INLINE Vec rounded_to_bf16(Vec x) { return cast_float(shift_left<16>(bf16_bits(x))); }

#if defined(__AVX512BF16__)

struct Bf16Product {
  static constexpr bool kHasDot = true;
  struct Query {
    uint16_t pair[2];
  };
  using Weight = uint16_t;
  using Left = IVec;
  using Right = IVec;

  TIDEMERGE_INLINE static Left broadcast_pair(const uint16_t* p) {
    int32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return broadcast_int(pair);
  }
  TIDEMERGE_INLINE static Left query(const Query* p) { return broadcast_pair(p->pair); }
  TIDEMERGE_INLINE static Left weight(const Weight* p) { return broadcast_pair(p); }
  TIDEMERGE_INLINE static Right right(const uint16_t* p) { return load_int(reinterpret_cast<const int32_t*>(p)); }
  TIDEMERGE_INLINE static Vec multiply_add(Left a, Right b, Vec sum) {
    return {_mm512_dpbf16_ps(sum.v, (__m512bh)a.v, (__m512bh)b.v)};
  }
  TIDEMERGE_INLINE static Right keep(Right right, bool first, bool second) {
    return bit_and(right, broadcast_int((first ? 0x0000ffff : 0) | (second ? static_cast<int32_t>(0xffff0000u) : 0)));
  }

  TIDEMERGE_INLINE static void store_query(Query* q, size_t channel, Vec x, int n) {
    store_first_bf16(q[channel / 2].pair, x, n);
  }
  // The conversion instruction rounds like bf16_from_f32 except for denormals, and weights are never denormal.
  TIDEMERGE_INLINE static Vec store_weights(Weight* p, Vec weights) {
    const __m256i rounded = (__m256i)_mm512_cvtneps_pbh(weights.v);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), rounded);
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(rounded), 16))};
  }
  TIDEMERGE_INLINE static bool excluded(const Weight* p) { return *p == 0xbf80; /* -1 */ }
  template <class Cutter>
  static Weight* take_weights(Cutter& cutter, float*, size_t rows) {
    return cutter.template take<Weight>(rows * kScoreStride);
  }
};

#else

struct Bf16Product {
  static constexpr bool kHasDot = false;
  struct Query {
    float pair[2];
  };
  using Weight = float;  // in place of the scores
  struct Left {
    Vec first, second;
  };
  using Right = Left;

  TIDEMERGE_INLINE static Left broadcast_pair(const float* p) { return {broadcast(p[0]), broadcast(p[1])}; }
  TIDEMERGE_INLINE static Left query(const Query* p) { return broadcast_pair(p->pair); }
  TIDEMERGE_INLINE static Left weight(const Weight* p) { return broadcast_pair(p); }
  TIDEMERGE_INLINE static Right right(const uint16_t* p) {
    const IVec pairs = load_int(reinterpret_cast<const int32_t*>(p));
    return {cast_float(shift_left<16>(pairs)),
            cast_float(bit_and(pairs, broadcast_int(static_cast<int32_t>(0xffff0000u))))};
  }
  TIDEMERGE_INLINE static Vec multiply_add(const Left& a, const Right& b, Vec sum) {
    return fma(a.first, b.first, fma(a.second, b.second, sum));
  }
  TIDEMERGE_INLINE static Right keep(const Right& right, bool first, bool second) {
    return {first ? right.first : zero(), second ? right.second : zero()};
  }

  TIDEMERGE_INLINE static void store_query(Query* q, size_t channel, Vec x, int n) {
    store_first(q[channel / 2].pair, rounded_to_bf16(x), n);
  }
  TIDEMERGE_INLINE static Vec store_weights(Weight* p, Vec weights) {
    const Vec rounded = rounded_to_bf16(weights);
    store_aligned(p, rounded);
    return rounded;
  }
  TIDEMERGE_INLINE static bool excluded(const Weight* p) { return *p < 0.0f; }
  template <class Cutter>
  static Weight* take_weights(Cutter&, float* scores, size_t) {
    return scores;
  }
};

#endif

struct Bf16Element : Bf16Product {
  using Args = AttentionBf16Args;
  using Stored = uint16_t;
  static constexpr size_t kStep = 2;

  // Packed rows of values are padded to whole vectors: there is no tail.
  TIDEMERGE_INLINE static Right right_first(const Stored* p, int) { return right(p); }
  TIDEMERGE_INLINE static Vec round_weights(Vec weights) { return rounded_to_bf16(weights); }
  static ptrdiff_t value_stride(const Args& args) {
    return static_cast<ptrdiff_t>(kStep * value_channels(args.head_dim));
  }
  static size_t value_channels(size_t head_dim) { return round_up(head_dim, kLanes); }

  // Rounds a block of queries into scratch; an odd last channel is paired with 0.
  TIDEMERGE_INLINE static const Query* queries(const Args& args, size_t first_row, size_t rows, Query* rounded,
                                               ptrdiff_t& q_stride) {
    const size_t stride = query_stride(args.head_dim);
    for (size_t r = 0; r < rows; ++r) {
      const float* q = args.q + static_cast<ptrdiff_t>(first_row + r) * args.q_stride;
      for (size_t channel = 0; channel < args.head_dim; channel += kLanes) {
        const int n = static_cast<int>(min_of(args.head_dim - channel, kLanes));
        store_query(rounded + r * stride, channel, load_first(q + channel, n), n + n % 2);
      }
    }
    q_stride = static_cast<ptrdiff_t>(stride);
    return rounded;
  }
  static size_t query_stride(size_t head_dim) { return ceil_div(head_dim, kStep); }
};

}  // namespace
}  // namespace tidemerge
