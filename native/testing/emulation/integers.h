#pragma once

// Integer instructions. Included by immintrin.h of this folder only.

#include "testing/emulation/vectors.h"

namespace {

EMULATED EmulatedI64 emulated_setzero_si512() { return EmulatedI64{}; }
EMULATED EmulatedI64 emulated_set1_epi32(int x) { return (EmulatedI64)(EmulatedI32{} + x); }
EMULATED EmulatedI64 emulated_set1_epi16(short x) { return (EmulatedI64)(EmulatedI16{} + x); }
EMULATED EmulatedI64 emulated_set1_epi8(signed char x) { return (EmulatedI64)(EmulatedI8{} + x); }
EMULATED EmulatedI64 emulated_loadu_si512(const void* p) {
  EmulatedI64 a;
  std::memcpy(&a, p, 64);
  return a;
}
EMULATED void emulated_storeu_si512(void* p, EmulatedI64 a) { std::memcpy(p, &a, 64); }
// Aligned, or the real instruction would fault.
EMULATED void emulated_store_si512(void* p, EmulatedI64 a) {
  if (reinterpret_cast<uintptr_t>(p) % 64 != 0) __builtin_trap();
  std::memcpy(p, &a, 64);
}
EMULATED EmulatedI64 emulated_maskz_loadu_epi32(__mmask16 mask, const void* p) {
  EmulatedI32 a = {};
  const int32_t* from = static_cast<const int32_t*>(p);
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i) & 1) a[i] = from[i];
  }
  return (EmulatedI64)a;
}
EMULATED void emulated_mask_storeu_epi32(void* p, __mmask16 mask, EmulatedI64 a) {
  int32_t* to = static_cast<int32_t*>(p);
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i) & 1) to[i] = ((EmulatedI32)a)[i];
  }
}
EMULATED __m256i emulated_256_maskz_loadu_epi16(__mmask16 mask, const void* p) {
  alignas(32) int16_t lanes[16] = {};
  const int16_t* from = static_cast<const int16_t*>(p);
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i) & 1) lanes[i] = from[i];
  }
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(lanes));
}
EMULATED void emulated_256_mask_storeu_epi16(void* p, __mmask16 mask, __m256i a) {
  alignas(32) int16_t lanes[16];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), a);
  int16_t* to = static_cast<int16_t*>(p);
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i) & 1) to[i] = lanes[i];
  }
}

EMULATED EmulatedI64 emulated_add_epi32(EmulatedI64 a, EmulatedI64 b) {
  return (EmulatedI64)((EmulatedU32)a + (EmulatedU32)b);
}
EMULATED EmulatedI64 emulated_sub_epi32(EmulatedI64 a, EmulatedI64 b) {
  return (EmulatedI64)((EmulatedU32)a - (EmulatedU32)b);
}
EMULATED EmulatedI64 emulated_mullo_epi32(EmulatedI64 a, EmulatedI64 b) {
  return (EmulatedI64)((EmulatedU32)a * (EmulatedU32)b);
}
EMULATED EmulatedI64 emulated_and_si512(EmulatedI64 a, EmulatedI64 b) { return a & b; }
EMULATED EmulatedI64 emulated_or_si512(EmulatedI64 a, EmulatedI64 b) { return a | b; }
EMULATED EmulatedI64 emulated_xor_si512(EmulatedI64 a, EmulatedI64 b) { return a ^ b; }
EMULATED EmulatedI64 emulated_slli_epi32(EmulatedI64 a, unsigned n) {
  return n > 31 ? EmulatedI64{} : (EmulatedI64)((EmulatedU32)a << n);
}
EMULATED EmulatedI64 emulated_srli_epi32(EmulatedI64 a, unsigned n) {
  return n > 31 ? EmulatedI64{} : (EmulatedI64)((EmulatedU32)a >> n);
}
EMULATED EmulatedI64 emulated_srai_epi32(EmulatedI64 a, unsigned n) {
  return (EmulatedI64)((EmulatedI32)a >> (n > 31 ? 31 : n));
}
EMULATED EmulatedI64 emulated_add_epi16(EmulatedI64 a, EmulatedI64 b) {
  return (EmulatedI64)((EmulatedU16)a + (EmulatedU16)b);
}
EMULATED EmulatedI64 emulated_sub_epi16(EmulatedI64 a, EmulatedI64 b) {
  return (EmulatedI64)((EmulatedU16)a - (EmulatedU16)b);
}
EMULATED EmulatedI64 emulated_add_epi8(EmulatedI64 a, EmulatedI64 b) {
  return (EmulatedI64)((EmulatedU8)a + (EmulatedU8)b);
}
EMULATED EmulatedI64 emulated_sub_epi8(EmulatedI64 a, EmulatedI64 b) {
  return (EmulatedI64)((EmulatedU8)a - (EmulatedU8)b);
}
EMULATED __mmask16 emulated_cmpeq_epi32_mask(EmulatedI64 a, EmulatedI64 b) {
  return mask_of((EmulatedI32)a == (EmulatedI32)b);
}
EMULATED __mmask16 emulated_cmpgt_epi32_mask(EmulatedI64 a, EmulatedI64 b) {
  return mask_of((EmulatedI32)a > (EmulatedI32)b);
}
EMULATED EmulatedI64 emulated_mask_blend_epi32(__mmask16 mask, EmulatedI64 a, EmulatedI64 b) {
  const EmulatedI64 lanes = (EmulatedI64)lanes_of(mask);
  return (lanes & b) | (~lanes & a);
}
EMULATED EmulatedI64 emulated_cvtepu16_epi32(__m256i a) {
  return join(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(a)), _mm256_cvtepu16_epi32(_mm256_extracti128_si256(a, 1)));
}
EMULATED EmulatedI64 emulated_cvtepi16_epi32(__m256i a) {
  return join(_mm256_cvtepi16_epi32(_mm256_castsi256_si128(a)), _mm256_cvtepi16_epi32(_mm256_extracti128_si256(a, 1)));
}
EMULATED __m256i emulated_cvtepi32_epi16(EmulatedI64 a) {
  alignas(32) int16_t lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = static_cast<int16_t>(((EmulatedI32)a)[i]);
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(lanes));
}
EMULATED __m128i emulated_cvtepi32_epi8(EmulatedI64 a) {
  alignas(16) int8_t lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = static_cast<int8_t>(((EmulatedI32)a)[i]);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(lanes));
}

}  // namespace

#define _mm512_setzero_si512 emulated_setzero_si512
#define _mm512_set1_epi32 emulated_set1_epi32
#define _mm512_set1_epi16 emulated_set1_epi16
#define _mm512_set1_epi8 emulated_set1_epi8
#define _mm512_loadu_si512 emulated_loadu_si512
#define _mm512_storeu_si512 emulated_storeu_si512
#define _mm512_store_si512 emulated_store_si512
#define _mm512_maskz_loadu_epi32 emulated_maskz_loadu_epi32
#define _mm512_mask_storeu_epi32 emulated_mask_storeu_epi32
#define _mm256_maskz_loadu_epi16 emulated_256_maskz_loadu_epi16
#define _mm256_mask_storeu_epi16 emulated_256_mask_storeu_epi16
#define _mm512_add_epi32 emulated_add_epi32
#define _mm512_sub_epi32 emulated_sub_epi32
#define _mm512_mullo_epi32 emulated_mullo_epi32
#define _mm512_and_si512 emulated_and_si512
#define _mm512_or_si512 emulated_or_si512
#define _mm512_xor_si512 emulated_xor_si512
#define _mm512_slli_epi32 emulated_slli_epi32
#define _mm512_srli_epi32 emulated_srli_epi32
#define _mm512_srai_epi32 emulated_srai_epi32
#define _mm512_add_epi16 emulated_add_epi16
#define _mm512_sub_epi16 emulated_sub_epi16
#define _mm512_add_epi8 emulated_add_epi8
#define _mm512_sub_epi8 emulated_sub_epi8
#define _mm512_cmpeq_epi32_mask emulated_cmpeq_epi32_mask
#define _mm512_cmpgt_epi32_mask emulated_cmpgt_epi32_mask
#define _mm512_mask_blend_epi32 emulated_mask_blend_epi32
#define _mm512_cvtepu16_epi32 emulated_cvtepu16_epi32
#define _mm512_cvtepi16_epi32 emulated_cvtepi16_epi32
#define _mm512_cvtepi32_epi16 emulated_cvtepi32_epi16
#define _mm512_cvtepi32_epi8 emulated_cvtepi32_epi8
