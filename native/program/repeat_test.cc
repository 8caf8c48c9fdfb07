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

TEST(repeat_adds_up) {
  for (int count : {0, 1, 2, 17}) {
    Room room(2);
    Recipe recipe;
    const ValueId n = recipe.input("n", DType::kInt32);
    const ValueId x = recipe.input("x");
    const Ids sum = recipe.repeat(n, {x}, [&](ValueId index, const Ids& carry) {
      return Ids{recipe.node("sum", {carry[0], recipe.node("to_float", {index})})};
    });
    recipe.output("sum", sum[0]);
    const auto outputs = run_once(room, recipe, room.integer(count), room.floats({100}));
    EXPECT_TRUE(same(outputs[0], {100.0f + static_cast<float>(count * (count - 1) / 2)}));
  }
}

TEST(repeat_refuses_wrong_counts) {
  Recipe recipe;
  const ValueId n = recipe.input("n", DType::kInt32);
  recipe.repeat(n, {}, [](ValueId, const Ids&) { return Ids{}; });
  Room room;
  Session session(program_of(recipe), room.context);
  const auto run_with = [&](Tensor count) {
    std::vector<Tensor> inputs;
    inputs.push_back(std::move(count));
    session.run(std::move(inputs), CancelFlag());
  };
  EXPECT_CODE(run_with(room.integer(-1)), "ERR_INVALID_ARGUMENT");
  EXPECT_CODE(run_with(Tensor(room.buffers, DType::kInt32, 2, 1)), "ERR_INVALID_SHAPE");
  EXPECT_CODE(run_with(room.floats({1})), "ERR_INVALID_DTYPE");
  EXPECT_CODE(run_with(room.integer(3)), "nothing");
}

TEST(repeat_swaps_carries_without_copying) {
  Room room;
  Recipe recipe;
  const ValueId n = recipe.input("n", DType::kInt32);
  const ValueId a = recipe.input("a");
  const ValueId b = recipe.input("b");
  const Ids swapped = recipe.repeat(n, {a, b}, [&](ValueId, const Ids& carry) {
    return Ids{recipe.node("trace", {carry[1]}), recipe.node("trace", {carry[0]})};
  });
  recipe.output("a", swapped[0]);
  recipe.output("b", swapped[1]);
  traced().clear();
  const auto outputs = run_once(room, recipe, room.integer(5), room.floats({1}), room.floats({2}));
  EXPECT_TRUE(same(outputs[0], {2}) && same(outputs[1], {1}));
  for (const auto& trace : traced()) EXPECT_TRUE(trace.read == trace.written);
  EXPECT_EQ(traced().size(), size_t{10});
}

TEST(repeat_carries_of_every_origin) {
  Room room;
  Recipe recipe;
  const ValueId n = recipe.input("n", DType::kInt32);
  const ValueId x = recipe.input("x");
  const ValueId state = recipe.state("s");
  const ValueId kept = recipe.node("keep", {x, state});  // state = 1
  // x three times as a first value and used behind the loop too; a value around the loop, a state and the index-made
  // value as next ones; one value carried twice; one carry left alone; one never used.
  const Ids r = recipe.repeat(n, {x, x, x, kept, x, x}, [&](ValueId, const Ids& c) {
    const ValueId y = recipe.node("plus_one", {c[0]});
    recipe.node("keep", {x, state});
    return Ids{y, y, x, c[3], state, kept};
  });
  for (size_t i = 0; i < r.size(); ++i) recipe.output(("r" + std::to_string(i)).c_str(), r[i]);
  recipe.output("x", x);
  const auto run = [&](int count) {
    Session session(program_of(recipe), room.context);
    std::vector<Tensor> inputs;
    inputs.push_back(room.integer(count));
    inputs.push_back(room.floats({10}));
    return session.run(std::move(inputs), CancelFlag());
  };
  const auto outputs = run(3);
  const float expected[] = {13, 13, 10, 10, 4, 10, 10};
  for (size_t i = 0; i < 7; ++i) {
    TRACE("output %zu", i);
    EXPECT_TRUE(outputs[i].owns());
    EXPECT_TRUE(same(outputs[i], {expected[i]}));
    for (size_t j = 0; j < i; ++j) EXPECT_TRUE(outputs[i].raw() != outputs[j].raw());
  }
}

TEST(repeat_inside_repeat) {
  Room room(2);
  Recipe recipe;
  const ValueId n = recipe.input("n", DType::kInt32);
  const ValueId x = recipe.input("x");
  const Ids outer = recipe.repeat(n, {x, x}, [&](ValueId i, const Ids& c) {
    const Ids inner = recipe.repeat(n, {c[0]}, [&](ValueId j, const Ids& d) {
      // Sees the value before both loops, the outer carry and both indices.
      const ValueId sum = recipe.node("sum", {d[0], recipe.node("to_float", {i})});
      return Ids{recipe.node("sum", {recipe.node("sum", {sum, recipe.node("to_float", {j})}), c[1]})};
    });
    return Ids{inner[0], c[1]};
  });
  recipe.output("y", outer[0]);
  recipe.output("z", outer[1]);
  const auto outputs = run_once(room, recipe, room.integer(3), room.floats({1}));
  // x + sum over i, j of (i + j + x) = 1 + 9 + 9 + 9
  EXPECT_TRUE(same(outputs[0], {28}));
  EXPECT_TRUE(same(outputs[1], {1}));
}

TEST(repeat_asks_the_system_for_nothing_once_warm) {
#if !defined(__SANITIZE_ADDRESS__)
  Recipe recipe;
  const ValueId n = recipe.input("n", DType::kInt32);
  const ValueId x = recipe.input("x");
  const Ids r = recipe.repeat(n, {x}, [&](ValueId, const Ids& c) {
    const ValueId fresh = recipe.node("fill", {}, {{"value", 1.0}, {"rows", 100.0}});
    return Ids{recipe.node("sum", {recipe.node("sum", {c[0], fresh}), fresh})};
  });
  recipe.output("r", r[0]);
  Room room;
  Session session(program_of(recipe), room.context);
  size_t calls = 0;
  for (int count : {2, 2, 2000}) {
    std::vector<Tensor> inputs;
    inputs.push_back(room.integer(count));
    inputs.push_back(room.floats(Values(100, 0.0f)));
    const auto outputs = session.run(std::move(inputs), CancelFlag());
    EXPECT_TRUE(same(outputs[0], Values(100, 2.0f * static_cast<float>(count))));
    if (count == 2) calls = room.buffers.statistics().system_calls;
  }
  EXPECT_EQ(room.buffers.statistics().system_calls, calls);
#else
  EXPECT_TRUE(true);  // under the address sanitizer nothing is kept
#endif
}

}  // namespace
}  // namespace tidemerge
