#pragma once

// The inner loop: one register tile, all sums in registers. `Weights` (weights_f32.h, weights_bf16.h)
// says what a step of a panel means.

#include "kernels/gemm/tile.h"

namespace tidemerge {
namespace {

template <int kRows, int kVecs>
TIDEMERGE_INLINE void start_sums(Vec (&sum)[kRows][kVecs], const TileOutput& out) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) sum[r][v] = zero();
  }
  if (!out.resume) return;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVecs; ++v) sum[r][v] = load(out.partial + (r * kVecs + v) * kLanes);
  }
}

template <int kRows, int kVecs>
TIDEMERGE_INLINE void end_sums(const Vec (&sum)[kRows][kVecs], const TileOutput& out) {
  if (out.suspend) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < kVecs; ++v) store(out.partial + (r * kVecs + v) * kLanes, sum[r][v]);
    }
    return;
  }
  const Vec floor = broadcast(out.floor);
#pragma GCC unroll 16
  for (int v = 0; v < kVecs; ++v) {
    const Vec bias = load(out.bias + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      // max gives its second operand when that is NaN: relu(NaN) is NaN.
      Vec value = max(floor, add(sum[r][v], bias));
      if (out.residual) value = add(value, load(out.residual + r * out.residual_stride + v * kLanes));
      store(out.c + r * out.c_stride + v * kLanes, value);
    }
  }
}

template <class Weights, int kRows, int kPanels>
TIDEMERGE_UNCHECKED_TILE void multiply_tile(const TileInput& in, const TileOutput& out) {
  Vec sum[kRows][kPanels * kPanelVecs];
  start_sums(sum, out);

  const float* rows = in.rows;
  const char* panel = in.panel;
  // One line at a time between the multiplications: a burst of prefetches would hold up the loads behind it.
  const char* ahead = in.prefetch;
  // Rows of C too: the stores at the end then find their lines instead of waiting for them.
  const float* c_row = out.c;
  int c_rows = kRows;
  for (size_t chunk = in.units / kChunk; chunk != 0; --chunk) {
#pragma GCC unroll 4
    for (int unit = 0; unit < kChunk; unit += Weights::kUnits) {
      Weights::run(sum, rows + unit, panel, in.panel_stride);
      panel += Weights::kSteps * kStepBytes;
      __builtin_prefetch(ahead, 0, 2);
      ahead += Weights::kSteps * in.prefetch_step;
    }
    rows += kRows * kChunk;
    if (c_rows != 0) {
      for (size_t byte = 0; byte < kStepBytes; byte += 64) {
        __builtin_prefetch(reinterpret_cast<const char*>(c_row) + byte, 1);
      }
      c_row += out.c_stride;
      --c_rows;
    }
  }
  size_t rest = in.units % kChunk;
  for (; rest >= size_t{Weights::kUnits}; rest -= Weights::kUnits) {
    Weights::run(sum, rows, panel, in.panel_stride);
    rows += Weights::kUnits;
    panel += Weights::kSteps * kStepBytes;
  }
  Weights::run_rest(sum, rows, panel, in.panel_stride, static_cast<int>(rest));
  end_sums(sum, out);
}

// The tile for `rows` rows, over several panels at once or one.
template <class Weights, int kRows = kTileRows>
TileFunction tile_function(int rows, bool several_panels) {
  if constexpr (kRows == 0) {
    return nullptr;
  } else {
    if (rows != kRows) return tile_function<Weights, kRows - 1>(rows, several_panels);
    return several_panels ? &multiply_tile<Weights, kRows, panels_at_once(kRows)> : &multiply_tile<Weights, kRows, 1>;
  }
}

}  // namespace
}  // namespace tidemerge
