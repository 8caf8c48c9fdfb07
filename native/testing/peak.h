#pragma once

#include <cstddef>

namespace tidemerge {

// Arithmetic on registers only, per instruction set: the ceiling benchmarks compare with. Each function does `rounds`
// rounds and returns the number of operations of one round (a multiply-add is two); null where the set lacks the
// instruction.
struct PeakKernels {
  size_t (*f32)(size_t rounds, float* sink);   // fma, or mul and add without it
  size_t (*bf16)(size_t rounds, float* sink);  // vdpbf16ps
  size_t (*int8)(size_t rounds, float* sink);  // vpdpbusd
};
}  // namespace tidemerge
