#pragma once

// A recorded computation as it comes from outside: nothing in it is trusted before a Program was made of it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/operator.h"

namespace tidemerge {

// Numbers of values. kAbsent stands for an optional input that was left out.
using ValueId = int32_t;
constexpr ValueId kAbsent = -1;

struct NodeDescription;

// The body of a `repeat` node.
struct BodyDescription {
  ValueId index = kAbsent;  // int32 [1, 1]: 0, 1, 2 …
  std::vector<ValueId> carries_in;
  std::vector<ValueId> carries_out;
  std::vector<NodeDescription> nodes;
};

// One operator, or, when `body` is there, a counted loop: inputs = count, then the first values of the
// carries; outputs = the carries after the last turn.
struct NodeDescription {
  explicit NodeDescription(std::string op) : attributes(std::move(op)) {}
  const std::string& op() const { return attributes.op(); }

  Attributes attributes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::unique_ptr<BodyDescription> body;
};

struct ProgramDescription {
  struct Input {
    std::string name;
    ValueId id;
    DType dtype;
  };
  struct State {
    std::string name;
    ValueId id;
    DType dtype;
  };
  struct Output {
    std::string name;
    ValueId id;
  };
  struct WeightUse {
    ValueId id;
    size_t weight;  // index into the list of weights given beside the description
  };

  size_t values = 0;
  std::vector<Input> inputs;
  std::vector<WeightUse> weights;
  std::vector<State> states;
  std::vector<NodeDescription> nodes;
  std::vector<Output> outputs;
};

}  // namespace tidemerge
