#include "testing/test_kernels.h"

// Compiled once per instruction set.

namespace tidemerge::TIDEMERGE_SET {

extern const PeakKernels peak_kernels;
extern const VecProbe vec_probe;
extern const MathProbe math_probe;

extern const TestKernels test_kernels;
const TestKernels test_kernels = {&peak_kernels, &vec_probe, &math_probe};

}  // namespace tidemerge::TIDEMERGE_SET
