// What Program refuses: every kind of malformed description, and that nothing else is wrong with it.

#include "program/program.h"

#include <functional>
#include <limits>

#include "program/test_operators.h"

namespace tidemerge {
namespace {

using testing::Recipe;
using testing::Room;

struct Case {
  const char* name;
  const char* part;  // of the message
  std::function<void(Recipe&)> spoil;
};

// input 0 -> plus_one -> 1; repeat(count 2, carry 1) { carry + input } -> output
void record(Recipe& recipe) {
  const ValueId x = recipe.input("x");
  const ValueId count = recipe.input("count", DType::kInt32);
  const ValueId state = recipe.state("memory");
  const ValueId y = recipe.node("plus_one", {x});
  const auto carried = recipe.repeat(count, {y}, [&](ValueId, const std::vector<ValueId>& carry) {
    return std::vector<ValueId>{recipe.node("sum", {carry[0], x})};
  });
  recipe.output("kept", recipe.node("keep", {carried[0], state}));
  recipe.output("result", carried[0]);
}

std::string message_of(Recipe& recipe, std::string& code) {
  try {
    testing::program_of(recipe);
  } catch (const Error& error) {
    code = error.code();
    return error.what();
  }
  code = "nothing";
  return "nothing";
}

TEST(program_accepts_a_good_description) {
  Recipe recipe;
  record(recipe);
  const auto program = testing::program_of(recipe);
  EXPECT_EQ(program->steps().size(), size_t{3});
  EXPECT_EQ(program->inputs().size(), size_t{2});
  EXPECT_EQ(program->outputs().size(), size_t{2});
}

TEST(program_refuses_malformed_descriptions) {
  const auto node = [](Recipe& r, size_t i) -> NodeDescription& { return r.description.nodes[i]; };
  const auto body = [](Recipe& r) -> BodyDescription& { return *r.description.nodes[1].body; };
  const ValueId huge = std::numeric_limits<ValueId>::max();
  const ValueId small = std::numeric_limits<ValueId>::min();
  const Case cases[] = {
      {"too many values", "at most", [](Recipe& r) { r.description.values = ~size_t{0}; }},
      {"too few values", "expected a value below 2", [](Recipe& r) { r.description.values = 2; }},
      {"input out of range", "input 'x'", [&](Recipe& r) { r.description.inputs[0].id = huge; }},
      {"input negative", "input 'x'", [&](Recipe& r) { r.description.inputs[0].id = -1; }},
      {"input twice", "defined twice", [](Recipe& r) { r.description.inputs[1].id = r.description.inputs[0].id; }},
      {"input name twice", "name is declared twice", [](Recipe& r) { r.description.inputs[1].name = "x"; }},
      {"state out of range", "state 'memory'", [&](Recipe& r) { r.description.states[0].id = small; }},
      {"weight that is not there", "index below 0", [](Recipe& r) { r.weight(0); }},
      {"node input out of range", "node 0 (plus_one)", [&](Recipe& r) { node(r, 0).inputs[0] = huge; }},
      {"node input far negative", "node 0 (plus_one)", [&](Recipe& r) { node(r, 0).inputs[0] = small; }},
      {"node input not yet defined", "before it is defined",
       [&](Recipe& r) { node(r, 0).inputs[0] = node(r, 2).outputs[0]; }},
      {"node reads its own output", "before it is defined",
       [&](Recipe& r) { node(r, 0).inputs[0] = node(r, 0).outputs[0]; }},
      {"node output defined twice", "defined twice", [&](Recipe& r) { node(r, 0).outputs[0] = 0; }},
      {"node output absent", "expected a value below", [&](Recipe& r) { node(r, 0).outputs[0] = kAbsent; }},
      {"too few outputs", "expected 1 outputs, got 0", [&](Recipe& r) { node(r, 0).outputs.clear(); }},
      {"too many outputs", "expected 1 outputs, got 2", [&](Recipe& r) { node(r, 0).outputs.push_back(r.next()); }},
      {"too few inputs", "expected 1 inputs, got 0", [&](Recipe& r) { node(r, 0).inputs.clear(); }},
      {"too many inputs", "expected 1 inputs, got 2", [&](Recipe& r) { node(r, 0).inputs.push_back(0); }},
      {"attribute nobody knows", "attribute colour", [&](Recipe& r) { node(r, 0).attributes.set("colour", 1.0); }},
      {"repeat without a body", "needs a body", [&](Recipe& r) { node(r, 1).body.reset(); }},
      {"body without a repeat", "only a repeat",
       [&](Recipe& r) { node(r, 0).body = std::make_unique<BodyDescription>(); }},
      {"repeat without inputs", "expected a count", [&](Recipe& r) { node(r, 1).inputs.clear(); }},
      {"repeat with an absent input", "expected a value below", [&](Recipe& r) { node(r, 1).inputs[0] = kAbsent; }},
      {"repeat with a carry too many", "expected a count", [&](Recipe& r) { body(r).carries_in.push_back(r.next()); }},
      {"repeat with a carry too few", "expected a count", [&](Recipe& r) { body(r).carries_out.clear(); }},
      {"repeat with an output too few", "expected a count", [&](Recipe& r) { node(r, 1).outputs.clear(); }},
      {"index defined elsewhere", "defined twice", [&](Recipe& r) { body(r).index = 0; }},
      {"carry defined elsewhere", "defined twice", [&](Recipe& r) { body(r).carries_in[0] = 0; }},
      {"carry out of range", "expected a value below", [&](Recipe& r) { body(r).carries_out[0] = huge; }},
      {"carry absent", "expected a value below", [&](Recipe& r) { body(r).carries_out[0] = kAbsent; }},
      {"carry not defined", "before it is defined", [&](Recipe& r) { body(r).carries_out[0] = node(r, 1).outputs[0]; }},
      {"error inside a body names both", "node 1 (repeat): node 0 (sum)",
       [&](Recipe& r) { body(r).nodes[0].inputs[1] = huge; }},
      {"value of a body used outside", "only inside the body",
       [&](Recipe& r) { node(r, 2).inputs[0] = body(r).carries_in[0]; }},
      {"index of a body as output", "only inside the body",
       [&](Recipe& r) { r.description.outputs[0].id = body(r).index; }},
      {"output out of range", "output 'kept'", [&](Recipe& r) { r.description.outputs[0].id = huge; }},
      {"output absent", "output 'kept'", [&](Recipe& r) { r.description.outputs[0].id = kAbsent; }},
      {"output undefined", "before it is defined", [&](Recipe& r) { r.description.outputs[0].id = r.next(); }},
      {"output name twice", "declared twice", [](Recipe& r) { r.description.outputs[1].name = "kept"; }},
  };
  for (const Case& spoiled : cases) {
    TRACE("%s", spoiled.name);
    Recipe recipe;
    record(recipe);
    spoiled.spoil(recipe);
    std::string code;
    const std::string message = message_of(recipe, code);
    EXPECT_EQ(code, std::string("ERR_INVALID_ARGUMENT"));
    if (message.find(spoiled.part) == std::string::npos) EXPECT_EQ(message, std::string(spoiled.part));
  }
}

TEST(program_refuses_unknown_operators) {
  Recipe recipe;
  recipe.node("melt", {});
  std::string code;
  const std::string message = message_of(recipe, code);
  EXPECT_EQ(code, std::string("ERR_UNSUPPORTED"));
  EXPECT_EQ(message, std::string("program: node 0 (melt): operator 'melt' is not known"));
}

TEST(program_refuses_deep_nesting) {
  for (int depth : {Program::kMaxNesting, Program::kMaxNesting + 1}) {
    Recipe recipe;
    const ValueId count = recipe.input("count", DType::kInt32);
    const std::function<std::vector<ValueId>(int)> nest = [&](int left) -> std::vector<ValueId> {
      if (left == 0) return {};
      return recipe.repeat(count, {}, [&](ValueId, const std::vector<ValueId>&) { return nest(left - 1); });
    };
    nest(depth);
    std::string code;
    message_of(recipe, code);
    EXPECT_EQ(code, std::string(depth > Program::kMaxNesting ? "ERR_INVALID_ARGUMENT" : "nothing"));
  }
}

TEST(program_random_damage_is_an_error_or_runs) {
  // Numbers of a good description replaced at random: whatever comes of it must not crash.
  testing::Random random(11);
  size_t refused = 0, ran = 0;
  for (int round = 0; round < 3000; ++round) {
    Recipe recipe;
    record(recipe);
    auto& d = recipe.description;
    std::vector<ValueId*> numbers;
    for (auto& input : d.inputs) numbers.push_back(&input.id);
    for (auto& state : d.states) numbers.push_back(&state.id);
    for (auto& output : d.outputs) numbers.push_back(&output.id);
    const std::function<void(std::vector<NodeDescription>&)> collect = [&](std::vector<NodeDescription>& nodes) {
      for (auto& node : nodes) {
        for (ValueId& id : node.inputs) numbers.push_back(&id);
        for (ValueId& id : node.outputs) numbers.push_back(&id);
        if (!node.body) continue;
        numbers.push_back(&node.body->index);
        for (ValueId& id : node.body->carries_in) numbers.push_back(&id);
        for (ValueId& id : node.body->carries_out) numbers.push_back(&id);
        collect(node.body->nodes);
      }
    };
    collect(d.nodes);
    for (size_t damage = 1 + random.below(3); damage > 0; --damage) {
      *numbers[random.below(numbers.size())] = static_cast<ValueId>(random.below(d.values + 2)) - 1;
    }
    try {
      Room room;
      Session session(testing::program_of(recipe), room.context);
      std::vector<Tensor> inputs;
      inputs.push_back(room.floats({1.0f}));
      inputs.push_back(room.integer(2));
      session.run(std::move(inputs), CancelFlag());
      ++ran;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_TRUE(refused > 1000);
  EXPECT_TRUE(ran > 10);
}

}  // namespace
}  // namespace tidemerge
