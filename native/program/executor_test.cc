#include "program/executor.h"

#include "program/test_operators.h"

namespace tidemerge {
namespace {

using testing::floats_of;
using testing::program_of;
using testing::Recipe;
using testing::Room;
using testing::run_once;
using testing::traced;
using Values = std::vector<float>;
using Ids = std::vector<ValueId>;

bool same(const Tensor& tensor, const Values& expected) { return floats_of(tensor) == expected; }

TEST(executor_runs_nodes_in_order) {
  for (int threads : {1, 3}) {
    Room room(threads);
    Recipe recipe;
    const ValueId x = recipe.input("x");
    const ValueId y = recipe.node("plus_one", {x});
    const Ids parts = recipe.node_of(2, "split", {y});
    recipe.output("stacked", recipe.node("stack", {parts[1], x}));
    recipe.output("same", parts[0]);
    const auto outputs = run_once(room, recipe, room.floats({1, 2}));
    EXPECT_TRUE(same(outputs[0], {-2, -3, 1, 2}));
    EXPECT_TRUE(same(outputs[1], {2, 3}));
  }
}

TEST(executor_works_in_place_only_when_nobody_needs_the_input) {
  Room room;
  Recipe recipe;
  const ValueId x = recipe.input("x");
  const ValueId a = recipe.node("trace", {x});     // x is needed below: a copy
  const ValueId b = recipe.node("trace", {a});     // a ends here: in place
  const ValueId c = recipe.node("trace", {b, b});  // listed twice: a copy
  recipe.output("x", x);
  recipe.output("c", c);
  traced().clear();
  const auto outputs = run_once(room, recipe, room.floats({4}));
  EXPECT_TRUE(traced()[0].read != traced()[0].written);
  EXPECT_TRUE(traced()[1].read == traced()[1].written);
  EXPECT_TRUE(traced()[2].read != traced()[2].written);
  EXPECT_TRUE(same(outputs[0], {4}) && same(outputs[1], {4}));
}

TEST(executor_copies_for_operators_that_change_their_input) {
  Room room;
  Recipe recipe;
  const ValueId x = recipe.input("x");
  const ValueId doubled = recipe.node("twice", {x});
  recipe.output("sum", recipe.node("sum", {x, doubled}));
  recipe.output("four", recipe.node("twice", {doubled}));
  const auto outputs = run_once(room, recipe, room.floats({1, 5}));
  EXPECT_TRUE(same(outputs[0], {3, 15}));
  EXPECT_TRUE(same(outputs[1], {4, 20}));
}

TEST(executor_frees_values_after_their_last_use) {
  Room room;
  Recipe recipe;
  ValueId x = recipe.node("fill", {}, {{"value", 1.0}, {"rows", 1000.0}});
  const ValueId unused = recipe.node("fill", {}, {{"value", 1.0}, {"rows", 100000.0}});
  static_cast<void>(unused);
  for (int i = 0; i < 50; ++i) x = recipe.node("stack", {x, recipe.node("fill", {}, {{"value", 2.0}, {"rows", 0.0}})});
  recipe.output("x", x);
  {
    const auto outputs = run_once(room, recipe);
    EXPECT_EQ(outputs[0].rows(), size_t{1000});
    // Only the output is left, and never were more than a few tensors alive.
    EXPECT_TRUE(room.buffers.statistics().in_use <= 4096 + 512);
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT_TRUE(room.buffers.statistics().system_calls <= 8);
#endif
  }
  EXPECT_EQ(room.buffers.statistics().in_use, size_t{0});
}

TEST(executor_outputs_may_repeat_and_may_be_inputs_states_and_weights) {
  Room room;
  const float numbers[] = {7.0f, 8.0f};
  const auto vector =
      std::make_shared<const Weight>(room.context, "v", WeightKind::kVector, WeightType::kF32, 2, 1, numbers, nullptr);
  Recipe recipe;
  const ValueId x = recipe.input("x");
  const ValueId w = recipe.weight(0);
  const ValueId s = recipe.state("s");
  const ValueId kept = recipe.node("keep", {x, s});
  recipe.output("a", x);
  recipe.output("b", x);
  recipe.output("w", w);
  recipe.output("s", s);
  recipe.output("kept", kept);
  recipe.output("w2", recipe.node("plus_one", {w}));
  Session session(program_of(recipe, {vector}), room.context);
  for (float turn : {1.0f, 2.0f}) {
    std::vector<Tensor> inputs;
    inputs.push_back(room.floats({3}));
    const auto outputs = session.run(std::move(inputs), CancelFlag());
    EXPECT_TRUE(same(outputs[0], {3}) && same(outputs[1], {3}));
    EXPECT_TRUE(outputs[0].raw() != outputs[1].raw());
    EXPECT_TRUE(same(outputs[2], {7, 8}));
    EXPECT_TRUE(same(outputs[3], {turn}));
    EXPECT_TRUE(same(outputs[4], {3 * turn}));
    EXPECT_TRUE(same(outputs[5], {8, 9}));  // the weight itself is never changed
    for (const Tensor& output : outputs) EXPECT_TRUE(output.owns());
  }
}

TEST(executor_weights_are_only_what_they_are) {
  Room room;
  const float numbers[] = {1.0f};
  const auto matrix =
      std::make_shared<const Weight>(room.context, "m", WeightKind::kMatrix, WeightType::kF32, 1, 1, numbers, nullptr);
  Recipe as_output;
  as_output.output("m", as_output.weight(0));
  EXPECT_CODE(program_of(as_output, {matrix}), "ERR_INVALID_ARGUMENT");
  Recipe as_tensor;
  as_tensor.output("y", as_tensor.node("plus_one", {as_tensor.weight(0)}));
  Session session(program_of(as_tensor, {matrix}), room.context);
  EXPECT_CODE(session.run({}, CancelFlag()), "ERR_INVALID_ARGUMENT");
  Recipe as_null;
  as_null.weight(0);
  EXPECT_CODE(program_of(as_null, {nullptr}), "ERR_INVALID_ARGUMENT");
}

}  // namespace
}  // namespace tidemerge
