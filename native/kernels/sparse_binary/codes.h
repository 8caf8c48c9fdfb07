#pragma once

// Codes of two bits, entry + 1 (0, 1 or 2 for -, none and +), times bytes. A block holds kLanes outputs and 16 inputs:
// byte b of lane i has the codes of inputs b, b + 4, b + 8 and b + 12 of output i, the first in its lowest bits. What
// three shifts and four masks unpack then meets four neighbouring inputs, the same for all outputs. The sum of
// code * x is by the sum of x too large.

#include "kernels/sparse_binary/finish.h"
#include "kernels/sparse_binary/quantize.h"

namespace tidemerge {
namespace {

constexpr size_t kBlockInputs = 16;
constexpr size_t kBlockBytes = size_t{4} * kLanes;

constexpr size_t blocks_of(size_t count, size_t of) { return (count + of - 1) / of; }

// Sums of products of four unsigned with four signed bytes in each 32-bit lane. `sum` collects a run of at most
// kMostInRun products of codes (0 to 2) with numbers from -127 to 127, total() adds it up.
#if defined(__AVX512VNNI__)
constexpr size_t kMostInRun = 1 << 20;
struct DotSum {
  __m512i sum = _mm512_setzero_si512();
  TIDEMERGE_INLINE void add_products(IVec codes, int32_t x) {
    sum = _mm512_dpbusd_epi32(sum, codes.v, _mm512_set1_epi32(x));
  }
  TIDEMERGE_INLINE IVec total() const { return {sum}; }
};
#elif defined(__AVX512BW__)
constexpr size_t kMostInRun = 64;  // 2 * 2 * 127 each
struct DotSum {
  __m512i sum = _mm512_setzero_si512();
  TIDEMERGE_INLINE void add_products(IVec codes, int32_t x) {
    sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(codes.v, _mm512_set1_epi32(x)));
  }
  TIDEMERGE_INLINE IVec total() const { return {_mm512_madd_epi16(sum, _mm512_set1_epi16(1))}; }
};
#elif defined(__AVXVNNI__)
constexpr size_t kMostInRun = 1 << 20;
struct DotSum {
  __m256i sum = _mm256_setzero_si256();
  TIDEMERGE_INLINE void add_products(IVec codes, int32_t x) {
    sum = _mm256_dpbusd_avx_epi32(sum, codes.v, _mm256_set1_epi32(x));
  }
  TIDEMERGE_INLINE IVec total() const { return {sum}; }
};
#elif defined(__AVX2__)
constexpr size_t kMostInRun = 64;  // 2 * 2 * 127 each
struct DotSum {
  __m256i sum = _mm256_setzero_si256();
  TIDEMERGE_INLINE void add_products(IVec codes, int32_t x) {
    sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(codes.v, _mm256_set1_epi32(x)));
  }
  TIDEMERGE_INLINE IVec total() const { return {_mm256_madd_epi16(sum, _mm256_set1_epi16(1))}; }
};
#else
constexpr size_t kMostInRun = 1 << 20;
struct DotSum {
  IVec sum = zero_int();
  TIDEMERGE_INLINE void add_products(IVec codes, int32_t x) {
    const IVec byte = broadcast_int(0xff);
    sum = add(sum, mul(bit_and(codes, byte), broadcast_int(static_cast<int8_t>(x))));
    sum = add(sum, mul(bit_and(shift_right_logical<8>(codes), byte), broadcast_int(static_cast<int8_t>(x >> 8))));
    sum = add(sum, mul(bit_and(shift_right_logical<16>(codes), byte), broadcast_int(static_cast<int8_t>(x >> 16))));
    sum = add(sum, mul(shift_right_logical<24>(codes), broadcast_int(x >> 24)));
  }
  TIDEMERGE_INLINE IVec total() const { return sum; }
};
#endif

// Independent sums wanted: with VNNI one step takes four or five cycles, and up to two can begin in each.
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
constexpr int kChains = 8;
#else
constexpr int kChains = 4;
#endif
constexpr int chains_of_row(int rows) { return rows >= kChains ? 1 : rows * 4 <= kChains ? 4 : kChains / rows; }

// Sums of code * x of a block of outputs for `rows` rows of whole numbers, `padded` bytes apart. Integers may be added
// in any order, so chains are free to choose.
template <int rows>
TIDEMERGE_INLINE void dot_rows(const unsigned char* codes, const int8_t* x, size_t padded, IVec (&sums)[rows]) {
  constexpr int kOfRow = chains_of_row(rows);
  constexpr size_t kRunBlocks = kMostInRun * kOfRow / 4;
  const IVec mask = broadcast_int(0x03030303);
  for (int r = 0; r < rows; ++r) sums[r] = zero_int();
  const size_t blocks = padded / kBlockInputs;
  for (size_t begin = 0; begin < blocks; begin += kRunBlocks) {
    const size_t end = begin + kRunBlocks < blocks ? begin + kRunBlocks : blocks;
    DotSum dots[rows][kOfRow];
    for (size_t b = begin; b < end; ++b) {
      const IVec packed = load_int(reinterpret_cast<const int32_t*>(codes + b * kBlockBytes));
      const IVec parts[4] = {bit_and(packed, mask), bit_and(shift_right_logical<2>(packed), mask),
                             bit_and(shift_right_logical<4>(packed), mask),
                             bit_and(shift_right_logical<6>(packed), mask)};
#pragma GCC unroll 4
      for (int part = 0; part < 4; ++part) {
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r) {
          int32_t four;
          __builtin_memcpy(&four, x + r * padded + b * kBlockInputs + 4 * part, sizeof four);
          dots[r][part % kOfRow].add_products(parts[part], four);
        }
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int chain = 0; chain < kOfRow; ++chain) sums[r] = add(sums[r], dots[r][chain].total());
    }
  }
}

struct QuantizedRow {
  float scale;
  int32_t sum;
};

// Outputs [output, output + count) of one row.
TIDEMERGE_INLINE void store_codes(const SparseBinaryWeights& w, const SparseBinaryProduct& p, size_t row, size_t output,
                                  int count, const QuantizedRow& quantized_row, IVec sum) {
  const bool whole = count == kLanes;  // masked stores take many cycles on some processors
  const auto part = [&](const float* from) { return whole ? load(from + output) : load_first(from + output, count); };
  const Vec factor = broadcast(w.alpha * quantized_row.scale);
  const Vec exact = to_float(sub(sum, broadcast_int(quantized_row.sum)));
  Vec value = activated(p, factor, exact, p.bias != nullptr ? part(p.bias) : zero());
  if (p.residual != nullptr) value = add(value, part(p.residual + static_cast<ptrdiff_t>(row) * p.residual_stride));
  float* y = p.y + static_cast<ptrdiff_t>(row) * p.y_stride + output;
  if (whole) {
    store(y, value);
  } else {
    store_first(y, value, count);
  }
}

// `rows` rows from `first` on, whose whole numbers are x.
template <int rows>
TIDEMERGE_NOINLINE void run_codes(const SparseBinaryWeights& w, const SparseBinaryProduct& p, size_t first,
                                  const int8_t* x, size_t padded, const QuantizedRow* quantized_rows) {
  const auto* codes = static_cast<const unsigned char*>(w.packed);
  const size_t output_bytes = padded / kBlockInputs * kBlockBytes;
  for (size_t output = p.begin; output < p.end; output += kLanes) {
    const int count = p.end - output < kLanes ? static_cast<int>(p.end - output) : kLanes;
    IVec sums[rows];
    dot_rows<rows>(codes + output / kLanes * output_bytes, x, padded, sums);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) store_codes(w, p, first + r, output, count, quantized_rows[r], sums[r]);
  }
}

}  // namespace
}  // namespace tidemerge
