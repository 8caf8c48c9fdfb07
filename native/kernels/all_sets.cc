#include "kernels/all_sets.h"

#include <cstring>

#include "cpu/instruction_sets.h"

namespace tidemerge {

#define TIDEMERGE_EXTERN_SET(set)    \
  namespace set {                    \
  extern const KernelSet kernel_set; \
  }
TIDEMERGE_FOR_EACH_SET(TIDEMERGE_EXTERN_SET)
#undef TIDEMERGE_EXTERN_SET

namespace {

#define TIDEMERGE_SET_ADDRESS(set) &set::kernel_set,
constexpr const KernelSet* kKernelSets[] = {TIDEMERGE_FOR_EACH_SET(TIDEMERGE_SET_ADDRESS)};
#undef TIDEMERGE_SET_ADDRESS

const KernelSet* find(const char* name) {
  for (const KernelSet* set : all_kernel_sets()) {
    if (std::strcmp(set->name, name) == 0) return set;
  }
  return nullptr;
}

}  // namespace

KernelSetList all_kernel_sets() { return {kKernelSets, sizeof(kKernelSets) / sizeof(kKernelSets[0])}; }

const KernelSet* runnable_kernel_set(const char* name) {
  for (const InstructionSet& set : instruction_sets()) {
    if (std::strcmp(set.name, name) == 0 && supports(detected_features(), set)) return find(name);
  }
  return nullptr;
}

const KernelSet& select_kernel_set(const char* forced) { return *find(select_instruction_set(forced).name); }

}  // namespace tidemerge
