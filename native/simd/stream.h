#pragma once

// Stores past the caches, for results larger than they are: memory that is overwritten is not read first. On sets
// without such an instruction they are ordinary stores.

#include "simd/vec.h"

namespace tidemerge {
namespace {

// `p` is aligned to the register. Other threads may read it after finish_streaming() on this one.
TIDEMERGE_INLINE void store_streaming(float* p, Vec a) {
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
  _mm512_stream_ps(p, a.v);
#elif defined(__AVX2__) && defined(__FMA__)
  _mm256_stream_ps(p, a.v);
#else
  store_aligned(p, a);
#endif
}

TIDEMERGE_INLINE void finish_streaming() {
#if defined(__AVX2__) && defined(__FMA__)
  _mm_sfence();
#endif
}

}  // namespace
}  // namespace tidemerge
