#pragma once

// Which tokens of a ragged batch merge: the best B token of every A token, and the links that are taken. The arithmetic
// is in kernels/merge; here the work is split and masked, and the exceptional is done again in double precision.

#include <vector>

#include "kernels/merge/merge.h"
#include "ops/operator.h"

namespace tidemerge {

struct MergeRule {
  enum Kind { kR, kRatio, kThreshold };

  explicit MergeRule(const Attributes& attributes);

  Kind kind;
  double amount;
  size_t k;  // 0: global
  size_t min_tokens;
  bool keep_earliest;
  bool common;
  SimilarityKind similarity;
};

// The tokens of a batch as they are compared.
struct MergeTokensView {
  const float* features;  // [rows, channels]
  size_t channels;
  const uint8_t* mask;  // [rows] or null
  const int32_t* offsets;
  size_t batch;

  size_t tokens(size_t b) const { return static_cast<size_t>(offsets[b + 1] - offsets[b]); }
};

// By pair of the batch; the pairs of series b begin at first[b].
struct MergeLinks {
  std::vector<size_t> first;
  float* best;      // -inf: none
  int32_t* choice;  // -1: none

  size_t pairs(size_t b) const { return first[b + 1] - first[b]; }
};

std::vector<size_t> first_pairs(const MergeTokensView& view);

// Fills links.best and links.choice. Returns the similarities computed: floor(t/2) + (k-1)(t-k) of every series of t
// tokens, k cut to floor(t/2).
size_t find_links(const Call& call, const MergeTokensView& view, const MergeRule& rule, const MergeLinks& links);

// By series the A tokens whose links are taken, most similar first, of equals the earlier first.
std::vector<std::vector<int32_t>> choose_links(const Call& call, const MergeTokensView& view, const MergeRule& rule,
                                               const MergeLinks& links);

}  // namespace tidemerge
