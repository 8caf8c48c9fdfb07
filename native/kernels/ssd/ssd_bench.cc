#include <cstdint>
#include <vector>

#include "kernels/ssd/ssd.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

// A head of the published Mamba-2 models. A state of a step is a product and two multiply-adds, three slots of the
// multiply-add units; `peak` counts a slot as two operations.
BENCH(ssd) {
  constexpr size_t length = 256, channels = kSsdChannels, states = 128;
  std::vector<float> x(length * channels), dt(length), out(x.size()), b(length * states), c(b.size());
  std::vector<float> last(channels * states), memory(ssd_scratch(states) + 16);
  testing::Random random(1);
  for (auto* values : {&x, &dt, &b, &c}) random.fill_normal(values->data(), values->size());
  float* scratch = memory.data();
  while (reinterpret_cast<uintptr_t>(scratch) % 64 != 0) ++scratch;
  SsdArgs args{};
  args.length = length, args.channels = channels, args.states = states;
  args.x = x.data(), args.x_stride = channels;
  args.dt = dt.data(), args.dt_stride = 1;
  args.b = b.data(), args.b_stride = states;
  args.c = c.data(), args.c_stride = states;
  args.a = -1.0f, args.dt_max = 1.0f, args.softplus = true;
  args.last = last.data();
  args.out = out.data(), args.out_stride = channels;
  args.scratch = scratch;
  constexpr double updates = static_cast<double>(length * channels * states);
  const testing::Work work = {.flops = 6 * updates, .items = updates, .peak = testing::Peak::kF32};
  testing::for_each_set([&](const KernelSet& set) {
    suite.add(&set, "ssd 256x64, 128 states", work, [args, kernels = set.ssd] { kernels->ssd_f32(args); });
  });
  suite.run();
}

}  // namespace
}  // namespace tidemerge
