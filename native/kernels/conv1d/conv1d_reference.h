#pragma once

#include <cmath>
#include <cstddef>

#include "kernels/conv1d/conv1d.h"

namespace tidemerge::reference {

// Input at `place`, counted from the oldest of the history, of a channel.
inline double conv_input(const ConvArgs& args, size_t place, size_t channel) {
  const size_t before = args.width - 1;
  if (place >= before)
    return args.x[static_cast<ptrdiff_t>(place - before) * args.x_stride + static_cast<ptrdiff_t>(channel)];
  return args.first != nullptr ? args.first[channel * before + place] : 0.0;
}

struct ConvResult {
  double value = 0;
  double error = 0;  // what conv1d.h allows
};

inline ConvResult causal_conv(const ConvArgs& args, size_t t, size_t channel, double u) {
  double sum = args.bias != nullptr ? args.bias[channel] : 0.0;
  double magnitude = std::fabs(sum);
  for (size_t k = 0; k < args.width; ++k) {
    const double product = args.weight[channel * args.width + k] * conv_input(args, t + k, channel);
    sum += product;
    magnitude += std::fabs(product);
  }
  double error = (static_cast<double>(args.width) + 1) * u * magnitude + 0x1p-140;
  if (!args.silu) return {sum, error};
  const double value = sum / (1 + std::exp(-sum));
  // The slope of silu is at most 1.1.
  error = 1.1 * error + (5 + 1.25 * (sum < 0 ? -sum : 0.0)) * 0x1p-23 * std::fabs(value) + 0x1p-118;
  return {value, error};
}

}  // namespace tidemerge::reference
