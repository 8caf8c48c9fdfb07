#include "ops/norm.h"

#include <algorithm>

#include "kernels/norm/norm.h"
#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

OpAttributes epsilon(double value) { return {{"epsilon", value}}; }

OpAttributes rms_attributes(double epsilon, int groups = 1, bool before = false, int column = 0) {
  const auto number = [](int value) { return static_cast<double>(value); };
  return {{"epsilon", epsilon}, {"groups", number(groups)}, {"normBeforeGate", before}, {"gateColumn", number(column)}};
}

// Sums in at least 4 lanes: kernels/norm/norm.h. Doubled where a set rounds products and sums apart.
double sum_error(size_t cols) { return 2.0 * (static_cast<double>(cols) / 16.0 + 8.0) * 0x1p-24; }

TEST(norms_follow_their_formulas) {
  for_each_context([](const Context& context) {
    Random random(61);
    for (const auto& [rows, cols] : {std::pair<size_t, size_t>{0, 4}, {1, 1}, {3, 0}, {5, 37}, {150, 513}}) {
      TRACE("[%zu, %zu]", rows, cols);
      const Tensor x = random_floats(context, random, rows, cols), w = random_floats(context, random, cols, 1);
      const Tensor lying = random_floats(context, random, 1, cols);
      const OpRun rms(context, rms_norm_operator(), rms_attributes(1e-6), {x, w});
      const OpRun plain(context, layer_norm_operator(), epsilon(1e-5), {x, w});
      const OpRun layer(context, layer_norm_operator(), epsilon(1e-5), {x, w, lying});
      for (size_t r = 0; r < rows; ++r) {
        const float* row = x.data<float>() + r * cols;
        double squares = 0.0, sum = 0.0, magnitude = 0.0, spread = 0.0;
        for (size_t c = 0; c < cols; ++c) {
          squares += static_cast<double>(row[c]) * row[c], sum += row[c], magnitude += std::fabs(row[c]);
        }
        const double n = static_cast<double>(cols), mean = sum / n;
        for (size_t c = 0; c < cols; ++c) spread += (row[c] - mean) * (row[c] - mean);
        const double root = std::sqrt(squares / n + 1e-6), deviation = std::sqrt(spread / n + 1e-5);
        for (size_t c = 0; c < cols; ++c) {
          const double weight = w.data<float>()[c], bias = lying.data<float>()[c];
          const double scaled = row[c] / root * weight, centred = (row[c] - mean) / deviation * weight;
          EXPECT_NEAR(rms.f32(0, r, c), scaled, (0x1p-22 + sum_error(cols)) * std::fabs(scaled));
          const double tolerance = (0x1p-22 + sum_error(cols)) * std::fabs(centred) +
                                   sum_error(cols) * magnitude / n / deviation * std::fabs(weight) +
                                   0x1p-23 * std::fabs(bias);
          EXPECT_NEAR(plain.f32(0, r, c), centred, tolerance);
          EXPECT_NEAR(layer.f32(0, r, c), centred + bias, tolerance + 0x1p-23 * std::fabs(centred));
        }
      }
    }
  });
}

// Against the kernel on every series alone: its own test knows the formula.
TEST(time_norm_of_every_series) {
  for_each_context([](const Context& context) {
    Random random(63);
    constexpr size_t cols = 131;
    const Tensor x = random_floats(context, random, 120, cols), offsets = ints(context, {0, 50, 50, 51, 120});
    const Tensor scale = random_floats(context, random, 70, 1), shift = random_floats(context, random, 1, 70);
    const OpRun run(context, time_norm_operator(), epsilon(1e-5), {x, offsets, scale, shift});
    std::vector<float> expected(120 * cols);
    for (size_t b = 0; b < 4; ++b) {
      const size_t first = static_cast<size_t>(offsets.data<int32_t>()[b]);
      const size_t rows = static_cast<size_t>(offsets.data<int32_t>()[b + 1]) - first;
      context.kernels.norm->time_norm_f32(x.data<float>() + first * cols, cols, scale.data<float>(),
                                          shift.data<float>(), 1e-5f, rows, cols, expected.data() + first * cols, cols);
    }
    EXPECT_TRUE(values_of<float>(run.out(0)) == expected);
    EXPECT_ERROR(
        [&] {
          OpRun(context, time_norm_operator(), epsilon(1e-5), {x, ints(context, {0, 120}), scale, shift});
        },
        "ERR_INVALID_SHAPE", "time_norm: offsets: expected at most 70 rows in a series, got 120 in series 0");
  });
}

// Errors: silu's (simd/math.h), once for the element and once, as the largest of its part, for the root.
TEST(rms_norm_with_gate_and_groups) {
  for_each_context([](const Context& context) {
    Random random(63);
    constexpr size_t rows = 40, cols = 84, column = 5;
    const Tensor x = random_floats(context, random, rows, cols), w = random_floats(context, random, cols, 1);
    const Tensor wide = random_floats(context, random, rows, cols + 2 * column);
    for (const size_t groups : {size_t{1}, size_t{4}}) {
      for (const bool before : {false, true}) {
        TRACE("%zu groups, before %d", groups, before);
        const OpRun run(context, rms_norm_operator(), rms_attributes(1e-6, static_cast<int>(groups), before, column),
                        {x, w, wide});
        const size_t width = cols / groups;
        for (size_t i = 0; i < rows * cols; i += width) {
          const size_t row = i / cols;
          double squares = 0.0, worst = 0.0;
          std::vector<double> gate(width), given(width), gate_error(width);
          for (size_t c = 0; c < width; ++c) {
            const double z = wide.data<float>()[row * wide.cols() + column + i % cols + c];
            gate[c] = z / (1.0 + std::exp(-z));
            gate_error[c] = (5.0 + 1.25 * std::max(0.0, -z)) * 0x1p-23 + 0x1p-24;
            if (!before) worst = std::max(worst, gate_error[c]);
            given[c] = x.data<float>()[i + c] * (before ? 1.0 : gate[c]);
            squares += given[c] * given[c];
          }
          const double root = std::sqrt(squares / static_cast<double>(width) + 1e-6);
          for (size_t c = 0; c < width; ++c) {
            const double expected = given[c] / root * w.data<float>()[i % cols + c] * (before ? gate[c] : 1.0);
            const double relative = 0x1p-22 + sum_error(width) + 1.01 * (gate_error[c] + worst);
            EXPECT_NEAR(run.f32(0, row, i % cols + c), expected, relative * std::fabs(expected));
          }
        }
      }
    }
  });
}

TEST(softmax_of_rows) {
  for_each_context([](const Context& context) {
    Random random(62);
    Tensor x = random_floats(context, random, 90, 301);
    x.data<float>()[301 + 5] = kNaN;
    const OpRun run(context, softmax_operator(), {}, {x});
    for (size_t r = 0; r < x.rows(); ++r) {
      const float* row = x.data<float>() + r * x.cols();
      double largest = -HUGE_VAL, sum = 0.0;
      for (size_t c = 0; c < x.cols(); ++c) largest = std::max<double>(largest, row[c]);
      for (size_t c = 0; c < x.cols(); ++c) sum += std::exp(row[c] - largest);
      for (size_t c = 0; c < x.cols(); ++c) {
        const double expected = r == 1 ? std::nan("") : std::exp(row[c] - largest) / sum;
        const double relative = (8.0 + 2.0 * (largest - row[c]) + 301.0 / 16.0) * 0x1p-23;
        EXPECT_NEAR(run.f32(0, r, c), expected, r == 1 ? 0.0 : relative * expected);
      }
    }
  });
}

TEST(norm_errors) {
  with_context([](const Context& context) {
    const Tensor x = floats(context, 2, 3, {1, 2, 3, 4, 5, 6}), w = floats(context, 2, 1, {1, 2});
    EXPECT_ERROR(
        [&] {
          OpRun(context, rms_norm_operator(), rms_attributes(1e-6), {x, w});
        },
        "ERR_INVALID_SHAPE", "rms_norm: weight: expected shape [3, 1], got [2, 1]");
    EXPECT_ERROR(
        [&] {
          OpRun(context, rms_norm_operator(), rms_attributes(1e-6, 2), {x, x});
        },
        "ERR_INVALID_SHAPE", "rms_norm: x: expected a multiple of 2 columns, got [2, 3]");
    EXPECT_ERROR(
        [&] {
          OpRun(context, rms_norm_operator(), rms_attributes(1e-6, 1, false, 1),
                {x, floats(context, 3, 1, {1, 2, 3}), x});
        },
        "ERR_INVALID_SHAPE", "rms_norm: gate: expected at least 4 columns, got [2, 3]");
    EXPECT_ERROR(
        [&] {
          OpRun(context, layer_norm_operator(), epsilon(1e-6), {x, x});
        },
        "ERR_INVALID_SHAPE", "layer_norm: weight");
    EXPECT_ERROR(
        [&] {
          OpRun(context, rms_norm_operator(), rms_attributes(-1.0), {x, w});
        },
        "ERR_INVALID_ARGUMENT", "rms_norm: attribute epsilon");
  });
}

}  // namespace
}  // namespace tidemerge::testing
