#pragma once

// Panels of bf16 weights: a step is two neighbouring k, the even one in the low half of each 32-bit unit.

#include "kernels/gemm/weights_f32.h"

namespace tidemerge {
namespace {

// Widening is exact: the bits move up, the rest are zero.
TIDEMERGE_INLINE Vec even_of_pairs(const char* pairs) {
  return cast_float(shift_left<16>(load_int(reinterpret_cast<const int32_t*>(pairs))));
}
TIDEMERGE_INLINE Vec odd_of_pairs(const char* pairs) {
  return cast_float(bit_and(load_int(reinterpret_cast<const int32_t*>(pairs)), broadcast_int(-65536)));
}

struct StepEven {
  const char* panel;
  size_t panel_stride;
  TIDEMERGE_INLINE Vec vector(int v) const { return even_of_pairs(vector_of_step(panel, panel_stride, v)); }
  TIDEMERGE_INLINE static Vec multiply_add(Vec x, Vec w, Vec sum) { return fma(x, w, sum); }
};
struct StepOdd {
  const char* panel;
  size_t panel_stride;
  TIDEMERGE_INLINE Vec vector(int v) const { return odd_of_pairs(vector_of_step(panel, panel_stride, v)); }
  TIDEMERGE_INLINE static Vec multiply_add(Vec x, Vec w, Vec sum) { return fma(x, w, sum); }
};

// f32 rows times widened weights: the arithmetic of WeightsF32, k by k.
struct WeightsBf16Widened {
  static constexpr int kUnits = 2;
  static constexpr int kSteps = 1;

  template <int kRows, int kVecs>
  static TIDEMERGE_INLINE void run(Vec (&sum)[kRows][kVecs], const float* rows, const char* panel,
                                   size_t panel_stride) {
    add_products(sum, rows, StepEven{panel, panel_stride});
    add_products(sum, rows + 1, StepOdd{panel, panel_stride});
  }

  template <int kRows, int kVecs>
  static TIDEMERGE_INLINE void run_rest(Vec (&sum)[kRows][kVecs], const float* rows, const char* panel,
                                        size_t panel_stride, int rest) {
    if (rest != 0) add_products(sum, rows, StepEven{panel, panel_stride});
  }
};

// Widens `count` k of a panel, so that many tiles share the work.
TIDEMERGE_INLINE void widen_panel(const char* panel, size_t count, float* out) {
  for (; count >= 2; count -= 2, panel += kStepBytes, out += 2 * kPanelWidth) {
#pragma GCC unroll 16
    for (int v = 0; v < kPanelVecs; ++v) {
      store_aligned(out + v * kLanes, even_of_pairs(panel + v * kLanes * 4));
      store_aligned(out + kPanelWidth + v * kLanes, odd_of_pairs(panel + v * kLanes * 4));
    }
  }
  if (count == 0) return;
  for (int v = 0; v < kPanelVecs; ++v) store_aligned(out + v * kLanes, even_of_pairs(panel + v * kLanes * 4));
}

#if defined(__AVX512BF16__)

constexpr bool kBf16Pairs = true;

// Rows and weights both in pairs: one vdpbf16ps adds two products to every sum.
struct StepPairs {
  const char* panel;
  size_t panel_stride;
  TIDEMERGE_INLINE Vec vector(int v) const { return StepF32{panel, panel_stride}.vector(v); }
  TIDEMERGE_INLINE static Vec multiply_add(Vec x, Vec w, Vec sum) {
    return {_mm512_dpbf16_ps(sum.v, (__m512bh)x.v, (__m512bh)w.v)};
  }
};

struct WeightsBf16 {
  static constexpr int kUnits = 1;
  static constexpr int kSteps = 1;

  template <int kRows, int kVecs>
  static TIDEMERGE_INLINE void run(Vec (&sum)[kRows][kVecs], const float* rows, const char* panel,
                                   size_t panel_stride) {
    add_products(sum, rows, StepPairs{panel, panel_stride});
  }

  template <int kRows, int kVecs>
  static TIDEMERGE_INLINE void run_rest(Vec (&)[kRows][kVecs], const float*, const char*, size_t, int) {}
};

#else

constexpr bool kBf16Pairs = false;
using WeightsBf16 = WeightsBf16Widened;

#endif

}  // namespace
}  // namespace tidemerge
