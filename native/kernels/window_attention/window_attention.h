#pragma once

// Attention of one query, one head, to the steps of a window that moves on step by step:
//
//   weight[j] = exp(scale * sum_c q[c] * k[j, c] - largest)
//   out[c]    = sum_j weight[j] * v[j, c]  /  sum_j weight[j]                over j in [0, count)
//
// Keys stand channel by channel, so that the scores of neighbours are summed side by side and a step is added by
// writing one column; values stand step by step. A window may begin anywhere in either.
//
// Order of sums. The sum of a score runs over ascending c. The sums over j are cut into parts by j and head_dim alone:
// the bits of a result depend on the steps of its window, not on where the window stands.
// Error, to first order, with u = 2^-24 (2^-23 on `baseline`) and S the largest scale * sum_c |q k|:
//   |out - exact| <= u max|v| (2 (head_dim + 10) S + 2 count + 24).
// A key whose score is more than 87 below the largest may count as 0. Sums of weights (at most 1) times values must not
// overflow.
// No keys give zeros. A score that is NaN or +inf makes the row NaN, as does a window in which all are -inf; a single
// -inf weighs 0.
//
// No alignment is needed. From a window's last key, and from the last channel of a value, up to kWindowSlack floats
// more are read, whatever they hold. scratch: count + kWindowSlack floats.

#include <cstddef>

namespace tidemerge {

constexpr size_t kWindowSlack = 15;

struct WindowAttentionArgs {
  const float* q;  // [head_dim]
  const float* keys;
  size_t key_stride;  // from channel to channel
  const float* values;
  size_t value_stride;  // from step to step
  size_t count;
  size_t head_dim;
  float scale;
  float* out;  // [head_dim]
};

struct WindowAttentionKernels {
  void (*attend)(const WindowAttentionArgs& args, float* scratch);
};

}  // namespace tidemerge
