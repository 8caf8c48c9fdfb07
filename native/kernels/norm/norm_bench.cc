#include <vector>

#include "kernels/norm/norm.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

BENCH(norm) {
  constexpr size_t rows = 16, cols = 512;
  std::vector<float> x(rows * cols), weight(cols, 1.0f), bias(cols, 0.5f), out(rows * cols);
  testing::Random(1).fill_normal(x.data(), x.size());
  const testing::Work work = {.bytes = 8.0 * rows * cols, .items = rows * cols};
  testing::for_each_set([&](const KernelSet& set) {
    const NormKernels* kernels = set.norm;
    suite.add(&set, "rms_norm 16x512", work, [&, kernels] {
      kernels->rms_norm_f32(x.data(), cols, weight.data(), 1e-6f, rows, cols, out.data(), cols);
    });
    suite.add(&set, "layer_norm 16x512", work, [&, kernels] {
      kernels->layer_norm_f32(x.data(), cols, weight.data(), bias.data(), 1e-6f, rows, cols, out.data(), cols);
    });
  });
  suite.run();
}

}  // namespace
}  // namespace tidemerge
