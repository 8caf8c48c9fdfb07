#pragma once

#include <cstddef>

#include "cpu/features.h"

// The instruction sets of this architecture, best first. The names are those of native/sources.json, whose flags the
// kernels of a set are compiled with; scripts/check-sets.mjs holds the lists together.
#if defined(__x86_64__)
#define TIDEMERGE_FOR_EACH_SET(SET) \
  SET(avx512_bf16)                  \
  SET(avx512_vnni)                  \
  SET(avx512)                       \
  SET(avx2_vnni)                    \
  SET(avx2)                         \
  SET(baseline)
#elif defined(__aarch64__)
#define TIDEMERGE_FOR_EACH_SET(SET) SET(neon)
#else
#error "tidemerge: kernels exist for x64 and arm64"
#endif

namespace tidemerge {

struct InstructionSet {
  const char* name;
  FeatureSet required;    // to run at all
  FeatureSet worthwhile;  // to be chosen without being asked for; includes `required`
};

struct InstructionSetList {
  const InstructionSet* data;
  size_t size;
  const InstructionSet* begin() const { return data; }
  const InstructionSet* end() const { return data + size; }
};

// All sets of this architecture, best first.
InstructionSetList instruction_sets();

inline bool supports(FeatureSet features, const InstructionSet& set) {
  return (features & set.required) == set.required;
}

// The set to run: `forced` if it is neither null nor empty, else the environment variable TIDEMERGE_ISA if set and not
// empty, else the best set that is worthwhile on the processor. A forced set is never replaced by another one.
//
// Throws Error: ERR_INVALID_ISA for a name that does not exist on this architecture, ERR_UNSUPPORTED_ISA for a set the
// processor or the operating system lacks; the message lists what is there.
const InstructionSet& select_instruction_set(const char* forced);

// The same decision from explicit inputs; `environment` is the value of TIDEMERGE_ISA or null.
const InstructionSet& select_instruction_set(const char* forced, const char* environment, FeatureSet features);

}  // namespace tidemerge
