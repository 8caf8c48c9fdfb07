#pragma once

// Recurrence of one head of a Mamba-2 layer (Dao and Gu, arXiv 2405.21060): a selective scan (kernels/scan/scan.h)
// whose step size and decay are those of the whole head. For channel c of the head, state n and step t:
//
//   dt = clamp(softplus(dt[t] + dt_bias), dt_min, dt_max)     without softplus: the sum itself, clamped
//   h[c, n] = exp(dt a) h[c, n] + dt x[t, c] B[t, n]
//   out[t, c] = (sum over n of C[t, n] h[c, n] + D[c] x[t, c]) silu(z[t, c])
//
// One exponential a step, and one pass over memory. Every operation on a channel, its order and its rounding are those
// of the scan with that dt and a given to every channel and state: without a clamp results are the same bits. So are
// error bounds, special values (one in dt reaches the whole head) and the flushing of states below 2^-126.
// Alignment: any. `out` may be x or z exactly (same stride), or overlaps nothing.

#include <cstddef>

namespace tidemerge {

constexpr size_t kSsdChannels = 64;  // most channels of a call
constexpr size_t kSsdSteps = 32;

struct SsdArgs {
  size_t length;
  size_t channels;  // 1 to kSsdChannels, all of one head
  size_t states;
  // [length, channels], rows `stride` elements apart.
  const float* x;
  ptrdiff_t x_stride;
  const float* z;  // or null: no gate
  ptrdiff_t z_stride;
  const float* dt;  // [length], `stride` apart
  ptrdiff_t dt_stride;
  // [length, states] of the head's group, rows `stride` apart.
  const float* b;
  ptrdiff_t b_stride;
  const float* c;
  ptrdiff_t c_stride;
  float a;
  float dt_bias;
  float dt_min, dt_max;
  bool softplus;
  const float* d;  // [channels], one number when d_is_shared, or null: 0
  bool d_is_shared;
  const float* first;  // [channels, states]: h before the first step; null: 0
  float* last;         // [channels, states]: h after the last step; may be `first`
  float* out;          // [length, channels]
  ptrdiff_t out_stride;
  float* scratch;  // ssd_scratch(states) floats, 64-byte aligned
};

// h, lanes over channels, and dt and the decay of a tile of steps.
constexpr size_t ssd_scratch(size_t states) { return kSsdChannels * states + 2 * kSsdSteps; }

struct SsdKernels {
  void (*ssd_f32)(const SsdArgs& args);
};

}  // namespace tidemerge
