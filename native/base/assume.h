#pragma once

// TIDEMERGE_ASSUME(condition): a precondition the caller has to keep. Kernels do not check their arguments in release
// builds; with TIDEMERGE_CHECKS (debug and sanitizer builds) a broken precondition stops the program at the place.
//
// No function and no string table in release: kernel units must not emit anything besides their own table.

#if defined(TIDEMERGE_CHECKS) && TIDEMERGE_CHECKS
#include <cstdio>
#define TIDEMERGE_ASSUME(condition)                                                           \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      std::fprintf(stderr, "%s:%d: assumption broken: %s\n", __FILE__, __LINE__, #condition); \
      __builtin_trap();                                                                       \
    }                                                                                         \
  } while (false)
#else
#define TIDEMERGE_ASSUME(condition) static_cast<void>(sizeof(!(condition)))
#endif

// Kernels are built from small functions; the wrapper types only disappear when everything is inlined, also at -O0
// where a left-over out-of-line copy would be slow but still local.
#define TIDEMERGE_INLINE __attribute__((always_inline)) inline
#define TIDEMERGE_INLINE_LAMBDA __attribute__((always_inline))
#define TIDEMERGE_NOINLINE __attribute__((noinline))
#define TIDEMERGE_RESTRICT __restrict
