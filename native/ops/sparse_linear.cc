#include "ops/sparse_linear.h"

#include <algorithm>

#include "kernels/sparse_binary/sparse_binary.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }
size_t round_up(size_t a, size_t b) { return divide_up(a, b) * b; }

// Additions of list entries, or products of codes, in the time of one step (ops/split.h).
constexpr size_t kEntriesPerStep = 16;
constexpr size_t kCodesPerStep = 64;

// Turning a row into a column of a panel takes about as long as so many entries.
constexpr size_t kEntriesPerInput = 4;

// Shares of rows x shares of outputs.
struct Split {
  size_t rows;
  size_t outputs;
};

// Rows are cut first: every share of outputs has to prepare its rows again.
Split split_sparse(size_t rows, size_t outputs, size_t steps, size_t row_grain, size_t output_grain, size_t threads) {
  const size_t useful = std::min(threads, std::max<size_t>(1, steps / kStepsWorthAThread));
  const size_t row_shares = std::min(useful, divide_up(rows, row_grain));
  const size_t output_shares = std::min(useful / row_shares, divide_up(outputs, output_grain));
  return {round_up(divide_up(rows, row_shares), row_shares == 1 ? 1 : row_grain),
          round_up(divide_up(outputs, output_shares), output_grain)};
}

class SparseLinear final : public Operator {
 public:
  explicit SparseLinear(const Attributes& attributes)
      : relu_(attributes.choice("activation", {"none", "relu"}) == 1),
        quantized_(attributes.choice("activations", {"float32", "int8"}) == 1) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    const Weight& w = call.weight(1, "weight", WeightKind::kSparseBinary);
    expect_columns(call, x, "x", w.cols());
    const size_t m = x.rows(), n = w.rows(), k = w.cols();
    SparseBinaryProduct product;
    product.x_stride = static_cast<ptrdiff_t>(k);
    product.bias = optional_vector_input(call, 2, "bias", n);
    product.relu = relu_;
    const float* residual = call.has(3) ? call.input(3, "residual", DType::kFloat32, m, n).data<float>() : nullptr;
    product.residual_stride = product.y_stride = static_cast<ptrdiff_t>(n);
    Tensor& out = call.has(3) ? call.output_in_place(0, 3) : call.output(0, DType::kFloat32, m, n);
    if (m == 0 || n == 0) return;

    const SparseBinaryKernels& kernels = *call.kernels().sparse_binary;
    const SparseBinaryMatrix& matrix = w.sparse();
    const bool codes = quantized_ && kernels.prefers_codes(m, n, k, matrix.kept());
    const auto kernel = codes ? kernels.codes_int8 : quantized_ ? kernels.lists_int8 : kernels.lists_f32;
    const size_t steps =
        codes ? m * n * k / kCodesPerStep : m * (matrix.kept() + kEntriesPerInput * (n + k)) / kEntriesPerStep;
    const size_t row_grain = codes ? 1 : static_cast<size_t>(quantized_ ? kernels.rows_int8 : kernels.rows_f32);
    const Split split = split_sparse(m, n, steps, row_grain, static_cast<size_t>(kernels.output_tile),
                                     static_cast<size_t>(call.threads().threads()));
    const Scratch scratch = call.scratch(kernels.scratch_bytes(k));
    const size_t output_shares = divide_up(n, split.outputs);
    const auto share = [&](size_t index, int thread) {
      const size_t row = index / output_shares * split.rows;
      SparseBinaryProduct part = product;
      part.rows = std::min(split.rows, m - row);
      part.begin = index % output_shares * split.outputs;
      part.end = std::min(n, part.begin + split.outputs);
      part.x = x.data<float>() + row * k;
      part.y = out.data<float>() + row * n;
      part.residual = residual != nullptr ? residual + row * n : nullptr;
      kernel(matrix.weights(), part, scratch[thread]);
    };
    const size_t shares = divide_up(m, split.rows) * output_shares;
    if (shares == 1) {
      share(0, 0);
    } else {
      call.threads().parallel_for(shares, share);
    }
  }

 private:
  bool relu_;
  bool quantized_;
};

}  // namespace

const OperatorInfo& sparse_linear_operator() {
  static const OperatorInfo info{"sparse_linear", 2, 4, 1, create<SparseLinear>};
  return info;
}

}  // namespace tidemerge
