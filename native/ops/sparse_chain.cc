#include "ops/sparse_chain.h"

#include <algorithm>

#include "kernels/sparse_binary/sparse_binary.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

constexpr size_t kMostStages = 16;
constexpr size_t kInputsOfStage = 2;

// Additions of list entries in the time of one step (ops/split.h).
constexpr size_t kEntriesPerStep = 16;

size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

class SparseChainOperator final : public Operator {
 public:
  explicit SparseChainOperator(const Attributes& attributes)
      : int8_(attributes.choice("activations", {"float32", "int8"}) == 1) {
    const std::vector<double>& relus = attributes.list("relus");
    const std::vector<double>& residuals = attributes.list("residuals");
    if (relus.empty() || relus.size() > kMostStages) {
      attributes.fail("relus", "1 to " + std::to_string(kMostStages) + " numbers", std::to_string(relus.size()));
    }
    if (residuals.size() != relus.size()) {
      attributes.fail("residuals", std::to_string(relus.size()) + " numbers", std::to_string(residuals.size()));
    }
    for (size_t s = 0; s < relus.size(); ++s) {
      if (relus[s] != 0 && relus[s] != 1) attributes.fail("relus", "0 or 1", std::to_string(relus[s]));
      const int residual = static_cast<int>(std::clamp(residuals[s], -2.0, 1e3));
      if (residual != residuals[s] || residual < SparseChainStage::kNone || residual > static_cast<int>(s)) {
        attributes.fail("residuals", "-1, 0 or the number of an earlier stage", std::to_string(residuals[s]));
      }
      relus_.push_back(relus[s] != 0);
      residuals_.push_back(residual);
    }
  }

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    std::vector<SparseChainStage> stages(relus_.size());
    size_t kept = 0;
    for (size_t s = 0; s < stages.size(); ++s) kept += read_stage(call, s, x.cols(), stages);
    const size_t rows = x.rows(), out = stages.back().weights->n;
    float* y = call.output(0, DType::kFloat32, rows, out).data<float>();
    if (rows == 0 || out == 0) return;

    const SparseBinaryKernels& kernels = *call.kernels().sparse_binary;
    SparseChain chain;
    chain.stages = stages.data();
    chain.count = stages.size();
    chain.x_stride = static_cast<ptrdiff_t>(x.cols());
    chain.y_stride = static_cast<ptrdiff_t>(out);
    const size_t grain = static_cast<size_t>(int8_ ? kernels.rows_int8 : kernels.rows_f32);
    const size_t useful = std::min(static_cast<size_t>(call.threads().threads()),
                                   std::max<size_t>(1, rows * kept / kEntriesPerStep / kStepsWorthAThread));
    const size_t shares = std::min(useful, divide_up(rows, grain));
    const size_t share_rows = shares == 1 ? rows : divide_up(divide_up(rows, shares), grain) * grain;
    const Scratch scratch = call.scratch(kernels.chain_scratch_bytes(chain, int8_));
    const auto share = [&](size_t index, int thread) {
      const size_t row = index * share_rows;
      SparseChain part = chain;
      part.rows = std::min(share_rows, rows - row);
      part.x = x.data<float>() + row * x.cols();
      part.y = y + row * out;
      kernels.chain(part, int8_, scratch[thread]);
    };
    if (shares == 1) return share(0, 0);
    call.threads().parallel_for(divide_up(rows, share_rows), share);
  }

 private:
  // Gives the number of entries kept.
  size_t read_stage(Call& call, size_t s, size_t columns, std::vector<SparseChainStage>& stages) const {
    const size_t first = 1 + s * kInputsOfStage;
    const std::string name = "weight " + std::to_string(s + 1);
    const SparseBinaryMatrix& matrix = call.weight(first, name.c_str(), WeightKind::kSparseBinary).sparse();
    const SparseBinaryWeights& weights = matrix.weights();
    const size_t inner = s == 0 ? columns : stages[s - 1].weights->n;
    if (weights.k != inner) {
      call.shape_error(name.c_str(), std::to_string(inner) + " columns", std::to_string(weights.k));
    }
    SparseChainStage& stage = stages[s];
    stage.weights = &weights;
    stage.bias = optional_vector_input(call, first + 1, ("bias " + std::to_string(s + 1)).c_str(), weights.n);
    stage.relu = relus_[s];
    stage.residual = residuals_[s];
    if (stage.residual == SparseChainStage::kNone) return matrix.kept();
    const size_t added = stage.residual == 0 ? columns : stages[static_cast<size_t>(stage.residual) - 1].weights->n;
    if (added != weights.n) {
      call.shape_error(("residual " + std::to_string(s + 1)).c_str(), std::to_string(weights.n) + " columns",
                       std::to_string(added));
    }
    return matrix.kept();
  }

  bool int8_;
  std::vector<bool> relus_;
  std::vector<int> residuals_;
};

}  // namespace

const OperatorInfo& sparse_chain_operator() {
  static const OperatorInfo info{"sparse_chain", 2, 1 + static_cast<int>(kMostStages * kInputsOfStage), 1,
                                 create<SparseChainOperator>};
  return info;
}

}  // namespace tidemerge
