#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

using testing::for_each_set;

constexpr size_t kCount = 4096;  // in the first-level cache; G/s is elements per second

BENCH(elementwise_binary) {
  std::vector<float> a(kCount), b(kCount), out(kCount);
  testing::Random random(1);
  random.fill_normal(a.data(), kCount);
  random.fill_normal(b.data(), kCount);
  const struct {
    const char* name;
    ElementwiseKernels::Binary ElementwiseKernels::*member;
  } kernels[] = {{"add", &ElementwiseKernels::add_f32},
                 {"mul", &ElementwiseKernels::mul_f32},
                 {"mul_silu", &ElementwiseKernels::mul_silu_f32}};
  for (const auto& kernel : kernels) {
    for_each_set([&](const KernelSet& set) {
      const auto run = set.elementwise->*kernel.member;
      suite.add(&set, kernel.name, {.bytes = 12.0 * kCount, .items = kCount},
                [&, run] { run(a.data(), b.data(), out.data(), kCount); });
    });
  }
  suite.run();
}

BENCH(elementwise_unary) {
  std::vector<float> x(kCount), out(kCount);
  testing::Random(1).fill_normal(x.data(), kCount, 3.0f);
  const struct {
    const char* name;
    ElementwiseKernels::Unary ElementwiseKernels::*member;
  } kernels[] = {{"relu", &ElementwiseKernels::relu_f32},
                 {"gelu", &ElementwiseKernels::gelu_f32},
                 {"gelu_tanh", &ElementwiseKernels::gelu_tanh_f32},
                 {"silu", &ElementwiseKernels::silu_f32},
                 {"sigmoid", &ElementwiseKernels::sigmoid_f32},
                 {"tanh", &ElementwiseKernels::tanh_f32},
                 {"exp", &ElementwiseKernels::exp_f32},
                 {"softplus", &ElementwiseKernels::softplus_f32}};
  for (const auto& kernel : kernels) {
    for_each_set([&](const KernelSet& set) {
      const auto run = set.elementwise->*kernel.member;
      suite.add(&set, kernel.name, {.bytes = 8.0 * kCount, .items = kCount},
                [&, run] { run(x.data(), out.data(), kCount); });
    });
  }
  suite.run();
}

BENCH(elementwise_bf16) {
  std::vector<float> x(kCount, 1.5f);
  std::vector<uint16_t> half(kCount);
  for_each_set([&](const KernelSet& set) {
    const ElementwiseKernels* kernels = set.elementwise;
    suite.add(&set, "bf16_from_f32", {.bytes = 6.0 * kCount, .items = kCount},
              [&, kernels] { kernels->bf16_from_f32(x.data(), half.data(), kCount); });
    suite.add(&set, "f32_from_bf16", {.bytes = 6.0 * kCount, .items = kCount},
              [&, kernels] { kernels->f32_from_bf16(half.data(), x.data(), kCount); });
  });
  suite.run();
}

}  // namespace
}  // namespace tidemerge
