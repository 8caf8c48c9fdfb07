#include "simd/vec_probe.h"

#include "simd/vec.h"

// Compiled once per instruction set.

namespace tidemerge {
namespace {

void store_flags(int32_t* y, Mask mask) { store_int(y, select(mask, broadcast_int(1), zero_int())); }

using Binary = void (*)(const float*, const float*, float*);
using Compare = void (*)(const float*, const float*, int32_t*);
using BinaryInt = void (*)(const int32_t*, const int32_t*, int32_t*);

// A lambda per operation; every one becomes a local function.
#define TIDEMERGE_BINARY(function) \
  static_cast<Binary>([](const float* a, const float* b, float* y) { store(y, function(load(a), load(b))); })
#define TIDEMERGE_UNARY(function) [](const float* a, float* y) { store(y, function(load(a))); }
#define TIDEMERGE_TERNARY(function) \
  [](const float* a, const float* b, const float* c, float* y) { store(y, function(load(a), load(b), load(c))); }
#define TIDEMERGE_COMPARE(function) \
  static_cast<Compare>([](const float* a, const float* b, int32_t* y) { store_flags(y, function(load(a), load(b))); })
#define TIDEMERGE_BINARY_INT(function) \
  static_cast<BinaryInt>(              \
      [](const int32_t* a, const int32_t* b, int32_t* y) { store_int(y, function(load_int(a), load_int(b))); })
#define TIDEMERGE_COMPARE_INT(function) \
  static_cast<BinaryInt>(               \
      [](const int32_t* a, const int32_t* b, int32_t* y) { store_flags(y, function(load_int(a), load_int(b))); })

void masks(const float* a, const float* b, int32_t* y) {
  const Mask ma = mask_not(eq(load(a), zero()));
  const Mask mb = mask_not(eq(load(b), zero()));
  y[0] = any(ma) ? 1 : 0;
  y[1] = all(ma) ? 1 : 0;
  y[2] = any(mask_and(ma, mb)) ? 1 : 0;
  y[3] = any(mask_or(ma, mb)) ? 1 : 0;
  y[4] = any(mask_andnot(ma, mb)) ? 1 : 0;
  y[5] = all(mask_not(ma)) ? 1 : 0;
}

}  // namespace

namespace TIDEMERGE_SET {
extern const VecProbe vec_probe;
const VecProbe vec_probe = {
    .lanes = kLanes,
    .fused_multiply_add = kFusedMultiplyAdd,
    .load_first = [](const float* x, int n, float* y) { store(y, load_first(x, n)); },
    .store_first = [](const float* x, int n, float* y) { store_first(y, load(x), n); },
    .load_first_int = [](const int32_t* x, int n, int32_t* y) { store_int(y, load_first_int(x, n)); },
    .store_first_int = [](const int32_t* x, int n, int32_t* y) { store_first_int(y, load_int(x), n); },
    .load_bf16 = [](const uint16_t* x, float* y) { store(y, load_bf16(x)); },
    .store_bf16 = [](const float* x, uint16_t* y) { store_bf16(y, load(x)); },
    .load_first_bf16 = [](const uint16_t* x, int n, float* y) { store(y, load_first_bf16(x, n)); },
    .store_first_bf16 = [](const float* x, int n, uint16_t* y) { store_first_bf16(y, load(x), n); },
    .add = TIDEMERGE_BINARY(add),
    .sub = TIDEMERGE_BINARY(sub),
    .mul = TIDEMERGE_BINARY(mul),
    .div = TIDEMERGE_BINARY(div),
    .min = TIDEMERGE_BINARY(min),
    .max = TIDEMERGE_BINARY(max),
    .copysign = TIDEMERGE_BINARY(copysign),
    .scale_pow2 = TIDEMERGE_BINARY(scale_pow2),
    .scale_pow2_unit = TIDEMERGE_BINARY(scale_pow2_unit),
    .fma = TIDEMERGE_TERNARY(fma),
    .fnma = TIDEMERGE_TERNARY(fnma),
    .abs = TIDEMERGE_UNARY(abs),
    .neg = TIDEMERGE_UNARY(neg),
    .sqrt = TIDEMERGE_UNARY(sqrt),
    .round_even = TIDEMERGE_UNARY(round_even),
    .floor = TIDEMERGE_UNARY(floor),
    .to_int = [](const float* a, int32_t* y) { store_int(y, to_int(load(a))); },
    .to_float = [](const int32_t* a, float* y) { store(y, to_float(load_int(a))); },
    .lt = TIDEMERGE_COMPARE(lt),
    .le = TIDEMERGE_COMPARE(le),
    .gt = TIDEMERGE_COMPARE(gt),
    .ge = TIDEMERGE_COMPARE(ge),
    .eq = TIDEMERGE_COMPARE(eq),
    .is_nan = [](const float* a, int32_t* y) { store_flags(y, is_nan(load(a))); },
    .masks = masks,
    .first_lanes = [](int n, int32_t* y) { store_flags(y, first_lanes(n)); },
    .add_int = TIDEMERGE_BINARY_INT(add),
    .sub_int = TIDEMERGE_BINARY_INT(sub),
    .mul_int = TIDEMERGE_BINARY_INT(mul),
    .bit_and = TIDEMERGE_BINARY_INT(bit_and),
    .bit_or = TIDEMERGE_BINARY_INT(bit_or),
    .bit_xor = TIDEMERGE_BINARY_INT(bit_xor),
    .eq_int = TIDEMERGE_COMPARE_INT(eq),
    .gt_int = TIDEMERGE_COMPARE_INT(gt),
    .shift_left_5 = [](const int32_t* a, int32_t* y) { store_int(y, shift_left<5>(load_int(a))); },
    .shift_right_5 = [](const int32_t* a, int32_t* y) { store_int(y, shift_right<5>(load_int(a))); },
    .shift_right_logical_5 = [](const int32_t* a, int32_t* y) { store_int(y, shift_right_logical<5>(load_int(a))); },
    .reduce_add = [](const float* a) { return reduce_add(load(a)); },
    .reduce_max = [](const float* a) { return reduce_max(load(a)); },
    .reduce_min = [](const float* a) { return reduce_min(load(a)); },
};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
