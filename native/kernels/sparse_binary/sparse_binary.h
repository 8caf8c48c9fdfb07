#pragma once

// Product with a sparse binary matrix ("Sparse Binary Transformers", arXiv 2308.04637), whose entries are -alpha, 0 and
// alpha:
//
//     y[i, j] = relu?( alpha * (sum of the x[i, k] kept with + - sum of those kept with -)  +  bias[j] )  + residual[i,
//     j]
//
// x is [rows, k] row-major with a row stride, y is [rows, n] row-major with a row stride. Strides count elements. The
// weights come in two layouts, and there are three ways to compute:
//
//   lists_f32   Pairs of an input kept with + and one kept with -, one list per output, over panels in which x is
//   turned
//               to [input][row]: what is not kept costs nothing. Per element one accumulator for either sign, in
//               ascending order of k; then their difference, one rounding (two on `baseline`) for
//               alpha and bias together, one for the residual. With s = kept inputs of the output and eps = 2^-24
//               the error is at most (s + 3) eps (alpha sum |x| + |bias|) + eps |y|, plus (s + 3) 2^-149.
//   lists_int8  The same on rows rounded to whole multiples of scale = max |x| / 127 (to nearest, ties to even), in 16
//               bits; sums are exact integers. Against the exact product every kept input adds at most
//               alpha scale (1/2 + 2^-15); the roundings after the sum are relative, 3 eps.
//   codes_int8  The same rounded rows times codes of two bits, four products in an instruction where there is one:
//               cost does not depend on how much is kept, and few rows waste nothing. The bits of lists_int8.
//
// Rows.      A row of y depends on that row of x and of the residual only, bit for bit, whatever the other rows are,
// how
//            many there are, and which range of outputs is asked for.
// NaN, Inf.  lists_f32 does not read what an output does not keep: a NaN or infinity reaches the outputs that keep it.
//            With int8 a row that holds one is NaN altogether. relu(NaN) is NaN. Partial sums may overflow where the
//            difference would not.
// Tiny rows. With int8 a row whose largest magnitude is below 2^-100 counts as zeros.
// Edges.     No rows or no outputs: nothing happens. k = 0: sums are 0.
// Aliasing.  residual may be y itself (same pointer, same stride) and must not overlap y otherwise; y overlaps nothing
//            else.
// Alignment. packed and scratch are 64-byte aligned; the rest needs element alignment only. Nothing outside the stated
//            arrays is read or written.
//
// A chain is a network of such products in which rows never meet: they stay in their panel from the first product to
// the last, so that turning is paid once and values in between never leave the caches. Its bits are those of the
// products one by one. y does not overlap x.

#include <cstddef>
#include <cstdint>

namespace tidemerge {

struct SparseBinaryWeights {
  size_t n = 0;  // outputs
  size_t k = 0;  // inputs, at most 65535
  float alpha = 0.0f;
  // Inputs of output j: inputs[starts[2j] .. starts[2j + 1]) are added, inputs[starts[2j + 1] .. starts[2j + 2])
  // subtracted; ascending.
  const uint32_t* starts = nullptr;  // [2 n + 1]
  const uint16_t* inputs = nullptr;
  const void* packed = nullptr;  // of pack
};

struct SparseBinaryProduct {
  const float* x = nullptr;
  ptrdiff_t x_stride = 0;
  size_t rows = 0;
  // Outputs [begin, end): begin is a multiple of output_tile, end is one too or equals n. Pointers are those of output
  // 0.
  size_t begin = 0;
  size_t end = 0;
  float* y = nullptr;
  ptrdiff_t y_stride = 0;
  const float* bias = nullptr;  // [n] or null
  bool relu = false;
  const float* residual = nullptr;  // [rows, n] or null
  ptrdiff_t residual_stride = 0;
};

// One product of a chain. It reads the result of the stage before it, the first one reads x.
struct SparseChainStage {
  static constexpr int kNone = -1;

  const SparseBinaryWeights* weights = nullptr;
  const float* bias = nullptr;  // [n] or null
  bool relu = false;
  int residual = kNone;  // 0: x; i: the result of the i-th stage, counted from 1, before this one
};

struct SparseChain {
  const SparseChainStage* stages = nullptr;
  size_t count = 0;  // at least 1
  const float* x = nullptr;
  ptrdiff_t x_stride = 0;
  size_t rows = 0;
  float* y = nullptr;
  ptrdiff_t y_stride = 0;
};

struct SparseBinaryKernels {
  int output_tile;
  // Rows of a full panel of the lists: shares of rows given to different threads are best a multiple of it.
  int rows_f32;
  int rows_int8;
  // Both layouts, from starts and inputs; weights.packed is not read.
  size_t (*packed_bytes)(const SparseBinaryWeights& weights);
  void (*pack)(const SparseBinaryWeights& weights, void* packed);
  // Scratch of any of the three, per thread.
  size_t (*scratch_bytes)(size_t k);
  void (*lists_f32)(const SparseBinaryWeights& weights, const SparseBinaryProduct& product, void* scratch);
  void (*lists_int8)(const SparseBinaryWeights& weights, const SparseBinaryProduct& product, void* scratch);
  void (*codes_int8)(const SparseBinaryWeights& weights, const SparseBinaryProduct& product, void* scratch);
  // The lists, in float32 or on whole numbers.
  size_t (*chain_scratch_bytes)(const SparseChain& chain, bool int8);
  void (*chain)(const SparseChain& chain, bool int8, void* scratch);
  // Whether codes_int8 is expected to take less time than lists_int8 for so many rows and kept entries.
  bool (*prefers_codes)(size_t rows, size_t n, size_t k, size_t kept);
};

}  // namespace tidemerge
