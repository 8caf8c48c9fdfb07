#include "ops/elementwise.h"

#include "kernels/elementwise/elementwise.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

// A step (ops/split.h) is one element of cheap arithmetic; the functions take several.
constexpr size_t kFunctionSteps = 4;

void combine(Call& call, ElementwiseKernels::Binary kernel) {
  const Tensor& a = call.input(0, "a", DType::kFloat32);
  const Tensor& b = call.input(1, "b", DType::kFloat32, a.rows(), a.cols());
  float* out = call.output_in_place(0, 0).data<float>();
  for_ranges(call, a.count(), 1, [&](size_t begin, size_t end, int) {
    kernel(a.data<float>() + begin, b.data<float>() + begin, out + begin, end - begin);
  });
}

class Add final : public Operator {
 public:
  explicit Add(const Attributes&) {}
  void run(Call& call) const override { combine(call, call.kernels().elementwise->add_f32); }
};

class Multiply final : public Operator {
 public:
  explicit Multiply(const Attributes&) {}
  void run(Call& call) const override { combine(call, call.kernels().elementwise->mul_f32); }
};

class ActivationOperator final : public Operator {
 public:
  explicit ActivationOperator(const Attributes& attributes)
      : kind_(attributes.choice("kind", {"none", "relu", "gelu", "gelu_tanh", "silu"})) {}

  void run(Call& call) const override {
    if (kind_ == 0) {
      call.input(0, "x", DType::kFloat32);
      call.output_copy_of(0, 0);
      return;
    }
    const ElementwiseKernels& kernels = *call.kernels().elementwise;
    const ElementwiseKernels::Unary functions[] = {kernels.relu_f32, kernels.gelu_f32, kernels.gelu_tanh_f32,
                                                   kernels.silu_f32};
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    float* out = call.output_in_place(0, 0).data<float>();
    for_ranges(call, x.count(), kFunctionSteps, [&](size_t begin, size_t end, int) {
      functions[kind_ - 1](x.data<float>() + begin, out + begin, end - begin);
    });
  }

 private:
  size_t kind_;
};

enum class Along { kRows, kColumns };

// A scale and a shift for every row or for every column.
template <Along along>
class ScaleShift final : public Operator {
 public:
  explicit ScaleShift(const Attributes&) {}

  void run(Call& call) const override {
    constexpr bool by_row = along == Along::kRows;
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    const size_t cols = x.cols();
    const float* scale = vector_input(call, 1, "scale", by_row ? x.rows() : cols);
    const float* shift = vector_input(call, 2, "shift", by_row ? x.rows() : cols);
    float* out = call.output_in_place(0, 0).data<float>();
    const auto stride = static_cast<ptrdiff_t>(cols);
    const ElementwiseKernels& kernels = *call.kernels().elementwise;
    const auto kernel = by_row ? kernels.scale_shift_rows_f32 : kernels.scale_shift_columns_f32;
    for_ranges(call, x.rows(), cols, [&](size_t begin, size_t end, int) {
      const size_t first = by_row ? begin : 0;
      kernel(x.data<float>() + begin * cols, stride, scale + first, shift + first, end - begin, cols,
             out + begin * cols, stride);
    });
  }
};

}  // namespace

const OperatorInfo& add_operator() {
  static const OperatorInfo info{"add", 2, 2, 1, create<Add>};
  return info;
}

const OperatorInfo& multiply_operator() {
  static const OperatorInfo info{"multiply", 2, 2, 1, create<Multiply>};
  return info;
}

const OperatorInfo& activation_operator() {
  static const OperatorInfo info{"activation", 1, 1, 1, create<ActivationOperator>};
  return info;
}

const OperatorInfo& scale_shift_operator() {
  static const OperatorInfo info{"scale_shift", 3, 3, 1, create<ScaleShift<Along::kRows>>};
  return info;
}

const OperatorInfo& scale_shift_columns_operator() {
  static const OperatorInfo info{"scale_shift_columns", 3, 3, 1, create<ScaleShift<Along::kColumns>>};
  return info;
}

}  // namespace tidemerge
