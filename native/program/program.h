#pragma once

// A description that was checked and made ready to run: operators are created, names are resolved, and for every
// node it is known which values end their life there.
//
// Every value is defined exactly once, before it is used; the body of a repeat sees the values around it, not
// the other way round. Whatever breaks these rules, or any number that is out of range, is an Error with code
// ERR_INVALID_ARGUMENT (ERR_UNSUPPORTED for an unknown operator) that names the node.

#include <memory>
#include <vector>

#include "program/description.h"
#include "program/operator_table.h"

namespace tidemerge {

// What is named by a ValueId. Only kLocal values are freed or moved while a program runs.
enum class ValueKind : uint8_t {
  kUndefined,
  kLocal,   // program input, result of a node, carry
  kMatrix,  // weight that is no tensor (matrix, table)
  kVector,  // weight that is one
  kState,
  kIndex,  // of a repeat: made by the loop
};

struct Value {
  ValueKind kind = ValueKind::kUndefined;
  size_t place = 0;  // of a weight or state in their lists
};

struct Step;

// How a carried value reaches the next turn of a loop.
enum class CarryBy : uint8_t {
  kMove,  // made in the body and not needed there any more
  kView,  // lives around the loop and does not change
  kCopy,  // carried twice, or changed by the next turn
};

struct Loop {
  ValueId index;
  std::vector<ValueId> carries_in;
  std::vector<ValueId> carries_out;
  std::vector<CarryBy> carry_by;
  std::vector<Step> steps;
  std::vector<ValueId> unused_carries;  // of carries_in: neither used nor carried on
};

struct Step {
  const char* op;
  std::unique_ptr<Operator> run;  // null for a loop
  std::unique_ptr<Loop> loop;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  // Whether the memory of input i may be taken over: this is its last use and it is listed once.
  std::vector<bool> last_use;
  // Values to free when the step is done.
  std::vector<ValueId> free_after;
};

class Program {
 public:
  static constexpr size_t kMaxValues = 1 << 20;
  static constexpr int kMaxNesting = 8;

  // Weights are shared; null entries are not allowed.
  Program(ProgramDescription description, std::vector<std::shared_ptr<const Weight>> weights,
          const OperatorTable& table = operator_table());

  const std::vector<ProgramDescription::Input>& inputs() const { return inputs_; }
  const std::vector<ProgramDescription::State>& states() const { return states_; }
  const std::vector<ProgramDescription::Output>& outputs() const { return outputs_; }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<Step>& steps() const { return steps_; }
  const Weight& weight(size_t place) const { return *weights_[place]; }
  // Inputs nobody uses.
  const std::vector<ValueId>& unused() const { return unused_; }
  // Whether output i may be moved out (a local value, listed once so far); others are copied.
  const std::vector<bool>& move_output() const { return move_output_; }

 private:
  std::vector<std::shared_ptr<const Weight>> weights_;
  std::vector<ProgramDescription::Input> inputs_;
  std::vector<ProgramDescription::State> states_;
  std::vector<ProgramDescription::Output> outputs_;
  std::vector<Value> values_;
  std::vector<Step> steps_;
  std::vector<ValueId> unused_;
  std::vector<bool> move_output_;
};

}  // namespace tidemerge
