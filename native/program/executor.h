#pragma once

// Runs the steps of a program one after the other; the operators themselves use all threads of the context.
//
// Memory. A value is freed after its last use; operators that may work in place take over the memory of an input
// that ends there. A loop hands its carries from turn to turn without copying.
// Cancel. The flag is looked at before every step and every turn of a loop; then Cancelled is thrown.
// After an exception the slots hold whatever the run left: the caller clears them.

#include <vector>

#include "program/program.h"
#include "runtime/cancel_flag.h"

namespace tidemerge {

struct Frame {
  std::vector<Tensor> slots;  // by ValueId; inputs are put here first
  std::vector<State> states;  // in the order of Program::states
};

void execute(const Program& program, const Context& context, Frame& frame, const CancelFlag& cancel);

// A tensor with contents of its own.
Tensor copy_of(const Context& context, const Tensor& tensor);

}  // namespace tidemerge
