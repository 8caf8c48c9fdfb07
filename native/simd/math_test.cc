#include <cmath>
#include <limits>
#include <vector>

#include "base/bf16.h"
#include "simd/math_probe.h"
#include "testing/test.h"
#include "testing/test_kernels.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::test_kernels;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr size_t kBlock = 16;  // a whole number of registers on every set

using ArrayFunction = void (*)(const float*, float*, size_t);

struct Function {
  const char* name;
  ArrayFunction MathProbe::*member;
  double (*exact)(double);
  double (*ulps)(double x);  // the bound of simd/math.h
  double absolute;
  // math.h defines the function from here to there, and, unless bounded below, for NaN
  float high = kInfinity;
  float low = -kInfinity;
};

double sigmoid_exact(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double silu_exact(double x) { return std::isinf(x) && x < 0 ? 0.0 : x * sigmoid_exact(x); }
double softplus_exact(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double gelu_exact(double x) { return std::isinf(x) && x < 0 ? 0.0 : x * 0.5 * std::erfc(-x * 0.70710678118654752440); }
double twice_u(double x) { return 1.59576912160573071176 * (x + 0.044715 * x * x * x); }
double gelu_tanh_exact(double x) { return std::isinf(x) && x < 0 ? 0.0 : x * sigmoid_exact(twice_u(x)); }

template <int ulps>
double constant(double) {
  return ulps;
}

// Constant, plus 5/4 of the condition number of the lower tail.
template <int ulps>
double tail(double x) {
  return ulps + (x < 0 ? -1.25 * x : 0.0);
}
// From 2^127 on infinity, which counts as 2^128, is right too.
double exp2_tail(double x) { return x > 127.0 && x < 128.0 ? 0x1p23 : 3.0; }
double gelu_tail(double x) { return 6.0 + (x < 0 ? 1.5 * x * x : 0.0); }
double gelu_tanh_tail(double x) { return 5.0 + (x < 0 ? -3.0 * twice_u(x) : 0.0); }

const Function kFunctions[] = {
    {"exp", &MathProbe::exp, std::exp, constant<2>, 0},
    {"exp_nonpositive", &MathProbe::exp_nonpositive, std::exp, tail<3>, 0x1.01p-126, 0.0f},
    {"exp2_flushing", &MathProbe::exp2_flushing, std::exp2, exp2_tail, 0x1p-126},
    {"exp2_bounded", &MathProbe::exp2_bounded, std::exp2, constant<3>, 0, 126.0f, -126.0f},
    {"log", &MathProbe::log, std::log, constant<2>, 0},
    {"log1p", &MathProbe::log1p, std::log1p, constant<2>, 0},
    {"tanh", &MathProbe::tanh, std::tanh, constant<3>, 0},
    {"erf", &MathProbe::erf, std::erf, constant<2>, 0},
    {"sigmoid", &MathProbe::sigmoid, sigmoid_exact, tail<4>, 0x1p-125},
    {"silu", &MathProbe::silu, silu_exact, tail<5>, 0x1p-118},
    {"softplus", &MathProbe::softplus, softplus_exact, tail<4>, 0x1p-125},
    {"gelu", &MathProbe::gelu, gelu_exact, gelu_tail, 0x1p-115},
    {"gelu_tanh", &MathProbe::gelu_tanh, gelu_tanh_exact, gelu_tanh_tail, 0x1p-118},
};

bool in_domain(const Function& function, float x) {
  if (std::isnan(x)) return std::isinf(function.low);
  return x >= function.low && x <= function.high;
}

// One value against the bound; through EXPECT_ULP, which makes text, only if the bound is broken: there are millions.
void check(const Function& function, float x, float y) {
  const double exact = function.exact(static_cast<double>(x));
  const double error = std::fabs(static_cast<double>(y) - exact);
  if (function.absolute > 0 && error <= function.absolute) return testing::count_expectation();
  const double bound = std::isfinite(x) ? function.ulps(static_cast<double>(x)) : 0.0;
  if (testing::ulp_distance(y, exact) <= bound) return testing::count_expectation();
  TRACE("%s(%a)", function.name, static_cast<double>(x));
  EXPECT_ULP(y, exact, bound);
}

void check_all(const std::vector<float>& arguments) {
  for (const Function& function : kFunctions) {
    std::vector<float> x;
    for (float value : arguments) {
      if (in_domain(function, value)) x.push_back(value);
    }
    while (x.size() % kBlock != 0) x.push_back(-1.0f);
    std::vector<float> y(x.size());
    for_each_set([&](const KernelSet& set) {
      (test_kernels(set).math->*function.member)(x.data(), y.data(), x.size());
      for (size_t i = 0; i < x.size(); ++i) check(function, x[i], y[i]);
    });
  }
}

TEST(math_special_values) {
  std::vector<float> values;
  for (float x : {0.0f,     kSmallest, 3 * kSmallest, 0x1p-127f, 0x1p-126f, 0x1p-125f, 0x1p-30f, 0x1p-24f,
                  0x1p-23f, 0.25f,     0.5f,          1.0f,      1.5f,      2.0f,      10.0f,    20.0f,
                  87.0f,    88.0f,     88.72283f,     88.72284f, 89.0f,     103.97f,   103.98f,  104.0f,
                  150.0f,   1e4f,      1e10f,         1e20f,     1e30f,     kLargest,  kInfinity}) {
    values.push_back(x);
    values.push_back(-x);
  }
  values.push_back(kNan);
  values.push_back(-kNan);
  // A NaN whose payload could be taken for an exponent by integer arithmetic on it.
  for (uint32_t bits : {0x7fc00001u, 0x7fffffffu, 0xffc0007fu, 0x7f800001u, 0xff8000ffu})
    values.push_back(f32_from_bits(bits));
  check_all(values);
}

// Every 65521st bit pattern (a prime), of both signs: all exponents, denormals, infinities and NaNs.
TEST(math_sweep_over_all_floats) {
  std::vector<float> values;
  constexpr uint32_t kStep = 65521;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += kStep)
    values.push_back(f32_from_bits(static_cast<uint32_t>(bits)));
  check_all(values);
}

// Where the functions do something: densely, linear instead of logarithmic, and across every seam.
TEST(math_sweep_over_the_interesting_range) {
  std::vector<float> values;
  for (int i = -24000; i <= 24000; ++i) values.push_back(static_cast<float>(i) * 0.0043f);
  for (float seam : {0.55f, 1.0f, 3.93f, 12.6f, 15.0f, 0.34657359f, 87.3365447f, 88.7228391f, 103.972084f, 120.0f,
                     0.70710678f, 1.41421356f}) {
    for (int i = -200; i <= 200; ++i) {
      values.push_back(f32_from_bits(bits_from_f32(seam) + static_cast<uint32_t>(i)));
      values.push_back(-values.back());
    }
  }
  check_all(values);
}

TEST(math_bounded_exp2_has_the_bits_of_the_other) {
  std::vector<float> x = {-126.0f, 126.0f, 0.0f, -0.0f, kSmallest, -kSmallest};
  for (int i = -25200; i <= 25200; ++i) x.push_back(static_cast<float>(i) * 0.005f);
  for (float& value : x) value = std::fabs(value) > 126.0f ? 0.5f : value;
  while (x.size() % kBlock != 0) x.push_back(-1.0f);
  for_each_set([&](const KernelSet& set) {
    std::vector<float> any(x.size()), bounded(x.size());
    test_kernels(set).math->exp2_flushing(x.data(), any.data(), x.size());
    test_kernels(set).math->exp2_bounded(x.data(), bounded.data(), x.size());
    for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(bits_from_f32(bounded[i]), bits_from_f32(any[i]));
  });
}

TEST(math_result_does_not_depend_on_the_lane) {
  for (const Function& function : kFunctions) {
    for_each_set([&](const KernelSet& set) {
      const ArrayFunction run = test_kernels(set).math->*function.member;
      testing::Random random(7);
      for (float x : {-1.25f, -0.3f, -90.0f, -kInfinity, -3.0e-39f}) {
        float alone[kBlock], expected[kBlock];
        for (float& lane : alone) lane = x;
        run(alone, expected, kBlock);
        for (size_t lane = 0; lane < kBlock; ++lane) {
          TRACE("%s, lane %zu", function.name, lane);
          float mixed[kBlock], y[kBlock];
          random.fill_uniform(mixed, kBlock, -100.0f, 0.0f);
          mixed[lane] = x;
          run(mixed, y, kBlock);
          EXPECT_EQ(bits_from_f32(y[lane]), bits_from_f32(expected[lane]));
        }
      }
    });
  }
}

}  // namespace
}  // namespace tidemerge
