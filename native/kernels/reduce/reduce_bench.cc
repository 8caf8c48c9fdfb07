#include <vector>

#include "kernels/reduce/reduce.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

BENCH(reduce) {
  constexpr size_t rows = 16, cols = 512;
  std::vector<float> x(rows * cols), out(rows);
  testing::Random(1).fill_normal(x.data(), x.size());
  const struct {
    const char* name;
    ReduceKernels::Rows ReduceKernels::*member;
  } kernels[] = {{"sum 16x512", &ReduceKernels::sum_f32},
                 {"sum_squares 16x512", &ReduceKernels::sum_squares_f32},
                 {"max 16x512", &ReduceKernels::max_f32}};
  for (const auto& kernel : kernels) {
    testing::for_each_set([&](const KernelSet& set) {
      const auto run = set.reduce->*kernel.member;
      suite.add(&set, kernel.name, {.bytes = 4.0 * rows * cols, .items = rows * cols},
                [&, run] { run(x.data(), cols, rows, cols, out.data()); });
    });
  }
  suite.run();
}

}  // namespace
}  // namespace tidemerge
