#pragma once

// Matrix product with weights packed once at load:
//
//     C[i, j] = activation( sum_k A[i, k] * W[j, k]  +  bias[j] )  +  residual[i, j]
//
// A is [m, k] row-major with a row stride, C is [m, n] row-major with a row stride, W is [n, k]
// as published ([out, in]) and is read only by the pack functions. All strides count elements.
//
// Sum.       Every output element is one accumulator over ascending k, whatever m, whatever the
//            range of columns, whatever the other rows hold: a row computed alone has the bits it has
//            in a batch. Error of the f32 sum: |C - exact| <= k * eps / (1 - k * eps) * sum |a * w|
//            with eps = 2^-24 (2^-23 where multiply and add round separately: `baseline`).
// bf16.      Weights are bfloat16. On the set `avx512_bf16` the activations are rounded to bfloat16
//            too (nearest even) and vdpbf16ps multiplies pairs: it treats denormal inputs as zero,
//            flushes denormal sums to zero and rounds to nearest even; products are exact in f32.
//            The same instruction computes every m. On the other sets the weights are widened to f32
//            (exact) and the activations stay f32: the result is the f32 result.
// NaN, Inf.  A NaN or infinity in A reaches only its row, in W only its column. relu(NaN) is NaN.
// Edges.     m = 0 or an empty column range does nothing. k = 0 writes epilogue(0).
// Aliasing.  residual may be C itself (same pointer, same stride) and must not overlap C otherwise.
//            C must not overlap A, packed, bias or scratch.
// Alignment. packed and scratch are 64-byte aligned; A, C, W, bias, residual need element alignment only.
//            Nothing outside the stated arrays is read or written.

#include <cstddef>
#include <cstdint>

namespace tidemerge {

enum class WeightType : uint8_t { kF32, kBf16 };

// kGelu is the erf form, kGeluTanh the tanh approximation; both and kSilu come from simd/math.h.
enum class Activation : uint8_t { kNone, kRelu, kGelu, kGeluTanh, kSilu };

struct GemmEpilogue {
  const float* bias = nullptr;  // [n] or null
  Activation activation = Activation::kNone;
  const float* residual = nullptr;  // [m, n] or null; row i starts at residual + i * residual_stride
  ptrdiff_t residual_stride = 0;
};

struct GemmKernels {
  // Columns in one packed panel. Column ranges given to `run` start at a multiple of it.
  int panel_width;

  // Rows of one register tile: shares of m given to different threads are best a multiple of it.
  int row_tile;

  // Bytes of packed weights. Panels are independent and lie one after another, so
  // packed_bytes(type, j, k) is also the offset of column j for j a multiple of panel_width: threads may
  // pack shares of the rows of W by calling pack_* with w + j * row_stride, count, packed + offset.
  size_t (*packed_bytes)(WeightType type, size_t n, size_t k);

  // Padding columns of the last panel are written as zero.
  void (*pack_f32)(const float* w, ptrdiff_t row_stride, size_t n, size_t k, void* packed);
  void (*pack_bf16)(const uint16_t* w, ptrdiff_t row_stride, size_t n, size_t k, void* packed);
  // Rounds to nearest even, NaN stays NaN.
  void (*pack_bf16_from_f32)(const float* w, ptrdiff_t row_stride, size_t n, size_t k, void* packed);

  // Scratch `run` needs, per thread, for up to m rows (never less for a larger m).
  size_t (*scratch_bytes)(WeightType type, size_t m, size_t k);

  // Rows [0, m) and columns [n_begin, n_end): n_begin is a multiple of panel_width, n_end is one too or
  // equals n. Pointers a, c, bias, residual are those of the whole product (column 0). Each call prepares
  // its rows of A once (a copy, or the rounding to bf16), so few wide column ranges beat many narrow ones.
  void (*run)(WeightType type, const float* a, ptrdiff_t a_stride, size_t m, const void* packed, size_t n, size_t k,
              size_t n_begin, size_t n_end, float* c, ptrdiff_t c_stride, const GemmEpilogue& epilogue, void* scratch);
};

}  // namespace tidemerge
