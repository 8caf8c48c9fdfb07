#pragma once

#include "kernels/kernel_set.h"

namespace tidemerge {

struct PeakKernels;
struct VecProbe;
struct MathProbe;

// Tables that only tests and benchmarks use, compiled once per instruction set like kernels ("testKernels" in
// native/sources.json) but kept out of the library.
struct TestKernels {
  const PeakKernels* peak;  // testing/peak.h
  const VecProbe* vec;      // simd/vec_probe.h
  const MathProbe* math;    // simd/math_probe.h
};

namespace testing {

const TestKernels& test_kernels(const KernelSet& set);

}  // namespace testing
}  // namespace tidemerge
