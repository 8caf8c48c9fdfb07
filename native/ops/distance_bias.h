#pragma once

// Relative position bias: one number per head and distance (key position - query position) that is added to the
// attention logits. distanceBias is f32 [heads, 2*D + 1]; distances beyond D count as D: T5's buckets saturate, so its
// bias is such a table exactly, with D = its max_distance.

#include "ops/operator.h"
#include "ops/position_runs.h"

namespace tidemerge {

struct DistanceBias {
  const float* table = nullptr;  // null: no bias
  int64_t reach = 0;             // D

  const float* head(size_t h) const { return table + h * static_cast<size_t>(2 * reach + 1); }

  // out[i] = bias of head h at distance first + i.
  void fill(size_t h, int64_t first, size_t count, float* out) const;
  // out[j] = bias of head h at distance positions[j] - from.
  void gather(size_t h, const int32_t* positions, size_t count, int64_t from, float* out) const;
  // The same for `count` rows in the runs [run, end); positions may be null where they are one run. Runs are copied,
  // unless they are so short that single keys are faster.
  void fill_row(size_t h, const PositionRuns::Run* run, const PositionRuns::Run* end, const int32_t* positions,
                size_t count, int64_t from, float* out) const;
};

// Input i, or no bias if it is absent.
DistanceBias distance_bias_input(const Call& call, size_t i, size_t heads);

}  // namespace tidemerge
