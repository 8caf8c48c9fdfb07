#include "simd/math_probe.h"

#include "simd/math.h"

// Compiled once per instruction set.

namespace tidemerge {
namespace {

#define TIDEMERGE_PROBE(function)                                   \
  void function##_array(const float* x, float* y, size_t n) {       \
    size_t i = 0;                                                   \
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) {                  \
      const Vec y0 = function(load(x + i));                         \
      const Vec y1 = function(load(x + i + kLanes));                \
      const Vec y2 = function(load(x + i + 2 * kLanes));            \
      const Vec y3 = function(load(x + i + 3 * kLanes));            \
      store(y + i, y0), store(y + i + kLanes, y1);                  \
      store(y + i + 2 * kLanes, y2), store(y + i + 3 * kLanes, y3); \
    }                                                               \
    for (; i < n; i += kLanes) store(y + i, function(load(x + i))); \
  }
TIDEMERGE_PROBE(exp)
TIDEMERGE_PROBE(exp_nonpositive)
TIDEMERGE_PROBE(exp2_flushing)
TIDEMERGE_PROBE(exp2_bounded)
TIDEMERGE_PROBE(log)
TIDEMERGE_PROBE(log1p)
TIDEMERGE_PROBE(tanh)
TIDEMERGE_PROBE(erf)
TIDEMERGE_PROBE(sigmoid)
TIDEMERGE_PROBE(silu)
TIDEMERGE_PROBE(softplus)
TIDEMERGE_PROBE(gelu)
TIDEMERGE_PROBE(gelu_tanh)
#undef TIDEMERGE_PROBE

}  // namespace

namespace TIDEMERGE_SET {
extern const MathProbe math_probe;
const MathProbe math_probe = {
    .exp = exp_array,
    .exp_nonpositive = exp_nonpositive_array,
    .exp2_flushing = exp2_flushing_array,
    .exp2_bounded = exp2_bounded_array,
    .log = log_array,
    .log1p = log1p_array,
    .tanh = tanh_array,
    .erf = erf_array,
    .sigmoid = sigmoid_array,
    .silu = silu_array,
    .softplus = softplus_array,
    .gelu = gelu_array,
    .gelu_tanh = gelu_tanh_array,
};
}  // namespace TIDEMERGE_SET
}  // namespace tidemerge
