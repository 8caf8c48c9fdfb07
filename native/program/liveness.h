#pragma once

// Where values end their life. Used by Program only.

#include "program/program.h"

namespace tidemerge {

// What the checker learned about a value.
struct Definition {
  Value value;
  int scope = -1;  // the list of nodes it belongs to: 0 for the program, one more for every repeat body
};

// Fills last_use, free_after and unused_carries of the steps of scope 0 and of all bodies. `outputs` are the
// program's. Returns the local values of scope 0 that no step and no output uses.
std::vector<ValueId> mark_last_uses(std::vector<Step>& steps, const std::vector<Definition>& definitions,
                                    const std::vector<ProgramDescription::Output>& outputs,
                                    const std::vector<ProgramDescription::Input>& inputs);

}  // namespace tidemerge
