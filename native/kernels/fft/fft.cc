#include "kernels/fft/fft.h"

#include "kernels/fft/butterfly.h"
#include "kernels/fft/lanes.h"

namespace tidemerge {
namespace {

enum class Mode { kSpectrum, kConvolve };

TIDEMERGE_INLINE Complex read(const float* point) { return {load_aligned(point), load_aligned(point + kFftChannels)}; }
TIDEMERGE_INLINE void write(float* point, Complex x) {
  store_aligned(point, x.re);
  store_aligned(point + kFftChannels, x.im);
}

// One block of radix * span points, splits it into `radix` blocks of span points.
template <int kRadix>
void forward(float* block, size_t span, const float* roots, size_t width) {
  const Roots<kRadix> w(roots);
  for (size_t n = 0; n < span; ++n, block += kFftPoint) {
    for (size_t lane = 0; lane < width; lane += kLanes) {
      float* const at = block + lane;
      Complex x[kRadix];
      x[0] = read(at);
      for (size_t j = 1; j < kRadix; ++j) x[j] = mul(read(at + j * span * kFftPoint), w.power[j]);
      transform(x);
      for (size_t j = 0; j < kRadix; ++j) write(at + j * span * kFftPoint, x[j]);
    }
  }
}

// The way back, times radix.
template <int kRadix>
void backward(float* block, size_t span, const float* roots, size_t width) {
  const Roots<kRadix> w(roots);
  for (size_t n = 0; n < span; ++n, block += kFftPoint) {
    for (size_t lane = 0; lane < width; lane += kLanes) {
      float* const at = block + lane;
      Complex x[kRadix];
      for (size_t j = 0; j < kRadix; ++j) x[j] = read(at + j * span * kFftPoint);
      transform_back(x);
      write(at, x[0]);
      for (size_t j = 1; j < kRadix; ++j) write(at + j * span * kFftPoint, mul_conjugate(x[j], w.power[j]));
    }
  }
}

// Blocks of the last level, of four points each: down, times the spectrum, back. The spectrum of a filter stays down.
template <Mode kMode>
void leaves(float* block, size_t count, const float* roots, const float* spectrum, float scale, size_t width) {
  for (size_t b = 0; b < count; ++b, block += 4 * kFftPoint, spectrum += 4 * kFftPoint, roots += 6) {
    const Roots<4> w(roots);
    for (size_t lane = 0; lane < width; lane += kLanes) {
      float* const at = block + lane;
      Complex x[4];
      x[0] = read(at);
      for (size_t j = 1; j < 4; ++j) x[j] = mul(read(at + j * kFftPoint), w.power[j]);
      transform(x);
      if constexpr (kMode == Mode::kSpectrum) {
        const Vec factor = broadcast(scale);
        for (size_t j = 0; j < 4; ++j) write(at + j * kFftPoint, {mul(x[j].re, factor), mul(x[j].im, factor)});
      } else {
        for (size_t j = 0; j < 4; ++j) x[j] = mul(x[j], read(spectrum + lane + j * kFftPoint));
        transform_back(x);
        write(at, x[0]);
        for (size_t j = 1; j < 4; ++j) write(at + j * kFftPoint, mul_conjugate(x[j], w.power[j]));
      }
    }
  }
}

struct Walk {
  const FftPlan& plan;
  float* work;
  const float* spectrum;  // where points have the same place as in work
  float scale;
  size_t width;  // channels, in whole registers
};

template <Mode kMode>
void block_of(const Walk& walk, size_t level, size_t block);

// All below the block at hand, which has been split.
template <Mode kMode>
TIDEMERGE_INLINE void below(const Walk& walk, size_t level, size_t block) {
  const FftLevel& here = walk.plan.level[level];
  const size_t first = block * here.radix;
  if (level + 2 < walk.plan.levels) {
    for (size_t q = 0; q < here.radix; ++q) block_of<kMode>(walk, level + 1, first + q);
  } else {
    const size_t place = first * here.span * kFftPoint;
    leaves<kMode>(walk.work + place, here.radix, walk.plan.level[level + 1].roots + first * 6, walk.spectrum + place,
                  walk.scale, walk.width);
  }
}

template <Mode kMode, int kRadix>
TIDEMERGE_INLINE void block_of_radix(const Walk& walk, size_t level, size_t block) {
  const FftLevel& here = walk.plan.level[level];
  float* const at = walk.work + block * kRadix * here.span * kFftPoint;
  const float* const roots = here.roots + block * 2 * (kRadix - 1);
  forward<kRadix>(at, here.span, roots, walk.width);
  below<kMode>(walk, level, block);
  if constexpr (kMode == Mode::kConvolve) backward<kRadix>(at, here.span, roots, walk.width);
}

template <Mode kMode>
void block_of(const Walk& walk, size_t level, size_t block) {
  switch (walk.plan.level[level].radix) {
    case 2: return block_of_radix<kMode, 2>(walk, level, block);
    case 3: return block_of_radix<kMode, 3>(walk, level, block);
    default: return block_of_radix<kMode, 4>(walk, level, block);
  }
}

// The first level reads real numbers: input(t, lanes) for t < length, 0 behind.
template <int kRadix, typename Input>
void first_forward(const Walk& walk, size_t length, size_t channels, const Input& input) {
  const size_t span = walk.plan.level[0].span;
  const Roots<kRadix> w(walk.plan.level[0].roots);
  for (size_t n = 0; n < span; ++n) {
    for (size_t lane = 0; lane < walk.width; lane += kLanes) {
      const Lanes lanes(lane, channels);
      float* const at = walk.work + n * kFftPoint + lane;
      const auto real = [&](size_t t) TIDEMERGE_INLINE_LAMBDA { return t < length ? input(t, lanes) : zero(); };
      Complex x[kRadix];
      x[0] = {real(n), zero()};
      for (size_t j = 1; j < kRadix; ++j) {
        const Vec value = real(n + j * span);
        x[j] = {mul(value, w.power[j].re), mul(value, w.power[j].im)};
      }
      transform(x);
      for (size_t j = 0; j < kRadix; ++j) write(at + j * span * kFftPoint, x[j]);
    }
  }
}

// And gives the real parts of what comes back to output(t, lanes, value).
template <int kRadix, typename Output>
void last_backward(const Walk& walk, size_t length, size_t channels, const Output& output) {
  const size_t span = walk.plan.level[0].span;
  const Roots<kRadix> w(walk.plan.level[0].roots);
  for (size_t n = 0; n < span && n < length; ++n) {
    for (size_t lane = 0; lane < walk.width; lane += kLanes) {
      const Lanes lanes(lane, channels);
      const float* const at = walk.work + n * kFftPoint + lane;
      Complex x[kRadix];
      for (size_t j = 0; j < kRadix; ++j) x[j] = read(at + j * span * kFftPoint);
      transform_back(x);
      output(n, lanes, x[0].re);
      for (size_t j = 1; j < kRadix; ++j) {
        const size_t t = n + j * span;
        if (t < length) output(t, lanes, real_of_mul_conjugate(x[j], w.power[j]));
      }
    }
  }
}

template <typename Input>
void first_forward(const Walk& walk, size_t length, size_t channels, const Input& input) {
  switch (walk.plan.level[0].radix) {
    case 2: return first_forward<2>(walk, length, channels, input);
    case 3: return first_forward<3>(walk, length, channels, input);
    default: return first_forward<4>(walk, length, channels, input);
  }
}

template <typename Output>
void last_backward(const Walk& walk, size_t length, size_t channels, const Output& output) {
  switch (walk.plan.level[0].radix) {
    case 2: return last_backward<2>(walk, length, channels, output);
    case 3: return last_backward<3>(walk, length, channels, output);
    default: return last_backward<4>(walk, length, channels, output);
  }
}

size_t whole_registers(size_t channels) { return (channels + kLanes - 1) / kLanes * kLanes; }

void spectrum_f32(const FftPlan& plan, const FilterArgs& filter, float* spectrum) {
  TIDEMERGE_ASSUME(filter.channels >= 1 && filter.channels <= kFftChannels && plan.levels >= 2);
  const Walk walk{plan, spectrum, spectrum, 1.0f / static_cast<float>(plan.size), whole_registers(filter.channels)};
  const auto lag = [&](size_t s, Lanes lanes) TIDEMERGE_INLINE_LAMBDA {
    return lanes.read(filter.filter + static_cast<ptrdiff_t>(s) * filter.filter_stride);
  };
  first_forward(walk, filter.lags, filter.channels, lag);
  below<Mode::kSpectrum>(walk, 0, 0);
}

void convolve_f32(const FftPlan& plan, const float* spectrum, const LongConvArgs& args) {
  TIDEMERGE_ASSUME(args.channels >= 1 && args.channels <= kFftChannels && plan.levels >= 2);
  const Walk walk{plan, args.work, spectrum, 1.0f, whole_registers(args.channels)};
  first_forward(walk, args.length, args.channels,
                [&](size_t t, Lanes lanes) TIDEMERGE_INLINE_LAMBDA { return gated_input(args, t, lanes); });
  below<Mode::kConvolve>(walk, 0, 0);
  last_backward(walk, args.length, args.channels, [&](size_t t, Lanes lanes, Vec sum) TIDEMERGE_INLINE_LAMBDA {
    finish(args, t, lanes, sum, args.skip != nullptr ? gated_input(args, t, lanes) : zero());
  });
}

}  // namespace

namespace TIDEMERGE_SET {
extern const FftKernels fft_kernels;
const FftKernels fft_kernels = {.spectrum_f32 = spectrum_f32, .convolve_f32 = convolve_f32, .sum_f32 = sum_f32};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
