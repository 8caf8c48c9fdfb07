// Operators as one forecast of T5-small calls them, with 1 and 2 threads: encoder of 512 tokens, decoding of 20 paths.

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/kv_cache.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/operator.h"
#include "ops/sample.h"
#include "testing/bench.h"

namespace tidemerge {
namespace {

using testing::BenchSuite;
using testing::Work;

struct Machine {
  Machine(const KernelSet& set, int threads) : pool(threads), context{set, pool, buffers} {}
  ThreadPool pool;
  BufferPool buffers;
  Context context;
};

struct Value {
  std::optional<Tensor> tensor;
  std::unique_ptr<Weight> weight;
  std::unique_ptr<State> state;
};

// One operator with its inputs, run again and again.
class Node final : public Call {
 public:
  Node(std::shared_ptr<Machine> machine, const OperatorInfo& info, const Attributes& attributes)
      : Call(info.name, machine->context), machine_(std::move(machine)), operator_(info.create(attributes)) {}

  Tensor& add(DType dtype, size_t rows, size_t cols) {
    Value& value = values_.emplace_back();
    value.tensor.emplace(buffers(), dtype, rows, cols);
    if (dtype == DType::kFloat32) {
      testing::Random random(values_.size());
      random.fill_normal(value.tensor->data<float>(), value.tensor->count());
    }
    return *value.tensor;
  }
  void add_ints(const std::vector<int32_t>& numbers) {
    Tensor& tensor = add(DType::kInt32, numbers.size(), 1);
    std::copy(numbers.begin(), numbers.end(), tensor.data<int32_t>());
  }
  void add_weight(WeightType type, size_t rows, size_t cols) {
    std::vector<float> data(rows * cols);
    testing::Random(7).fill_normal(data.data(), data.size());
    values_.emplace_back().weight =
        std::make_unique<Weight>(context(), "w", WeightKind::kMatrix, type, rows, cols, data.data(), nullptr);
  }
  void add_absent() { values_.emplace_back(); }
  void add_state() { values_.emplace_back().state = std::make_unique<State>(); }
  void set_int(size_t i, int32_t value) { values_[i].tensor->data<int32_t>()[0] = value; }
  void run() { operator_->run(*this); }
  Tensor& output() { return output_; }
  void add(Tensor tensor) { values_.emplace_back().tensor = std::move(tensor); }

  size_t inputs() const override { return values_.size(); }
  bool has(size_t i) const override {
    return i < values_.size() && (values_[i].tensor || values_[i].weight || values_[i].state);
  }
  using Call::input;
  const Tensor& input(size_t i, const char*) const override { return *values_[i].tensor; }
  const Weight& weight(size_t i, const char*, WeightKind) const override { return *values_[i].weight; }
  State& state(size_t i, const char*) override { return *values_[i].state; }
  Tensor& output(size_t, DType dtype, size_t rows, size_t cols) override {
    output_ = Tensor(buffers(), dtype, rows, cols);
    return output_;
  }
  Tensor& output_in_place(size_t i, size_t j) override {
    const Tensor& like = input(j, "");
    return output(i, like.dtype(), like.rows(), like.cols());
  }
  Tensor& output_copy_of(size_t i, size_t j) override { return output_in_place(i, j); }

 private:
  std::shared_ptr<Machine> machine_;
  std::unique_ptr<Operator> operator_;
  std::vector<Value> values_;
  Tensor output_;
};

// Adds what make(machine) returns for 1 and for 2 threads, on the best set.
template <typename Make>
void add_case(BenchSuite& suite, const std::string& label, double flops, const Make& make) {
  const KernelSet& set = *testing::benched_sets().front();
  for (const int threads : {1, 2}) {
    Work work;
    work.flops = flops;
    suite.add(&set, label + ", threads " + std::to_string(threads), work,
              make(std::make_shared<Machine>(set, threads)));
  }
}

using Machines = std::shared_ptr<Machine>;
constexpr size_t kHeads = 8, kHeadDim = 64, kWidth = kHeads * kHeadDim, kTokens = 512;

Attributes heads_of(const OperatorInfo& info) {
  Attributes attributes(info.name);
  attributes.set("numHeads", static_cast<double>(kHeads));
  attributes.set("headDim", static_cast<double>(kHeadDim));
  return attributes;
}

Attributes attention_attributes(const OperatorInfo& info, double key_column, double value_column) {
  Attributes attributes = heads_of(info);
  attributes.set("scale", 1.0);
  attributes.set("keyColumn", key_column);
  attributes.set("valueColumn", value_column);
  return attributes;
}

struct Shape {
  size_t m, n, k;
};

std::function<void()> linear(Machines machine, WeightType type, Shape s) {
  Attributes attributes("linear");
  attributes.set("activation", std::string("none"));
  auto node = std::make_shared<Node>(std::move(machine), linear_operator(), attributes);
  node->add(DType::kFloat32, s.m, s.k);
  node->add_weight(type, s.n, s.k);
  return [node] { node->run(); };
}

BENCH(op_linear) {
  for (const Shape s :
       {Shape{1, 1536, 512}, {20, 512, 512}, {20, 2048, 512}, {33, 512, 512}, {512, 512, 512}, {512, 2048, 512}}) {
    for (const WeightType type : {WeightType::kF32, WeightType::kBf16}) {
      const std::string label = std::to_string(s.m) + "x" + std::to_string(s.n) + "x" + std::to_string(s.k) +
                                (type == WeightType::kF32 ? " f32" : " bf16");
      add_case(suite, label, 2.0 * static_cast<double>(s.m * s.n * s.k),
               [&](Machines machine) { return linear(std::move(machine), type, s); });
    }
  }
  suite.run();
}

std::function<void()> self_attention(Machines machine, bool gaps) {
  const OperatorInfo& info = attention_operator();
  auto node = std::make_shared<Node>(std::move(machine), info, attention_attributes(info, kWidth, 2 * kWidth));
  for (int i = 0; i < 3; ++i) node->add(DType::kFloat32, kTokens, 3 * kWidth);
  for (int i = 0; i < 2; ++i) node->add_ints({0, kTokens});
  std::vector<int32_t> positions;
  for (int32_t i = 0; i < static_cast<int32_t>(kTokens); ++i) positions.push_back(gaps ? i + i / 40 : i);
  for (int i = 0; i < 2; ++i) node->add_ints(positions);
  node->add(DType::kFloat32, kHeads, 257);
  return [node] { node->run(); };
}

// Groups of an encoder whose 512 tokens became `tokens`: pairs of neighbours, or of tokens anywhere.
std::vector<int32_t> merged_groups(size_t tokens, bool neighbours) {
  std::vector<int32_t> groups(kTokens);
  testing::Random random(3);
  for (size_t o = 0; o < kTokens; ++o) groups[o] = static_cast<int32_t>(o < tokens ? o : random.below(tokens));
  for (size_t o = kTokens; o-- > 1;) std::swap(groups[o], groups[random.below(o + 1)]);
  if (neighbours) std::sort(groups.begin(), groups.end());
  return groups;
}

std::function<void()> merged_attention(Machines machine, size_t tokens, const std::vector<int32_t>& groups) {
  const OperatorInfo& info = attention_operator();
  auto node = std::make_shared<Node>(std::move(machine), info, attention_attributes(info, kWidth, 2 * kWidth));
  for (int i = 0; i < 3; ++i) node->add(DType::kFloat32, tokens, 3 * kWidth);
  for (int i = 0; i < 2; ++i) node->add_ints({0, static_cast<int32_t>(tokens)});
  for (int i = 0; i < 2; ++i) node->add_absent();
  node->add(DType::kFloat32, kHeads, 257);
  node->add_absent();
  if (!groups.empty()) node->add_ints(groups), node->add_ints({0, kTokens});
  return [node] { node->run(); };
}

// What keeping the bias as a value [heads, 512, 512] would cost at every merge: its rows and columns are averaged in
// memory, on one thread. Reading it in attention comes on top.
std::function<void()> stored_bias(Machines machine, size_t tokens, const std::vector<int32_t>& groups) {
  auto from = std::make_shared<Tensor>(machine->context.buffers, DType::kFloat32, kHeads * kTokens, kTokens);
  auto to = std::make_shared<Tensor>(machine->context.buffers, DType::kFloat32, kHeads * tokens, tokens);
  testing::Random(4).fill_normal(from->data<float>(), from->count());
  std::vector<std::vector<size_t>> members(tokens);
  for (size_t o = 0; o < kTokens; ++o) members[static_cast<size_t>(groups[o])].push_back(o);
  return [machine, from, to, members, groups, tokens] {
    const ElementwiseKernels& kernels = *machine->context.kernels.elementwise;
    std::vector<float> row(kTokens);
    for (size_t h = 0; h < kHeads; ++h) {
      for (size_t g = 0; g < tokens; ++g) {
        const float* rows = from->data<float>() + h * kTokens * kTokens;
        const float* sum = rows + members[g][0] * kTokens;
        for (size_t m = 1; m < members[g].size(); ++m, sum = row.data()) {
          kernels.add_f32(sum, rows + members[g][m] * kTokens, row.data(), kTokens);
        }
        float* out = to->data<float>() + (h * tokens + g) * tokens;
        std::fill_n(out, tokens, 0.0f);
        for (size_t o = 0; o < kTokens; ++o) out[groups[o]] += sum[o];
        for (size_t j = 0; j < tokens; ++j) out[j] /= static_cast<float>(members[g].size() * members[j].size());
      }
    }
  };
}

BENCH(op_merged_attention) {
  for (const size_t tokens : {size_t{448}, size_t{256}, size_t{64}}) {
    const double flops = 4.0 * static_cast<double>(tokens * tokens * kWidth);
    const std::string label = std::to_string(tokens);
    add_case(suite, label + " tokens", flops,
             [&](Machines machine) { return merged_attention(std::move(machine), tokens, {}); });
    for (const bool neighbours : {true, false}) {
      const std::vector<int32_t> groups = merged_groups(tokens, neighbours);
      const std::string what = label + (neighbours ? " of 512, neighbours" : " of 512, anywhere");
      add_case(suite, what, flops,
               [&](Machines machine) { return merged_attention(std::move(machine), tokens, groups); });
      if (!neighbours) {
        add_case(suite, what + ", bias stored", 0.0,
                 [&](Machines machine) { return stored_bias(std::move(machine), tokens, groups); });
      }
    }
  }
  suite.run();
}

std::function<void()> cross_attention(Machines machine, int32_t paths) {
  Node pack(machine, pack_keys_operator(), heads_of(pack_keys_operator()));
  pack.add(DType::kFloat32, kTokens, 2 * kWidth);
  pack.add_ints({0, kTokens});
  pack.run();
  const OperatorInfo& info = attention_operator();
  Attributes attributes = attention_attributes(info, 0, kWidth);
  attributes.set("packedKeys", true);
  auto node = std::make_shared<Node>(std::move(machine), info, attributes);
  node->add(DType::kFloat32, static_cast<size_t>(paths), kWidth);
  node->add(std::move(pack.output()));
  node->add(DType::kFloat32, kTokens, 2 * kWidth);
  node->add_ints({0, paths});
  node->add_ints({0, kTokens});
  return [node] { node->run(); };
}

BENCH(op_attention) {
  const double flops = 4.0 * kTokens * kTokens * kWidth;
  for (const bool gaps : {false, true}) {
    add_case(suite, gaps ? "512 tokens with gaps" : "512 tokens", flops,
             [&](Machines machine) { return self_attention(std::move(machine), gaps); });
  }
  for (const int32_t paths : {1, 20}) {
    add_case(suite, "cross, paths " + std::to_string(paths), 4.0 * kTokens * kWidth * paths,
             [&](Machines machine) { return cross_attention(std::move(machine), paths); });
  }
  suite.run();
}

// All steps of a forecast.
std::function<void()> decode(Machines machine, int32_t paths) {
  const OperatorInfo& info = cached_attention_operator();
  auto node = std::make_shared<Node>(std::move(machine), info, attention_attributes(info, kWidth, 2 * kWidth));
  for (int i = 0; i < 3; ++i) node->add(DType::kFloat32, static_cast<size_t>(paths), 3 * kWidth);
  node->add_state();
  node->add_state();
  node->add_ints({0});
  node->add_ints({64});
  node->add(DType::kFloat32, kHeads, 257);
  return [node] {
    for (int32_t step = 0; step < 64; ++step) {
      node->set_int(5, step);
      node->run();
    }
  };
}

BENCH(op_cached_attention) {
  for (const int32_t paths : {1, 20}) {
    add_case(suite, "64 steps, paths " + std::to_string(paths), 4.0 * kWidth * 32.5 * 64 * paths,
             [&](Machines machine) { return decode(std::move(machine), paths); });
  }
  suite.run();
}

std::function<void()> sample(Machines machine, double temperature, double top_k, double top_p) {
  const OperatorInfo& info = sample_tokens_operator();
  Attributes attributes(info.name);
  attributes.set("temperature", temperature);
  attributes.set("topK", top_k);
  attributes.set("topP", top_p);
  attributes.set("forbidden", std::vector<double>{1});
  auto node = std::make_shared<Node>(std::move(machine), info, attributes);
  node->add(DType::kFloat32, 20, 4096);
  Tensor& keys = node->add(DType::kInt32, 1, 2);
  keys.data<int32_t>()[0] = keys.data<int32_t>()[1] = 1;
  node->add_ints({1, 2});
  node->add_ints({3});
  node->add_ints({20});
  return [node] { node->run(); };
}

BENCH(op_sample_tokens) {
  add_case(suite, "20 x 4096, top-k 50", 0, [](Machines m) { return sample(std::move(m), 1.0, 50, 1.0); });
  add_case(suite, "20 x 4096, temperature, top-k 50", 0, [](Machines m) { return sample(std::move(m), 0.7, 50, 1.0); });
  add_case(suite, "20 x 4096, all", 0, [](Machines m) { return sample(std::move(m), 1.0, 0, 1.0); });
  add_case(suite, "20 x 4096, top-p 0.9", 0, [](Machines m) { return sample(std::move(m), 1.0, 0, 0.9); });
  suite.run();
}

// What an operator costs besides its arithmetic.
BENCH(op_overhead) {
  add_case(suite, "add, 4 numbers", 0, [](Machines machine) -> std::function<void()> {
    auto node = std::make_shared<Node>(std::move(machine), add_operator(), Attributes("add"));
    for (int i = 0; i < 2; ++i) node->add(DType::kFloat32, 1, 4);
    return [node] { node->run(); };
  });
  add_case(suite, "linear, 1x32x16", 0, [](Machines m) { return linear(std::move(m), WeightType::kF32, {1, 32, 16}); });
  add_case(suite, "rms_norm, 20x512", 0, [](Machines machine) -> std::function<void()> {
    Attributes attributes("rms_norm");
    attributes.set("epsilon", 1e-6);
    attributes.set("groups", 1.0);
    attributes.set("normBeforeGate", false);
    attributes.set("gateColumn", 0.0);
    auto node = std::make_shared<Node>(std::move(machine), rms_norm_operator(), attributes);
    node->add(DType::kFloat32, 20, kWidth);
    node->add(DType::kFloat32, kWidth, 1);
    return [node] { node->run(); };
  });
  suite.run();
}

}  // namespace
}  // namespace tidemerge
