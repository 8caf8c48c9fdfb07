#pragma once

// Sums over lists of pairs, from a panel to a panel.

#include "kernels/sparse_binary/packed.h"
#include "kernels/sparse_binary/panel.h"

namespace tidemerge {
namespace {

// A number as a type.
template <int number>
struct Constant {
  static constexpr int value = number;
};

// What becomes of the sums of one output.
struct Finish {
  Vec alpha, bias;
  bool relu;
  const float* residual;  // of this output in its panel, or null
  float* out;

  // kLanes sums of the rows from `at` on; factor is alpha, for whole numbers times their scales.
  TIDEMERGE_INLINE void store(size_t at, Vec factor, Vec sum) const {
    Vec value = fma(factor, sum, bias);
    if (relu) value = max(zero(), value);  // gives its second argument when one is NaN
    if (residual != nullptr) value = add(value, load_aligned(residual + at));
    store_aligned(out + at, value);
  }
};

// One product from panel to panel.
struct PanelProduct {
  const SparseBinaryWeights* weights;
  const float* bias = nullptr;
  bool relu = false;
  const float* residual = nullptr;  // panel
  float* out = nullptr;             // panel, of the outputs from the first one asked for on

  TIDEMERGE_INLINE Finish finish(size_t output, size_t row, size_t stride) const {
    Finish f;
    f.alpha = broadcast(weights->alpha);
    f.bias = bias != nullptr ? broadcast(bias[output]) : zero();
    f.relu = relu;
    f.residual = residual != nullptr ? residual + output * stride : nullptr;
    f.out = out + row * stride;
    return f;
  }
};

// `outputs` neighbours with lists of equal length at once, so that there are eight independent sums for any number of
// registers: an addition takes three or four cycles, and two can begin in each.
template <int vecs, int outputs>
TIDEMERGE_INLINE void sum_pairs(const uint32_t* pairs, size_t count, const float* panel, Vec (&sums)[outputs][vecs]) {
  constexpr size_t kStride = size_t{vecs} * kLanes;
  Vec minus[outputs][vecs];
#pragma GCC unroll 4
  for (int o = 0; o < outputs; ++o) {
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) sums[o][v] = minus[o][v] = zero();
  }
#pragma GCC unroll 2
  for (size_t i = 0; i < count; ++i) {
#pragma GCC unroll 4
    for (int o = 0; o < outputs; ++o) {
      const uint32_t pair = pairs[static_cast<size_t>(o) * count + i];
      const float* p = panel + (pair & 0xffff) * kStride;
      const float* m = panel + (pair >> 16) * kStride;
      // One input after the other: loads of two may meet in a bank of the cache, those of one do not.
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) sums[o][v] = add(sums[o][v], load_aligned(p + v * kLanes));
#pragma GCC unroll 4
      for (int v = 0; v < vecs; ++v) minus[o][v] = add(minus[o][v], load_aligned(m + v * kLanes));
    }
  }
#pragma GCC unroll 4
  for (int o = 0; o < outputs; ++o) {
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) sums[o][v] = sub(sums[o][v], minus[o][v]);
  }
}

// Outputs [begin, end), begin a multiple of kListOutputs, over a panel of vecs registers.
template <int vecs>
TIDEMERGE_NOINLINE void multiply_panel(const PanelProduct& p, size_t begin, size_t end, const float* panel) {
  constexpr size_t kStride = size_t{vecs} * kLanes;
  constexpr size_t kAtOnce = vecs == 1 ? 4 : vecs == 2 ? 2 : 1;
  const auto run = [&](size_t first, const PairLists& lists, size_t at, const uint32_t* pairs, auto outputs)
                       TIDEMERGE_INLINE_LAMBDA {
                         constexpr int kOutputs = decltype(outputs)::value;
                         Vec sums[kOutputs][vecs];
                         sum_pairs<vecs, kOutputs>(pairs, lists.counts[at], panel, sums);
#pragma GCC unroll 4
                         for (int o = 0; o < kOutputs; ++o) {
                           const size_t output = first + lists.order[at + o];
                           const Finish finish = p.finish(output, output - begin, kStride);
#pragma GCC unroll 4
                           for (int v = 0; v < vecs; ++v) finish.store(v * kLanes, finish.alpha, sums[o][v]);
                         }
                       };
  for (size_t first = begin; first < end; first += kListOutputs) {
    const PairLists lists = lists_of(*p.weights, first / kListOutputs);
    const size_t outputs = end - first < kListOutputs ? end - first : kListOutputs;
    const uint32_t* pairs = lists.pairs;
    for (size_t at = 0; at < outputs;) {
      const size_t count = lists.counts[at];
      if (at + kAtOnce <= outputs && lists.counts[at + kAtOnce - 1] == count) {
        run(first, lists, at, pairs, Constant<kAtOnce>());
        at += kAtOnce;
        pairs += kAtOnce * count;
      } else {
        run(first, lists, at, pairs, Constant<1>());
        ++at;
        pairs += count;
      }
    }
  }
}

typedef int16_t Int16Lanes __attribute__((vector_size(4 * kLanes)));
typedef int16_t Int16Memory __attribute__((vector_size(4 * kLanes), may_alias));

// |sum| of so many pairs of whole numbers of quantize.h fits in 16 bits.
constexpr size_t kMostPairsInInt16 = 32767 / 254;

template <int vecs>
TIDEMERGE_INLINE void sum_int16(const uint32_t* pairs, size_t count, const int16_t* panel, Int16Lanes (&sums)[vecs]) {
  constexpr size_t kStride = size_t{vecs} * 2 * kLanes;
#pragma GCC unroll 4
  for (int v = 0; v < vecs; ++v) sums[v] = Int16Lanes{};
  for (size_t i = 0; i < count; ++i) {
    const Int16Memory* p = reinterpret_cast<const Int16Memory*>(panel + (pairs[i] & 0xffff) * kStride);
    const Int16Memory* m = reinterpret_cast<const Int16Memory*>(panel + (pairs[i] >> 16) * kStride);
#pragma GCC unroll 4
    for (int v = 0; v < vecs; ++v) sums[v] = sums[v] + (p[v] - m[v]);
  }
}

// Half a register of 16-bit sums.
TIDEMERGE_INLINE IVec widened(const Int16Lanes& sums, int half) {
  uint16_t lanes[2 * kLanes];
  __builtin_memcpy(lanes, &sums, sizeof lanes);
  return shift_right<16>(shift_left<16>(load_u16(lanes + half * kLanes)));
}

template <int vecs>
TIDEMERGE_NOINLINE void multiply_panel(const PanelProduct& p, size_t begin, size_t end, const int16_t* panel,
                                       const float* scales) {
  constexpr size_t kStride = size_t{vecs} * 2 * kLanes;
  for (size_t first = begin; first < end; first += kListOutputs) {
    const PairLists lists = lists_of(*p.weights, first / kListOutputs);
    const size_t outputs = end - first < kListOutputs ? end - first : kListOutputs;
    const uint32_t* pairs = lists.pairs;
    for (size_t at = 0; at < outputs; ++at) {
      const size_t output = first + lists.order[at], count = lists.counts[at];
      const Finish finish = p.finish(output, output - begin, kStride);
      Int16Lanes sums[vecs];
      if (count <= kMostPairsInInt16) {
        sum_int16<vecs>(pairs, count, panel, sums);
#pragma GCC unroll 8
        for (int h = 0; h < 2 * vecs; ++h) {
          const size_t row = static_cast<size_t>(h) * kLanes;
          finish.store(row, mul(finish.alpha, load_aligned(scales + row)), to_float(widened(sums[h / 2], h % 2)));
        }
      } else {
        IVec wide[2 * vecs];
        for (int h = 0; h < 2 * vecs; ++h) wide[h] = zero_int();
        for (size_t done = 0; done < count; done += kMostPairsInInt16) {
          const size_t rest = count - done;
          sum_int16<vecs>(pairs + done, rest < kMostPairsInInt16 ? rest : kMostPairsInInt16, panel, sums);
          for (int h = 0; h < 2 * vecs; ++h) wide[h] = add(wide[h], widened(sums[h / 2], h % 2));
        }
        for (int h = 0; h < 2 * vecs; ++h) {
          const size_t row = static_cast<size_t>(h) * kLanes;
          finish.store(row, mul(finish.alpha, load_aligned(scales + row)), to_float(wide[h]));
        }
      }
      pairs += count;
    }
  }
}

}  // namespace
}  // namespace tidemerge
