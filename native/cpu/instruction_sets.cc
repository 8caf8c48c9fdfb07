#include "cpu/instruction_sets.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"

namespace tidemerge {
namespace {

#if defined(__x86_64__)
constexpr FeatureSet kBaselineFeatures = kFeatureSse2;
constexpr FeatureSet kAvx2Features = kBaselineFeatures | kFeatureAvx2 | kFeatureFma | kFeatureF16c;
constexpr FeatureSet kAvx512Features =
    kAvx2Features | kFeatureAvx512F | kFeatureAvx512Bw | kFeatureAvx512Dq | kFeatureAvx512Vl | kFeatureAvx512Cd;
constexpr FeatureSet required_by_baseline = kBaselineFeatures;
constexpr FeatureSet required_by_avx2 = kAvx2Features;
constexpr FeatureSet required_by_avx2_vnni = kAvx2Features | kFeatureAvxVnni;
constexpr FeatureSet required_by_avx512 = kAvx512Features;
constexpr FeatureSet required_by_avx512_vnni = kAvx512Features | kFeatureAvx512Vnni;
constexpr FeatureSet required_by_avx512_bf16 = kAvx512Features | kFeatureAvx512Vnni | kFeatureAvx512Bf16;
// A set is worthwhile wherever it runs, but for the one that only changes how bf16 weights are multiplied.
constexpr FeatureSet extra_for_baseline = 0, extra_for_avx2 = 0, extra_for_avx2_vnni = 0, extra_for_avx512 = 0;
constexpr FeatureSet extra_for_avx512_vnni = 0, extra_for_avx512_bf16 = kFeatureFastBf16;
#else
constexpr FeatureSet required_by_neon = kFeatureNeon, extra_for_neon = 0;
#endif

#define TIDEMERGE_SET_ENTRY(set) {#set, required_by_##set, required_by_##set | extra_for_##set},
constexpr InstructionSet kInstructionSets[] = {TIDEMERGE_FOR_EACH_SET(TIDEMERGE_SET_ENTRY)};
#undef TIDEMERGE_SET_ENTRY

std::string names_of_sets(FeatureSet features) {
  std::string names;
  for (const InstructionSet& set : instruction_sets()) {
    if (!supports(features, set)) continue;
    if (!names.empty()) names += ", ";
    names += set.name;
  }
  return names.empty() ? "none" : names;
}

std::string names_of_features(FeatureSet features) {
  std::string names;
  for (FeatureSet rest = features; rest != 0; rest &= rest - 1) {
    if (!names.empty()) names += ", ";
    names += feature_name(static_cast<Feature>(rest & (~rest + 1)));
  }
  return names;
}

const InstructionSet& forced_set(const char* name, const char* origin, FeatureSet features) {
  for (const InstructionSet& set : instruction_sets()) {
    if (std::strcmp(set.name, name) != 0) continue;
    if (supports(features, set)) return set;
    throw Error("ERR_UNSUPPORTED_ISA", std::string(origin) + ": instruction set '" + name + "' needs " +
                                           names_of_features(set.required & ~features) +
                                           ", which this machine lacks; supported here: " + names_of_sets(features));
  }
  throw Error("ERR_INVALID_ISA",
              std::string(origin) + ": expected one of " + names_of_sets(~FeatureSet{0}) + ", got '" + name + "'");
}

bool is_given(const char* name) { return name != nullptr && *name != '\0'; }

}  // namespace

InstructionSetList instruction_sets() {
  return {kInstructionSets, sizeof(kInstructionSets) / sizeof(kInstructionSets[0])};
}

const InstructionSet& select_instruction_set(const char* forced, const char* environment, FeatureSet features) {
  if (is_given(forced)) return forced_set(forced, "isa", features);
  if (is_given(environment)) return forced_set(environment, "TIDEMERGE_ISA", features);
  for (const InstructionSet& set : instruction_sets()) {
    if ((features & set.worthwhile) == set.worthwhile) return set;
  }
  throw Error("ERR_UNSUPPORTED_ISA", "isa: this machine supports none of " + names_of_sets(~FeatureSet{0}));
}

const InstructionSet& select_instruction_set(const char* forced) {
  return select_instruction_set(forced, std::getenv("TIDEMERGE_ISA"), detected_features());
}

}  // namespace tidemerge
