#include "program/direct_call.h"

#include <utility>

#include "program/executor.h"
#include "runtime/copy.h"

namespace tidemerge {

namespace {

class DirectCall final : public Call {
 public:
  DirectCall(const char* op, const Context& context, std::vector<std::optional<Tensor>> inputs, size_t outputs)
      : Call(op, context), inputs_(std::move(inputs)), weights_(inputs_.size()), outputs_(outputs) {}

  size_t inputs() const override { return inputs_.size(); }
  bool has(size_t i) const override { return i < inputs_.size() && inputs_[i].has_value(); }

  using Call::input;
  const Tensor& input(size_t i, const char* name) const override {
    if (!has(i)) argument_error(name, "a value", "nothing");
    return *inputs_[i];
  }

  const Weight& weight(size_t i, const char* name, WeightKind kind) const override {
    const Tensor& tensor = input(i, name, DType::kFloat32);
    if (!weights_[i]) {
      weights_[i] = std::make_unique<Weight>(context(), std::string(op()) + ": " + name, kind, WeightType::kF32,
                                             tensor.rows(), tensor.cols(), tensor.data<float>(), nullptr);
    }
    return *weights_[i];
  }

  State& state(size_t, const char* name) override {
    throw Error(error_code::kUnsupported, std::string(op()) + ": " + name + ": states need a session");
  }

  Tensor& output(size_t i, DType dtype, size_t rows, size_t cols) override {
    if (i >= outputs_.size())
      throw Error(error_code::kInternal, std::string(op()) + ": has no output " + std::to_string(i));
    outputs_[i] = Tensor(buffers(), dtype, rows, cols);
    return *outputs_[i];
  }

  Tensor& output_in_place(size_t i, size_t j) override {
    const Tensor& like = input(j, "input");
    return output(i, like.dtype(), like.rows(), like.cols());
  }

  Tensor& output_copy_of(size_t i, size_t j) override {
    const Tensor& from = input(j, "input");
    Tensor& to = output_in_place(i, j);
    copy_bytes(threads(), from.raw(), to.raw(), from.bytes());
    return to;
  }

  std::vector<Tensor> take_outputs() {
    std::vector<Tensor> outputs;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (!outputs_[i]) {
        throw Error(error_code::kInternal, std::string(op()) + ": output " + std::to_string(i) + " was not written");
      }
      outputs.push_back(std::move(*outputs_[i]));
    }
    return outputs;
  }

 private:
  std::vector<std::optional<Tensor>> inputs_;
  mutable std::vector<std::unique_ptr<Weight>> weights_;
  std::vector<std::optional<Tensor>> outputs_;
};

}  // namespace

std::vector<Tensor> call_operator(const Context& context, const Attributes& attributes,
                                  std::vector<std::optional<Tensor>> inputs, const OperatorTable& table) {
  const OperatorInfo* info = nullptr;
  const std::unique_ptr<Operator> run = create_operator(table, attributes, inputs.size(), &info);
  DirectCall call(info->name, context, std::move(inputs), static_cast<size_t>(info->outputs));
  run->run(call);
  return call.take_outputs();
}

}  // namespace tidemerge
