#include "kernels/fft/fft.h"

#include <cmath>
#include <limits>

#include "base/bf16.h"
#include "kernels/fft/fft_plan.h"
#include "kernels/fft/fft_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

struct Case {
  size_t length, channels;
  size_t lags;
  bool gated = true;
  size_t misalignment = 1, gap = 3;
};

struct Run {
  explicit Run(const Case& c)
      : stride(c.channels + c.gap),
        plan(fft_size(c.length)),
        x(size_of(c.length, c.channels), c.misalignment),
        pre(x.size(), 2),
        post(x.size(), 3),
        out(x.size(), c.misalignment + 2),
        filter(size_of(c.lags, c.channels), 3),
        skip(c.channels, 2),
        spectrum(plan.plan().size * kFftPoint),
        work(long_conv_work(plan.plan().size)) {
    Random random(c.length * 1000 + c.channels * 10 + c.lags);
    for (auto* buffer : {&x, &pre, &post, &skip}) random.fill_normal(buffer->data(), buffer->size());
    // A filter falls off, like those of models.
    for (size_t i = 0; i < filter.size(); ++i) {
      filter[i] = random.normal() / std::sqrt(1 + static_cast<float>(i / stride));
    }
    const auto step = static_cast<ptrdiff_t>(stride);
    lags = {.lags = c.lags, .channels = c.channels, .filter = filter.data(), .filter_stride = step};
    args = {.length = c.length,
            .channels = c.channels,
            .x = x.data(),
            .x_stride = step,
            .pre = c.gated ? pre.data() : nullptr,
            .pre_stride = step,
            .post = c.gated ? post.data() : nullptr,
            .post_stride = step,
            .skip = c.gated ? skip.data() : nullptr,
            .out = out.data(),
            .out_stride = step,
            .work = work.data()};
  }
  size_t size_of(size_t rows, size_t channels) const { return rows == 0 ? 0 : (rows - 1) * stride + channels; }
  void convolve(const KernelSet& set) {
    set.fft->spectrum_f32(plan.plan(), lags, spectrum.data());
    set.fft->convolve_f32(plan.plan(), spectrum.data(), args);
  }
  void sum(const KernelSet& set) { set.fft->sum_f32(lags, args); }
  bool intact() const {
    return x.intact() && pre.intact() && post.intact() && out.intact() && filter.intact() && skip.intact() &&
           spectrum.intact() && work.intact();
  }
  float y(size_t t, size_t channel) const { return out[t * stride + channel]; }
  double gate(const GuardedBuffer<float>& of, size_t t, size_t channel) const {
    return args.pre == nullptr ? 1.0 : of[t * stride + channel];
  }

  size_t stride;
  FftPlanOwner plan;
  GuardedBuffer<float> x, pre, post, out, filter, skip, spectrum, work;
  FilterArgs lags;
  LongConvArgs args;
};

// Every t_step-th output of every channel.
void check(const Run& run, bool transformed, size_t t_step = 1) {
  EXPECT_TRUE(run.intact());
  const FftPlan& plan = run.plan.plan();
  const size_t length = run.args.length;
  for (size_t ch = 0; ch < run.args.channels; ++ch) {
    const std::vector<double> k = reference::column(run.lags.filter, run.lags.lags, run.lags.filter_stride, ch);
    std::vector<double> u = reference::column(run.args.x, length, run.args.x_stride, ch);
    // The gate in front rounds, which counts as an error of u.
    for (size_t t = 0; t < length; ++t) u[t] = static_cast<float>(u[t] * run.gate(run.pre, t, ch));
    reference::Norms of_u, of_k;
    if (transformed) of_u = reference::norms(u, plan.size), of_k = reference::norms(k, plan.size);
    for (size_t t = 0; t < length; t += t_step) {
      const double skip = run.args.skip == nullptr ? 0.0 : run.skip[ch] * u[t];
      double value = reference::causal_sum(k, u, t) + skip, error = 0;
      if (transformed) {
        error = reference::transform_error(plan, of_u, of_k) + 0x1p-22 * (std::fabs(value) + std::fabs(skip));
      } else {
        double magnitude = std::fabs(skip);
        for (size_t s = 0; s <= t && s < k.size(); ++s) magnitude += std::fabs(k[s] * u[t - s]);
        error = reference::sum_error(t + 3, magnitude);
      }
      const double gate = run.gate(run.post, t, ch);
      EXPECT_NEAR(run.y(t, ch), value * gate, error * std::fabs(gate));
    }
  }
}

TEST(fft_sizes_hold_the_length) {
  size_t before = 0;
  for (size_t length = 1; length < 70000; length = length < 300 ? length + 1 : length + length / 7) {
    const size_t size = fft_size(length);
    EXPECT_TRUE(size >= length && size >= 12 && size % 4 == 0 && size >= before);
    if (length > 48) EXPECT_TRUE(3 * size < 4 * length);
    before = size;
    size_t rest = size;
    while (rest % 2 == 0) rest /= 2;
    while (rest % 3 == 0) rest /= 3;
    EXPECT_EQ(rest, size_t{1});
  }
  EXPECT_EQ(fft_size(1026), size_t{1152});
}

// At the last level every block has a root w of its own with w^(4 blocks) = i, and the powers of it.
TEST(fft_roots_are_rounded_once) {
  for (const size_t size : {16u, 72u, 1152u, 4096u, 16384u}) {
    TRACE("size %zu", size);
    const FftPlanOwner owner(size);
    const FftPlan& plan = owner.plan();
    size_t points = 1;
    for (size_t level = 0; level < plan.levels; ++level) points *= plan.level[level].radix;
    EXPECT_EQ(points, size);
    EXPECT_EQ(plan.level[plan.levels - 1].span, size_t{1});
    std::vector<bool> seen(size);
    for (size_t block = 0; block < size / 4; ++block) {
      const float* const w = plan.level[plan.levels - 1].roots + 6 * block;
      // Roots of X^size - i are at (4 place + 1) / (4 size) of a turn.
      const double turn = std::atan2(w[1], w[0]) / 6.283185307179586476925 * static_cast<double>(size) - 0.25;
      const auto place = static_cast<size_t>(std::lround(turn) + static_cast<long>(size)) % size;
      EXPECT_TRUE(!seen[place]);
      seen[place] = true;
      for (int j = 1; j < 4; ++j) {
        const auto exact = std::polar(
            1.0, j * 6.283185307179586476925 * (static_cast<double>(place) + 0.25) / static_cast<double>(size));
        EXPECT_NEAR(w[2 * j - 2], exact.real(), 0x1p-25 + 0x1p-50);
        EXPECT_NEAR(w[2 * j - 1], exact.imag(), 0x1p-25 + 0x1p-50);
      }
    }
  }
}

TEST(fft_convolves_every_length) {
  for_each_set([](const KernelSet& set) {
    for (size_t length : {0u, 1u, 2u, 3u, 5u, 16u, 17u, 24u, 31u, 32u, 40u, 48u, 100u, 144u, 162u, 216u}) {
      TRACE("length %zu", length);
      for (const size_t lags : {length, size_t{3}, length + 200}) {
        Run run({.length = length, .channels = 1 + length % 16, .lags = lags, .gated = lags != 3});
        run.convolve(set);
        check(run, true);
        run.sum(set);
        check(run, false);
      }
    }
    for (size_t length : {1000u, 1026u, 4096u}) {
      TRACE("length %zu", length);
      Run run({.length = length, .channels = 5, .lags = length, .gated = false});
      run.convolve(set);
      check(run, true, 29);
    }
  });
}

TEST(fft_convolves_every_number_of_channels) {
  for_each_set([](const KernelSet& set) {
    for (size_t channels = 1; channels <= kFftChannels; ++channels) {
      TRACE("channels %zu", channels);
      Run run({.length = 50, .channels = channels, .lags = 50, .misalignment = channels % 3, .gap = channels % 2});
      run.convolve(set);
      check(run, true);
      run.sum(set);
      check(run, false);
    }
  });
}

// A channel's bits do not depend on its lane nor on its neighbours, not even on NaN and infinity, which stay in theirs.
TEST(fft_special_values_stay_in_their_channel) {
  for_each_set([](const KernelSet& set) {
    const Case c{.length = 70, .channels = 16, .lags = 70};
    for (const bool transformed : {true, false}) {
      Run clean(c), run(c);
      transformed ? clean.convolve(set) : clean.sum(set);
      run.x[20 * run.stride + 3] = std::numeric_limits<float>::quiet_NaN();
      run.x[69 * run.stride + 9] = std::numeric_limits<float>::infinity();
      run.filter[30 * run.stride + 12] = -std::numeric_limits<float>::infinity();
      transformed ? run.convolve(set) : run.sum(set);
      for (size_t t = 0; t < c.length; ++t) {
        for (size_t ch = 0; ch < c.channels; ++ch) {
          const size_t from = ch == 3 ? 20 : ch == 9 ? 69 : ch == 12 ? 30 : c.length;
          if (t >= from) EXPECT_TRUE(!std::isfinite(run.y(t, ch)));
          if (from == c.length || (!transformed && t < from)) {
            EXPECT_EQ(bits_from_f32(run.y(t, ch)), bits_from_f32(clean.y(t, ch)));
          }
        }
      }
    }
  });
}

// Numbers near both ends of the range: bounds hold relative to norms.
TEST(fft_convolves_tiny_and_large_numbers) {
  for_each_set([](const KernelSet& set) {
    for (const float scale : {0x1p-140f, 0x1p-70f, 0x1p50f}) {
      TRACE("scale %g", static_cast<double>(scale));
      Run run({.length = 100, .channels = 4, .lags = 100, .gated = false});
      for (float& value : run.x) value *= scale;
      run.convolve(set);
      check(run, true);
      run.sum(set);
      check(run, false);
    }
  });
}

}  // namespace
}  // namespace tidemerge
