#include "ops/elementwise.h"

#include <algorithm>

#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

double expected_activation(const std::string& kind, double x) {
  if (kind == "relu") return x > 0.0 ? x : 0.0;
  if (kind == "gelu") return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  if (kind == "gelu_tanh") return x / (1.0 + std::exp(-2.0 * std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  if (kind == "silu") return x / (1.0 + std::exp(-x));
  return x;
}

// Units of the last place: the bounds of simd/math.h.
double activation_error(const std::string& kind, double x) {
  const double below = std::min(x, 0.0);
  if (kind == "gelu") return 6.0 + 1.5 * below * below;
  if (kind == "gelu_tanh") return 5.0 - 6.0 * 0.8 * (below + 0.044715 * below * below * below);
  if (kind == "silu") return 5.0 - 1.25 * below;
  return 0.0;
}

TEST(elementwise_operators) {
  for_each_context([](const Context& context) {
    Random random(51);
    for (const auto& [rows, cols] : {std::pair<size_t, size_t>{0, 3}, {1, 1}, {7, 5}, {300, 257}}) {
      TRACE("[%zu, %zu]", rows, cols);
      const Tensor a = random_floats(context, random, rows, cols), b = random_floats(context, random, rows, cols);
      const OpRun sum(context, add_operator(), {}, {a, b}), product(context, multiply_operator(), {}, {a, b});
      const OpRun square(context, multiply_operator(), {}, {a, a});
      for (size_t i = 0; i < a.count(); ++i) {
        EXPECT_EQ(sum.out(0).data<float>()[i], a.data<float>()[i] + b.data<float>()[i]);
        EXPECT_EQ(product.out(0).data<float>()[i], a.data<float>()[i] * b.data<float>()[i]);
        EXPECT_EQ(square.out(0).data<float>()[i], a.data<float>()[i] * a.data<float>()[i]);
      }
      for (const char* kind : {"none", "relu", "gelu", "gelu_tanh", "silu"}) {
        const OpRun run(context, activation_operator(), {{"kind", std::string(kind)}}, {a});
        for (size_t i = 0; i < a.count(); ++i) {
          const double expected = expected_activation(kind, a.data<float>()[i]);
          const double ulps = activation_error(kind, a.data<float>()[i]);
          EXPECT_NEAR(run.out(0).data<float>()[i], expected, ulps * 0x1p-23 * std::fabs(expected));
        }
      }
    }
  });
}

TEST(scale_shift_by_column) {
  for_each_context([](const Context& context) {
    Random random(54);
    const Tensor x = random_floats(context, random, 400, 99);
    const Tensor scale = random_floats(context, random, 1, 99), shift = random_floats(context, random, 99, 1);
    const OpRun run(context, scale_shift_columns_operator(), {}, {x, scale, shift});
    for (size_t r = 0; r < 400; ++r) {
      for (size_t c = 0; c < 99; ++c) {
        const double product = static_cast<double>(x.data<float>()[r * 99 + c]) * scale.data<float>()[c];
        const double t = shift.data<float>()[c];
        EXPECT_NEAR(run.f32(0, r, c), product + t, (2.0 * std::fabs(product) + std::fabs(t)) * 0x1p-24);
      }
    }
    EXPECT_ERROR(
        [&] {
          OpRun(context, scale_shift_columns_operator(), {}, {x, x, shift});
        },
        "ERR_INVALID_SHAPE", "scale_shift_columns: scale: expected shape [99, 1], got [400, 99]");
  });
}

TEST(scale_shift_by_row) {
  for_each_context([](const Context& context) {
    Random random(52);
    const size_t rows = 400, cols = 99;
    const Tensor x = random_floats(context, random, rows, cols), scale = random_floats(context, random, rows, 1);
    const Tensor shift = random_floats(context, random, rows, 1);
    const OpRun run(context, scale_shift_operator(), {}, {x, scale, shift});
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < cols; ++c) {
        const double product = static_cast<double>(x.data<float>()[r * cols + c]) * scale.data<float>()[r];
        const double expected = product + shift.data<float>()[r];
        EXPECT_NEAR(run.f32(0, r, c), expected, 0x1p-24 * (std::fabs(product) + std::fabs(expected)));
      }
    }
    EXPECT_ERROR(
        [&] {
          OpRun(context, scale_shift_operator(), {}, {x, x, shift});
        },
        "ERR_INVALID_SHAPE", "scale_shift: scale: expected shape [400, 1], got [400, 99]");
  });
}

TEST(elementwise_errors) {
  with_context([](const Context& context) {
    const Tensor a = floats(context, 2, 1, {1, 2}), b = floats(context, 1, 2, {1, 2}), i = ints(context, {1, 2});
    EXPECT_ERROR([&] { OpRun(context, add_operator(), {}, {a, b}); }, "ERR_INVALID_SHAPE", "add: b");
    EXPECT_ERROR([&] { OpRun(context, multiply_operator(), {}, {i, a}); }, "ERR_INVALID_DTYPE", "multiply: a");
    EXPECT_ERROR(
        [&] {
          OpRun(context, activation_operator(), {{"kind", std::string("none")}}, {i});
        },
        "ERR_INVALID_DTYPE", "activation: x");
    EXPECT_ERROR(
        [&] {
          OpRun(context, activation_operator(), {{"kind", std::string("Relu")}}, {a});
        },
        "ERR_INVALID_ARGUMENT", "activation: attribute kind");
  });
}

}  // namespace
}  // namespace tidemerge::testing
