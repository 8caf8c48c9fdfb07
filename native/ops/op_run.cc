#include "ops/op_run.h"

#include <optional>

namespace tidemerge::testing {
namespace {

class TestCall final : public Call {
 public:
  TestCall(const Context& context, const OperatorInfo& info, const std::vector<OpInput>& inputs, bool in_place)
      : Call(info.name, context), inputs_(inputs), outputs_(static_cast<size_t>(info.outputs)), in_place_(in_place) {
    for (const OpInput& input : inputs) {
      own_.push_back(input.tensor == nullptr ? Tensor() : copy_of(context, *input.tensor));
    }
  }

  size_t inputs() const override { return inputs_.size(); }
  bool has(size_t i) const override {
    return i < inputs_.size() &&
           (inputs_[i].tensor != nullptr || inputs_[i].weight != nullptr || inputs_[i].state != nullptr);
  }

  using Call::input;
  const Tensor& input(size_t i, const char* name) const override {
    if (!has(i)) argument_error(name, "a value", "nothing");
    if (inputs_[i].weight != nullptr) return inputs_[i].weight->tensor();
    return inputs_[i].state != nullptr ? inputs_[i].state->tensor : own_[i];
  }
  bool is_weight(size_t i) const override { return has(i) && inputs_[i].weight != nullptr; }
  const Weight& weight(size_t i, const char* name, WeightKind kind) const override {
    const Weight* weight = has(i) ? inputs_[i].weight : nullptr;
    if (weight == nullptr || weight->kind() != kind) argument_error(name, "a weight", "another value");
    return *weight;
  }
  State& state(size_t i, const char* name) override {
    if (!has(i) || inputs_[i].state == nullptr) argument_error(name, "a state", "another value");
    return *inputs_[i].state;
  }

  Tensor& output(size_t i, DType dtype, size_t rows, size_t cols) override {
    Tensor& tensor = outputs_[i].emplace(buffers(), dtype, rows, cols);
    std::memset(tensor.raw(), 0xff, tensor.bytes());  // NaN: what nobody writes is seen
    return tensor;
  }
  Tensor& output_in_place(size_t i, size_t j) override {
    const Tensor& like = input(j, "input");
    if (!in_place_ || inputs_[j].tensor == nullptr) return output(i, like.dtype(), like.rows(), like.cols());
    taken_ = j;
    return outputs_[i].emplace(own_[j].take());
  }
  Tensor& output_copy_of(size_t i, size_t j) override {
    const Tensor& from = input(j, "input");
    Tensor& to = output_in_place(i, j);
    if (to.raw() != from.raw()) std::memcpy(to.raw(), from.raw(), from.bytes());
    return to;
  }

  std::vector<Tensor> finish() {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].tensor != nullptr && taken_ != i) EXPECT_TRUE(same_bytes(own_[i], *inputs_[i].tensor));
    }
    std::vector<Tensor> outputs;
    for (auto& output : outputs_) {
      EXPECT_TRUE(output.has_value());
      outputs.push_back(output ? std::move(*output) : Tensor());
    }
    return outputs;
  }

 private:
  std::vector<OpInput> inputs_;
  std::vector<Tensor> own_;
  std::vector<std::optional<Tensor>> outputs_;
  bool in_place_;
  std::optional<size_t> taken_;
};

Attributes attributes_of(const OperatorInfo& info, const OpAttributes& values) {
  Attributes attributes(info.name);
  for (const auto& [name, value] : values) attributes.set(name, value);
  return attributes;
}

}  // namespace

Tensor copy_of(const Context& context, const Tensor& tensor) {
  Tensor copy(context.buffers, tensor.dtype(), tensor.rows(), tensor.cols());
  if (tensor.bytes() != 0) std::memcpy(copy.raw(), tensor.raw(), tensor.bytes());
  return copy;
}

Tensor rows_of(const Context& context, const Tensor& tensor, size_t begin, size_t end) {
  Tensor part(context.buffers, tensor.dtype(), end - begin, tensor.cols());
  const size_t bytes = tensor.cols() * size_of(tensor.dtype());
  if (part.bytes() != 0)
    std::memcpy(part.raw(), static_cast<const std::byte*>(tensor.raw()) + begin * bytes, part.bytes());
  return part;
}

Tensor random_floats(const Context& context, Random& random, size_t rows, size_t cols) {
  Tensor tensor(context.buffers, DType::kFloat32, rows, cols);
  random.fill_normal(tensor.data<float>(), tensor.count());
  return tensor;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

OpRun::OpRun(const Context& context, const OperatorInfo& info, const OpAttributes& values,
             const std::vector<OpInput>& inputs) {
  EXPECT_TRUE(inputs.size() >= static_cast<size_t>(info.min_inputs));
  EXPECT_TRUE(inputs.size() <= static_cast<size_t>(info.max_inputs));
  const Attributes attributes = attributes_of(info, values);
  const std::unique_ptr<Operator> op = info.create(attributes);
  attributes.expect_all_used();
  TestCall call(context, info, inputs, false);
  op->run(call);
  outputs_ = call.finish();
  for (const OpInput& input : inputs) {
    if (input.state != nullptr) return;  // running twice would change it twice
  }
  static ThreadPool two_threads(2);
  const Context other{context.kernels, two_threads, context.buffers};
  TestCall in_place(other, info, inputs, true);
  op->run(in_place);
  const std::vector<Tensor> again = in_place.finish();
  for (size_t i = 0; i < outputs_.size(); ++i) EXPECT_TRUE(same_bytes(again[i], outputs_[i]));
}

void for_each_context(const std::function<void(const Context&)>& check) {
  for_each_set([&](const KernelSet& set) {
    for (const int threads : {1, 3}) {
      TRACE("%d threads", threads);
      ThreadPool pool(threads);
      BufferPool buffers;
      check(Context{set, pool, buffers});
    }
  });
}

void with_context(const std::function<void(const Context&)>& check) {
  for (const int threads : {1, 3}) {
    TRACE("%d threads", threads);
    ThreadPool pool(threads);
    BufferPool buffers;
    check(Context{*tested_sets().front(), pool, buffers});
  }
}

void expect_error(const std::function<void()>& fn, const char* code, const char* part, const char* file, int line) {
  count_expectation();
  try {
    fn();
  } catch (const Error& error) {
    if (std::string(error.code()) != code || std::string(error.what()).find(part) == std::string::npos) {
      report_failure(file, line,
                     std::string("expected ") + code + " with '" + part + "', got " + error.code() + " with '" +
                         error.what() + "'");
    }
    return;
  }
  report_failure(file, line, std::string("expected ") + code + ", got no error");
}

}  // namespace tidemerge::testing
