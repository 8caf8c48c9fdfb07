#include "program/test_operators.h"

#include <cstring>
#include <new>

namespace tidemerge::testing {

namespace {

CancelFlag* stop_flag = nullptr;

const Tensor& f32(const Call& call, size_t i) { return call.input(i, "x", DType::kFloat32); }

struct Fill final : Operator {
  explicit Fill(const Attributes& a)
      : value(static_cast<float>(a.number("value"))), rows(a.integer_in("rows", 0, 1 << 20, 1)) {}
  void run(Call& call) const override {
    Tensor& out = call.output(0, DType::kFloat32, static_cast<size_t>(rows), 1);
    for (size_t i = 0; i < out.count(); ++i) out.data<float>()[i] = value;
  }
  float value;
  int64_t rows;
};

struct PlusOne final : Operator {
  explicit PlusOne(const Attributes&) {}
  void run(Call& call) const override {
    const float* x = f32(call, 0).data<float>();
    Tensor& out = call.output_in_place(0, 0);
    call.threads().parallel_for(out.count(), [&](size_t i, int) { out.data<float>()[i] = x[i] + 1.0f; });
  }
};

struct Sum final : Operator {
  explicit Sum(const Attributes&) {}
  void run(Call& call) const override {
    const Tensor& a = f32(call, 0);
    const Tensor& b = call.input(1, "b", DType::kFloat32, a.rows(), a.cols());
    Tensor& out = call.output_in_place(0, 0);
    for (size_t i = 0; i < out.count(); ++i) out.data<float>()[i] = a.data<float>()[i] + b.data<float>()[i];
  }
};

struct Twice final : Operator {
  explicit Twice(const Attributes&) {}
  void run(Call& call) const override {
    Tensor& out = call.output_copy_of(0, 0);
    for (size_t i = 0; i < out.count(); ++i) out.data<float>()[i] *= 2.0f;
  }
};

struct Stack final : Operator {
  explicit Stack(const Attributes&) {}
  void run(Call& call) const override {
    const Tensor& a = f32(call, 0);
    const Tensor& b = f32(call, 1);
    Tensor& out = call.output(0, DType::kFloat32, a.rows() + b.rows(), 1);
    if (a.count() != 0) std::memcpy(out.data<float>(), a.raw(), a.bytes());
    if (b.count() != 0) std::memcpy(out.data<float>() + a.count(), b.raw(), b.bytes());
  }
};

struct Split final : Operator {
  explicit Split(const Attributes&) {}
  void run(Call& call) const override {
    const Tensor& x = f32(call, 0);
    Tensor& same = call.output(0, DType::kFloat32, x.rows(), x.cols());
    Tensor& negative = call.output(1, DType::kFloat32, x.rows(), x.cols());
    for (size_t i = 0; i < x.count(); ++i) {
      same.data<float>()[i] = x.data<float>()[i];
      negative.data<float>()[i] = -x.data<float>()[i];
    }
  }
};

struct ToInt final : Operator {
  explicit ToInt(const Attributes&) {}
  void run(Call& call) const override {
    const Tensor& x = f32(call, 0);
    Tensor& out = call.output(0, DType::kInt32, x.rows(), x.cols());
    for (size_t i = 0; i < x.count(); ++i) out.data<int32_t>()[i] = static_cast<int32_t>(x.data<float>()[i]);
  }
};

struct ToFloat final : Operator {
  explicit ToFloat(const Attributes&) {}
  void run(Call& call) const override {
    call.output(0, DType::kFloat32, 1, 1).data<float>()[0] = static_cast<float>(call.scalar(0, "x"));
  }
};

struct Keep final : Operator {
  explicit Keep(const Attributes&) {}
  void run(Call& call) const override {
    const float x = *call.input(0, "x", DType::kFloat32, 1, 1).data<float>();
    State& state = call.state(1, "state");
    if (state.tensor.count() == 0) {
      state.tensor.resize(call.buffers(), DType::kFloat32, 1, 1);
      *state.tensor.data<float>() = 0.0f;
    }
    const float runs = *state.tensor.data<float>() += 1.0f;
    *call.output(0, DType::kFloat32, 1, 1).data<float>() = runs * x;
  }
};

struct TraceOperator final : Operator {
  explicit TraceOperator(const Attributes&) {}
  void run(Call& call) const override {
    const Tensor& x = f32(call, 0);
    const void* const read = x.raw();
    Tensor& out = call.output_in_place(0, 0);
    if (out.raw() != read) std::memcpy(out.raw(), read, out.bytes());
    traced().push_back({read, out.raw()});
  }
};

struct Stop final : Operator {
  explicit Stop(const Attributes&) {}
  void run(Call& call) const override {
    stop_flag->set();
    *call.output(0, DType::kFloat32, 1, 1).data<float>() = 0.0f;
  }
};

struct Fail final : Operator {
  explicit Fail(const Attributes& a) : how(a.choice("how", {"error", "memory", "worker", "silent"})) {}
  void run(Call& call) const override {
    if (how == 0) call.argument_error("x", "something else", "this");
    if (how == 1) throw std::bad_alloc();
    if (how == 2) {
      call.threads().parallel_for(64, [&](size_t i, int) {
        if (i == 63) call.shape_error("x", "a good one", "a bad one");
      });
    }
  }
  size_t how;
};

template <class Op>
std::unique_ptr<Operator> create(const Attributes& attributes) {
  return std::make_unique<Op>(attributes);
}

constexpr OperatorInfo kFill{"fill", 0, 0, 1, create<Fill>};
constexpr OperatorInfo kPlusOne{"plus_one", 1, 1, 1, create<PlusOne>};
constexpr OperatorInfo kSum{"sum", 2, 2, 1, create<Sum>};
constexpr OperatorInfo kTwice{"twice", 1, 1, 1, create<Twice>};
constexpr OperatorInfo kStack{"stack", 2, 2, 1, create<Stack>};
constexpr OperatorInfo kSplit{"split", 1, 1, 2, create<Split>};
constexpr OperatorInfo kToInt{"to_int", 1, 1, 1, create<ToInt>};
constexpr OperatorInfo kToFloat{"to_float", 1, 1, 1, create<ToFloat>};
constexpr OperatorInfo kKeep{"keep", 2, 2, 1, create<Keep>};
constexpr OperatorInfo kTrace{"trace", 1, 2, 1, create<TraceOperator>};
constexpr OperatorInfo kStop{"stop", 0, 1, 1, create<Stop>};
constexpr OperatorInfo kFail{"fail", 0, 1, 1, create<Fail>};

constexpr const OperatorInfo* kRows[] = {&kFill,  &kPlusOne, &kSum,  &kTwice, &kStack, &kSplit,
                                         &kToInt, &kToFloat, &kKeep, &kTrace, &kStop,  &kFail};

}  // namespace

OperatorTable test_operators() { return {kRows, sizeof(kRows) / sizeof(kRows[0])}; }

std::vector<Addresses>& traced() {
  static std::vector<Addresses> addresses;
  return addresses;
}

void stop_sets(CancelFlag* flag) { stop_flag = flag; }

ValueId Recipe::input(const char* name, DType dtype) {
  description.inputs.push_back({name, next(), dtype});
  return description.inputs.back().id;
}

ValueId Recipe::state(const char* name) {
  description.states.push_back({name, next(), DType::kFloat32});
  return description.states.back().id;
}

ValueId Recipe::weight(size_t place) {
  description.weights.push_back({next(), place});
  return description.weights.back().id;
}

void Recipe::output(const char* name, ValueId id) { description.outputs.push_back({name, id}); }

std::vector<ValueId> Recipe::node_of(size_t outputs, const char* op, std::vector<ValueId> inputs,
                                     std::vector<std::pair<const char*, Attributes::Value>> attributes) {
  NodeDescription node(op);
  for (auto& [name, value] : attributes) node.attributes.set(name, value);
  node.inputs = std::move(inputs);
  for (size_t i = 0; i < outputs; ++i) node.outputs.push_back(next());
  std::vector<ValueId> ids = node.outputs;
  nodes->push_back(std::move(node));
  return ids;
}

ValueId Recipe::node(const char* op, std::vector<ValueId> inputs,
                     std::vector<std::pair<const char*, Attributes::Value>> attributes) {
  return node_of(1, op, std::move(inputs), std::move(attributes))[0];
}

Tensor Room::floats(std::vector<float> values) {
  Tensor tensor(buffers, DType::kFloat32, values.size(), 1);
  if (!values.empty()) std::memcpy(tensor.raw(), values.data(), tensor.bytes());
  return tensor;
}

Tensor Room::integer(int32_t value) {
  Tensor tensor(buffers, DType::kInt32, 1, 1);
  *tensor.data<int32_t>() = value;
  return tensor;
}

std::vector<float> floats_of(const Tensor& tensor) {
  EXPECT_TRUE(tensor.dtype() == DType::kFloat32);
  return std::vector<float>(tensor.data<float>(), tensor.data<float>() + tensor.count());
}

std::shared_ptr<const Program> program_of(Recipe& recipe, std::vector<std::shared_ptr<const Weight>> weights) {
  return std::make_shared<const Program>(std::move(recipe.description), std::move(weights), test_operators());
}

}  // namespace tidemerge::testing
