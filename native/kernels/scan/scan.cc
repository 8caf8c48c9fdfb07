#include "kernels/scan/scan.h"

#include "simd/math.h"

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
  for (size_t n = 0; n < states; ++n) {
    for (int lane = 0; lane < kLanes; ++lane) {
      to[n * kLanes + static_cast<size_t>(lane)] = lane < count ? from[static_cast<size_t>(lane) * states + n] : 0.0f;
    }
  }
}

void collect(const float* from, size_t states, int count, float* to) {
  for (int lane = 0; lane < count; ++lane) {
    for (size_t n = 0; n < states; ++n)
      to[static_cast<size_t>(lane) * states + n] = from[n * kLanes + static_cast<size_t>(lane)];
  }
}

// The states of one register of channels: in registers where their number is known and there are enough, else in
// memory.
template <size_t kStates>
struct States {
  explicit States(const Lanes& lanes, size_t) : memory(lanes.h) {
    for (size_t n = 0; n < kStates; ++n) h[n] = load_aligned(memory + n * kLanes);
  }
  TIDEMERGE_INLINE size_t count() const { return kStates; }
  TIDEMERGE_INLINE Vec get(size_t n) const { return h[n]; }
  TIDEMERGE_INLINE void set(size_t n, Vec value) { h[n] = value; }
  float* memory;
  Vec h[kStates];
};
template <>
struct States<0> {
  explicit States(const Lanes& lanes, size_t states) : memory(lanes.h), states(states) {}
  TIDEMERGE_INLINE size_t count() const { return states; }
  TIDEMERGE_INLINE Vec get(size_t n) const { return load_aligned(memory + n * kLanes); }
  TIDEMERGE_INLINE void set(size_t n, Vec value) { store_aligned(memory + n * kLanes, value); }
  float* memory;
  size_t states;
};

// One step of all states; returns the sum over n of C h.
template <size_t kStates, bool kConstantB, bool kConstantC>
TIDEMERGE_INLINE Vec advance(const Lanes& lanes, States<kStates>& h, const float* b, const float* c, Vec dt, Vec dt_u) {
  Vec sum = zero();
  const auto state = [&](size_t n) TIDEMERGE_INLINE_LAMBDA {
    const Vec decay = exp_flushing(mul(dt, load_aligned(lanes.a + n * kLanes)));
    const Vec b_n = kConstantB ? load_aligned(lanes.b + n * kLanes) : broadcast(b[n]);
    const Vec c_n = kConstantC ? load_aligned(lanes.c + n * kLanes) : broadcast(c[n]);
    const Vec next = fma(decay, h.get(n), mul(dt_u, b_n));
    h.set(n, next);
    sum = fma(c_n, next, sum);
  };
  if constexpr (kStates != 0) {
#pragma GCC unroll 16
    for (size_t n = 0; n < kStates; ++n) state(n);
  } else {
    for (size_t n = 0; n < h.count(); ++n) state(n);
  }
  return sum;
}

// Steps [begin, end) of `count` channels from `channel` on.
template <size_t kStates, bool kConstantB, bool kConstantC>
void scan_steps(const ScanArgs& args, const Lanes& lanes, size_t channel, int count, size_t begin, size_t end) {
  const auto read = [&](const float* p) TIDEMERGE_INLINE_LAMBDA {
    return count < kLanes ? load_first(p + channel, count) : load(p + channel);
  };
  States<kStates> h(lanes, args.states);
  const Vec bias = args.delta_bias != nullptr ? read(args.delta_bias) : zero();
  const Vec skip = args.d != nullptr ? read(args.d) : zero();
  for (size_t t = begin; t < end; ++t) {
    const ptrdiff_t row = static_cast<ptrdiff_t>(t);
    const Vec u = read(args.u + row * args.u_stride);
    Vec dt = add(read(args.delta + row * args.delta_stride), bias);
    // Above 20, where PyTorch's softplus is linear, the logarithm is below half a spacing of the sum: the same number.
    if (args.softplus) dt = softplus(dt);
    const float* b = kConstantB ? nullptr : args.b + row * args.b_stride;
    const float* c = kConstantC ? nullptr : args.c + row * args.c_stride;
    Vec y = advance<kStates, kConstantB, kConstantC>(lanes, h, b, c, dt, mul(dt, u));
    if (args.d != nullptr) y = fma(skip, u, y);
    if (args.z != nullptr) y = mul(y, silu(read(args.z + row * args.z_stride)));
    float* const to = args.out + row * args.out_stride + channel;
    if (count < kLanes) {
      store_first(to, y, count);
    } else {
      store(to, y);
    }
  }
  for (size_t n = 0; n < h.count(); ++n) {
    const Vec value = h.get(n);
    store_aligned(h.memory + n * kLanes, select(lt(abs(value), broadcast(0x1p-126f)), zero(), value));
  }
}

using Steps = void (*)(const ScanArgs&, const Lanes&, size_t, int, size_t, size_t);

Steps choose(const ScanArgs& args) {
  if (args.b_is_constant) return args.c_is_constant ? scan_steps<0, true, true> : scan_steps<0, true, false>;
  if (args.c_is_constant) return scan_steps<0, false, true>;
  switch (args.states) {
    case 8: return scan_steps<8, false, false>;
    case 16: return scan_steps<16, false, false>;
    default: return scan_steps<0, false, false>;
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
  // A tile of steps for one register of channels after the other: rows of u, delta and z stay in the first-level cache
  // until all their channels are done.
  for (size_t begin = 0; begin < args.length; begin += kScanSteps) {
    const size_t end = begin + kScanSteps < args.length ? begin + kScanSteps : args.length;
    for (size_t channel = 0; channel < args.channels; channel += kLanes) {
      steps(args, lanes_of(channel), channel, count_of(channel), begin, end);
    }
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
