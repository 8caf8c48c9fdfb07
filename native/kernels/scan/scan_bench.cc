#include <cstdint>
#include <vector>

#include "kernels/scan/scan.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

// A block of channels over a length that stays in the second-level cache. A state of a step is an exponential of 10
// vector operations and 4 more. `peak` counts a multiply-add as two, so an operation of any kind counts as two here:
// the share is that of the slots of the multiply-add units.
BENCH(scan) {
  constexpr size_t length = 512, channels = kScanChannels, states = 16;
  constexpr double kOperations = 14;
  std::vector<float> u(length * channels), delta(u.size()), z(u.size()), out(u.size()), b(length * states), c(b.size());
  std::vector<float> a(channels * states), d(channels, 1.0f), last(a.size()), memory(scan_scratch(states) + 16);
  testing::Random random(1);
  for (auto* values : {&u, &delta, &z, &b, &c}) random.fill_normal(values->data(), values->size());
  random.fill_uniform(a.data(), a.size(), -16.0f, -1.0f);
  float* scratch = memory.data();
  while (reinterpret_cast<uintptr_t>(scratch) % 64 != 0) ++scratch;
  const ScanArgs args = {.length = length,
                         .channels = channels,
                         .states = states,
                         .channels_first = false,
                         .u = u.data(),
                         .u_stride = channels,
                         .delta = delta.data(),
                         .delta_stride = channels,
                         .z = z.data(),
                         .z_stride = channels,
                         .b = b.data(),
                         .b_stride = states,
                         .c = c.data(),
                         .c_stride = states,
                         .b_is_constant = false,
                         .c_is_constant = false,
                         .a = a.data(),
                         .d = d.data(),
                         .delta_bias = nullptr,
                         .softplus = true,
                         .first = nullptr,
                         .last = last.data(),
                         .out = out.data(),
                         .out_stride = channels,
                         .scratch = scratch};
  constexpr double updates = static_cast<double>(length * channels * states);
  const testing::Work work = {.flops = 2 * kOperations * updates, .items = updates, .peak = testing::Peak::kF32};
  testing::for_each_set([&](const KernelSet& set) {
    suite.add(&set, "selective_scan 512x64, 16 states", work,
              [args, kernels = set.scan] { kernels->selective_scan_f32(args); });
  });
  suite.run();
}

}  // namespace
}  // namespace tidemerge
