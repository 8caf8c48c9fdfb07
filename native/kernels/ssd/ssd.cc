#include "kernels/ssd/ssd.h"

#include "simd/math.h"
#include "simd/transpose.h"

namespace tidemerge {
namespace {

constexpr size_t kWide = 4;  // registers of channels that share a load of B and C and hide each other's latency

// dt and decay of the steps [begin, end).
void discretise(const SsdArgs& args, size_t begin, size_t end, float* dt, float* decay) {
  const size_t count = end - begin;
  const Vec a = mul(broadcast(args.a), broadcast(kLog2E));
  const float* const from = args.dt + static_cast<ptrdiff_t>(begin) * args.dt_stride;
  for (size_t t = 0; t < kSsdSteps; ++t) dt[t] = t < count ? from[static_cast<ptrdiff_t>(t) * args.dt_stride] : 0.0f;
  for (size_t t = 0; t < count; t += kLanes) {
    Vec step = add(load_aligned(dt + t), broadcast(args.dt_bias));
    if (args.softplus) step = softplus(step);
    step = min(broadcast(args.dt_max), max(broadcast(args.dt_min), step));  // in this order a NaN stays one
    store_aligned(dt + t, step);
    store_aligned(decay + t, exp2_flushing(mul(step, a)));
  }
}

// Steps [begin, end) of kRegisters registers of channels from `channel` on; `count` channels where that is less.
template <size_t kRegisters>
void ssd_steps(const SsdArgs& args, float* h, const float* dt, const float* decay, size_t channel, int count,
               size_t begin, size_t end) {
  const bool partial = count < kLanes;
  const auto read = [&](const float* p) TIDEMERGE_INLINE_LAMBDA { return partial ? load_first(p, count) : load(p); };
  Vec skip[kRegisters];
  for (size_t r = 0; r < kRegisters; ++r) {
    skip[r] = zero();
    if (args.d != nullptr) skip[r] = args.d_is_shared ? broadcast(*args.d) : read(args.d + channel + r * kLanes);
  }
  for (size_t t = begin; t < end; ++t) {
    const auto row = static_cast<ptrdiff_t>(t);
    const float* const x = args.x + row * args.x_stride + channel;
    const float* const b = args.b + row * args.b_stride;
    const float* const c = args.c + row * args.c_stride;
    const Vec keep = broadcast(decay[t - begin]);
    const Vec step = broadcast(dt[t - begin]);
    Vec input[kRegisters], sum[kRegisters];
    for (size_t r = 0; r < kRegisters; ++r) input[r] = mul(step, read(x + r * kLanes)), sum[r] = zero();
    for (size_t n = 0; n < args.states; ++n) {
      float* const state = h + n * kSsdChannels + channel;
      const Vec b_n = broadcast(b[n]);
      const Vec c_n = broadcast(c[n]);
#pragma GCC unroll 4
      for (size_t r = 0; r < kRegisters; ++r) {
        const Vec next = fma(keep, load_aligned(state + r * kLanes), mul(input[r], b_n));
        store_aligned(state + r * kLanes, next);
        sum[r] = fma(c_n, next, sum[r]);
      }
    }
    float* const out = args.out + row * args.out_stride + channel;
    for (size_t r = 0; r < kRegisters; ++r) {
      Vec y = sum[r];
      if (args.d != nullptr) y = fma(skip[r], read(x + r * kLanes), y);
      if (args.z != nullptr) y = mul(y, silu(read(args.z + row * args.z_stride + channel + r * kLanes)));
      if (partial) {
        store_first(out + r * kLanes, y, count);
      } else {
        store(out + r * kLanes, y);
      }
    }
  }
}

void flush(float* h, size_t states) {
  for (size_t i = 0; i < kSsdChannels * states; i += kLanes) {
    const Vec value = load_aligned(h + i);
    store_aligned(h + i, select(lt(abs(value), broadcast(0x1p-126f)), zero(), value));
  }
}

void ssd_f32(const SsdArgs& args) {
  TIDEMERGE_ASSUME(args.channels >= 1 && args.channels <= kSsdChannels);
  float* const dt = args.scratch;
  float* const decay = dt + kSsdSteps;
  float* const h = decay + kSsdSteps;
  if (args.first == nullptr || args.channels < kSsdChannels) {
    for (size_t i = 0; i < kSsdChannels * args.states; ++i) h[i] = 0.0f;
  }
  const auto states = static_cast<ptrdiff_t>(args.states);
  if (args.first != nullptr) columns_of_rows(args.first, states, args.channels, args.states, h, kSsdChannels);
  for (size_t begin = 0; begin < args.length; begin += kSsdSteps) {
    const size_t end = begin + kSsdSteps < args.length ? begin + kSsdSteps : args.length;
    discretise(args, begin, end, dt, decay);
    size_t channel = 0;
    for (; channel + kWide * kLanes <= args.channels; channel += kWide * kLanes) {
      ssd_steps<kWide>(args, h, dt, decay, channel, kLanes, begin, end);
    }
    for (; channel < args.channels; channel += kLanes) {
      ssd_steps<1>(args, h, dt, decay, channel, static_cast<int>(args.channels - channel), begin, end);
    }
    flush(h, args.states);
  }
  rows_of_columns(h, kSsdChannels, args.channels, args.states, args.last, states);
}

}  // namespace

namespace TIDEMERGE_SET {
extern const SsdKernels ssd_kernels;
const SsdKernels ssd_kernels = {.ssd_f32 = ssd_f32};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
