#include "testing/peak.h"

#include "simd/vec.h"

// Compiled once per instruction set.

namespace tidemerge {
namespace {

// Twelve independent sums: more than latency times ports of any processor so far, fewer than the sixteen registers of
// AVX2.
constexpr int kChains = 12;

// Each chain is a variable of its own, kept in a register by the empty assembly; gcc spills an array of them and would
// measure the store port.
#if defined(__aarch64__)
#define TIDEMERGE_KEEP(x) __asm__ volatile("" : "+w"(x))
#elif defined(TIDEMERGE_EMULATE)
#define TIDEMERGE_KEEP(x) __asm__ volatile("" : "+m"(x))
#elif defined(__AVX512F__)
#define TIDEMERGE_KEEP(x) __asm__ volatile("" : "+v"(x))
#else
#define TIDEMERGE_KEEP(x) __asm__ volatile("" : "+x"(x))
#endif

template <typename Register, typename Step>
TIDEMERGE_INLINE void twelve_chains(size_t rounds, Register* sums, Step step) {
  Register s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3], s4 = sums[4], s5 = sums[5], s6 = sums[6],
           s7 = sums[7], s8 = sums[8], s9 = sums[9], s10 = sums[10], s11 = sums[11];
  for (size_t i = 0; i < rounds; ++i) {
    s0 = step(s0), s1 = step(s1), s2 = step(s2), s3 = step(s3), s4 = step(s4), s5 = step(s5);
    s6 = step(s6), s7 = step(s7), s8 = step(s8), s9 = step(s9), s10 = step(s10), s11 = step(s11);
    TIDEMERGE_KEEP(s0);
    TIDEMERGE_KEEP(s6);
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3, sums[4] = s4, sums[5] = s5;
  sums[6] = s6, sums[7] = s7, sums[8] = s8, sums[9] = s9, sums[10] = s10, sums[11] = s11;
}

size_t f32(size_t rounds, float* sink) {
  using Register = decltype(Vec::v);
  Register sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = broadcast(static_cast<float>(i)).v;
  const Vec a = broadcast(0.9999f);
  const Vec b = broadcast(0.0001f);
  twelve_chains(rounds, sums, [a, b](Register s) { return fma(Vec{s}, a, b).v; });
  float total = 0.0f;
  for (int i = 0; i < kChains; ++i) total += reduce_add(Vec{sums[i]});
  *sink = total;
  return size_t{2} * kChains * kLanes;
}

#if defined(__AVX512BF16__)
size_t bf16(size_t rounds, float* sink) {
  __m512 sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512bh a = (__m512bh)_mm512_set1_epi16(0x3f80);
  const __m512bh b = (__m512bh)_mm512_set1_epi16(0x3a00);
  twelve_chains(rounds, sums, [a, b](__m512 s) { return _mm512_dpbf16_ps(s, a, b); });
  float total = 0.0f;
  for (int i = 0; i < kChains; ++i) total += reduce_add(Vec{sums[i]});
  *sink = total;
  return size_t{4} * kChains * kLanes;
}
constexpr auto kBf16 = bf16;
#else
constexpr size_t (*kBf16)(size_t, float*) = nullptr;
#endif

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
size_t int8(size_t rounds, float* sink) {
  using Register = decltype(IVec::v);
  Register sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = broadcast_int(i).v;
  const Register a = broadcast_int(0x01010101).v;
#if defined(__AVX512VNNI__)
  twelve_chains(rounds, sums, [a](Register s) { return _mm512_dpbusd_epi32(s, a, a); });
#else
  twelve_chains(rounds, sums, [a](Register s) { return _mm256_dpbusd_avx_epi32(s, a, a); });
#endif
  float total = 0.0f;
  for (int i = 0; i < kChains; ++i) total += reduce_add(to_float(IVec{sums[i]}));
  *sink = total;
  return size_t{8} * kChains * kLanes;
}
constexpr auto kInt8 = int8;
#else
constexpr size_t (*kInt8)(size_t, float*) = nullptr;
#endif

}  // namespace

namespace TIDEMERGE_SET {
extern const PeakKernels peak_kernels;
const PeakKernels peak_kernels = {.f32 = f32, .bf16 = kBf16, .int8 = kInt8};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
