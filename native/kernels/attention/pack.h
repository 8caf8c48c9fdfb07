#pragma once

// Packing of keys into panels, and of bf16 values into pairs.
//
// A lane of a panel is four bytes, a float or a pair of bf16 channels; packing keys is a transposition of lanes, from
// rows (keys) to columns.

#include "base/bf16.h"
#include "kernels/attention/tile.h"

namespace tidemerge {
namespace {

typedef uint32_t Lane __attribute__((may_alias));
typedef uint32_t Lanes4 __attribute__((vector_size(16), aligned(4), may_alias));

// Four keys times four steps. Strides in lanes.
TIDEMERGE_INLINE void transpose4(const Lane* rows, ptrdiff_t stride, Lane* panel) {
  const Lanes4 a = *reinterpret_cast<const Lanes4*>(rows);
  const Lanes4 b = *reinterpret_cast<const Lanes4*>(rows + stride);
  const Lanes4 c = *reinterpret_cast<const Lanes4*>(rows + 2 * stride);
  const Lanes4 d = *reinterpret_cast<const Lanes4*>(rows + 3 * stride);
  const Lanes4 ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5);
  const Lanes4 ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const Lanes4 bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5);
  const Lanes4 bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  *reinterpret_cast<Lanes4*>(panel) = __builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5);
  *reinterpret_cast<Lanes4*>(panel + kKeyPanel) = __builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7);
  *reinterpret_cast<Lanes4*>(panel + 2 * kKeyPanel) = __builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5);
  *reinterpret_cast<Lanes4*>(panel + 3 * kKeyPanel) = __builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7);
}

// `keys` rows of `steps` lanes into as many columns of a panel.
TIDEMERGE_INLINE void transpose(const Lane* rows, ptrdiff_t stride, size_t keys, size_t steps, Lane* panel) {
  size_t j = 0;
  for (; j + 4 <= keys; j += 4) {
    const Lane* row = rows + static_cast<ptrdiff_t>(j) * stride;
    size_t step = 0;
    for (; step + 4 <= steps; step += 4) transpose4(row + step, stride, panel + step * kKeyPanel + j);
    for (; step < steps; ++step) {
      for (ptrdiff_t i = 0; i < 4; ++i) panel[step * kKeyPanel + j + i] = (row + i * stride)[step];
    }
  }
  for (; j < keys; ++j) {
    const Lane* row = rows + static_cast<ptrdiff_t>(j) * stride;
    for (size_t step = 0; step < steps; ++step) panel[step * kKeyPanel + j] = row[step];
  }
}

struct PackF32 {
  using Stored = float;
  static constexpr size_t kStep = 1;
  TIDEMERGE_INLINE static void keys(const float* k, ptrdiff_t k_stride, size_t count, size_t head_dim, Lane* panel) {
    transpose(reinterpret_cast<const Lane*>(k), k_stride, count, head_dim, panel);
  }
};

struct PackBf16 {
  using Stored = uint16_t;
  static constexpr size_t kStep = 2;
  // Rounded in small squares, which are then transposed as pairs.
  TIDEMERGE_INLINE static void keys(const float* k, ptrdiff_t k_stride, size_t count, size_t head_dim, Lane* panel) {
    constexpr size_t kChannels = 64;
    constexpr size_t kKeys = 4;
    alignas(64) uint16_t rounded[kKeys][kChannels];
    for (size_t j = 0; j < count; j += kKeys) {
      const size_t keys = min_of(kKeys, count - j);
      for (size_t first = 0; first < head_dim; first += kChannels) {
        const size_t channels = min_of(kChannels, head_dim - first);
        for (size_t i = 0; i < keys; ++i) {
          const float* row = k + static_cast<ptrdiff_t>(j + i) * k_stride + first;
          for (size_t d = 0; d < channels; d += kLanes) {
            // Lanes behind the row are zero: an odd last channel is paired with 0.
            store_bf16(&rounded[i][d], load_first(row + d, static_cast<int>(min_of(channels - d, kLanes))));
          }
        }
        transpose(reinterpret_cast<const Lane*>(&rounded[0][0]), kChannels / 2, keys, ceil_div(channels, 2),
                  panel + first / 2 * kKeyPanel + j);
      }
    }
  }
};

template <class P>
size_t packed_keys(size_t num_keys, size_t head_dim) {
  return round_up(num_keys, kKeyPanel) * round_up(head_dim, P::kStep);
}

template <class P>
void pack_keys(const float* k, ptrdiff_t k_stride, size_t count, size_t head_dim, typename P::Stored* packed,
               size_t at) {
  const size_t steps = ceil_div(head_dim, P::kStep);
  Lane* panels = reinterpret_cast<Lane*>(packed);
  for (size_t done = 0; done < count;) {
    const size_t key = at + done;
    const size_t column = key % kKeyPanel;
    const size_t keys = min_of(kKeyPanel - column, count - done);
    Lane* panel = panels + key / kKeyPanel * kKeyPanel * steps + column;
    P::keys(k + static_cast<ptrdiff_t>(done) * k_stride, k_stride, keys, head_dim, panel);
    if (column == 0) {
      // The first key of a panel clears the columns behind it, so that no panel holds undefined memory.
      for (size_t step = 0; step < steps; ++step) {
        for (size_t j = keys; j < kKeyPanel; ++j) panel[step * kKeyPanel + j] = 0;
      }
    }
    done += keys;
  }
}

size_t packed_value_bf16s(size_t num_keys, size_t head_dim) {
  return round_up(num_keys, 2) * round_up(head_dim, kLanes);
}

TIDEMERGE_INLINE IVec value_bits(const float* row, size_t d, size_t head_dim) {
  return bf16_bits(load_first(row + d, static_cast<int>(min_of(head_dim - d, kLanes))));
}

// Channels go to the lower halves of lanes for even keys, to the upper halves for odd ones. An even key clears the
// place of its partner.
void pack_values_bf16(const float* v, ptrdiff_t v_stride, size_t count, size_t head_dim, uint16_t* packed, size_t at) {
  const IVec lower = broadcast_int(0xffff);
  int32_t* pairs = reinterpret_cast<int32_t*>(packed) + at / 2 * round_up(head_dim, kLanes);
  for (size_t j = 0; j < count;) {
    const float* row = v + static_cast<ptrdiff_t>(j) * v_stride;
    const bool is_odd = (at + j) % 2 != 0;
    const bool has_partner = !is_odd && j + 1 < count;
    for (size_t d = 0; d < head_dim; d += kLanes) {
      const IVec bits = value_bits(row, d, head_dim);
      IVec both = bits;
      if (is_odd) both = bit_or(bit_and(load_int(pairs + d), lower), shift_left<16>(bits));
      if (has_partner) both = bit_or(bits, shift_left<16>(value_bits(row + v_stride, d, head_dim)));
      store_int(pairs + d, both);
    }
    j += has_partner ? 2 : 1;
    pairs += round_up(head_dim, kLanes);
  }
}

}  // namespace
}  // namespace tidemerge
