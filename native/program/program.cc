#include "program/program.h"

#include <cstring>
#include <set>
#include <utility>

#include "program/liveness.h"

namespace tidemerge {

namespace {

constexpr const char* kRepeat = "repeat";

// Checks a description front to back and turns its nodes into steps.
class Checker {
 public:
  Checker(const ProgramDescription& description, const std::vector<std::shared_ptr<const Weight>>& weights,
          const OperatorTable& table)
      : table_(table), definitions_(check_count(description.values)) {
    open_.push_back(true);
    declare(description, weights);
  }

  std::vector<Step> steps(std::vector<NodeDescription>& nodes, int scope, int depth) {
    std::vector<Step> steps;
    steps.reserve(nodes.size());
    for (NodeDescription& node : nodes) {
      const std::string outer =
          std::exchange(where_, where_ + "node " + std::to_string(steps.size()) + " (" + node.op() + "): ");
      steps.push_back(node.body || node.op() == kRepeat ? loop(node, scope, depth) : single(node, scope));
      where_ = outer;
    }
    return steps;
  }

  void check_outputs(const std::vector<ProgramDescription::Output>& outputs) {
    std::set<std::string> names;
    for (const auto& output : outputs) {
      where_ = "output '" + output.name + "': ";
      expect_new(names, output.name);
      use_tensor(output.id);
    }
    where_.clear();
  }

  const std::vector<Definition>& definitions() const { return definitions_; }

 private:
  static size_t check_count(size_t values) {
    if (values <= Program::kMaxValues) return values;
    throw Error(
        error_code::kInvalidArgument,
        "program: values: expected at most " + std::to_string(Program::kMaxValues) + ", got " + std::to_string(values));
  }

  [[noreturn]] void fail(const std::string& message) const {
    throw Error(error_code::kInvalidArgument, "program: " + where_ + message);
  }

  void expect_new(std::set<std::string>& names, const std::string& name) const {
    if (!names.insert(name).second) fail("the name is declared twice");
  }

  void declare(const ProgramDescription& description, const std::vector<std::shared_ptr<const Weight>>& weights) {
    std::set<std::string> names;
    for (const auto& input : description.inputs) {
      where_ = "input '" + input.name + "': ";
      expect_new(names, input.name);
      define(input.id, {ValueKind::kLocal, 0}, 0);
    }
    for (const auto& use : description.weights) {
      where_ = "weight: ";
      if (use.weight >= weights.size()) {
        fail("expected an index below " + std::to_string(weights.size()) + ", got " + std::to_string(use.weight));
      }
      const Weight* weight = weights[use.weight].get();
      if (weight == nullptr) fail("weight " + std::to_string(use.weight) + " is null");
      const bool is_tensor = weight->kind() == WeightKind::kVector;
      define(use.id, {is_tensor ? ValueKind::kVector : ValueKind::kMatrix, use.weight}, 0);
    }
    names.clear();
    for (size_t i = 0; i < description.states.size(); ++i) {
      where_ = "state '" + description.states[i].name + "': ";
      expect_new(names, description.states[i].name);
      define(description.states[i].id, {ValueKind::kState, i}, 0);
    }
    where_.clear();
  }

  void expect_in_range(ValueId id) const {
    if (id >= 0 && static_cast<size_t>(id) < definitions_.size()) return;
    fail("expected a value below " + std::to_string(definitions_.size()) + ", got " + std::to_string(id));
  }

  void define(ValueId id, Value value, int scope) {
    expect_in_range(id);
    Definition& definition = definitions_[static_cast<size_t>(id)];
    if (definition.value.kind != ValueKind::kUndefined) fail("value " + std::to_string(id) + " is defined twice");
    definition = {value, scope};
  }

  const Value& use(ValueId id) const {
    expect_in_range(id);
    const Definition& definition = definitions_[static_cast<size_t>(id)];
    if (definition.value.kind == ValueKind::kUndefined)
      fail("value " + std::to_string(id) + " is used before it is defined");
    if (!open_[static_cast<size_t>(definition.scope)]) {
      fail("value " + std::to_string(id) + " exists only inside the body of a repeat");
    }
    return definition.value;
  }

  void use_tensor(ValueId id) const {
    if (use(id).kind == ValueKind::kMatrix) fail("value " + std::to_string(id) + " is a weight, not a tensor");
  }

  Step single(NodeDescription& node, int scope) {
    Step step;
    const OperatorInfo* info = nullptr;
    try {
      step.run = create_operator(table_, node.attributes, node.inputs.size(), &info);
    } catch (const Error& error) {
      throw Error(error.code(), "program: " + where_ + error.what());
    }
    step.op = info->name;
    if (node.outputs.size() != static_cast<size_t>(info->outputs)) {
      fail("expected " + std::to_string(info->outputs) + " outputs, got " + std::to_string(node.outputs.size()));
    }
    for (ValueId id : node.inputs) {
      if (id != kAbsent) use(id);
    }
    for (ValueId id : node.outputs) define(id, {ValueKind::kLocal, 0}, scope);
    step.inputs = std::move(node.inputs);
    step.outputs = std::move(node.outputs);
    return step;
  }

  Step loop(NodeDescription& node, int scope, int depth) {
    if (!node.body) fail("a repeat needs a body");
    if (node.op() != kRepeat) fail("only a repeat has a body");
    if (depth >= Program::kMaxNesting)
      fail("expected at most " + std::to_string(Program::kMaxNesting) + " nested repeats");
    BodyDescription& body = *node.body;
    const size_t carries = node.outputs.size();
    if (node.inputs.size() != carries + 1 || body.carries_in.size() != carries || body.carries_out.size() != carries) {
      fail("expected a count and as many first values, carriesIn, carriesOut and outputs, got " +
           std::to_string(node.inputs.size()) + " inputs, " + std::to_string(body.carries_in.size()) + ", " +
           std::to_string(body.carries_out.size()) + ", " + std::to_string(carries));
    }
    for (ValueId id : node.inputs) use_tensor(id);

    const int inner = static_cast<int>(open_.size());
    open_.push_back(true);
    define(body.index, {ValueKind::kIndex, 0}, inner);
    for (ValueId id : body.carries_in) define(id, {ValueKind::kLocal, 0}, inner);
    Step step;
    step.op = kRepeat;
    step.loop = std::make_unique<Loop>();
    step.loop->steps = steps(body.nodes, inner, depth + 1);
    for (ValueId id : body.carries_out) use_tensor(id);
    open_[static_cast<size_t>(inner)] = false;

    for (ValueId id : node.outputs) define(id, {ValueKind::kLocal, 0}, scope);
    step.inputs = std::move(node.inputs);
    step.outputs = std::move(node.outputs);
    step.loop->index = body.index;
    step.loop->carries_in = std::move(body.carries_in);
    step.loop->carries_out = std::move(body.carries_out);
    return step;
  }

  const OperatorTable& table_;
  std::vector<Definition> definitions_;
  std::vector<bool> open_;  // by scope: whether its values can still be seen
  std::string where_;
};

}  // namespace

Program::Program(ProgramDescription description, std::vector<std::shared_ptr<const Weight>> weights,
                 const OperatorTable& table)
    : weights_(std::move(weights)) {
  Checker checker(description, weights_, table);
  steps_ = checker.steps(description.nodes, 0, 0);
  checker.check_outputs(description.outputs);
  inputs_ = std::move(description.inputs);
  states_ = std::move(description.states);
  outputs_ = std::move(description.outputs);
  unused_ = mark_last_uses(steps_, checker.definitions(), outputs_, inputs_);
  values_.reserve(checker.definitions().size());
  for (const Definition& definition : checker.definitions()) values_.push_back(definition.value);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    bool again = false;
    for (size_t j = i + 1; j < outputs_.size(); ++j) again = again || outputs_[j].id == outputs_[i].id;
    move_output_.push_back(!again && values_[static_cast<size_t>(outputs_[i].id)].kind == ValueKind::kLocal);
  }
}

}  // namespace tidemerge
