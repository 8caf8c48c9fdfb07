#include "program/executor.h"

#include <algorithm>
#include <new>

#include "program/test_operators.h"

namespace tidemerge {
namespace {

using testing::Recipe;
using testing::Room;
using testing::floats_of;
using testing::program_of;
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
  const auto vector = std::make_shared<const Weight>(room.context, "v", WeightKind::kVector, WeightType::kF32, 2, 1, numbers, nullptr);
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
  const auto matrix = std::make_shared<const Weight>(room.context, "m", WeightKind::kMatrix, WeightType::kF32, 1, 1, numbers, nullptr);
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

// --- repeat ---------------------------------------------------------------------------------------------------------

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

// --- sessions, failures, cancelling ------------------------------------------------------------------------------------

Recipe& keeping(Recipe& recipe) {
  const ValueId x = recipe.input("x");
  recipe.output("y", recipe.node("keep", {x, recipe.state("s")}));
  return recipe;
}

float step(Session& session, Room& room, float x) {
  std::vector<Tensor> inputs;
  inputs.push_back(room.floats({x}));
  return floats_of(session.run(std::move(inputs), CancelFlag())[0])[0];
}

TEST(session_states_persist_and_belong_to_it) {
  Room room;
  Recipe recipe;
  const auto program = program_of(keeping(recipe));
  Session a(program, room.context), b(program, room.context);
  EXPECT_EQ(step(a, room, 1), 1.0f);
  EXPECT_EQ(step(a, room, 1), 2.0f);
  EXPECT_EQ(step(b, room, 1), 1.0f);
  a.reset();
  EXPECT_EQ(step(a, room, 1), 1.0f);
  EXPECT_EQ(step(b, room, 1), 2.0f);
}

TEST(session_checks_its_inputs) {
  Room room;
  Recipe recipe;
  Session session(program_of(keeping(recipe)), room.context);
  EXPECT_CODE(session.run({}, CancelFlag()), "ERR_INVALID_ARGUMENT");
  std::vector<Tensor> inputs;
  inputs.push_back(room.integer(1));
  EXPECT_CODE(session.run(std::move(inputs), CancelFlag()), "ERR_INVALID_DTYPE");
}

TEST(executor_failures_leave_a_usable_session_with_empty_states) {
  for (int threads : {1, 3}) {
    for (const char* how : {"error", "memory", "worker", "silent"}) {
      TRACE("%d threads, %s", threads, how);
      Room room(threads);
      Recipe recipe;
      const ValueId n = recipe.input("n", DType::kInt32);
      const ValueId x = recipe.input("x");
      const ValueId kept = recipe.node("keep", {x, recipe.state("s")});
      recipe.repeat(n, {x}, [&](ValueId, const Ids& c) {
        recipe.node("fail", {}, {{"how", std::string(how)}});
        return Ids{c[0]};
      });
      recipe.output("kept", kept);
      Session session(program_of(recipe), room.context);
      const auto run = [&](int count) {
        std::vector<Tensor> inputs;
        inputs.push_back(room.integer(count));
        inputs.push_back(room.floats({1}));
        return floats_of(session.run(std::move(inputs), CancelFlag())[0])[0];
      };
      EXPECT_EQ(run(0), 1.0f);
      EXPECT_EQ(run(0), 2.0f);
      if (std::string(how) == "memory") {
        bool thrown = false;
        try {
          run(1);
        } catch (const std::bad_alloc&) {
          thrown = true;
        }
        EXPECT_TRUE(thrown);
      } else {
        const char* const codes[] = {"ERR_INVALID_ARGUMENT", "ERR_INVALID_SHAPE", "ERR_INTERNAL"};
        EXPECT_CODE(run(1), codes[how[0] == 'e' ? 0 : how[0] == 'w' ? 1 : 2]);
      }
      EXPECT_EQ(run(0), 1.0f);
      session.reset();
      EXPECT_EQ(room.buffers.statistics().in_use, size_t{0});
    }
  }
}

TEST(executor_memory_limit_is_an_error_and_not_the_end) {
  Room room(1, 1 << 16);
  Recipe recipe;
  const ValueId n = recipe.input("n", DType::kInt32);
  const ValueId x = recipe.node("fill", {}, {{"value", 1.0}, {"rows", 1000.0}});
  const Ids r = recipe.repeat(n, {x}, [&](ValueId, const Ids& c) { return Ids{recipe.node("stack", {c[0], c[0]})}; });
  recipe.output("r", r[0]);
  Session session(program_of(recipe), room.context);
  const auto run = [&](int count) {
    std::vector<Tensor> inputs;
    inputs.push_back(room.integer(count));
    return session.run(std::move(inputs), CancelFlag())[0].rows();
  };
  EXPECT_EQ(run(2), size_t{4000});
  EXPECT_CODE(run(20), "ERR_OUT_OF_MEMORY");
  EXPECT_EQ(room.buffers.statistics().in_use, size_t{0});
  EXPECT_EQ(run(2), size_t{4000});
}

template <typename F>
bool cancels(const F& fn) {
  try {
    fn();
  } catch (const Cancelled&) {
    return true;
  }
  return false;
}

TEST(executor_cancels_between_operators) {
  Room room(2);
  Recipe recipe;
  const ValueId x = recipe.input("x");
  recipe.node("stop", {});
  recipe.output("y", recipe.node("trace", {x}));
  Session session(program_of(recipe), room.context);
  CancelFlag flag;
  testing::stop_sets(&flag);
  traced().clear();
  EXPECT_TRUE(cancels([&] {
    std::vector<Tensor> inputs;
    inputs.push_back(room.floats({1}));
    session.run(std::move(inputs), flag);
  }));
  EXPECT_EQ(traced().size(), size_t{0});
  EXPECT_EQ(room.buffers.statistics().in_use, size_t{0});
}

TEST(executor_cancels_inside_repeat) {
  for (bool empty_body : {false, true}) {
    Room room;
    Recipe recipe;
    const ValueId n = recipe.input("n", DType::kInt32);
    const ValueId x = recipe.input("x");
    if (empty_body) recipe.node("stop", {});
    recipe.repeat(n, {x}, [&](ValueId, const Ids& c) {
      if (empty_body) return Ids{c[0]};
      recipe.node("stop", {});
      return Ids{recipe.node("trace", {c[0]})};
    });
    Session session(program_of(recipe), room.context);
    CancelFlag flag;
    testing::stop_sets(&flag);
    traced().clear();
    EXPECT_TRUE(cancels([&] {
      std::vector<Tensor> inputs;
      inputs.push_back(room.integer(2000000000));
      inputs.push_back(room.floats({1}));
      session.run(std::move(inputs), flag);
    }));
    EXPECT_EQ(traced().size(), size_t{0});
    EXPECT_EQ(room.buffers.statistics().in_use, size_t{0});
  }
}

}  // namespace
}  // namespace tidemerge
