#pragma once

// Found instead of the compiler's <immintrin.h> when the AVX-512 and VNNI sets are compiled for a processor without
// them (cmake -DTIDEMERGE_EMULATE=ON): the instructions the kernels use, each as the manual defines it, on vectors of
// 64 bytes that the compiler splits into halves. The build defines __AVX512F__ and the like itself, so that sources
// take the same branches as in the real build. An instruction that is missing here is a compile error: add it.
//
// Slow, and right in every bit but one case: vdpbf16ps flushes denormals and rounds between its two products in an
// order the manual leaves to the processor; kernels promise nothing that depends on it.

#pragma push_macro("__AVX512F__")
#pragma push_macro("__AVX512BW__")
#pragma push_macro("__AVX512DQ__")
#pragma push_macro("__AVX512VL__")
#pragma push_macro("__AVX512CD__")
#pragma push_macro("__AVX512VNNI__")
#pragma push_macro("__AVX512BF16__")
#pragma push_macro("__AVXVNNI__")
#undef __AVX512F__
#undef __AVX512BW__
#undef __AVX512DQ__
#undef __AVX512VL__
#undef __AVX512CD__
#undef __AVX512VNNI__
#undef __AVX512BF16__
#undef __AVXVNNI__
#include_next <immintrin.h>
#pragma pop_macro("__AVX512F__")
#pragma pop_macro("__AVX512BW__")
#pragma pop_macro("__AVX512DQ__")
#pragma pop_macro("__AVX512VL__")
#pragma pop_macro("__AVX512CD__")
#pragma pop_macro("__AVX512VNNI__")
#pragma pop_macro("__AVX512BF16__")
#pragma pop_macro("__AVXVNNI__")

#include "testing/emulation/floats.h"
#include "testing/emulation/integers.h"
#include "testing/emulation/products.h"
