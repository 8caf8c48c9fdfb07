#include "kernels/scan/scan.h"

#include <cstring>

#include "simd/math.h"
#include "simd/transpose.h"

namespace tidemerge {
namespace {

// Parameters and states of the channels of one register: [states][kLanes] each.
struct Lanes {
  const float* a;  // times log2 e
  const float* b;  // null where B varies
  const float* c;
  float* h;
};

// to[n][lane] = from[lane][n]; 0 in the lanes behind `count`.
void spread(const float* from, size_t states, int count, float* to) {
  if (count >= kLanes) {
    return columns_of_rows(from, static_cast<ptrdiff_t>(states), kLanes, states, to, kLanes);
  }
  for (size_t n = 0; n < states; ++n) {
    for (int lane = 0; lane < kLanes; ++lane) {
      to[n * kLanes + static_cast<size_t>(lane)] = lane < count ? from[static_cast<size_t>(lane) * states + n] : 0.0f;
    }
  }
}

void collect(const float* from, size_t states, int count, float* to) {
  if (count >= kLanes) {
    return rows_of_columns(from, kLanes, kLanes, states, to, static_cast<ptrdiff_t>(states));
  }
  for (int lane = 0; lane < count; ++lane) {
    for (size_t n = 0; n < states; ++n)
      to[static_cast<size_t>(lane) * states + n] = from[n * kLanes + static_cast<size_t>(lane)];
  }
}

// kScanSteps rows of kScanChannels each; results take the place of u.
struct Tile {
  float* u;
  float* delta;
  float* z;
};

// States that pass through a tile together: what is left of them stays in registers, their decays in the nearest cache.
constexpr size_t kGroup = kLanes == 16 ? 4 : 8;

// The steps of a tile for the channels of one register: [steps][kLanes] each.
struct Steps {
  size_t count;
  Vec longest;  // |dt|
  alignas(64) float dt[kScanSteps * kLanes];
  alignas(64) float dt_u[kScanSteps * kLanes];
  alignas(64) float y[kScanSteps * kLanes];
  alignas(64) float decay[kScanSteps * kGroup * kLanes];  // [steps][states of a group][kLanes]
};

void discretise(const ScanArgs& args, const Tile& tile, size_t channel, Vec bias, Steps& steps) {
  for (size_t t = 0; t < steps.count; ++t) {
    const Vec delta = add(load_aligned(tile.delta + t * kScanChannels + channel), bias);
    store_aligned(steps.dt + t * kLanes, delta);
    if (args.softplus) store_aligned(steps.y + t * kLanes, exp_minus_abs(delta));
  }
  Vec longest = zero();
  for (size_t t = 0; t < steps.count; ++t) {
    Vec dt = load_aligned(steps.dt + t * kLanes);
    // Above 20, where PyTorch's softplus is linear, the logarithm is below half a spacing of the sum: the same number.
    if (args.softplus) dt = softplus(dt, load_aligned(steps.y + t * kLanes));
    longest = max(abs(dt), longest);  // in this order a NaN is passed over
    store_aligned(steps.dt + t * kLanes, dt);
    store_aligned(steps.dt_u + t * kLanes, mul(dt, load_aligned(tile.u + t * kScanChannels + channel)));
    store_aligned(steps.y + t * kLanes, zero());
  }
  steps.longest = longest;
}

// Decays in a loop of their own: as part of the recurrence they want for registers, and the processor for room to keep
// enough of them under way.
template <size_t kStates, bool kBounded>
TIDEMERGE_INLINE void decays(const float* a, Steps& steps) {
  for (size_t t = 0; t < steps.count; ++t) {
    const Vec dt = load_aligned(steps.dt + t * kLanes);
    float* const to = steps.decay + t * kStates * kLanes;
#pragma GCC unroll 8
    for (size_t i = 0; i < kStates; ++i) {
      const Vec exponent = mul(dt, load_aligned(a + i * kLanes));
      store_aligned(to + i * kLanes, kBounded ? exp2_bounded(exponent) : exp2_flushing(exponent));
    }
  }
}

// B or C of some states: where they are constant, a register each; else the row of a step.
template <bool kConstant, size_t kStates>
struct Factors {
  Vec constant[kStates];
  const float* row;
  ptrdiff_t stride;

  TIDEMERGE_INLINE Factors(const float* lanes, const float* rows, ptrdiff_t rows_apart, size_t n, size_t begin)
      : row(kConstant ? nullptr : rows + static_cast<ptrdiff_t>(begin) * rows_apart + n), stride(rows_apart) {
    if constexpr (kConstant) {
      for (size_t i = 0; i < kStates; ++i) constant[i] = load_aligned(lanes + (n + i) * kLanes);
    }
  }
  TIDEMERGE_INLINE Vec at(size_t t, size_t i) const {
    if constexpr (kConstant) return constant[i];
    return broadcast(row[static_cast<ptrdiff_t>(t) * stride + static_cast<ptrdiff_t>(i)]);
  }
};

// All steps of kStates states from n on.
template <size_t kStates, bool kConstantB, bool kConstantC>
void advance(const ScanArgs& args, const Lanes& lanes, size_t n, size_t begin, Steps& steps) {
  const float* const a = lanes.a + n * kLanes;
  Mask bounded = first_lanes(kLanes);
  for (size_t i = 0; i < kStates; ++i) {
    const Vec largest = abs(mul(steps.longest, load_aligned(a + i * kLanes)));
    bounded = mask_and(bounded, le(largest, broadcast(126.0f)));
  }
  // The same bits. Where dt is NaN, so is dt u, whatever the decay.
  if (all(bounded)) {
    decays<kStates, true>(a, steps);
  } else {
    decays<kStates, false>(a, steps);
  }
  const Factors<kConstantB, kStates> b(lanes.b, args.b, args.b_stride, n, begin);
  const Factors<kConstantC, kStates> c(lanes.c, args.c, args.c_stride, n, begin);
  Vec h[kStates];
  for (size_t i = 0; i < kStates; ++i) h[i] = load_aligned(lanes.h + (n + i) * kLanes);
  for (size_t t = 0; t < steps.count; ++t) {
    const float* const decay = steps.decay + t * kStates * kLanes;
    const Vec dt_u = load_aligned(steps.dt_u + t * kLanes);
    Vec y = load_aligned(steps.y + t * kLanes);
#pragma GCC unroll 8
    for (size_t i = 0; i < kStates; ++i) {
      h[i] = fma(load_aligned(decay + i * kLanes), h[i], mul(dt_u, b.at(t, i)));
      y = fma(c.at(t, i), h[i], y);
    }
    store_aligned(steps.y + t * kLanes, y);
  }
  for (size_t i = 0; i < kStates; ++i) {
    store_aligned(lanes.h + (n + i) * kLanes, select(lt(abs(h[i]), broadcast(0x1p-126f)), zero(), h[i]));
  }
}

// D and the gate.
void finish(const ScanArgs& args, const Tile& tile, size_t channel, Vec skip, Steps& steps) {
  if (args.z != nullptr) {
    for (size_t t = 0; t < steps.count; ++t) {
      store_aligned(steps.dt + t * kLanes, exp_minus_abs(load_aligned(tile.z + t * kScanChannels + channel)));
    }
  }
  for (size_t t = 0; t < steps.count; ++t) {
    const size_t at = t * kScanChannels + channel;
    Vec y = load_aligned(steps.y + t * kLanes);
    if (args.d != nullptr) y = fma(skip, load_aligned(tile.u + at), y);
    if (args.z != nullptr) y = mul(y, silu(load_aligned(tile.z + at), load_aligned(steps.dt + t * kLanes)));
    store_aligned(tile.u + at, y);
  }
}

// Steps [begin, end), which the tile holds, of `count` channels from `channel` on.
template <bool kConstantB, bool kConstantC>
void scan_steps(const ScanArgs& args, const Tile& tile, const Lanes& lanes, size_t channel, int count, size_t begin,
                size_t end) {
  const auto read = [&](const float* p) TIDEMERGE_INLINE_LAMBDA {
    return p == nullptr ? zero() : count < kLanes ? load_first(p + channel, count) : load(p + channel);
  };
  Steps steps;
  steps.count = end - begin;
  discretise(args, tile, channel, read(args.delta_bias), steps);
  size_t n = 0;
  for (; n + kGroup <= args.states; n += kGroup) {
    advance<kGroup, kConstantB, kConstantC>(args, lanes, n, begin, steps);
  }
  for (; n < args.states; ++n) advance<1, kConstantB, kConstantC>(args, lanes, n, begin, steps);
  finish(args, tile, channel, read(args.d), steps);
}

using ScanSteps = void (*)(const ScanArgs&, const Tile&, const Lanes&, size_t, int, size_t, size_t);

ScanSteps choose(const ScanArgs& args) {
  if (args.b_is_constant) return args.c_is_constant ? scan_steps<true, true> : scan_steps<true, false>;
  return args.c_is_constant ? scan_steps<false, true> : scan_steps<false, false>;
}

void read_tile(const ScanArgs& args, const float* from, ptrdiff_t stride, size_t begin, size_t steps, float* to) {
  if (from == nullptr) return;
  if (args.channels_first) return columns_of_rows(from + begin, stride, args.channels, steps, to, kScanChannels);
  for (size_t t = 0; t < steps; ++t) {
    std::memcpy(to + t * kScanChannels, from + static_cast<ptrdiff_t>(begin + t) * stride,
                args.channels * sizeof(float));
  }
}

void write_tile(const ScanArgs& args, const float* from, size_t begin, size_t steps) {
  if (args.channels_first) {
    return rows_of_columns(from, kScanChannels, args.channels, steps, args.out + begin, args.out_stride);
  }
  for (size_t t = 0; t < steps; ++t) {
    std::memcpy(args.out + static_cast<ptrdiff_t>(begin + t) * args.out_stride, from + t * kScanChannels,
                args.channels * sizeof(float));
  }
}

void selective_scan_f32(const ScanArgs& args) {
  TIDEMERGE_ASSUME(args.channels >= 1 && args.channels <= kScanChannels);
  const size_t area = kScanChannels * args.states;
  const auto lanes_of = [&](size_t channel) {
    float* const at = args.scratch + channel * args.states;
    return Lanes{at, at + 2 * area, at + 3 * area, at + area};
  };
  const auto count_of = [&](size_t channel) { return static_cast<int>(args.channels - channel); };
  for (size_t channel = 0; channel < args.channels; channel += kLanes) {
    const size_t from = channel * args.states;
    float* const at = args.scratch + from;
    const int count = count_of(channel);
    spread(args.a + from, args.states, count, at);
    for (size_t i = 0; i < args.states * kLanes; i += kLanes) {
      store_aligned(at + i, mul(load_aligned(at + i), broadcast(kLog2E)));
    }
    if (args.first != nullptr) {
      spread(args.first + from, args.states, count, at + area);
    } else {
      for (size_t i = 0; i < args.states * kLanes; ++i) at[area + i] = 0.0f;
    }
    if (args.b_is_constant) spread(args.b + from, args.states, count, at + 2 * area);
    if (args.c_is_constant) spread(args.c + from, args.states, count, at + 3 * area);
  }
  const ScanSteps steps = choose(args);
  constexpr size_t kTile = kScanSteps * kScanChannels;
  float* const tiles = args.scratch + 4 * area;
  const Tile tile{tiles, tiles + kTile, tiles + 2 * kTile};
  if (args.channels % kLanes != 0) {
    for (size_t i = 0; i < 3 * kTile; ++i) tiles[i] = 0.0f;  // lanes behind the last channel
  }
  for (size_t begin = 0; begin < args.length; begin += kScanSteps) {
    const size_t end = begin + kScanSteps < args.length ? begin + kScanSteps : args.length;
    read_tile(args, args.u, args.u_stride, begin, end - begin, tile.u);
    read_tile(args, args.delta, args.delta_stride, begin, end - begin, tile.delta);
    read_tile(args, args.z, args.z_stride, begin, end - begin, tile.z);
    for (size_t channel = 0; channel < args.channels; channel += kLanes) {
      steps(args, tile, lanes_of(channel), channel, count_of(channel), begin, end);
    }
    write_tile(args, tile.u, begin, end - begin);
  }
  for (size_t channel = 0; channel < args.channels; channel += kLanes) {
    const int count = count_of(channel) < kLanes ? count_of(channel) : kLanes;
    collect(lanes_of(channel).h, args.states, count, args.last + channel * args.states);
  }
}

}  // namespace

namespace TIDEMERGE_SET {
extern const ScanKernels scan_kernels;
const ScanKernels scan_kernels = {.selective_scan_f32 = selective_scan_f32};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
