#include <vector>

#include "simd/math_probe.h"
#include "testing/bench.h"
#include "testing/test_kernels.h"

namespace tidemerge {
namespace {

// G/s is results per second and core; arguments and results stay in the first-level cache.
BENCH(math) {
  constexpr size_t n = 2048;
  std::vector<float> x(n), y(n);
  testing::Random(1).fill_uniform(x.data(), n, -20.0f, 0.0f);
  struct {
    const char* name;
    void (*MathProbe::*member)(const float*, float*, size_t);
  } const functions[] = {
      {"exp", &MathProbe::exp},
      {"exp_nonpositive", &MathProbe::exp_nonpositive},
      {"log", &MathProbe::log},
      {"log1p", &MathProbe::log1p},
      {"tanh", &MathProbe::tanh},
      {"erf", &MathProbe::erf},
      {"sigmoid", &MathProbe::sigmoid},
      {"silu", &MathProbe::silu},
      {"softplus", &MathProbe::softplus},
      {"gelu", &MathProbe::gelu},
      {"gelu_tanh", &MathProbe::gelu_tanh},
  };
  for (const auto& function : functions) {
    testing::for_each_set([&](const KernelSet& set) {
      const auto run = testing::test_kernels(set).math->*function.member;
      suite.add(&set, function.name, {.items = n}, [&, run] { run(x.data(), y.data(), n); });
    });
  }
  suite.run();
}

}  // namespace
}  // namespace tidemerge
