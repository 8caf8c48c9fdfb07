#pragma once

// Causal convolution of one series with filters as long as itself, sixteen channels at a time (Poli et al., "Hyena
// Hierarchy", arXiv 2302.10866, section 3). For every channel c and step t, with u = x pre:
//
//   out[t, c] = post[t, c] (sum over s <= t of filter[s, c] u[t - s, c] + skip[c] u[t, c])
//
// Long series go through a transform of `size` complex numbers, size >= length. Multiplying polynomials modulo
// X^size - i leaves the coefficients behind `size` in the imaginary part, so that neither zero padding to twice the
// length nor the symmetry of real spectra is needed: the real part of the product is the causal convolution. The
// transform splits X^n - z into factors X^(n/r) - w, where w runs over the r-th roots of z (r: 2, 3 or 4), down to n =
// 1; a butterfly multiplies by powers of w, which are constants of a whole block. It goes depth first, block by block,
// and multiplies by the spectrum of the filter at the bottom, before the way back: long series pass through memory a
// few times only, and the order of spectra is nobody's business. (Bernstein, "Multidigit multiplication for
// mathematicians", 2001, describes such transforms.) Short series are summed directly.
//
// Order. Lanes are channels; a result depends on its channel's inputs, the length and the size only.
// Error. Per level and transform kFftRoundings roundings of the norm, see fft_reference.h. Direct: length + 2
// roundings. Special values. A NaN, an infinity or an overflow may reach all steps of its channel; of a filter also
// from the rows in between length and size, which are transformed if they are there. Alignment: any, but for work and
// spectrum (64 bytes). `out` overlaps no input.

#include <cstddef>
#include <cstdint>

namespace tidemerge {

constexpr size_t kFftChannels = 16;             // of a call at most: a cache line of a row
constexpr size_t kFftPoint = 2 * kFftChannels;  // floats of a point of all channels, in an order of the set's own
constexpr size_t kFftLevels = 24;
constexpr int kFftRoundings = 9;

// One level: blocks of radix * span points, block b with its own root w, w^radix = z.
struct FftLevel {
  size_t radix;  // 2, 3 or 4; 4 at the last level
  size_t span;
  const float* roots;  // [blocks][radix - 1][2]: powers 1 to radix - 1 of w, real and imaginary part
};

struct FftPlan {
  size_t size;    // product of all radices
  size_t levels;  // at least 2
  FftLevel level[kFftLevels];
};

struct LongConvArgs {
  size_t length;    // at most plan->size, if there is a plan
  size_t channels;  // 1 to kFftChannels
  const float* x;   // [length, channels], rows x_stride elements apart
  ptrdiff_t x_stride;
  const float* pre;  // the same, or null: 1
  ptrdiff_t pre_stride;
  const float* post;  // the same, or null: 1
  ptrdiff_t post_stride;
  const float* skip;  // [channels] or null: 0
  float* out;
  ptrdiff_t out_stride;
  float* work;  // long_conv_work floats of the plan's size; sum: of the length
};

// Points, and the inputs behind their gate, which the skip connection wants again: rows are slow to come by.
constexpr size_t long_conv_work(size_t size) { return size * (kFftPoint + kFftChannels); }

struct FilterArgs {
  size_t lags;  // rows there are
  size_t channels;
  const float* filter;  // [lags, channels]
  ptrdiff_t filter_stride;
};

struct FftKernels {
  // spectrum[plan.size][kFftPoint] of the first plan.size lags, divided by plan.size.
  void (*spectrum_f32)(const FftPlan& plan, const FilterArgs& filter, float* spectrum);
  void (*convolve_f32)(const FftPlan& plan, const float* spectrum, const LongConvArgs& args);
  // Without a transform.
  void (*sum_f32)(const FilterArgs& filter, const LongConvArgs& args);
};

}  // namespace tidemerge
