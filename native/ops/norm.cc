#include "ops/norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise/elementwise.h"
#include "kernels/norm/norm.h"
#include "kernels/softmax/softmax.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

float epsilon_attribute(const Attributes& attributes) {
  const double epsilon = attributes.number("epsilon");
  if (!(epsilon >= 0.0 && epsilon < HUGE_VAL)) {
    attributes.fail("epsilon", "a number that is not negative", std::to_string(epsilon));
  }
  return static_cast<float>(epsilon);
}

class RmsNorm final : public Operator {
 public:
  explicit RmsNorm(const Attributes& attributes)
      : epsilon_(epsilon_attribute(attributes)),
        groups_(static_cast<size_t>(attributes.integer_in("groups", 1, INT32_MAX))),
        before_(attributes.boolean("normBeforeGate")),
        gate_column_(static_cast<size_t>(attributes.integer_in("gateColumn", 0, INT32_MAX))) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    const size_t cols = x.cols();
    if (cols % groups_ != 0) {
      call.shape_error("x", "a multiple of " + std::to_string(groups_) + " columns", shape_text(x));
    }
    const float* weight = vector_input(call, 1, "weight", cols);
    const Tensor* gate = call.has(2) ? &gate_input(call, x) : nullptr;
    const float* from = x.data<float>();
    float* out = call.output_in_place(0, 0).data<float>();
    for_ranges(call, x.rows(), (gate == nullptr ? 2 : 8) * cols, [&](size_t begin, size_t end, int) {
      if (gate == nullptr) return normalise(call, from + begin * cols, weight, end - begin, cols, out + begin * cols);
      // Row by row, so that the second pass finds the first one's row in the cache.
      for (size_t row = begin; row < end; ++row) {
        const float* z = gate->data<float>() + row * gate->cols() + gate_column_;
        const float* source = from + row * cols;
        float* to = out + row * cols;
        if (before_) normalise(call, source, weight, 1, cols, to);
        call.kernels().elementwise->mul_silu_f32(before_ ? to : source, z, to, cols);
        if (!before_) normalise(call, to, weight, 1, cols, to);
      }
    });
  }

 private:
  const Tensor& gate_input(const Call& call, const Tensor& x) const {
    const Tensor& gate = call.input(2, "gate", DType::kFloat32);
    if (gate.rows() != x.rows()) {
      call.shape_error("gate", std::to_string(x.rows()) + " rows like x", shape_text(gate));
    }
    expect_columns_up_to(call, gate, "gate", gate_column_ + x.cols());
    return gate;
  }

  void normalise(const Call& call, const float* x, const float* weight, size_t rows, size_t cols, float* out) const {
    const size_t width = cols / groups_;
    const auto stride = static_cast<ptrdiff_t>(cols);
    for (size_t at = 0; at < cols; at += width) {
      call.kernels().norm->rms_norm_f32(x + at, stride, weight + at, epsilon_, rows, width, out + at, stride);
    }
  }

  float epsilon_;
  size_t groups_;
  bool before_;
  size_t gate_column_;
};

class LayerNorm final : public Operator {
 public:
  explicit LayerNorm(const Attributes& attributes) : epsilon_(epsilon_attribute(attributes)) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    const size_t cols = x.cols();
    const auto stride = static_cast<ptrdiff_t>(cols);
    const float* weight = vector_input(call, 1, "weight", cols);
    const float* bias = optional_vector_input(call, 2, "bias", cols);
    float* out = call.output_in_place(0, 0).data<float>();
    for_ranges(call, x.rows(), 3 * cols, [&](size_t begin, size_t end, int) {
      call.kernels().norm->layer_norm_f32(x.data<float>() + begin * cols, stride, weight, bias, epsilon_, end - begin,
                                          cols, out + begin * cols, stride);
    });
  }

 private:
  float epsilon_;
};

class TimeNorm final : public Operator {
 public:
  explicit TimeNorm(const Attributes& attributes) : epsilon_(epsilon_attribute(attributes)) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    const size_t cols = x.cols();
    const auto stride = static_cast<ptrdiff_t>(cols);
    size_t batch = 0;
    const int32_t* offsets = call.offsets(1, "offsets", x.rows(), batch);
    const size_t steps = call.input(2, "scale", DType::kFloat32).count();
    const float* scale = vector_input(call, 2, "scale", steps);
    const float* shift = vector_input(call, 3, "shift", steps);
    for (size_t b = 0; b < batch; ++b) {
      const auto length = static_cast<size_t>(offsets[b + 1] - offsets[b]);
      if (length > steps) {
        call.shape_error("offsets", "at most " + std::to_string(steps) + " rows in a series",
                         std::to_string(length) + " in series " + std::to_string(b));
      }
    }
    float* out = call.output_in_place(0, 0).data<float>();
    // A single series is shared by columns.
    const size_t blocks = (cols + kBlock - 1) / kBlock;
    const size_t length = batch == 0 ? 0 : x.rows() / batch;
    for_each_index(call, batch * blocks, 3 * length * kBlock, [&](size_t i, int) {
      const size_t b = i / blocks, column = i % blocks * kBlock;
      const size_t first = static_cast<size_t>(offsets[b]), last = static_cast<size_t>(offsets[b + 1]);
      call.kernels().norm->time_norm_f32(x.data<float>() + first * cols + column, stride, scale, shift, epsilon_,
                                         last - first, std::min(kBlock, cols - column), out + first * cols + column,
                                         stride);
    });
  }

 private:
  static constexpr size_t kBlock = 64;
  float epsilon_;
};

class Softmax final : public Operator {
 public:
  explicit Softmax(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    const size_t cols = x.cols();
    const auto stride = static_cast<ptrdiff_t>(cols);
    float* out = call.output_in_place(0, 0).data<float>();
    for_ranges(call, x.rows(), 4 * cols, [&](size_t begin, size_t end, int) {
      call.kernels().softmax->softmax_f32(x.data<float>() + begin * cols, stride, end - begin, cols, out + begin * cols,
                                          stride);
    });
  }
};

}  // namespace

const OperatorInfo& rms_norm_operator() {
  static const OperatorInfo info{"rms_norm", 2, 3, 1, create<RmsNorm>};
  return info;
}

const OperatorInfo& layer_norm_operator() {
  static const OperatorInfo info{"layer_norm", 2, 3, 1, create<LayerNorm>};
  return info;
}

const OperatorInfo& time_norm_operator() {
  static const OperatorInfo info{"time_norm", 4, 4, 1, create<TimeNorm>};
  return info;
}

const OperatorInfo& softmax_operator() {
  static const OperatorInfo info{"softmax", 1, 1, 1, create<Softmax>};
  return info;
}

}  // namespace tidemerge
