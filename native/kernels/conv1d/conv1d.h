#pragma once

// Causal depthwise convolution of one series, the short filter in front of a selective scan (Gu and Dao, arXiv
// 2312.00752, section 3.4). For every channel c and step t:
//
//   out[t, c] = act(bias[c] + sum over k of weight[c, k] x[t - (width - 1) + k, c]),   act: none or silu
//
// where the width - 1 inputs before the first are those of `first`, oldest first.
//
// Order. Channels and steps are on their own: a result depends on its width inputs only. The sum begins with the bias
// and ascends in k. Error: width + 1 roundings of the sum (twice that on `baseline`), then that of silu (simd/math.h).
// Special values. A NaN or infinity reaches the `width` steps of its channel that see it.
// Alignment: any. `out` overlaps no input.

#include <cstddef>

namespace tidemerge {

constexpr size_t kConvChannels = 64;  // most channels of a call

struct ConvArgs {
  size_t length;
  size_t channels;  // 1 to kConvChannels
  size_t width;     // 1 or more
  const float* x;   // [length, channels], rows x_stride elements apart
  ptrdiff_t x_stride;
  const float* weight;  // [channels, width]
  const float* bias;    // [channels] or null: 0
  bool silu;
  const float* first;  // [channels, width - 1] or null: 0
  float* last;         // [channels, width - 1]: the last inputs; may be `first`
  float* out;          // [length, channels]
  ptrdiff_t out_stride;
  float* scratch;  // conv_scratch(width) floats, 64-byte aligned
};

// Weights and the inputs before the first, lanes over channels.
constexpr size_t conv_scratch(size_t width) { return 2 * kConvChannels * width; }

struct Conv1dKernels {
  void (*causal_conv_f32)(const ConvArgs& args);
};

}  // namespace tidemerge
