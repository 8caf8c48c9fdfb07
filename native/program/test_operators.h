#pragma once

// Tiny operators for the tests of programs, and a way to write programs down.
//
//   fill {value, rows = 1} -> f32 [rows, 1]      plus_one(x)†      sum(a, b)†      twice(x)  (copy, then doubled in
//   place) stack(a, b) -> rows of both                 split(x) -> x, -x                to_int(x) -> i32 keep(x, state)
//   -> how often it ran in this session, times x trace(x) -> x†  notes the address it reads and the one it writes
//   stop() sets the flag given with StopFlag     fail {how: error | memory | worker | silent}

#include <utility>
#include <vector>

#include "program/session.h"
#include "runtime/expect_code.h"

namespace tidemerge::testing {

OperatorTable test_operators();

struct Addresses {
  const void* read;
  const void* written;
};
std::vector<Addresses>& traced();  // by `trace`, in the order it ran
void stop_sets(CancelFlag* flag);

// A description under construction: every function returns the number of the value it made.
struct Recipe {
  ValueId input(const char* name, DType dtype = DType::kFloat32);
  ValueId state(const char* name);
  ValueId weight(size_t place);
  void output(const char* name, ValueId id);
  ValueId next() { return static_cast<ValueId>(description.values++); }

  // A node of one output in the list being written (the program's, or that of an open body).
  ValueId node(const char* op, std::vector<ValueId> inputs,
               std::vector<std::pair<const char*, Attributes::Value>> attributes = {});
  std::vector<ValueId> node_of(size_t outputs, const char* op, std::vector<ValueId> inputs,
                               std::vector<std::pair<const char*, Attributes::Value>> attributes = {});

  // body(index, carries) returns the carries of the next turn.
  template <typename F>
  std::vector<ValueId> repeat(ValueId count, std::vector<ValueId> first, const F& body) {
    NodeDescription node("repeat");
    node.body = std::make_unique<BodyDescription>();
    node.body->index = next();
    for (size_t i = 0; i < first.size(); ++i) node.body->carries_in.push_back(next());
    std::vector<NodeDescription>* const outer = std::exchange(nodes, &node.body->nodes);
    node.body->carries_out = body(node.body->index, node.body->carries_in);
    nodes = outer;
    node.inputs = {count};
    node.inputs.insert(node.inputs.end(), first.begin(), first.end());
    for (size_t i = 0; i < first.size(); ++i) node.outputs.push_back(next());
    std::vector<ValueId> outputs = node.outputs;
    nodes->push_back(std::move(node));
    return outputs;
  }

  ProgramDescription description;
  std::vector<NodeDescription>* nodes = &description.nodes;

  Recipe() = default;
  Recipe(const Recipe&) = delete;
};

// A place to run in: one kernel set, some threads, a pool without kept buffers of its own.
struct Room {
  explicit Room(int threads = 1, size_t limit = BufferPool::kNoLimit)
      : threads(threads), buffers(limit), context{*tested_sets().front(), this->threads, buffers} {}

  Tensor floats(std::vector<float> values);  // [n, 1]
  Tensor integer(int32_t value);             // [1, 1]

  ThreadPool threads;
  BufferPool buffers;
  Context context;
};

std::vector<float> floats_of(const Tensor& tensor);
std::shared_ptr<const Program> program_of(Recipe& recipe, std::vector<std::shared_ptr<const Weight>> weights = {});

// Inputs in order; a fresh session.
template <typename... T>
std::vector<Tensor> run_once(Room& room, Recipe& recipe, T... inputs) {
  std::vector<Tensor> list;
  (list.push_back(std::move(inputs)), ...);
  Session session(program_of(recipe), room.context);
  return session.run(std::move(list), CancelFlag());
}

}  // namespace tidemerge::testing
