#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "program/executor.h"

namespace tidemerge {

// A value that goes from run to run: output number `output` of one step() is input number `input` of the next.
struct KeptValue {
  size_t input;
  size_t output;
};

// A program's states and the room to run it. Not for several threads at once: the context's driver thread runs one
// job after the other, and whoever calls step() sees to it that none is under way.
class Session {
 public:
  // The context must outlive the session. Throws ERR_INVALID_ARGUMENT where `kept` names what is not there, or twice.
  Session(std::shared_ptr<const Program> program, const Context& context, std::vector<KeptValue> kept = {});

  const Program& program() const { return *program_; }

  // Inputs in the order of the program's; outputs likewise. Throws Error, std::bad_alloc, Cancelled; after any
  // of them the states are empty again, as a half-written cache would give wrong results later.
  std::vector<Tensor> run(std::vector<Tensor> inputs, const CancelFlag& cancel);

  // run() with the kept values in their places: `inputs` and the result are those that are not kept, in order. A
  // failure leaves the kept values as they were, and states as the operators did: one that is used this way writes
  // nothing that the same call, once more, would miss.
  std::vector<Tensor> step(std::vector<Tensor> inputs);
  // The inputs of step(): their numbers among the program's.
  const std::vector<size_t>& given() const { return given_; }

  // The kept values in the order given to the constructor. keep() takes all of them.
  const std::vector<Tensor>& kept() const { return kept_values_; }
  void keep(std::vector<Tensor> values);

  // Forgets the states.
  void reset() noexcept;

 private:
  void check_kept();
  std::vector<Tensor> compute(std::vector<Tensor> inputs, const CancelFlag& cancel);
  std::vector<Tensor> take_outputs();
  void clear_slots() noexcept;

  std::shared_ptr<const Program> program_;
  const Context& context_;
  Frame frame_;
  std::vector<KeptValue> kept_;
  std::vector<size_t> given_, returned_;  // inputs and outputs that are not kept
  std::vector<Tensor> kept_values_;
};

}  // namespace tidemerge
