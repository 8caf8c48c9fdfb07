#pragma once

// What a matrix is packed to: codes (codes.h), then lists for panels. An entry of a list is a pair: an input kept with
// + in the lower half, one kept with - in the upper half; where one sign has no more, input k, which panels keep at
// zero. Outputs stand in blocks of kListOutputs, in each of them in the order of their number of pairs: neighbours then
// have loops of equal length, which processors predict.

#include "kernels/sparse_binary/codes.h"

namespace tidemerge {
namespace {

constexpr size_t kListOutputs = 64;
constexpr size_t kAlignment = 64;

constexpr size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

size_t code_bytes(size_t n, size_t k) { return blocks_of(n, kLanes) * blocks_of(k, kBlockInputs) * kBlockBytes; }

// Offsets of the parts behind the codes.
struct PackedLayout {
  size_t starts;  // uint32_t [blocks]: where the pairs of a block begin
  size_t counts;  // uint16_t [n]: pairs of an output, in the order below
  size_t order;   // uint8_t [n]: which output of its block
  size_t pairs;   // uint32_t
};

PackedLayout packed_layout(size_t n, size_t k) {
  PackedLayout layout;
  layout.starts = aligned(code_bytes(n, k));
  layout.counts = layout.starts + blocks_of(n, kListOutputs) * sizeof(uint32_t);
  layout.order = layout.counts + n * sizeof(uint16_t);
  layout.pairs = aligned(layout.order + n);
  return layout;
}

// The lists of one block of outputs.
struct PairLists {
  const uint32_t* pairs;
  const uint16_t* counts;
  const uint8_t* order;
};

PairLists lists_of(const SparseBinaryWeights& w, size_t block) {
  const auto* bytes = static_cast<const unsigned char*>(w.packed);
  const PackedLayout layout = packed_layout(w.n, w.k);
  const auto* starts = reinterpret_cast<const uint32_t*>(bytes + layout.starts);
  return {reinterpret_cast<const uint32_t*>(bytes + layout.pairs) + starts[block],
          reinterpret_cast<const uint16_t*>(bytes + layout.counts) + block * kListOutputs,
          bytes + layout.order + block * kListOutputs};
}

struct InputList {
  const uint16_t* plus;
  const uint16_t* minus;
  size_t plus_count;
  size_t minus_count;
  size_t pairs() const { return plus_count > minus_count ? plus_count : minus_count; }
};

InputList inputs_of(const SparseBinaryWeights& w, size_t output) {
  const uint32_t* starts = w.starts + 2 * output;
  return {w.inputs + starts[0], w.inputs + starts[1], starts[1] - starts[0], starts[2] - starts[1]};
}

size_t packed_bytes(const SparseBinaryWeights& w) {
  size_t pairs = 0;
  for (size_t output = 0; output < w.n; ++output) pairs += inputs_of(w, output).pairs();
  return packed_layout(w.n, w.k).pairs + pairs * sizeof(uint32_t);
}

void set_code(unsigned char* block_row, size_t lane, size_t input, unsigned code) {
  unsigned char* byte = block_row + input / kBlockInputs * kBlockBytes + 4 * lane + input % 4;
  const unsigned shift = static_cast<unsigned>(input % kBlockInputs / 4 * 2);
  *byte = static_cast<unsigned char>((*byte & ~(3u << shift)) | code << shift);
}

void pack_codes(const SparseBinaryWeights& w, unsigned char* codes) {
  const size_t total = code_bytes(w.n, w.k);
  for (size_t i = 0; i < total; ++i) codes[i] = 0x55;  // four times none
  const size_t row_bytes = blocks_of(w.k, kBlockInputs) * kBlockBytes;
  for (size_t output = 0; output < w.n; ++output) {
    unsigned char* row = codes + output / kLanes * row_bytes;
    const InputList list = inputs_of(w, output);
    for (size_t i = 0; i < list.plus_count; ++i) set_code(row, output % kLanes, list.plus[i], 2);
    for (size_t i = 0; i < list.minus_count; ++i) set_code(row, output % kLanes, list.minus[i], 0);
  }
}

// Puts `outputs` outputs in the order of their number of pairs, one by one.
void order_block(const SparseBinaryWeights& w, size_t begin, size_t outputs, uint16_t* counts, uint8_t* order) {
  for (size_t o = 0; o < outputs; ++o) {
    const size_t pairs = inputs_of(w, begin + o).pairs();
    size_t at = o;
    for (; at > 0 && counts[at - 1] > pairs; --at) {
      counts[at] = counts[at - 1];
      order[at] = order[at - 1];
    }
    counts[at] = static_cast<uint16_t>(pairs);
    order[at] = static_cast<uint8_t>(o);
  }
}

void pack(const SparseBinaryWeights& w, void* packed) {
  auto* bytes = static_cast<unsigned char*>(packed);
  pack_codes(w, bytes);
  const PackedLayout layout = packed_layout(w.n, w.k);
  for (size_t i = code_bytes(w.n, w.k); i < layout.pairs; ++i) bytes[i] = 0;  // what aligns the parts, too
  auto* starts = reinterpret_cast<uint32_t*>(bytes + layout.starts);
  auto* counts = reinterpret_cast<uint16_t*>(bytes + layout.counts);
  uint8_t* order = bytes + layout.order;
  auto* pairs = reinterpret_cast<uint32_t*>(bytes + layout.pairs);
  uint32_t next = 0;
  for (size_t begin = 0; begin < w.n; begin += kListOutputs) {
    const size_t end = begin + kListOutputs < w.n ? begin + kListOutputs : w.n;
    starts[begin / kListOutputs] = next;
    order_block(w, begin, end - begin, counts + begin, order + begin);
    for (size_t at = begin; at < end; ++at) {
      const InputList list = inputs_of(w, begin + order[at]);
      for (size_t i = 0; i < counts[at]; ++i) {
        const size_t plus = i < list.plus_count ? list.plus[i] : w.k;
        const size_t minus = i < list.minus_count ? list.minus[i] : w.k;
        pairs[next++] = static_cast<uint32_t>(plus | minus << 16);
      }
    }
  }
}

}  // namespace
}  // namespace tidemerge
