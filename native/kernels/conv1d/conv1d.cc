#include "kernels/conv1d/conv1d.h"

#include "simd/math.h"

namespace tidemerge {
namespace {

// Steps of one register of channels before the next: a cache line of a row holds several registers.
constexpr size_t kSteps = 64;

// One register of channels.
struct Lanes {
  size_t channel;
  int count;             // channels there are, perhaps more than lanes
  const float* weight;   // [width][kLanes]
  const float* history;  // [width - 1][kLanes]
};

TIDEMERGE_INLINE Vec read(const Lanes& lanes, const float* p) {
  return lanes.count < kLanes ? load_first(p + lanes.channel, lanes.count) : load(p + lanes.channel);
}

// The input that tap k of step t sees.
TIDEMERGE_INLINE Vec input(const ConvArgs& args, const Lanes& lanes, size_t t, size_t k) {
  const size_t place = t + k;  // counted from the oldest input of the history
  const size_t before = args.width - 1;
  if (place < before) return load_aligned(lanes.history + place * kLanes);
  return read(lanes, args.x + static_cast<ptrdiff_t>(place - before) * args.x_stride);
}

TIDEMERGE_INLINE void finish(const ConvArgs& args, const Lanes& lanes, size_t t, Vec sum) {
  if (args.silu) sum = silu(sum);
  float* const to = args.out + static_cast<ptrdiff_t>(t) * args.out_stride + lanes.channel;
  if (lanes.count < kLanes) {
    store_first(to, sum, lanes.count);
  } else {
    store(to, sum);
  }
}

// Steps [begin, end). With kWidth, weights and inputs are in registers, and every input is read once.
template <size_t kWidth>
void convolve(const ConvArgs& args, const Lanes& lanes, size_t begin, size_t end) {
  const Vec bias = args.bias != nullptr ? read(lanes, args.bias) : zero();
  if constexpr (kWidth == 0) {
    for (size_t t = begin; t < end; ++t) {
      Vec sum = bias;
      for (size_t k = 0; k < args.width; ++k) {
        sum = fma(load_aligned(lanes.weight + k * kLanes), input(args, lanes, t, k), sum);
      }
      finish(args, lanes, t, sum);
    }
  } else {
    Vec weight[kWidth];
    Vec window[kWidth];
    for (size_t k = 0; k < kWidth; ++k) weight[k] = load_aligned(lanes.weight + k * kLanes);
    for (size_t k = 0; k + 1 < kWidth; ++k) window[k + 1] = input(args, lanes, begin, k);
    for (size_t t = begin; t < end; ++t) {
      for (size_t k = 0; k + 1 < kWidth; ++k) window[k] = window[k + 1];
      window[kWidth - 1] = input(args, lanes, t, kWidth - 1);
      Vec sum = bias;
      for (size_t k = 0; k < kWidth; ++k) sum = fma(weight[k], window[k], sum);
      finish(args, lanes, t, sum);
    }
  }
}

// to[k][lane] = from[lane][k]; 0 in the lanes behind `count`, and everywhere without `from`.
void spread(const float* from, size_t width, int count, float* to) {
  for (size_t k = 0; k < width; ++k) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const size_t l = static_cast<size_t>(lane);
      to[k * kLanes + l] = from != nullptr && lane < count ? from[l * width + k] : 0.0f;
    }
  }
}

// The last width - 1 of history and inputs.
void keep_last(const ConvArgs& args, const Lanes& lanes) {
  const size_t before = args.width - 1;
  for (int lane = 0; lane < lanes.count && lane < kLanes; ++lane) {
    const size_t channel = lanes.channel + static_cast<size_t>(lane);
    for (size_t i = 0; i < before; ++i) {
      const size_t place = args.length + i;
      args.last[channel * before + i] = place < before
                                            ? lanes.history[place * kLanes + static_cast<size_t>(lane)]
                                            : args.x[static_cast<ptrdiff_t>(place - before) * args.x_stride + channel];
    }
  }
}

void causal_conv_f32(const ConvArgs& args) {
  TIDEMERGE_ASSUME(args.channels >= 1 && args.channels <= kConvChannels && args.width >= 1);
  const size_t before = args.width - 1;
  const auto lanes_of = [&](size_t channel) {
    float* const at = args.scratch + channel * args.width;
    return Lanes{channel, static_cast<int>(args.channels - channel), at, at + kConvChannels * args.width};
  };
  for (size_t channel = 0; channel < args.channels; channel += kLanes) {
    float* const at = args.scratch + channel * args.width;
    const int count = lanes_of(channel).count;
    spread(args.weight + channel * args.width, args.width, count, at);
    spread(args.first != nullptr ? args.first + channel * before : nullptr, before, count,
           at + kConvChannels * args.width);
  }
  const auto steps = args.width == 2   ? convolve<2>
                     : args.width == 3 ? convolve<3>
                     : args.width == 4 ? convolve<4>
                                       : convolve<0>;
  for (size_t begin = 0; begin < args.length; begin += kSteps) {
    const size_t end = begin + kSteps < args.length ? begin + kSteps : args.length;
    for (size_t channel = 0; channel < args.channels; channel += kLanes) steps(args, lanes_of(channel), begin, end);
  }
  for (size_t channel = 0; channel < args.channels; channel += kLanes) keep_last(args, lanes_of(channel));
}

}  // namespace

namespace TIDEMERGE_SET {
extern const Conv1dKernels conv1d_kernels;
const Conv1dKernels conv1d_kernels = {.causal_conv_f32 = causal_conv_f32};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
