#pragma once

#include <cstddef>

#include "kernels/kernel_set.h"

namespace tidemerge {

struct KernelSetList {
  const KernelSet* const* data;
  size_t size;
  const KernelSet* const* begin() const { return data; }
  const KernelSet* const* end() const { return data + size; }
};

// Every set compiled in, best first; also those this processor cannot run.
KernelSetList all_kernel_sets();

// The sets this processor can run, by name; null for the others and for unknown names.
const KernelSet* runnable_kernel_set(const char* name);

// The kernels of select_instruction_set(forced) of cpu/instruction_sets.h, with its errors.
const KernelSet& select_kernel_set(const char* forced);

}  // namespace tidemerge
