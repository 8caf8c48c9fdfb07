#include "ops/offsets.h"

#include <algorithm>

#include "ops/checks.h"
#include "ops/create.h"

namespace tidemerge {
namespace {

struct Uniform {
  size_t batch;
  size_t count;
};

Uniform uniform_inputs(const Call& call) {
  const Tensor& offsets = call.input(0, "offsets", DType::kInt32);
  if (offsets.rows() == 0 || offsets.cols() != 1)
    call.shape_error("offsets", "shape [batch + 1, 1]", shape_text(offsets));
  const Uniform uniform{offsets.rows() - 1, static_cast<size_t>(call.scalar(1, "count", 0))};
  expect_int32(call, "count", uniform.batch * uniform.count);
  return uniform;
}

class UniformOffsets final : public Operator {
 public:
  explicit UniformOffsets(const Attributes&) {}

  void run(Call& call) const override {
    const Uniform uniform = uniform_inputs(call);
    int32_t* out = call.output(0, DType::kInt32, uniform.batch + 1, 1).data<int32_t>();
    for (size_t b = 0; b <= uniform.batch; ++b) out[b] = static_cast<int32_t>(b * uniform.count);
  }
};

class FillIds final : public Operator {
 public:
  explicit FillIds(const Attributes& attributes)
      : value_(static_cast<int32_t>(attributes.integer_in("value", INT32_MIN, INT32_MAX))) {}

  void run(Call& call) const override {
    const Uniform uniform = uniform_inputs(call);
    const size_t rows = uniform.batch * uniform.count;
    std::fill_n(call.output(0, DType::kInt32, rows, 1).data<int32_t>(), rows, value_);
  }

 private:
  int32_t value_;
};

}  // namespace

const OperatorInfo& uniform_offsets_operator() {
  static const OperatorInfo info{"uniform_offsets", 2, 2, 1, create<UniformOffsets>};
  return info;
}

const OperatorInfo& fill_ids_operator() {
  static const OperatorInfo info{"fill_ids", 2, 2, 1, create<FillIds>};
  return info;
}

}  // namespace tidemerge
