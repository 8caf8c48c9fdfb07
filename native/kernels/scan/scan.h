#pragma once

// Selective scan of a state-space model with a diagonal, real A (Gu and Dao, "Mamba", arXiv 2312.00752, algorithm 2).
// For every channel c and state n of one series, over steps t:
//
//   dt = softplus(delta[t, c] + delta_bias[c])            without softplus: the sum itself
//   h[c, n] = exp(dt A[c, n]) h[c, n] + dt u[t, c] B[t, n]
//   out[t, c] = (sum over n of C[t, n] h[c, n] + D[c] u[t, c]) silu(z[t, c])
//
// One pass over memory: the states of a block of channels stay in the scratch while time goes on, and inputs are
// gathered there tile by tile: rows far apart are fetched at once, in whichever layout, and not each when it is needed.
// Within a tile decays are taken before the recurrence, some states at a time. Nothing of the size length * channels *
// states is ever stored.
//
// Order. Every channel is on its own: its result does not depend on the other channels, nor on how channels are split
// between calls. The sum over n ascends; every kScanSteps steps, and at the end, states below 2^-126 become 0, because
// arithmetic on denormals is slow and a decaying state would stay denormal for ever.
// Error, u = 2^-24, doubled on `baseline`: dt has the bound of softplus (simd/math.h), the decay that of exp2_flushing
// at dt (A log2 e), where log2 e and both products are rounded; h is rounded 4 times a step, the sum over n n + 2
// times, D and the gate 3 times.
// Special values. A NaN or infinity stays within its channel and series; one in B or C reaches all channels. A decay
// below 2^-126 may be 0, above 2^127 infinite.
// Alignment: any. `out` may be u or z or delta exactly (same stride), or overlaps nothing.

#include <cstddef>

namespace tidemerge {

constexpr size_t kScanChannels = 64;  // most channels of a call
constexpr size_t kScanSteps = 32;

struct ScanArgs {
  size_t length;
  size_t channels;  // 1 to kScanChannels
  size_t states;
  // u, delta, z and out: [length, channels], rows `stride` elements apart; or, with channels_first, [channels, length],
  // channels `stride` apart.
  bool channels_first;
  const float* u;
  ptrdiff_t u_stride;
  const float* delta;
  ptrdiff_t delta_stride;
  const float* z;  // or null: no gate
  ptrdiff_t z_stride;
  // [length, states] of the group these channels are in, rows `stride` apart; or, with *_is_constant, [channels,
  // states] for all time.
  const float* b;
  ptrdiff_t b_stride;
  const float* c;
  ptrdiff_t c_stride;
  bool b_is_constant;
  bool c_is_constant;
  const float* a;           // [channels, states]
  const float* d;           // [channels] or null: 0
  const float* delta_bias;  // [channels] or null: 0
  bool softplus;
  const float* first;  // [channels, states]: h before the first step; null: 0
  float* last;         // [channels, states]: h after the last step; may be `first`
  float* out;
  ptrdiff_t out_stride;
  float* scratch;  // scan_scratch(states) floats, 64-byte aligned
};

// A, h and, where they are constant, B and C, lanes over channels; and a tile of u, delta and z.
constexpr size_t scan_scratch(size_t states) { return 4 * kScanChannels * states + 3 * kScanSteps * kScanChannels; }

struct ScanKernels {
  void (*selective_scan_f32)(const ScanArgs& args);
};

}  // namespace tidemerge
