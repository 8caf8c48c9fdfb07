#pragma once

// Loops over one row of floats, shared by the kernels that reduce rows.
//
// A sum runs in four registers: element i is added to lane i % kLanes of register (i / kLanes) % 4, in ascending order,
// the last n % kLanes elements to register 3; then (0 + 1) + (2 + 3), then reduce_add. The order depends on the length
// alone. With s summed elements its error is at most (s / (4 kLanes) + 3 + log2 kLanes) 2^-24 times the sum of their
// magnitudes.

#include "simd/vec.h"

namespace tidemerge {
namespace {

// Calls body(part, x[i...], i, count) for all elements: `part` is the register, count is kLanes but for the last call,
// and lanes from there on are zero. The part is a constant at every call: with an index the registers would live in
// memory. Bodies are lambdas marked TIDEMERGE_INLINE_LAMBDA.
template <typename Body>
TIDEMERGE_INLINE void for_each_block(const float* x, size_t n, Body body) {
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    body(0, load(x + i), i, kLanes);
    body(1, load(x + i + kLanes), i + kLanes, kLanes);
    body(2, load(x + i + 2 * kLanes), i + 2 * kLanes, kLanes);
    body(3, load(x + i + 3 * kLanes), i + 3 * kLanes, kLanes);
  }
  if (i + kLanes <= n) body(0, load(x + i), i, kLanes), i += kLanes;
  if (i + kLanes <= n) body(1, load(x + i), i, kLanes), i += kLanes;
  if (i + kLanes <= n) body(2, load(x + i), i, kLanes), i += kLanes;
  const int rest = static_cast<int>(n - i);
  if (rest > 0) body(3, load_first(x + i, rest), i, rest);
}

struct FourSums {
  Vec part[4] = {zero(), zero(), zero(), zero()};
  TIDEMERGE_INLINE float total() const { return reduce_add(add(add(part[0], part[1]), add(part[2], part[3]))); }
};

TIDEMERGE_INLINE float row_sum(const float* x, size_t n) {
  FourSums sums;
  for_each_block(
      x, n, [&](int part, Vec v, size_t, int) TIDEMERGE_INLINE_LAMBDA { sums.part[part] = add(sums.part[part], v); });
  return sums.total();
}

// The squares are not rounded before they are added, where there is a fused multiply-add.
TIDEMERGE_INLINE float row_sum_squares(const float* x, size_t n) {
  FourSums sums;
  for_each_block(x, n, [&](int part, Vec v, size_t, int) TIDEMERGE_INLINE_LAMBDA {
    sums.part[part] = fma(v, v, sums.part[part]);
  });
  return sums.total();
}

TIDEMERGE_INLINE float row_sum_squared_deviations(const float* x, size_t n, float center) {
  FourSums sums;
  const Vec c = broadcast(center);
  for_each_block(x, n, [&](int part, Vec v, size_t, int count) TIDEMERGE_INLINE_LAMBDA {
    Vec d = sub(v, c);
    if (count < kLanes) d = select(first_lanes(count), d, zero());
    sums.part[part] = fma(d, d, sums.part[part]);
  });
  return sums.total();
}

// NaN if any element is NaN, -inf for an empty row.
TIDEMERGE_INLINE float row_max(const float* x, size_t n) {
  const Vec lowest = broadcast(-__builtin_inff());
  Vec part_max[4] = {lowest, lowest, lowest, lowest};
  Mask nan = first_lanes(0);
  for_each_block(x, n, [&](int part, Vec v, size_t, int count) TIDEMERGE_INLINE_LAMBDA {
    if (count < kLanes) v = select(first_lanes(count), v, lowest);
    nan = mask_or(nan, is_nan(v));
    part_max[part] = max(part_max[part], v);
  });
  if (any(nan)) return __builtin_nanf("");
  return reduce_max(max(max(part_max[0], part_max[1]), max(part_max[2], part_max[3])));
}

}  // namespace
}  // namespace tidemerge
