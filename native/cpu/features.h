#pragma once

#include <cstdint>

namespace tidemerge {

// What the processor can execute *and* the operating system saves on a context switch: a CPU with AVX-512 under a
// kernel that does not save the zmm registers has no AVX-512 here.
enum Feature : uint32_t {
  kFeatureSse2 = 1u << 0,
  kFeatureAvx2 = 1u << 1,
  kFeatureFma = 1u << 2,
  kFeatureF16c = 1u << 3,
  kFeatureAvxVnni = 1u << 4,
  kFeatureAvx512F = 1u << 5,
  kFeatureAvx512Bw = 1u << 6,
  kFeatureAvx512Dq = 1u << 7,
  kFeatureAvx512Vl = 1u << 8,
  kFeatureAvx512Cd = 1u << 9,
  kFeatureAvx512Vnni = 1u << 10,
  kFeatureAvx512Bf16 = 1u << 11,
  kFeatureNeon = 1u << 12,
  // Not a capability but a speed: vdpbf16ps does more multiply-adds a cycle than the float one. True of AMD (Zen 4 on);
  // on Intel it does half of them (measured on Emerald Rapids: 84 against 170 GFLOP/s), the matrix tiles aside.
  kFeatureFastBf16 = 1u << 13,
};

using FeatureSet = uint32_t;

// The registers the decision is made from, so that the decision can be tested for processors nobody has at hand.
struct X86Registers {
  uint32_t max_leaf = 0;
  bool is_amd = false;
  uint32_t leaf1_ecx = 0, leaf1_edx = 0;
  uint32_t leaf7_ebx = 0, leaf7_ecx = 0;
  uint32_t leaf7_1_eax = 0;
  uint64_t xcr0 = 0;  // 0 when the operating system does not enable xgetbv
};
FeatureSet decode_x86(const X86Registers& registers);

// The features of this machine, read once.
FeatureSet detected_features();

// The name users know, for messages: "AVX512-BF16".
const char* feature_name(Feature feature);

}  // namespace tidemerge
