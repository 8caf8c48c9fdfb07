#pragma once

// Multiplies a block of packed rows by a range of panels.

#include "kernels/gemm/blocking.h"
#include "kernels/gemm/epilogue.h"
#include "kernels/gemm/micro.h"

namespace tidemerge {
namespace {

// A whole product, as given to GemmKernels::run.
struct Product {
  const float* a;
  ptrdiff_t a_stride;
  size_t m, n, k;
  const char* packed;
  size_t panel_begin, panel_end;
  float* c;
  ptrdiff_t c_stride;
  GemmEpilogue epilogue;
};

constexpr float kNoBias[kMaxPanelsAtOnce * kPanelWidth] = {};

// The columns of the panels taken at once, and their way through the epilogue.
struct Columns {
  size_t first;
  int count;    // of the tile
  int inside;   // of the matrix
  bool direct;  // the tile writes C itself
  const float* bias;
  float padded_bias[kMaxPanelsAtOnce * kPanelWidth];

  Columns(const Product& product, size_t panel, size_t panels) {
    const GemmEpilogue& epilogue = product.epilogue;
    first = panel * kPanelWidth;
    count = static_cast<int>(panels) * kPanelWidth;
    inside = static_cast<int>(at_most(product.n - first, static_cast<size_t>(count)));
    direct = inside == count && (epilogue.activation == Activation::kNone || epilogue.activation == Activation::kRelu);
    bias = epilogue.bias ? epilogue.bias + first : kNoBias;
    if (epilogue.bias == nullptr || inside == count) return;
    for (int j = 0; j < count; ++j) padded_bias[j] = j < inside ? bias[j] : 0.0f;
    bias = padded_bias;
  }
};

// One run over k of one panel (or of the panels taken at once).
struct PanelRun {
  const char* panel;
  const char* next;  // the weights needed after these, or null
  size_t panel_stride;
  size_t unit, units;
  size_t step_bytes;  // of the packed panel per step of the tile
  float* partial;     // of the first row
  bool resume, suspend;
  bool first;  // of the row block: its tiles are packed on the way
};

// Rows [first, first + rows) of C, packed in tiles of `tall` or `tall - 1` rows, tall ones first.
struct RowBlock {
  size_t first, rows;
  size_t tiles, tall_tiles;
  int tall;
  size_t chunks;  // per row
  float* packed;

  RowBlock(size_t first_row, size_t row_count, size_t units, float* scratch)
      : first(first_row), rows(row_count), chunks(ceil_div(units, kChunk)), packed(scratch) {
    // Equal tiles: a low last tile would leave multipliers idle.
    tiles = ceil_div(rows, kTileRows);
    tall = static_cast<int>(ceil_div(rows, tiles));
    tall_tiles = rows - tiles * (tall - 1);
  }
  int tile_rows(size_t tile) const { return tile < tall_tiles ? tall : tall - 1; }
  float* tile(size_t row) const { return packed + row * chunks * kChunk; }
};

// What a tile of `steps` steps fetches for later: its share of the weights that follow, or, while the tiles are being
// packed, the rows of the next tile (rows far apart are left to the hardware).
struct Prefetch {
  const char* from;
  size_t step;

  static Prefetch weights(const PanelRun& run, const RowBlock& block, size_t tile, size_t steps) {
    if (run.next == nullptr) return {run.panel, 0};
    const size_t step = run.step_bytes / block.tiles;
    return {run.next + tile * step * steps, step};
  }
  static Prefetch rows(const Product& product, const PanelRun& run, const float* next_row, int rows, size_t steps) {
    const bool dense = product.a_stride >= 0 && static_cast<size_t>(product.a_stride) <= product.k + product.k / 8;
    if (!dense || steps == 0) return {run.panel, 0};
    return {reinterpret_cast<const char*>(next_row), rows * product.k * sizeof(float) / steps};
  }
};

#if defined(__SANITIZE_ADDRESS__)
TIDEMERGE_INLINE void touch(const void* first, size_t bytes) {
  if (bytes == 0) return;
  const volatile char* p = static_cast<const char*>(first);
  static_cast<void>(p[0] | p[bytes - 1]);
}
void touch_tile(const TileInput& in, const TileOutput& out, int rows, const Columns& columns, size_t panel_bytes) {
  touch(in.rows, rows * in.units * sizeof(float));
  for (int p = 0; p < columns.count / kPanelWidth; ++p) touch(in.panel + p * in.panel_stride, panel_bytes);
  touch(out.bias, columns.count * sizeof(float));
  for (int r = 0; r < rows; ++r) {
    touch(out.c + r * out.c_stride, columns.count * sizeof(float));
    if (out.residual) touch(out.residual + r * out.residual_stride, columns.count * sizeof(float));
  }
}
#endif

template <WeightType kType, class Weights>
void multiply_tiles(const Product& product, const RowBlock& block, const Columns& columns, const PanelRun& run,
                    bool several_panels) {
  const GemmEpilogue& epilogue = product.epilogue;
  const TileFunction tall = tile_function<Weights>(block.tall, several_panels);
  const TileFunction low = tile_function<Weights>(block.tall - 1, several_panels);
  const size_t steps = run.units / Weights::kUnits * Weights::kSteps;
  alignas(64) float buffer[kMaxTileFloats];

  size_t row = 0;
  for (size_t t = 0; t < block.tiles; ++t) {
    const int rows = block.tile_rows(t);
    const ptrdiff_t i = static_cast<ptrdiff_t>(block.first + row);
    float* c = product.c + i * product.c_stride + columns.first;
    const float* residual =
        epilogue.residual ? epilogue.residual + i * epilogue.residual_stride + columns.first : nullptr;
    Prefetch prefetch = Prefetch::weights(run, block, t, steps);
    if (run.first) {
      // Packed just before its first use, a tile is still in L1 then.
      const float* a = product.a + i * product.a_stride;
      pack_tile<kType>(a, product.a_stride, rows, product.k, block.tile(row));
      if (t + 1 < block.tiles) prefetch = Prefetch::rows(product, run, a + rows * product.a_stride, rows, steps);
    }
    TileInput in = {
        block.tile(row) + run.unit * rows, run.panel, run.panel_stride, run.units, prefetch.from, prefetch.step};
    TileOutput out = {};
    out.partial = run.partial ? run.partial + row * columns.count : nullptr;
    out.resume = run.resume;
    out.suspend = run.suspend;
    out.c = columns.direct ? c : buffer;
    out.c_stride = columns.direct ? product.c_stride : columns.count;
    out.bias = columns.bias;
    out.floor = epilogue.activation == Activation::kRelu ? 0.0f : -__builtin_inff();
    out.residual = columns.direct ? residual : nullptr;
    out.residual_stride = epilogue.residual_stride;
#if defined(__SANITIZE_ADDRESS__)
    touch_tile(in, out, rows, columns, ceil_div(run.units * Weights::kSteps, Weights::kUnits) * kStepBytes);
#endif
    (t < block.tall_tiles ? tall : low)(in, out);
    if (!columns.direct && !run.suspend) {
      finish_tile({buffer, columns.count, rows, columns.inside}, epilogue.activation, c, product.c_stride, residual,
                  epilogue.residual_stride);
    }
    row += rows;
  }
}

template <WeightType kType>
void multiply_panels(const Product& product, const RowBlock& block, size_t panel, size_t panels, const PanelRun& run,
                     float* widened) {
  const Columns columns(product, panel, panels);
  if constexpr (kType == WeightType::kF32) {
    multiply_tiles<kType, WeightsF32>(product, block, columns, run, panels > 1);
  } else if (widened == nullptr || block.tiles < kWidenTiles) {
    multiply_tiles<kType, WeightsBf16>(product, block, columns, run, panels > 1);
  } else {
    widen_panel(run.panel, run.units, widened);
    PanelRun wide = run;
    wide.panel = reinterpret_cast<const char*>(widened);
    wide.step_bytes /= 2;
    multiply_tiles<kType, WeightsF32>(product, block, columns, wide, false);
  }
}

template <WeightType kType>
void multiply_rows(const Product& product, const RowBlock& block, const Blocking& cut, float* partial, float* widened) {
  const size_t units = row_units<kType>(product.k);
  const size_t units_per_step = kType == WeightType::kBf16 && !kBf16Pairs ? 2 : 1;
  const size_t panel_bytes = ceil_div(units, units_per_step) * kStepBytes;
  const size_t at_once = panels_at_once(block.tall);
  const bool several_runs = cut.units < units;
  const size_t group_panels = several_runs ? kGroupPanels : at_once;
  const auto address = [&](size_t panel, size_t unit) {
    return product.packed + panel * panel_bytes + unit / units_per_step * kStepBytes;
  };

  for (size_t group = product.panel_begin; group < product.panel_end; group += group_panels) {
    const size_t group_end = at_most(group + group_panels, product.panel_end);
    size_t unit = 0;
    do {  // also once for k = 0
      const size_t unit_end = at_most(unit + cut.units, units);
      for (size_t panel = group, panels; panel < group_end; panel += panels) {
        panels = group_end - panel >= at_once ? at_once : 1;
        PanelRun run = {};
        run.panel = address(panel, unit);
        run.panel_stride = panel_bytes;
        run.unit = unit;
        run.units = unit_end - unit;
        run.step_bytes = kStepBytes;
        if (several_runs) run.partial = partial + (panel - group) * kPanelWidth * block.rows;
        run.resume = unit > 0;
        run.suspend = unit_end < units;
        run.first = unit == 0 && panel == product.panel_begin;
        // Few rows leave the memory as the only limit: the hardware streams best undisturbed.
        if (at_once == 1) {
          run.next = panel + 1 < group_end           ? address(panel + 1, unit)
                     : unit_end < units              ? address(group, unit_end)
                     : group_end < product.panel_end ? address(group_end, 0)
                                                     : nullptr;
        }
        multiply_panels<kType>(product, block, panel, panels, run, widened);
      }
      unit = unit_end;
    } while (unit < units);
  }
}

}  // namespace
}  // namespace tidemerge
