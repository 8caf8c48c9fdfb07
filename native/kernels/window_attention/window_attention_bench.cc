#include <vector>

#include "kernels/window_attention/window_attention.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

BENCH(window_attention) {
  constexpr size_t count = 199, head_dim = 38, stride = 432;
  std::vector<float> q(head_dim), keys(head_dim * stride), values(count * 96), out(head_dim),
      scratch(count + kWindowSlack);
  testing::Random random(1);
  random.fill_normal(q.data(), q.size());
  random.fill_normal(keys.data(), keys.size());
  random.fill_normal(values.data(), values.size());
  const WindowAttentionArgs args{q.data(), keys.data(), stride, values.data(), 96, count, head_dim, 0.2f, out.data()};
  testing::for_each_set([&](const KernelSet& set) {
    const WindowAttentionKernels* kernels = set.window_attention;
    suite.add(&set, "one head of 38 to 199 steps", {.flops = 4.0 * count * head_dim},
              [&, kernels] { kernels->attend(args, scratch.data()); });
  });
  suite.run();
}

}  // namespace
}  // namespace tidemerge
