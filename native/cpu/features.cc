#include "cpu/features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace tidemerge {
namespace {

bool bit(uint32_t value, int index) { return ((value >> index) & 1u) != 0; }

constexpr uint64_t kXcr0Ymm = 0x06;  // xmm and the upper halves of ymm
constexpr uint64_t kXcr0Zmm = 0xe6;  // the same, opmask, the upper halves of zmm 0-15, zmm 16-31
constexpr int kOsUsesXsave = 27;

#if defined(__x86_64__) && !defined(TIDEMERGE_EMULATE)
uint64_t read_xcr0() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

X86Registers read_registers() {
  X86Registers out;
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  __cpuid(0, eax, ebx, ecx, edx);
  out.max_leaf = eax;
  out.is_amd = ebx == signature_AMD_ebx && ecx == signature_AMD_ecx && edx == signature_AMD_edx;
  if (out.max_leaf >= 1) {
    __cpuid(1, eax, ebx, ecx, edx);
    out.leaf1_ecx = ecx;
    out.leaf1_edx = edx;
  }
  if (out.max_leaf >= 7) {
    __cpuid_count(7, 0, eax, ebx, ecx, edx);
    out.leaf7_ebx = ebx;
    out.leaf7_ecx = ecx;
    const uint32_t max_subleaf = eax;
    if (max_subleaf >= 1) {
      __cpuid_count(7, 1, eax, ebx, ecx, edx);
      out.leaf7_1_eax = eax;
    }
  }
  if (bit(out.leaf1_ecx, kOsUsesXsave)) out.xcr0 = read_xcr0();
  return out;
}
#endif

FeatureSet detect() {
#if defined(TIDEMERGE_EMULATE)
  // The kernels of every set were compiled for a processor with AVX2 (CMakeLists.txt): only tests are.
  return ~static_cast<FeatureSet>(kFeatureFastBf16);
#elif defined(__x86_64__)
  return decode_x86(read_registers());
#elif defined(__aarch64__) && defined(__linux__)
  constexpr unsigned long kHwcapAsimd = 1ul << 1;
  return (getauxval(AT_HWCAP) & kHwcapAsimd) != 0 ? static_cast<FeatureSet>(kFeatureNeon) : 0u;
#elif defined(__aarch64__)
  return kFeatureNeon;  // part of the architecture on every other system
#else
  return 0;
#endif
}

}  // namespace

FeatureSet decode_x86(const X86Registers& r) {
  FeatureSet features = 0;
  const auto add = [&features](bool present, Feature feature) {
    if (present) features |= feature;
  };
  add(bit(r.leaf1_edx, 26), kFeatureSse2);

  const bool os_saves_ymm = bit(r.leaf1_ecx, kOsUsesXsave) && (r.xcr0 & kXcr0Ymm) == kXcr0Ymm;
  const bool has_avx = os_saves_ymm && bit(r.leaf1_ecx, 28);
  if (!has_avx) return features;
  add(bit(r.leaf1_ecx, 12), kFeatureFma);
  add(bit(r.leaf1_ecx, 29), kFeatureF16c);
  if (r.max_leaf < 7) return features;
  add(bit(r.leaf7_ebx, 5), kFeatureAvx2);
  add(bit(r.leaf7_1_eax, 4), kFeatureAvxVnni);

  const bool os_saves_zmm = (r.xcr0 & kXcr0Zmm) == kXcr0Zmm;
  if (!os_saves_zmm || !bit(r.leaf7_ebx, 16)) return features;
  add(true, kFeatureAvx512F);
  add(bit(r.leaf7_ebx, 17), kFeatureAvx512Dq);
  add(bit(r.leaf7_ebx, 28), kFeatureAvx512Cd);
  add(bit(r.leaf7_ebx, 30), kFeatureAvx512Bw);
  add(bit(r.leaf7_ebx, 31), kFeatureAvx512Vl);
  add(bit(r.leaf7_ecx, 11), kFeatureAvx512Vnni);
  add(bit(r.leaf7_1_eax, 5), kFeatureAvx512Bf16);
  add(bit(r.leaf7_1_eax, 5) && r.is_amd, kFeatureFastBf16);
  return features;
}

FeatureSet detected_features() {
  static const FeatureSet features = detect();
  return features;
}

const char* feature_name(Feature feature) {
  switch (feature) {
    case kFeatureSse2: return "SSE2";
    case kFeatureAvx2: return "AVX2";
    case kFeatureFma: return "FMA";
    case kFeatureF16c: return "F16C";
    case kFeatureAvxVnni: return "AVX-VNNI";
    case kFeatureAvx512F: return "AVX512-F";
    case kFeatureAvx512Bw: return "AVX512-BW";
    case kFeatureAvx512Dq: return "AVX512-DQ";
    case kFeatureAvx512Vl: return "AVX512-VL";
    case kFeatureAvx512Cd: return "AVX512-CD";
    case kFeatureAvx512Vnni: return "AVX512-VNNI";
    case kFeatureAvx512Bf16: return "AVX512-BF16";
    case kFeatureNeon: return "NEON";
    case kFeatureFastBf16: return "fast-BF16";
  }
  return "unknown";
}

}  // namespace tidemerge
