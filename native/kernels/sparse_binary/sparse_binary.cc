#include "kernels/sparse_binary/sparse_binary.h"

#include "kernels/sparse_binary/chain.h"

namespace tidemerge {
namespace {

// Rows of whole numbers that codes_int8 works on at once: as many as there are registers for their sums.
#if defined(__AVX512F__)
constexpr size_t kCodeRows = 8;
#else
constexpr size_t kCodeRows = 4;
#endif

// Panels of inputs, of a block of outputs, scales, and floats of some rows; for codes_int8 the whole numbers of a few
// rows, which take less.
size_t panel_bytes(size_t k) { return aligned((k + 1) * kFloatRows * sizeof(float)); }
constexpr size_t kBlockFloats = kListOutputs * kInt16Rows;
size_t scratch_bytes(size_t k) {
  return panel_bytes(k < kBlockInputs ? kBlockInputs : k) +
         (kBlockFloats + kInt16Rows + (k + 1) * kLanes) * sizeof(float);
}

// Calls run(row, vecs) for panels of at most `most` registers of `lanes` rows, as equal as they can be: a panel of one
// register takes nearly as long as one of two. vecs is a compile-time constant.
template <typename Run>
TIDEMERGE_INLINE void for_each_panel(size_t rows, size_t lanes, size_t most, Run run) {
  const size_t vecs = blocks_of(rows, lanes);
  const size_t panels = blocks_of(vecs, most);
  size_t row = 0;
  for (size_t panel = 0; panel < panels; ++panel) {
    const size_t here = vecs * (panel + 1) / panels - vecs * panel / panels;
    switch (here) {
      case 4: run(row, Constant<4>()); break;
      case 3: run(row, Constant<3>()); break;
      case 2: run(row, Constant<2>()); break;
      default: run(row, Constant<1>()); break;
    }
    row += here * lanes;
  }
}

// A panel of floats should stay in the first cache.
constexpr size_t kPanelBytes = 32 << 10;
size_t most_vecs(size_t k) { return (k + 1) * kFloatRows * sizeof(float) > 2 * kPanelBytes - 4096 ? 2 : kPanelVecs; }

// One product, by blocks of outputs: multiply(product, begin, end) fills the panel of a block.
template <typename Multiply>
TIDEMERGE_INLINE void run_blocks(const SparseBinaryWeights& w, const SparseBinaryProduct& p, size_t first,
                                 size_t stride, float* block, Multiply multiply) {
  PanelProduct product{&w};
  product.bias = p.bias;
  product.relu = p.relu;
  product.out = block;
  for (size_t begin = p.begin; begin < p.end; begin += kListOutputs) {
    const size_t end = begin + kListOutputs < p.end ? begin + kListOutputs : p.end;
    multiply(product, begin, end);
    store_panel(p, first, begin, end, stride, block);
  }
}

void lists_f32(const SparseBinaryWeights& w, const SparseBinaryProduct& p, void* scratch) {
  auto* panel = static_cast<float*>(scratch);
  auto* block = reinterpret_cast<float*>(static_cast<char*>(scratch) + panel_bytes(w.k));
  for_each_panel(p.rows, kLanes, most_vecs(w.k), [&](size_t row, auto vecs) {
    constexpr int kVecs = decltype(vecs)::value;
    constexpr size_t kStride = size_t{kVecs} * kLanes;
    fill_panel({p.x, p.x_stride, p.rows}, row, w.k, kStride, panel);
    run_blocks(w, p, row, kStride, block, [&](const PanelProduct& product, size_t begin, size_t end) {
      multiply_panel<kVecs>(product, begin, end, panel);
    });
  });
}

void lists_int8(const SparseBinaryWeights& w, const SparseBinaryProduct& p, void* scratch) {
  auto* panel = static_cast<int16_t*>(scratch);
  auto* block = reinterpret_cast<float*>(static_cast<char*>(scratch) + panel_bytes(w.k));
  float* scales = block + kBlockFloats;
  float* floats = scales + kInt16Rows;
  for_each_panel(p.rows, 2 * kLanes, kPanelVecs, [&](size_t row, auto vecs) {
    constexpr int kVecs = decltype(vecs)::value;
    constexpr size_t kStride = size_t{kVecs} * 2 * kLanes;
    fill_panel({p.x, p.x_stride, p.rows}, row, w.k, kStride, panel, scales, floats);
    run_blocks(w, p, row, kStride, block, [&](const PanelProduct& product, size_t begin, size_t end) {
      multiply_panel<kVecs>(product, begin, end, panel, scales);
    });
  });
}

size_t chain_scratch_bytes(const SparseChain& chain, bool int8) {
  if (!int8) return ChainPanels::floats(chain, kFloatRows) * sizeof(float);
  return (ChainPanels::floats(chain, kInt16Rows) + kInt16Rows) * sizeof(float) +
         (widest(chain) + 1) * kInt16Rows * sizeof(int16_t);
}

void chain(const SparseChain& c, bool int8, void* scratch) {
  auto* floats = static_cast<float*>(scratch);
  if (!int8) {
    for_each_panel(c.rows, kLanes, most_vecs(widest(c)), [&](size_t row, auto vecs) {
      constexpr int kVecs = decltype(vecs)::value;
      run_chain(c, row, kVecs * kLanes, floats, [](const PanelProduct& product, size_t n, const float* panel) {
        multiply_panel<kVecs>(product, 0, n, panel);
      });
    });
    return;
  }
  float* scales = floats + ChainPanels::floats(c, kInt16Rows);
  auto* panel = reinterpret_cast<int16_t*>(scales + kInt16Rows);
  for_each_panel(c.rows, 2 * kLanes, kPanelVecs, [&](size_t row, auto vecs) {
    constexpr int kVecs = decltype(vecs)::value;
    constexpr size_t kStride = size_t{kVecs} * 2 * kLanes;
    run_chain(c, row, kStride, floats, [&](const PanelProduct& product, size_t n, const float* from) {
      quantize_panel<kVecs>(from, product.weights->k, panel, scales);
      multiply_panel<kVecs>(product, 0, n, panel, scales);
    });
  });
}

void codes_int8(const SparseBinaryWeights& w, const SparseBinaryProduct& p, void* scratch) {
  auto* x = static_cast<int8_t*>(scratch);
  const size_t padded = blocks_of(w.k, kBlockInputs) * kBlockInputs;
  QuantizedRow quantized_rows[kCodeRows];
  for (size_t row = 0; row < p.rows; row += kCodeRows) {
    const size_t rows = p.rows - row < kCodeRows ? p.rows - row : kCodeRows;
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
    .output_tile = static_cast<int>(kListOutputs),
    .rows_f32 = static_cast<int>(kFloatRows),
    .rows_int8 = static_cast<int>(kInt16Rows),
    .packed_bytes = packed_bytes,
    .pack = pack,
    .scratch_bytes = scratch_bytes,
    .lists_f32 = lists_f32,
    .lists_int8 = lists_int8,
    .codes_int8 = codes_int8,
    .chain_scratch_bytes = chain_scratch_bytes,
    .chain = chain,
    .prefers_codes = prefers_codes,
};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
