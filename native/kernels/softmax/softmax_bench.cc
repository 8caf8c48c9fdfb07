#include <string>
#include <vector>

#include "kernels/softmax/softmax.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

BENCH(softmax) {
  constexpr size_t rows = 8;
  std::vector<float> x(rows * 1024), out(rows * 1024);
  testing::Random(1).fill_normal(x.data(), x.size(), 3.0f);
  for (size_t cols : {33u, 512u, 1024u}) {
    testing::for_each_set([&](const KernelSet& set) {
      suite.add(&set, "8x" + std::to_string(cols), {.items = static_cast<double>(rows * cols)},
                [&, cols, kernels = set.softmax] {
                  kernels->softmax_f32(x.data(), static_cast<ptrdiff_t>(cols), rows, cols, out.data(),
                                       static_cast<ptrdiff_t>(cols));
                });
    });
  }
  suite.run();
}

}  // namespace
}  // namespace tidemerge
