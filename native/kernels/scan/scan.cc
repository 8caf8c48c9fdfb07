#include "kernels/scan/scan.h"

#include <cstring>

#include "simd/math.h"
#include "simd/transpose.h"

namespace tidemerge {
namespace {

// Parameters and states of the channels of one register: [states][kLanes] each.
struct Lanes {
  const float* a;
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

// One step of all states; returns the sum over n of C h. States stay in memory: unrolled, with the states in registers,
// the loop took more than twice as long on AVX2, which has too few of them.
template <bool kConstantB, bool kConstantC>
TIDEMERGE_INLINE Vec advance(const Lanes& lanes, size_t states, const float* b, const float* c, Vec dt, Vec dt_u) {
  Vec sum = zero();
  for (size_t n = 0; n < states; ++n) {
    float* const h = lanes.h + n * kLanes;
    const Vec decay = exp_flushing(mul(dt, load_aligned(lanes.a + n * kLanes)));
    const Vec b_n = kConstantB ? load_aligned(lanes.b + n * kLanes) : broadcast(b[n]);
    const Vec c_n = kConstantC ? load_aligned(lanes.c + n * kLanes) : broadcast(c[n]);
    const Vec next = fma(decay, load_aligned(h), mul(dt_u, b_n));
    store_aligned(h, next);
    sum = fma(c_n, next, sum);
  }
  return sum;
}

// kScanSteps rows of kScanChannels each; results take the place of u.
struct Tile {
  float* u;
  float* delta;
  float* z;
};

// Steps [begin, end), which the tile holds, of `count` channels from `channel` on.
template <bool kConstantB, bool kConstantC>
void scan_steps(const ScanArgs& args, const Tile& tile, const Lanes& lanes, size_t channel, int count, size_t begin,
                size_t end) {
  const auto read = [&](const float* p) TIDEMERGE_INLINE_LAMBDA {
    return count < kLanes ? load_first(p + channel, count) : load(p + channel);
  };
  const Vec bias = args.delta_bias != nullptr ? read(args.delta_bias) : zero();
  const Vec skip = args.d != nullptr ? read(args.d) : zero();
  // Softplus and gate in loops of their own: between the states of two steps the processor would wait for them.
  for (size_t t = 0; t < end - begin; ++t) {
    float* const delta = tile.delta + t * kScanChannels + channel;
    const Vec dt = add(load_aligned(delta), bias);
    // Above 20, where PyTorch's softplus is linear, the logarithm is below half a spacing of the sum: the same number.
    store_aligned(delta, args.softplus ? softplus(dt) : dt);
  }
  for (size_t t = begin; t < end; ++t) {
    const ptrdiff_t row = static_cast<ptrdiff_t>(t);
    const size_t at = (t - begin) * kScanChannels + channel;
    const Vec u = load_aligned(tile.u + at);
    const Vec dt = load_aligned(tile.delta + at);
    const float* b = kConstantB ? nullptr : args.b + row * args.b_stride;
    const float* c = kConstantC ? nullptr : args.c + row * args.c_stride;
    Vec y = advance<kConstantB, kConstantC>(lanes, args.states, b, c, dt, mul(dt, u));
    if (args.d != nullptr) y = fma(skip, u, y);
    store_aligned(tile.u + at, y);
  }
  for (size_t t = 0; t < end - begin && args.z != nullptr; ++t) {
    const size_t at = t * kScanChannels + channel;
    store_aligned(tile.u + at, mul(load_aligned(tile.u + at), silu(load_aligned(tile.z + at))));
  }
  for (size_t n = 0; n < args.states; ++n) {
    float* const h = lanes.h + n * kLanes;
    const Vec value = load_aligned(h);
    store_aligned(h, select(lt(abs(value), broadcast(0x1p-126f)), zero(), value));
  }
}

using Steps = void (*)(const ScanArgs&, const Tile&, const Lanes&, size_t, int, size_t, size_t);

Steps choose(const ScanArgs& args) {
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
    if (args.first != nullptr) {
      spread(args.first + from, args.states, count, at + area);
    } else {
      for (size_t i = 0; i < args.states * kLanes; ++i) at[area + i] = 0.0f;
    }
    if (args.b_is_constant) spread(args.b + from, args.states, count, at + 2 * area);
    if (args.c_is_constant) spread(args.c + from, args.states, count, at + 3 * area);
  }
  const Steps steps = choose(args);
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
