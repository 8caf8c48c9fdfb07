#include "ops/linear.h"

#include <algorithm>
#include <cmath>

#include "kernels/gemm/gemm.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }
size_t round_up(size_t a, size_t b) { return divide_up(a, b) * b; }

// Preparing a row for the product takes about as long as multiplying it with this many columns, fetching the weights of
// a column as multiplying them with this many rows.
constexpr size_t kColumnsPerRow = 8;
constexpr size_t kRowsPerColumn = 4;

// Threads with work for tens of microseconds get several shares, so that one that is held up can be helped.
constexpr size_t kMostSharesPerThread = 4;
constexpr size_t kStepsWorthAShare = 8 * kStepsWorthAThread;

// Multiplications in the time of one step (ops/split.h).
constexpr size_t kProductsPerStep = 32;

class Linear final : public Operator {
 public:
  explicit Linear(const Attributes& attributes)
      : activation_(
            static_cast<Activation>(attributes.choice("activation", {"none", "relu", "gelu", "gelu_tanh", "silu"}))) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    const Weight& w = call.weight(1, "w", WeightKind::kMatrix);
    expect_columns(call, x, "x", w.cols());
    const size_t m = x.rows();
    const size_t n = w.rows();
    const size_t k = w.cols();

    GemmEpilogue epilogue;
    epilogue.activation = activation_;
    epilogue.bias = optional_vector_input(call, 2, "bias", n);
    if (call.has(3)) {
      epilogue.residual = call.input(3, "residual", DType::kFloat32, m, n).data<float>();
      epilogue.residual_stride = static_cast<ptrdiff_t>(n);
    }
    Tensor& out = call.has(3) ? call.output_in_place(0, 3) : call.output(0, DType::kFloat32, m, n);
    if (m == 0 || n == 0) return;

    const GemmKernels& gemm = *call.kernels().gemm;
    const LinearSplit split =
        split_linear(m, n, k, static_cast<size_t>(gemm.row_tile), static_cast<size_t>(gemm.panel_width),
                     static_cast<size_t>(call.threads().threads()));
    const Scratch scratch = call.scratch(gemm.scratch_bytes(w.type(), std::min(m, split.rows), k));
    const size_t column_shares = divide_up(n, split.columns);
    const auto share = [&](size_t index, int thread) {
      const size_t row = index / column_shares * split.rows;
      const size_t column = index % column_shares * split.columns;
      GemmEpilogue part = epilogue;
      if (part.residual != nullptr) part.residual += row * n;
      gemm.run(w.type(), x.data<float>() + row * k, static_cast<ptrdiff_t>(k), std::min(split.rows, m - row),
               w.packed(), n, k, column, std::min(n, column + split.columns), out.data<float>() + row * n,
               static_cast<ptrdiff_t>(n), part, scratch[thread]);
    };
    const size_t shares = divide_up(m, split.rows) * column_shares;
    if (shares == 1) {
      share(0, 0);
    } else {
      call.threads().parallel_for(shares, share);
    }
  }

 private:
  Activation activation_;
};

}  // namespace

LinearSplit split_linear(size_t m, size_t n, size_t k, size_t row_tile, size_t panel_width, size_t threads) {
  const size_t whole_columns = round_up(n, panel_width);
  const size_t steps = (m + kRowsPerColumn) * whole_columns * k / kProductsPerStep;
  const size_t useful = std::min(threads, std::max<size_t>(1, steps / kStepsWorthAThread));

  // Of all ways to cut, the one that gives the busiest thread least; up to 3 % more for finer shares.
  LinearSplit best{m, whole_columns};
  double best_cost = HUGE_VAL;
  for (size_t per_thread = 1; per_thread <= (useful == 1 ? 1 : kMostSharesPerThread); per_thread *= 2) {
    const size_t shares = useful * per_thread;
    if (per_thread > 1 && steps / shares < kStepsWorthAShare) break;
    const double allowed = 1.03 * best_cost;
    double cost_here = allowed;
    for (size_t row_shares = 1; row_shares <= shares; ++row_shares) {
      const size_t rows = row_shares == 1 ? m : round_up(divide_up(m, row_shares), row_tile);
      const size_t columns = round_up(divide_up(n, shares / row_shares), panel_width);
      const double cost = static_cast<double>(per_thread * (rows + kRowsPerColumn) * (columns + kColumnsPerRow));
      if (cost < cost_here) {
        best = {rows, columns};
        cost_here = cost;
      }
    }
    best_cost = std::min(best_cost, cost_here);
  }
  return best;
}

const OperatorInfo& linear_operator() {
  static const OperatorInfo info{"linear", 2, 4, 1, create<Linear>};
  return info;
}

}  // namespace tidemerge
