#pragma once

// Panels of f32 weights: a step is one k.

#include "kernels/gemm/tile.h"

namespace tidemerge {
namespace {

// Vector v of a step of the panels taken at once.
TIDEMERGE_INLINE const char* vector_of_step(const char* panel, size_t panel_stride, int v) {
  return panel + (v / kPanelVecs) * panel_stride + (v % kPanelVecs) * (kLanes * 4);
}

// The vectors of one step, as f32 weights.
struct StepF32 {
  const char* panel;
  size_t panel_stride;
  TIDEMERGE_INLINE Vec vector(int v) const {
    return load(reinterpret_cast<const float*>(vector_of_step(panel, panel_stride, v)));
  }
  TIDEMERGE_INLINE static Vec multiply_add(Vec x, Vec w, Vec sum) { return fma(x, w, sum); }
};

// sum[r][v] += rows[r] * w[v] in the arithmetic of `Step`. The shorter operand is kept in registers, the other passes
// by.
template <int kRows, int kVecs, class Step>
TIDEMERGE_INLINE void add_products(Vec (&sum)[kRows][kVecs], const float* rows, Step step) {
  if constexpr (kRows < kVecs) {
    Vec x[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) x[r] = broadcast(rows[r * kChunk]);
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) {
      const Vec w = step.vector(v);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) sum[r][v] = Step::multiply_add(x[r], w, sum[r][v]);
    }
  } else {
    Vec w[kVecs];
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) w[v] = step.vector(v);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vec x = broadcast(rows[r * kChunk]);
#pragma GCC unroll 16
      for (int v = 0; v < kVecs; ++v) sum[r][v] = Step::multiply_add(x, w[v], sum[r][v]);
    }
  }
}

#if !defined(__aarch64__)

struct WeightsF32 {
  static constexpr int kUnits = 1;  // units of the rows used by one run
  static constexpr int kSteps = 1;  // steps of the panel used by one run

  template <int kRows, int kVecs>
  static TIDEMERGE_INLINE void run(Vec (&sum)[kRows][kVecs], const float* rows, const char* panel,
                                   size_t panel_stride) {
    add_products(sum, rows, StepF32{panel, panel_stride});
  }

  // For fewer than kUnits units at the end.
  template <int kRows, int kVecs>
  static TIDEMERGE_INLINE void run_rest(Vec (&)[kRows][kVecs], const float*, const char*, size_t, int) {}
};

#else

// NEON multiplies by a lane: one load brings four k of a row, where broadcasts would need four.
struct WeightsF32 {
  static constexpr int kUnits = 4;
  static constexpr int kSteps = 4;

  template <int kLane, int kRows, int kVecs>
  static TIDEMERGE_INLINE void run_lane(Vec (&sum)[kRows][kVecs], const Vec (&x)[kRows], const char* panel,
                                        size_t panel_stride) {
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) {
      const Vec w = StepF32{panel + kLane * kStepBytes, panel_stride}.vector(v);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) sum[r][v].v = vfmaq_laneq_f32(sum[r][v].v, w.v, x[r].v, kLane);
    }
  }

  template <int kRows, int kVecs>
  static TIDEMERGE_INLINE void run(Vec (&sum)[kRows][kVecs], const float* rows, const char* panel,
                                   size_t panel_stride) {
    Vec x[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) x[r] = load(rows + r * kChunk);
    run_lane<0>(sum, x, panel, panel_stride);
    run_lane<1>(sum, x, panel, panel_stride);
    run_lane<2>(sum, x, panel, panel_stride);
    run_lane<3>(sum, x, panel, panel_stride);
  }

  template <int kRows, int kVecs>
  static TIDEMERGE_INLINE void run_rest(Vec (&sum)[kRows][kVecs], const float* rows, const char* panel,
                                        size_t panel_stride, int rest) {
    for (; rest > 0; --rest, ++rows, panel += kStepBytes) {
      add_products(sum, rows, StepF32{panel, panel_stride});
    }
  }
};

#endif

}  // namespace
}  // namespace tidemerge
