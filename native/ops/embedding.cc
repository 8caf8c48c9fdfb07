#include "ops/embedding.h"

#include <cstring>

#include "kernels/elementwise/elementwise.h"
#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

class Embedding final : public Operator {
 public:
  explicit Embedding(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& ids = call.input(0, "ids", DType::kInt32);
    expect_columns(call, ids, "ids", 1);
    const Weight& table = call.weight(1, "table", WeightKind::kTable);
    const int32_t* id = ids.data<int32_t>();
    for (size_t r = 0; r < ids.rows(); ++r) {
      if (id[r] < 0 || static_cast<size_t>(id[r]) >= table.rows()) {
        call.argument_error("ids", "ids below " + std::to_string(table.rows()),
                            std::to_string(id[r]) + " in row " + std::to_string(r));
      }
    }
    const size_t cols = table.cols();
    float* out = call.output(0, DType::kFloat32, ids.rows(), cols).data<float>();
    for_ranges(call, ids.rows(), cols, [&](size_t begin, size_t end, int) {
      for (size_t r = begin; r < end; ++r) copy_row(call, table, static_cast<size_t>(id[r]), out + r * cols);
    });
  }

 private:
  static void copy_row(const Call& call, const Weight& table, size_t row, float* out) {
    const size_t cols = table.cols();
    if (table.type() == WeightType::kF32) {
      std::memcpy(out, table.f32() + row * cols, cols * sizeof(float));
      return;
    }
    call.kernels().elementwise->f32_from_bf16(table.bf16() + row * cols, out, cols);
  }
};

}  // namespace

const OperatorInfo& embedding_operator() {
  static const OperatorInfo info{"embedding", 2, 2, 1, create<Embedding>};
  return info;
}

}  // namespace tidemerge
