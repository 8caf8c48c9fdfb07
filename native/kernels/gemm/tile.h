#pragma once

// Shapes of the register tile, and what computing one tile reads and writes.
//
// Packed weights are panels of kPanelWidth columns; a panel is a sequence of steps, each holding one
// 32-bit unit per column: one f32 weight, or the bf16 weights of two neighbouring k (even k in the low half).
// Packed rows are tiles of 1 to kTileRows rows in chunks of kChunk units: [chunk][row][kChunk]. Inside a
// chunk the rows lie at fixed distances, so a step addresses all of them from one pointer, and rows whose
// stride is a power of two no longer compete for the same cache sets.

#include "simd/vec.h"

// A tile is unrolled into thousands of instructions; instrumenting each access makes that minutes of compile time. In
// sanitizer builds multiply.h touches what a tile will touch instead.
#define TIDEMERGE_UNCHECKED_TILE __attribute__((no_sanitize("address")))

namespace tidemerge {
namespace {

// kTileRows * kPanelVecs accumulators leave registers for the panel vectors and one broadcast. The taller
// the tile, the fewer bytes of the panel are read per multiplication.
#if defined(__AVX512F__)
constexpr int kTileRows = 14;
#elif defined(__AVX2__)
constexpr int kTileRows = 6;
#elif defined(__aarch64__)
constexpr int kTileRows = 8;
#else
constexpr int kTileRows = 4;
#endif
constexpr int kPanelVecs = 2;
constexpr int kPanelWidth = kPanelVecs * kLanes;
constexpr int kChunk = 16;
constexpr size_t kStepBytes = size_t{kPanelWidth} * 4;

// One panel has too few independent sums for one or two rows, and too few loads in flight: such a tile
// takes several panels at once, as many as the registers hold.
constexpr int panels_at_once(int rows) {
#if defined(__AVX512F__)
  return rows <= 2 ? 4 : rows <= 6 ? 2 : 1;
#elif defined(__aarch64__)
  return rows == 1 ? 4 : rows <= 4 ? 2 : 1;
#else
  return rows == 1 ? 4 : rows == 2 ? 2 : 1;
#endif
}
constexpr int kMaxPanelsAtOnce = 4;

constexpr int max_tile_floats() {
  int most = 0;
  for (int rows = 1; rows <= kTileRows; ++rows) {
    const int floats = rows * panels_at_once(rows) * kPanelWidth;
    most = floats > most ? floats : most;
  }
  return most;
}
constexpr int kMaxTileFloats = max_tile_floats();

struct TileInput {
  const float* rows;     // packed rows, or pairs of bf16 in place of each float
  const char* panel;     // first step
  size_t panel_stride;   // bytes to the next of the panels taken at once
  size_t units;          // per row
  const char* prefetch;  // the weights needed after these,
  size_t prefetch_step;  // fetched at this many bytes per step
};

// A tile may be summed in several runs over k: the sums then wait in `partial`.
struct TileOutput {
  float* partial;  // [row][column of the tile] or null
  bool resume;     // start from partial instead of zero
  bool suspend;    // end in partial; nothing below is used
  // C = max(floor, sum + bias) + residual: the part of the epilogue that is free in registers.
  float* c;
  ptrdiff_t c_stride;
  const float* bias;      // for all columns of the tile, never null
  float floor;            // 0 for relu, otherwise -inf
  const float* residual;  // or null
  ptrdiff_t residual_stride;
};

using TileFunction = void (*)(const TileInput&, const TileOutput&);

}  // namespace
}  // namespace tidemerge
