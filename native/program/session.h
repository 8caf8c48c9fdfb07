#pragma once

#include <memory>
#include <vector>

#include "program/executor.h"

namespace tidemerge {

// A program's states and the room to run it. Not for several threads at once: the context's driver thread runs one
// job after the other.
class Session {
 public:
  // The context must outlive the session.
  Session(std::shared_ptr<const Program> program, const Context& context);

  const Program& program() const { return *program_; }

  // Inputs in the order of the program's; outputs likewise. Throws Error, std::bad_alloc, Cancelled; after any
  // of them the states are empty again, as a half-written cache would give wrong results later.
  std::vector<Tensor> run(std::vector<Tensor> inputs, const CancelFlag& cancel);

  // Forgets the states.
  void reset() noexcept;

 private:
  std::vector<Tensor> take_outputs();
  void clear_slots() noexcept;

  std::shared_ptr<const Program> program_;
  const Context& context_;
  Frame frame_;
};

}  // namespace tidemerge
