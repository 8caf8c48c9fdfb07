#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemerge {

// The operations of simd/vec.h on one register in memory: `lanes` floats, integers or flags. Flags are 0 or 1.
struct VecProbe {
  int lanes;
  bool fused_multiply_add;

  void (*load_first)(const float* x, int n, float* y);
  void (*store_first)(const float* x, int n, float* y);
  void (*load_first_int)(const int32_t* x, int n, int32_t* y);
  void (*store_first_int)(const int32_t* x, int n, int32_t* y);
  void (*load_bf16)(const uint16_t* x, float* y);
  void (*store_bf16)(const float* x, uint16_t* y);
  void (*load_first_bf16)(const uint16_t* x, int n, float* y);
  void (*store_first_bf16)(const float* x, int n, uint16_t* y);

  void (*add)(const float* a, const float* b, float* y);
  void (*sub)(const float* a, const float* b, float* y);
  void (*mul)(const float* a, const float* b, float* y);
  void (*div)(const float* a, const float* b, float* y);
  void (*min)(const float* a, const float* b, float* y);
  void (*max)(const float* a, const float* b, float* y);
  void (*copysign)(const float* a, const float* b, float* y);
  void (*scale_pow2)(const float* a, const float* b, float* y);
  void (*scale_pow2_unit)(const float* a, const float* b, float* y);
  void (*fma)(const float* a, const float* b, const float* c, float* y);
  void (*fnma)(const float* a, const float* b, const float* c, float* y);

  void (*abs)(const float* a, float* y);
  void (*neg)(const float* a, float* y);
  void (*sqrt)(const float* a, float* y);
  void (*round_even)(const float* a, float* y);
  void (*floor)(const float* a, float* y);
  void (*to_int)(const float* a, int32_t* y);
  void (*to_float)(const int32_t* a, float* y);

  void (*lt)(const float* a, const float* b, int32_t* y);
  void (*le)(const float* a, const float* b, int32_t* y);
  void (*gt)(const float* a, const float* b, int32_t* y);
  void (*ge)(const float* a, const float* b, int32_t* y);
  void (*eq)(const float* a, const float* b, int32_t* y);
  void (*is_nan)(const float* a, int32_t* y);
  // y[0] any, y[1] all, y[2..4] any of and, or, andnot of lanes of a != 0 with lanes of b != 0, y[5] all of not a
  void (*masks)(const float* a, const float* b, int32_t* y);
  void (*first_lanes)(int n, int32_t* y);

  void (*add_int)(const int32_t* a, const int32_t* b, int32_t* y);
  void (*sub_int)(const int32_t* a, const int32_t* b, int32_t* y);
  void (*mul_int)(const int32_t* a, const int32_t* b, int32_t* y);
  void (*bit_and)(const int32_t* a, const int32_t* b, int32_t* y);
  void (*bit_or)(const int32_t* a, const int32_t* b, int32_t* y);
  void (*bit_xor)(const int32_t* a, const int32_t* b, int32_t* y);
  void (*eq_int)(const int32_t* a, const int32_t* b, int32_t* y);
  void (*gt_int)(const int32_t* a, const int32_t* b, int32_t* y);
  void (*shift_left_5)(const int32_t* a, int32_t* y);
  void (*shift_right_5)(const int32_t* a, int32_t* y);
  void (*shift_right_logical_5)(const int32_t* a, int32_t* y);

  float (*reduce_add)(const float* a);
  float (*reduce_max)(const float* a);
  float (*reduce_min)(const float* a);
};

}  // namespace tidemerge
