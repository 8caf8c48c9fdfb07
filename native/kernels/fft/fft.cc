#include "kernels/fft/fft.h"

#include "kernels/fft/butterfly.h"
#include "kernels/fft/lanes.h"

namespace tidemerge {
namespace {

enum class Mode { kSpectrum, kConvolve };

// Every register of channels has the points of its series to itself, lane by lane, real and imaginary parts in turn:
// blocks are small enough for the nearest cache as early as can be.
constexpr size_t kPoint = 2 * kLanes;

TIDEMERGE_INLINE Complex read(const float* point) { return {load_aligned(point), load_aligned(point + kLanes)}; }
TIDEMERGE_INLINE void write(float* point, Complex x) {
  store_aligned(point, x.re);
  store_aligned(point + kLanes, x.im);
}

// One block of radix * span points, splits it into `radix` blocks of span points.
template <int kRadix>
void forward(float* block, size_t span, const float* roots) {
  const Roots<kRadix> w(roots);
  for (float* const end = block + span * kPoint; block != end; block += kPoint) {
    Complex x[kRadix];
    x[0] = read(block);
    for (size_t j = 1; j < kRadix; ++j) x[j] = mul(read(block + j * span * kPoint), w.power[j]);
    transform(x);
    for (size_t j = 0; j < kRadix; ++j) write(block + j * span * kPoint, x[j]);
  }
}

// The way back, times radix.
template <int kRadix>
void backward(float* block, size_t span, const float* roots) {
  const Roots<kRadix> w(roots);
  for (float* const end = block + span * kPoint; block != end; block += kPoint) {
    Complex x[kRadix];
    for (size_t j = 0; j < kRadix; ++j) x[j] = read(block + j * span * kPoint);
    transform_back(x);
    write(block, x[0]);
    for (size_t j = 1; j < kRadix; ++j) write(block + j * span * kPoint, mul_conjugate(x[j], w.power[j]));
  }
}

// Blocks of the last level, of four points each: down, times the spectrum, back. The spectrum of a filter stays down,
// times `scale`.
template <Mode kMode>
void leaves(float* block, size_t count, const float* roots, const float* spectrum, float scale) {
  for (size_t b = 0; b < count; ++b, block += 4 * kPoint, spectrum += 4 * kPoint, roots += 6) {
    const Roots<4> w(roots);
    Complex x[4];
    x[0] = read(block);
    for (size_t j = 1; j < 4; ++j) x[j] = mul(read(block + j * kPoint), w.power[j]);
    transform(x);
    if constexpr (kMode == Mode::kSpectrum) {
      const Vec factor = broadcast(scale);
      for (size_t j = 0; j < 4; ++j) write(block + j * kPoint, {mul(x[j].re, factor), mul(x[j].im, factor)});
    } else {
      for (size_t j = 0; j < 4; ++j) x[j] = mul(x[j], read(spectrum + j * kPoint));
      transform_back(x);
      write(block, x[0]);
      for (size_t j = 1; j < 4; ++j) write(block + j * kPoint, mul_conjugate(x[j], w.power[j]));
    }
  }
}

// The points of one register of channels.
struct Walk {
  const FftPlan& plan;
  float* points;
  const float* spectrum;  // in the same order
  float scale;
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
    const size_t place = first * here.span * kPoint;
    leaves<kMode>(walk.points + place, here.radix, walk.plan.level[level + 1].roots + first * 6, walk.spectrum + place,
                  walk.scale);
  }
}

template <Mode kMode, int kRadix>
TIDEMERGE_INLINE void block_of_radix(const Walk& walk, size_t level, size_t block) {
  const FftLevel& here = walk.plan.level[level];
  float* const at = walk.points + block * kRadix * here.span * kPoint;
  const float* const roots = here.roots + block * 2 * (kRadix - 1);
  forward<kRadix>(at, here.span, roots);
  below<kMode>(walk, level, block);
  if constexpr (kMode == Mode::kConvolve) backward<kRadix>(at, here.span, roots);
}

template <Mode kMode>
void block_of(const Walk& walk, size_t level, size_t block) {
  switch (walk.plan.level[level].radix) {
    case 2: return block_of_radix<kMode, 2>(walk, level, block);
    case 3: return block_of_radix<kMode, 3>(walk, level, block);
    default: return block_of_radix<kMode, 4>(walk, level, block);
  }
}

// All registers of a call: a row is read and written once for all of them.
struct Registers {
  const FftPlan& plan;
  float* points;  // [registers][size][kPoint]
  size_t channels;

  size_t count() const { return (channels + kLanes - 1) / kLanes; }
  size_t place(size_t which) const { return which * plan.size * kPoint; }
  Lanes lanes(size_t which) const { return Lanes(which * kLanes, channels); }
};

// The first level reads real numbers: input(t, lanes) for t < length, 0 behind.
template <int kRadix, typename Input>
void first_forward(const Registers& to, size_t length, const Input& input) {
  const size_t span = to.plan.level[0].span;
  const Roots<kRadix> w(to.plan.level[0].roots);
  for (size_t n = 0; n < span; ++n) {
    for (size_t r = 0; r < to.count(); ++r) {
      const Lanes lanes = to.lanes(r);
      float* const at = to.points + to.place(r) + n * kPoint;
      const auto real = [&](size_t t) TIDEMERGE_INLINE_LAMBDA { return t < length ? input(t, lanes) : zero(); };
      Complex x[kRadix];
      x[0] = {real(n), zero()};
      for (size_t j = 1; j < kRadix; ++j) {
        const Vec value = real(n + j * span);
        x[j] = {mul(value, w.power[j].re), mul(value, w.power[j].im)};
      }
      transform(x);
      for (size_t j = 0; j < kRadix; ++j) write(at + j * span * kPoint, x[j]);
    }
  }
}

// And gives the real parts of what comes back to output(t, lanes, value).
template <int kRadix, typename Output>
void last_backward(const Registers& from, size_t length, const Output& output) {
  const size_t span = from.plan.level[0].span;
  const Roots<kRadix> w(from.plan.level[0].roots);
  for (size_t n = 0; n < span && n < length; ++n) {
    for (size_t r = 0; r < from.count(); ++r) {
      const Lanes lanes = from.lanes(r);
      const float* const at = from.points + from.place(r) + n * kPoint;
      Complex x[kRadix];
      for (size_t j = 0; j < kRadix; ++j) x[j] = read(at + j * span * kPoint);
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
void first_forward(const Registers& to, size_t length, const Input& input) {
  switch (to.plan.level[0].radix) {
    case 2: return first_forward<2>(to, length, input);
    case 3: return first_forward<3>(to, length, input);
    default: return first_forward<4>(to, length, input);
  }
}

template <typename Output>
void last_backward(const Registers& from, size_t length, const Output& output) {
  switch (from.plan.level[0].radix) {
    case 2: return last_backward<2>(from, length, output);
    case 3: return last_backward<3>(from, length, output);
    default: return last_backward<4>(from, length, output);
  }
}

void spectrum_f32(const FftPlan& plan, const FilterArgs& filter, float* spectrum) {
  TIDEMERGE_ASSUME(filter.channels >= 1 && filter.channels <= kFftChannels && plan.levels >= 2);
  const Registers all{plan, spectrum, filter.channels};
  first_forward(all, filter.lags, [&](size_t s, const Lanes& lanes) TIDEMERGE_INLINE_LAMBDA {
    return lanes.read(filter.filter + static_cast<ptrdiff_t>(s) * filter.filter_stride);
  });
  for (size_t r = 0; r < all.count(); ++r) {
    float* const points = spectrum + all.place(r);
    below<Mode::kSpectrum>({plan, points, points, 1.0f / static_cast<float>(plan.size)}, 0, 0);
  }
}

void convolve_f32(const FftPlan& plan, const float* spectrum, const LongConvArgs& args) {
  TIDEMERGE_ASSUME(args.channels >= 1 && args.channels <= kFftChannels && plan.levels >= 2);
  const Registers all{plan, args.work, args.channels};
  float* const inputs = args.work + plan.size * kFftPoint;
  first_forward(all, args.length, [&](size_t t, const Lanes& lanes) TIDEMERGE_INLINE_LAMBDA {
    const Vec input = gated_input(args, t, lanes);
    if (args.skip != nullptr) store_aligned(inputs + t * kFftChannels + lanes.first, input);
    return input;
  });
  for (size_t r = 0; r < all.count(); ++r) {
    below<Mode::kConvolve>({plan, args.work + all.place(r), spectrum + all.place(r), 1.0f}, 0, 0);
  }
  last_backward(all, args.length, [&](size_t t, const Lanes& lanes, Vec sum) TIDEMERGE_INLINE_LAMBDA {
    finish(args, t, lanes, sum, args.skip != nullptr ? load_aligned(inputs + t * kFftChannels + lanes.first) : zero());
  });
}

}  // namespace

namespace TIDEMERGE_SET {
extern const FftKernels fft_kernels;
const FftKernels fft_kernels = {.spectrum_f32 = spectrum_f32, .convolve_f32 = convolve_f32, .sum_f32 = sum_f32};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
