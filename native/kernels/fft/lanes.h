#pragma once

// One register of channels at both ends of a convolution, and short series, which are summed in between.

#include "kernels/fft/fft.h"
#include "simd/vec.h"

namespace tidemerge {
namespace {

struct Lanes {
  size_t first;
  int count;  // channels there are, perhaps more than lanes

  TIDEMERGE_INLINE Lanes(size_t lane, size_t channels) : first(lane), count(static_cast<int>(channels - lane)) {}
  TIDEMERGE_INLINE Vec read(const float* row) const {
    return count < kLanes ? load_first(row + first, count) : load(row + first);
  }
  TIDEMERGE_INLINE void write(float* row, Vec x) const {
    if (count < kLanes) {
      store_first(row + first, x, count);
    } else {
      store(row + first, x);
    }
  }
};

// Rows are far apart: what fetches memory ahead by itself gives up at the end of a page.
constexpr size_t kRowsAhead = 12;

TIDEMERGE_INLINE void fetch_ahead(const LongConvArgs& args, size_t t, const float* from, ptrdiff_t stride) {
  if (t + kRowsAhead < args.length) __builtin_prefetch(from + static_cast<ptrdiff_t>(t + kRowsAhead) * stride);
}

TIDEMERGE_INLINE Vec gated_input(const LongConvArgs& args, size_t t, const Lanes& lanes) {
  const auto row = static_cast<ptrdiff_t>(t);
  fetch_ahead(args, t, args.x + lanes.first, args.x_stride);
  const Vec x = lanes.read(args.x + row * args.x_stride);
  if (args.pre == nullptr) return x;
  fetch_ahead(args, t, args.pre + lanes.first, args.pre_stride);
  return mul(x, lanes.read(args.pre + row * args.pre_stride));
}

TIDEMERGE_INLINE void finish(const LongConvArgs& args, size_t t, const Lanes& lanes, Vec sum, Vec input) {
  const auto row = static_cast<ptrdiff_t>(t);
  if (args.skip != nullptr) sum = fma(lanes.read(args.skip), input, sum);
  fetch_ahead(args, t, args.out + lanes.first, args.out_stride);
  if (args.post != nullptr) {
    fetch_ahead(args, t, args.post + lanes.first, args.post_stride);
    sum = mul(sum, lanes.read(args.post + row * args.post_stride));
  }
  lanes.write(args.out + row * args.out_stride, sum);
}

// Outputs [begin, begin + kSteps), each in a register of its own; the lags ascend.
template <size_t kSteps>
TIDEMERGE_INLINE void sum_steps(const FilterArgs& filter, const LongConvArgs& args, const Lanes& lanes, size_t begin) {
  const float* const input = args.work + lanes.first;
  Vec sum[kSteps];
  for (size_t i = 0; i < kSteps; ++i) sum[i] = zero();
  const size_t last = begin + kSteps;
  const size_t lags = filter.lags < last ? filter.lags : last;
  const auto weight = [&](size_t lag) TIDEMERGE_INLINE_LAMBDA {
    return lanes.read(filter.filter + static_cast<ptrdiff_t>(lag) * filter.filter_stride);
  };
  size_t s = 0;
  for (; s < lags && s <= begin; ++s) {
    const Vec w = weight(s);
    const float* const seen = input + (begin - s) * kFftChannels;
#pragma GCC unroll 8
    for (size_t i = 0; i < kSteps; ++i) sum[i] = fma(w, load_aligned(seen + i * kFftChannels), sum[i]);
  }
  for (; s < lags; ++s) {  // lags that the first steps are too young for
    const Vec w = weight(s);
#pragma GCC unroll 8
    for (size_t i = 1; i < kSteps; ++i) {
      if (begin + i >= s) sum[i] = fma(w, load_aligned(input + (begin + i - s) * kFftChannels), sum[i]);
    }
  }
#pragma GCC unroll 8
  for (size_t i = 0; i < kSteps; ++i) {
    finish(args, begin + i, lanes, sum[i], load_aligned(input + (begin + i) * kFftChannels));
  }
}

void sum_f32(const FilterArgs& filter, const LongConvArgs& args) {
  TIDEMERGE_ASSUME(args.channels >= 1 && args.channels <= kFftChannels);
  constexpr size_t kSteps = 8;
  for (size_t lane = 0; lane < args.channels; lane += kLanes) {
    const Lanes lanes(lane, args.channels);
    for (size_t t = 0; t < args.length; ++t) {
      store_aligned(args.work + t * kFftChannels + lane, gated_input(args, t, lanes));
    }
    size_t t = 0;
    for (; t + kSteps <= args.length; t += kSteps) sum_steps<kSteps>(filter, args, lanes, t);
    for (; t < args.length; ++t) sum_steps<1>(filter, args, lanes, t);
  }
}

}  // namespace
}  // namespace tidemerge
