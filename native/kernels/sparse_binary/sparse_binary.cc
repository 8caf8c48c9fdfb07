#include "kernels/sparse_binary/sparse_binary.h"

#include "kernels/sparse_binary/codes.h"
#include "kernels/sparse_binary/lists.h"

namespace tidemerge {
namespace {

// Rows of whole numbers that codes_int8 works on at once: as many as there are registers for their sums.
#if defined(__AVX512F__)
constexpr size_t kCodeRows = 8;
#else
constexpr size_t kCodeRows = 4;
#endif
constexpr size_t kAlignment = 64;

constexpr size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

size_t code_bytes(size_t n, size_t k) { return blocks_of(n, kLanes) * blocks_of(k, kBlockInputs) * kBlockBytes; }

void set_code(unsigned char* block_row, size_t lane, size_t input, unsigned code) {
  unsigned char* byte = block_row + input / kBlockInputs * kBlockBytes + 4 * lane + input % 4;
  const unsigned shift = static_cast<unsigned>(input % kBlockInputs / 4 * 2);
  *byte = static_cast<unsigned char>((*byte & ~(3u << shift)) | code << shift);
}

void pack_codes(const SparseBinaryWeights& w, void* codes) {
  auto* bytes = static_cast<unsigned char*>(codes);
  const size_t total = code_bytes(w.n, w.k);
  for (size_t i = 0; i < total; ++i) bytes[i] = 0x55;  // four times none
  const size_t row_bytes = blocks_of(w.k, kBlockInputs) * kBlockBytes;
  for (size_t output = 0; output < w.n; ++output) {
    unsigned char* row = bytes + output / kLanes * row_bytes;
    const InputList list = inputs_of(w, output);
    for (size_t i = 0; i < list.plus_count; ++i) set_code(row, output % kLanes, list.plus[i], 2);
    for (size_t i = 0; i < list.minus_count; ++i) set_code(row, output % kLanes, list.minus[i], 0);
  }
}

// Panel, sums of a tile, scales and floats of some rows; for codes_int8 the whole numbers of a few rows, which take
// less.
constexpr size_t kSumBytes = kTileOutputs * kInt16Rows * 4;
size_t panel_bytes(size_t k) { return aligned(k * kFloatRows * sizeof(float)); }
size_t scratch_bytes(size_t k) {
  return panel_bytes(k < kBlockInputs ? kBlockInputs : k) + aligned(kSumBytes) + kInt16Rows * sizeof(float) +
         k * sizeof(Vec);
}

// Calls run(row, vecs) for panels of at most `most` registers of `lanes` rows, as equal as they can be: a panel of one
// register takes nearly as long as one of two.
template <typename Run>
TIDEMERGE_INLINE void for_each_panel(size_t rows, size_t lanes, size_t most, Run run) {
  const size_t vecs = blocks_of(rows, lanes);
  const size_t panels = blocks_of(vecs, most);
  size_t row = 0;
  for (size_t panel = 0; panel < panels; ++panel) {
    const size_t here = vecs * (panel + 1) / panels - vecs * panel / panels;
    run(row, here);
    row += here * lanes;
  }
}

// A panel of floats should stay in the first cache.
constexpr size_t kPanelBytes = 32 << 10;
size_t most_vecs(size_t k) { return (k + 1) * kFloatRows * sizeof(float) > 2 * kPanelBytes - 4096 ? 2 : kPanelVecs; }

void lists_f32(const SparseBinaryWeights& w, const SparseBinaryProduct& p, void* scratch) {
  auto* panel = static_cast<float*>(scratch);
  auto* sums = reinterpret_cast<float*>(static_cast<char*>(scratch) + panel_bytes(w.k));
  for_each_panel(p.rows, kLanes, most_vecs(w.k), [&](size_t row, size_t vecs) {
    switch (vecs) {
      case 4: return run_panel<4>(w, p, row, panel, sums);
      case 3: return run_panel<3>(w, p, row, panel, sums);
      case 2: return run_panel<2>(w, p, row, panel, sums);
      default: return run_panel<1>(w, p, row, panel, sums);
    }
  });
}

void lists_int8(const SparseBinaryWeights& w, const SparseBinaryProduct& p, void* scratch) {
  auto* panel = static_cast<int16_t*>(scratch);
  auto* sums = reinterpret_cast<int32_t*>(static_cast<char*>(scratch) + panel_bytes(w.k));
  auto* scales = reinterpret_cast<float*>(reinterpret_cast<char*>(sums) + aligned(kSumBytes));
  float* floats = scales + kInt16Rows;
  for_each_panel(p.rows, 2 * kLanes, kPanelVecs, [&](size_t row, size_t vecs) {
    switch (vecs) {
      case 4: return run_panel<4>(w, p, row, panel, sums, scales, floats);
      case 3: return run_panel<3>(w, p, row, panel, sums, scales, floats);
      case 2: return run_panel<2>(w, p, row, panel, sums, scales, floats);
      default: return run_panel<1>(w, p, row, panel, sums, scales, floats);
    }
  });
}

void codes_int8(const SparseBinaryWeights& w, const SparseBinaryProduct& p, void* scratch) {
  auto* x = static_cast<int8_t*>(scratch);
  const size_t padded = blocks_of(w.k, kBlockInputs) * kBlockInputs;
  QuantizedRow quantized_rows[kCodeRows];
  for (size_t row = 0; row < p.rows; row += kCodeRows) {
    const size_t rows = smaller(kCodeRows, p.rows - row);
    for (size_t r = 0; r < rows; ++r) {
      const float* from = p.x + static_cast<ptrdiff_t>(row + r) * p.x_stride;
      const RowScale scale = row_scale(from, w.k);
      quantized_rows[r] = {scale.scale, quantize_row(from, w.k, padded, scale.inverse, x + r * padded)};
    }
    size_t r = 0;
    if constexpr (kCodeRows == 8) {
      for (; r + 8 <= rows; r += 8) run_codes<8>(w, p, row + r, x + r * padded, padded, quantized_rows + r);
    }
    for (; r + 4 <= rows; r += 4) run_codes<4>(w, p, row + r, x + r * padded, padded, quantized_rows + r);
    for (; r + 2 <= rows; r += 2) run_codes<2>(w, p, row + r, x + r * padded, padded, quantized_rows + r);
    for (; r < rows; ++r) run_codes<1>(w, p, row + r, x + r * padded, padded, quantized_rows + r);
  }
}

// Codes for one row in the time of one register of an entry of a list. Measured with AVX2 and with AVX-512 VNNI, the
// others follow from the number of instructions.
#if defined(__AVX512VNNI__)
constexpr double kCodesPerEntry = 64;
#elif defined(__AVX512BW__)
constexpr double kCodesPerEntry = 36;
#elif defined(__AVXVNNI__)
constexpr double kCodesPerEntry = 27;
#elif defined(__AVX2__)
constexpr double kCodesPerEntry = 18;
#else
constexpr double kCodesPerEntry = 1;
#endif
// What an entry costs a panel before the first of its registers, in registers.
constexpr double kEntryOverhead = 2.4;

bool prefers_codes(size_t rows, size_t n, size_t k, size_t kept) {
  const size_t vecs = blocks_of(rows, 2 * kLanes);
  const double of_entry = kEntryOverhead * static_cast<double>(blocks_of(vecs, kPanelVecs)) + static_cast<double>(vecs);
  const double codes = static_cast<double>(n) * static_cast<double>(k) * static_cast<double>(rows + 1);
  return codes < kCodesPerEntry * static_cast<double>(kept) * of_entry;
}

}  // namespace

namespace TIDEMERGE_SET {
extern const SparseBinaryKernels sparse_binary_kernels;
const SparseBinaryKernels sparse_binary_kernels = {
    .output_tile = kLanes,
    .rows_f32 = static_cast<int>(kFloatRows),
    .rows_int8 = static_cast<int>(kInt16Rows),
    .code_bytes = code_bytes,
    .pack_codes = pack_codes,
    .scratch_bytes = scratch_bytes,
    .lists_f32 = lists_f32,
    .lists_int8 = lists_int8,
    .codes_int8 = codes_int8,
    .prefers_codes = prefers_codes,
};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
