#include "program/session.h"

#include <new>

#include "program/test_operators.h"

namespace tidemerge {
namespace {

using testing::floats_of;
using testing::program_of;
using testing::Recipe;
using testing::Room;
using testing::traced;
using Ids = std::vector<ValueId>;

// What a session keeps, and what failures and cancelling leave behind.

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

// y = x + sum so far, which is kept.
TEST(session_steps_keep_values_and_survive_failures) {
  for (int threads : {1, 3}) {
    Room room(threads);
    {
      Recipe recipe;
      const ValueId n = recipe.input("n", DType::kInt32);
      const ValueId total = recipe.input("total");
      const ValueId x = recipe.input("x");
      const ValueId sum = recipe.node("sum", {x, total});
      recipe.repeat(n, {x}, [&](ValueId, const Ids& c) {
        recipe.node("fail", {}, {{"how", std::string("error")}});
        return Ids{c[0]};
      });
      recipe.output("twice", recipe.node("twice", {sum}));
      recipe.output("total", sum);
      const auto program = program_of(recipe);
      Session session(program, room.context, {{1, 1}});
      const auto step = [&](int failures, float value) {
        std::vector<Tensor> inputs;
        inputs.push_back(room.integer(failures));
        inputs.push_back(room.floats({value}));
        const std::vector<Tensor> outputs = session.step(std::move(inputs));
        EXPECT_EQ(outputs.size(), size_t{1});
        return floats_of(outputs[0])[0];
      };
      EXPECT_CODE(step(0, 1), "ERR_INVALID_SHAPE");  // nothing kept yet
      std::vector<Tensor> first;
      first.push_back(room.floats({0}));
      session.keep(std::move(first));
      EXPECT_EQ(step(0, 1), 2.0f);
      EXPECT_EQ(step(0, 10), 22.0f);
      EXPECT_CODE(step(1, 100), "ERR_INVALID_ARGUMENT");
      const std::vector<float> kept = floats_of(session.kept()[0]);
      EXPECT_EQ(kept[0], 11.0f);
      EXPECT_EQ(step(0, 1), 24.0f);
      EXPECT_CODE(session.step({}), "ERR_INVALID_ARGUMENT");
      EXPECT_CODE(session.keep({}), "ERR_INVALID_ARGUMENT");
      std::vector<Tensor> wrong;
      wrong.push_back(room.integer(1));
      EXPECT_CODE(session.keep(std::move(wrong)), "ERR_INVALID_DTYPE");
      EXPECT_CODE(Session(program, room.context, {{3, 1}}), "ERR_INVALID_ARGUMENT");
      EXPECT_CODE(Session(program, room.context, {{1, 2}}), "ERR_INVALID_ARGUMENT");
      EXPECT_CODE(Session(program, room.context, {{1, 1}, {2, 1}}), "ERR_INVALID_ARGUMENT");
    }
    EXPECT_EQ(room.buffers.statistics().in_use, size_t{0});
  }
}

TEST(session_steps_that_fail_leave_states_to_their_operators) {
  Room room;
  Recipe recipe;
  const ValueId n = recipe.input("n", DType::kInt32);
  const ValueId x = recipe.input("x");
  const ValueId kept = recipe.node("keep", {x, recipe.state("s")});
  recipe.repeat(n, {x}, [&](ValueId, const Ids& c) {
    recipe.node("fail", {}, {{"how", std::string("error")}});
    return Ids{c[0]};
  });
  recipe.output("kept", kept);
  Session session(program_of(recipe), room.context);
  const auto step = [&](int failures) {
    std::vector<Tensor> inputs;
    inputs.push_back(room.integer(failures));
    inputs.push_back(room.floats({1}));
    return floats_of(session.step(std::move(inputs))[0])[0];
  };
  EXPECT_EQ(step(0), 1.0f);
  EXPECT_CODE(step(1), "ERR_INVALID_ARGUMENT");
  EXPECT_EQ(step(0), 3.0f);
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
