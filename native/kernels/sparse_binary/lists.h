#pragma once

// Sums over lists of inputs.

#include "kernels/sparse_binary/finish.h"
#include "kernels/sparse_binary/panel.h"

namespace tidemerge {
namespace {

constexpr size_t kTileOutputs = 4;

struct InputList {
  const uint16_t* plus;
  const uint16_t* minus;
  size_t plus_count;
  size_t minus_count;
};

TIDEMERGE_INLINE InputList inputs_of(const SparseBinaryWeights& w, size_t output) {
  const uint32_t* starts = w.starts + 2 * output;
  return {w.inputs + starts[0], w.inputs + starts[1], starts[1] - starts[0], starts[2] - starts[1]};
}

TIDEMERGE_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// `outputs` neighbours at once, so that there are eight independent sums for any number of registers: an addition takes
// three or four cycles, and two can begin in each.
template <int vecs, int outputs>
TIDEMERGE_INLINE void sum_lists(const SparseBinaryWeights& w, size_t output, const float* panel, float* sums) {
  constexpr size_t kStride = size_t{vecs} * kLanes;
  InputList list[outputs];
  size_t both = ~size_t{0};
  for (int o = 0; o < outputs; ++o) {
    list[o] = inputs_of(w, output + o);
    both = smaller(both, smaller(list[o].plus_count, list[o].minus_count));
  }
  Vec plus[outputs][vecs], minus[outputs][vecs];
#pragma GCC unroll 4
  for (int o = 0; o < outputs; ++o) {
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) plus[o][v] = minus[o][v] = zero();
  }
  for (size_t i = 0; i < both; ++i) {
#pragma GCC unroll 4
    for (int o = 0; o < outputs; ++o) {
      const float* p = panel + list[o].plus[i] * kStride;
      const float* m = panel + list[o].minus[i] * kStride;
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) {
        plus[o][v] = add(plus[o][v], load_aligned(p + v * kLanes));
        minus[o][v] = add(minus[o][v], load_aligned(m + v * kLanes));
      }
    }
  }
#pragma GCC unroll 4
  for (int o = 0; o < outputs; ++o) {
    for (size_t i = both; i < list[o].plus_count; ++i) {
      const float* p = panel + list[o].plus[i] * kStride;
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) plus[o][v] = add(plus[o][v], load_aligned(p + v * kLanes));
    }
    for (size_t i = both; i < list[o].minus_count; ++i) {
      const float* m = panel + list[o].minus[i] * kStride;
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) minus[o][v] = add(minus[o][v], load_aligned(m + v * kLanes));
    }
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) {
      store_aligned(sums + o * kStride + v * kLanes, sub(plus[o][v], minus[o][v]));
    }
  }
}

typedef int16_t Int16Lanes __attribute__((vector_size(4 * kLanes)));
typedef int16_t Int16Memory __attribute__((vector_size(4 * kLanes), may_alias));

// |sum| of so many whole numbers of quantize.h fits in 16 bits. Additions wrap, so only the result has to.
constexpr size_t kMostInInt16 = 32767 / 127;

template <int vecs>
TIDEMERGE_INLINE void sum_list(const SparseBinaryWeights& w, size_t output, const int16_t* panel, int32_t* sums) {
  constexpr size_t kStride = size_t{vecs} * 2 * kLanes;
  InputList list = inputs_of(w, output);
  bool first = true;
  do {
    Int16Lanes sum[vecs] = {};
    const size_t plus = smaller(list.plus_count, kMostInInt16);
    const size_t minus = smaller(list.minus_count, kMostInInt16 - plus);
    // With few registers, one list alone waits for its own sums.
    const size_t both = vecs <= 2 ? smaller(plus, minus) : 0;
    for (size_t i = 0; i < both; ++i) {
      const Int16Memory* p = reinterpret_cast<const Int16Memory*>(panel + list.plus[i] * kStride);
      const Int16Memory* m = reinterpret_cast<const Int16Memory*>(panel + list.minus[i] * kStride);
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) sum[v] = sum[v] + p[v] - m[v];
    }
    for (size_t i = both; i < plus; ++i) {
      const Int16Memory* p = reinterpret_cast<const Int16Memory*>(panel + list.plus[i] * kStride);
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) sum[v] += p[v];
    }
    for (size_t i = both; i < minus; ++i) {
      const Int16Memory* m = reinterpret_cast<const Int16Memory*>(panel + list.minus[i] * kStride);
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) sum[v] -= m[v];
    }
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) {
      uint16_t lanes[2 * kLanes];
      __builtin_memcpy(lanes, &sum[v], sizeof lanes);
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        int32_t* to = sums + (2 * v + half) * kLanes;
        const IVec part = shift_right<16>(shift_left<16>(load_u16(lanes + half * kLanes)));
        store_int(to, first ? part : add(load_int(to), part));
      }
    }
    first = false;
    list.plus += plus, list.plus_count -= plus;
    list.minus += minus, list.minus_count -= minus;
  } while (list.plus_count + list.minus_count != 0);
}

TIDEMERGE_INLINE Vec bias_of(const SparseBinaryProduct& p, size_t output) {
  return p.bias != nullptr ? broadcast(p.bias[output]) : zero();
}

// Rows from `first` on, at most those of vecs registers.
template <int vecs>
TIDEMERGE_NOINLINE void run_panel(const SparseBinaryWeights& w, const SparseBinaryProduct& p, size_t first,
                                  float* panel, float* sums) {
  constexpr size_t kStride = size_t{vecs} * kLanes;
  constexpr int kAtOnce = vecs == 1 ? 4 : vecs == 2 ? 2 : 1;
  fill_panel(p, first, w.k, kStride, panel);
  const Vec alpha = broadcast(w.alpha);
  for (size_t output = p.begin; output < p.end; output += kTileOutputs) {
    const size_t outputs = smaller(kTileOutputs, p.end - output);
    size_t o = 0;
    for (; o + kAtOnce <= outputs; o += kAtOnce) sum_lists<vecs, kAtOnce>(w, output + o, panel, sums + o * kStride);
    for (; o < outputs; ++o) sum_lists<vecs, 1>(w, output + o, panel, sums + o * kStride);
    for (size_t r = 0; r < kStride && first + r < p.rows; r += kLanes) {
      store_tile(p, first + r, output, [&](int i) TIDEMERGE_INLINE_LAMBDA {
        return activated(p, alpha, load_aligned(sums + i * kStride + r), bias_of(p, output + i));
      });
    }
  }
}

template <int vecs>
TIDEMERGE_NOINLINE void run_panel(const SparseBinaryWeights& w, const SparseBinaryProduct& p, size_t first,
                                  int16_t* panel, int32_t* sums, float* scales, float* floats) {
  constexpr size_t kStride = size_t{vecs} * 2 * kLanes;
  fill_panel(p, first, w.k, kStride, panel, scales, floats);
  const Vec alpha = broadcast(w.alpha);
  for (size_t output = p.begin; output < p.end; output += kTileOutputs) {
    const size_t outputs = smaller(kTileOutputs, p.end - output);
    for (size_t o = 0; o < outputs; ++o) sum_list<vecs>(w, output + o, panel, sums + o * kStride);
    for (size_t r = 0; r < kStride && first + r < p.rows; r += kLanes) {
      const Vec factor = mul(alpha, load(scales + r));
      store_tile(p, first + r, output, [&](int i) TIDEMERGE_INLINE_LAMBDA {
        return activated(p, factor, to_float(load_int(sums + i * kStride + r)), bias_of(p, output + i));
      });
    }
  }
}

}  // namespace
}  // namespace tidemerge
