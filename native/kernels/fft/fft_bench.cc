#include <cmath>
#include <memory>

#include "base/aligned_buffer.h"
#include "kernels/fft/fft.h"
#include "kernels/fft/fft_plan.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

struct Problem {
  explicit Problem(size_t length)
      : plan(fft_size(length)),
        x(length * kStride),
        filter(x.size()),
        out(x.size()),
        work(long_conv_work(plan.plan().size)),
        spectrum(plan.plan().size * kFftPoint) {
    testing::Random random(1);
    random.fill_normal(x.data(), x.size());
    random.fill_normal(filter.data(), filter.size(), 0.01f);
    lags = {length, kFftChannels, filter.data(), kStride};
    args.length = length, args.channels = kFftChannels;
    args.x = x.data(), args.x_stride = kStride, args.out = out.data(), args.out_stride = kStride;
    args.work = work.data();
  }

  static constexpr size_t kStride = 256;  // rows as wide as those of a model
  FftPlanOwner plan;
  AlignedBuffer<float> x, filter, out, work, spectrum;
  FilterArgs lags;
  LongConvArgs args{};
};

// Sixteen channels. Operations of a transform of n complex numbers are counted as 5 n log2 n, as is usual.
BENCH(fft) {
  for (const size_t length : {32, 64, 128, 512, 1026, 4096, 16000, 160000}) {
    const auto problem = std::make_shared<Problem>(length);
    const double size = static_cast<double>(problem->plan.plan().size);
    const testing::Work work = {.flops = kFftChannels * 2 * 5 * size * std::log2(size),
                                .items = static_cast<double>(length * kFftChannels),
                                .peak = testing::Peak::kF32};
    const std::string name = std::to_string(length) + "x16";
    testing::for_each_set([&](const KernelSet& set) {
      set.fft->spectrum_f32(problem->plan.plan(), problem->lags, problem->spectrum.data());
      suite.add(&set, "convolve " + name, work, [problem, kernels = set.fft] {
        kernels->convolve_f32(problem->plan.plan(), problem->spectrum.data(), problem->args);
      });
      if (length <= 128) {
        const double terms = static_cast<double>(length * (length + 1) / 2 * kFftChannels);
        suite.add(&set, "sum      " + name, {.flops = 2 * terms, .items = work.items, .peak = testing::Peak::kF32},
                  [problem, kernels = set.fft] { kernels->sum_f32(problem->lags, problem->args); });
      }
    });
  }
  suite.run();
}

}  // namespace
}  // namespace tidemerge
