#include "ops/merge_links.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "kernels/gemm/gemm.h"
#include "ops/select_links.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();
constexpr float kAbsent = std::numeric_limits<float>::quiet_NaN();

// Scores of the global product that exist at once: rows x columns of one thread.
constexpr size_t kScoreRows = 64;
constexpr size_t kScoreColumns = 512;

// A products in the time of one step (ops/split.h).
constexpr size_t kProductsPerStep = 8;

bool is_finite(const float* row, size_t channels) {
  return std::all_of(row, row + channels, [](float value) { return std::isfinite(value); });
}

// One similarity in double precision: for tokens whose squares leave the range of float.
double exact_similarity(SimilarityKind kind, const float* a, const float* b, size_t channels) {
  double dot = 0, aa = 0, bb = 0, squared = 0, absolute = 0;
  for (size_t c = 0; c < channels; ++c) {
    const double x = a[c], y = b[c];
    dot += x * y, aa += x * x, bb += y * y;
    squared += (x - y) * (x - y), absolute += std::fabs(x - y);
  }
  if (kind == SimilarityKind::kL2) return -std::sqrt(squared);
  if (kind == SimilarityKind::kL1) return -absolute;
  return dot / (std::max(std::sqrt(aa), 1e-12) * std::max(std::sqrt(bb), 1e-12));
}

// The links of one series.
class SeriesMatch {
 public:
  SeriesMatch(const Call& call, const MergeTokensView& view, const MergeRule& rule, const MergeLinks& links, size_t b)
      : call_(call),
        kernels_(*call.kernels().merge),
        rule_(rule),
        tokens_(view.tokens(b)),
        pairs_(tokens_ / 2),
        reach_(rule.k == 0 ? pairs_ : std::min(rule.k, pairs_)),
        channels_(view.channels),
        features_(view.features + static_cast<size_t>(view.offsets[b]) * view.channels),
        mask_(view.mask == nullptr ? nullptr : view.mask + view.offsets[b]),
        best_(links.best + links.first[b]),
        choice_(links.choice + links.first[b]) {}

  size_t run() {
    if (pairs_ == 0) return 0;
    if (rule_.similarity == SimilarityKind::kCosine && reach_ == 1) return neighbours();
    if (!prepare_factors()) return exactly();
    return rule_.similarity == SimilarityKind::kCosine && reach_ == pairs_ ? global() : band();
  }

 private:
  const float* row(size_t token) const { return features_ + token * channels_; }
  bool present(size_t token) const {
    return (mask_ == nullptr || mask_[token] != 0) && is_finite(row(token), channels_);
  }

  size_t neighbours() {
    for_ranges(call_, pairs_, 2 * channels_, [&](size_t begin, size_t end, int) {
      kernels_.pair_cosines(row(2 * begin), end - begin, channels_, best_ + begin);
      for (size_t i = begin; i < end; ++i) {
        if (std::isnan(best_[i]) || mask_ != nullptr) settle(i);
        choice_[i] = best_[i] == kNone ? -1 : static_cast<int32_t>(i);
      }
    });
    return pairs_;
  }

  // A pair with something masked, not finite or beyond the range of float.
  void settle(size_t i) {
    if (!present(2 * i) || !present(2 * i + 1)) {
      best_[i] = kNone;
    } else if (std::isnan(best_[i])) {
      best_[i] = static_cast<float>(exact_similarity(rule_.similarity, row(2 * i), row(2 * i + 1), channels_));
    }
  }

  // factors_: see BandArgs. False if a token that takes part is beyond the range of float.
  bool prepare_factors() {
    buffer_ = call_.buffers().allocate(tokens_ * sizeof(float));
    factors_ = reinterpret_cast<float*>(buffer_.data());
    std::atomic<bool> in_range{true};
    for_ranges(call_, tokens_, channels_, [&](size_t begin, size_t end, int) {
      kernels_.row_inverses(row(begin), end - begin, channels_, factors_ + begin);
      for (size_t token = begin; token < end; ++token) {
        if (mask_ != nullptr && mask_[token] == 0) {
          factors_[token] = kAbsent;
        } else if (std::isnan(factors_[token])) {
          if (is_finite(row(token), channels_)) in_range.store(false, std::memory_order_relaxed);
        } else if (rule_.similarity != SimilarityKind::kCosine) {
          factors_[token] = 0.0f;
        }
      }
    });
    return in_range.load();
  }

  size_t band() {
    std::atomic<size_t> computed{0};
    const size_t width = std::min(2 * reach_ - 1, pairs_);
    for_ranges(call_, pairs_, width * channels_ / kProductsPerStep + 1, [&](size_t begin, size_t end, int) {
      BandArgs args{};
      args.kind = rule_.similarity;
      args.tokens = features_;
      args.channels = channels_;
      args.pairs = pairs_;
      args.reach = reach_;
      args.begin = begin;
      args.end = end;
      args.factors = factors_;
      args.best = best_;
      args.choice = choice_;
      computed.fetch_add(kernels_.band(args), std::memory_order_relaxed);
    });
    return computed.load();
  }

  // Every A token against every B token: a matrix product a block at a time, of which only the largest number of every
  // row is kept. B tokens are normalised as they are packed; the norm of an A token does not change its choice.
  size_t global() {
    const GemmKernels& gemm = *call_.kernels().gemm;
    const size_t panel = static_cast<size_t>(gemm.panel_width);
    const Buffer packed = pack_b_tokens(gemm);
    const Buffer absent = call_.buffers().allocate(pairs_ * sizeof(float));
    float* bias = reinterpret_cast<float*>(absent.data());
    for (size_t j = 0; j < pairs_; ++j) bias[j] = std::isnan(factors_[2 * j + 1]) ? kNone : 0.0f;

    const size_t columns = std::max(kScoreColumns / panel, size_t{1}) * panel;
    const size_t score_floats = kScoreRows * columns;
    const Scratch scratch =
        call_.scratch(score_floats * sizeof(float) + gemm.scratch_bytes(WeightType::kF32, kScoreRows, channels_));
    const size_t blocks = (pairs_ + kScoreRows - 1) / kScoreRows;
    for_each_index(call_, blocks, kScoreRows * pairs_ * channels_ / kProductsPerStep, [&](size_t block, int thread) {
      const size_t begin = block * kScoreRows, rows = std::min(kScoreRows, pairs_ - begin);
      float* scores = scratch.as<float>(thread);
      std::fill_n(best_ + begin, rows, kNone);
      std::fill_n(choice_ + begin, rows, -1);
      GemmEpilogue epilogue;
      epilogue.bias = bias;
      for (size_t j = 0; j < pairs_; j += columns) {
        const size_t end = std::min(pairs_, j + columns);
        gemm.run(WeightType::kF32, row(2 * begin), static_cast<ptrdiff_t>(2 * channels_), rows, packed.data(), pairs_,
                 channels_, j, end, scores - j, static_cast<ptrdiff_t>(columns), epilogue, scores + score_floats);
        kernels_.row_maxima(scores, rows, end - j, static_cast<ptrdiff_t>(columns), static_cast<int32_t>(j),
                            best_ + begin, choice_ + begin);
      }
      for (size_t i = begin; i < begin + rows; ++i) {
        if (std::isnan(factors_[2 * i]) || choice_[i] < 0) {
          best_[i] = kNone;
          choice_[i] = -1;
        } else {
          best_[i] *= factors_[2 * i];
        }
      }
    });
    return pairs_ * pairs_;
  }

  Buffer pack_b_tokens(const GemmKernels& gemm) {
    const size_t panel = static_cast<size_t>(gemm.panel_width);
    Buffer packed = call_.buffers().allocate(gemm.packed_bytes(WeightType::kF32, pairs_, channels_));
    const Scratch scratch = call_.scratch(panel * channels_ * sizeof(float));
    const size_t panels = (pairs_ + panel - 1) / panel;
    for_each_index(call_, panels, 2 * panel * channels_, [&](size_t p, int thread) {
      const size_t begin = p * panel, count = std::min(panel, pairs_ - begin);
      float* rows = scratch.as<float>(thread);
      for (size_t j = 0; j < count; ++j) {
        const float factor = factors_[2 * (begin + j) + 1];
        const float* from = row(2 * (begin + j) + 1);
        float* to = rows + j * channels_;
        if (std::isnan(factor)) {
          std::fill_n(to, channels_, 0.0f);
        } else {
          kernels_.weighted_sum(&from, &factor, 1, channels_, to);
        }
      }
      gemm.pack_f32(rows, static_cast<ptrdiff_t>(channels_), count, channels_,
                    packed.data() + gemm.packed_bytes(WeightType::kF32, begin, channels_));
    });
    return packed;
  }

  size_t exactly() {
    std::vector<char> takes_part(tokens_);
    for (size_t token = 0; token < tokens_; ++token) takes_part[token] = present(token);
    size_t computed = 0;
    for (size_t i = 0; i < pairs_; ++i) {
      double most = -std::numeric_limits<double>::infinity();
      choice_[i] = -1;
      const size_t from = i + 1 > reach_ ? i + 1 - reach_ : 0, to = std::min(pairs_, i + reach_);
      for (size_t j = from; takes_part[2 * i] && j < to; ++j) {
        if (!takes_part[2 * j + 1]) continue;
        ++computed;
        const double value = exact_similarity(rule_.similarity, row(2 * i), row(2 * j + 1), channels_);
        if (choice_[i] < 0 || value > most) {
          most = value;
          choice_[i] = static_cast<int32_t>(j);
        }
      }
      best_[i] = choice_[i] < 0 ? kNone : std::max(static_cast<float>(most), -std::numeric_limits<float>::max());
    }
    return computed;
  }

  const Call& call_;
  const MergeKernels& kernels_;
  const MergeRule& rule_;
  size_t tokens_;
  size_t pairs_;
  size_t reach_;
  size_t channels_;
  const float* features_;
  const uint8_t* mask_;
  float* best_;
  int32_t* choice_;
  Buffer buffer_;
  float* factors_ = nullptr;
};

}  // namespace

MergeRule::MergeRule(const Attributes& attributes)
    : kind(static_cast<Kind>(attributes.choice("rule", {"r", "ratio", "threshold"}))),
      amount(attributes.number("amount")),
      k(static_cast<size_t>(attributes.integer_in("k", 0, INT32_MAX))),
      min_tokens(static_cast<size_t>(attributes.integer_in("minTokens", 0, INT32_MAX))),
      keep_earliest(attributes.choice("keep", {"similar", "earliest"}) == 1),
      common(attributes.boolean("common")),
      similarity(static_cast<SimilarityKind>(attributes.choice("similarity", {"cosine", "l2", "l1"}))) {
  const std::string got = std::to_string(amount);
  if (kind == kR) attributes.integer_in("amount", 0, INT32_MAX);
  if (kind == kRatio && !(amount >= 0 && amount <= 1)) attributes.fail("amount", "a ratio from 0 to 1", got);
  if (kind == kThreshold && !std::isfinite(amount)) attributes.fail("amount", "a finite threshold", got);
}

std::vector<size_t> first_pairs(const MergeTokensView& view) {
  std::vector<size_t> first(view.batch + 1, 0);
  for (size_t b = 0; b < view.batch; ++b) first[b + 1] = first[b] + view.tokens(b) / 2;
  return first;
}

size_t find_links(const Call& call, const MergeTokensView& view, const MergeRule& rule, const MergeLinks& links) {
  size_t computed = 0;
  for (size_t b = 0; b < view.batch; ++b) computed += SeriesMatch(call, view, rule, links, b).run();
  return computed;
}

std::vector<std::vector<int32_t>> choose_links(const Call& call, const MergeTokensView& view, const MergeRule& rule,
                                               const MergeLinks& links) {
  std::vector<size_t> counts(view.batch);
  size_t wanted = 0, possible = SIZE_MAX;
  for (size_t b = 0; b < view.batch; ++b) {
    const float* best = links.best + links.first[b];
    const size_t pairs = links.pairs(b), tokens = view.tokens(b);
    const auto linked = static_cast<size_t>(std::count_if(best, best + pairs, [](float x) { return x != kNone; }));
    const size_t most = std::min(linked, tokens > rule.min_tokens ? tokens - rule.min_tokens : 0);
    if (rule.kind == MergeRule::kThreshold) {
      counts[b] = static_cast<size_t>(
          std::count_if(best, best + pairs, [&](float x) { return static_cast<double>(x) > rule.amount; }));
    } else {
      counts[b] = static_cast<size_t>(
          rule.kind == MergeRule::kR ? rule.amount : std::floor(rule.amount * static_cast<double>(tokens)));
    }
    wanted += counts[b];
    possible = std::min(possible, most);
    counts[b] = std::min(counts[b], most);
  }
  if (rule.common && view.batch > 0) {
    // The mean, rounded half up.
    const size_t mean = (2 * wanted + view.batch) / (2 * view.batch);
    std::fill(counts.begin(), counts.end(), std::min(mean, possible));
  }
  std::vector<std::vector<int32_t>> chosen(view.batch);
  const bool earliest = rule.kind == MergeRule::kThreshold && rule.keep_earliest && !rule.common;
  for_each_index(call, view.batch, view.batch == 0 ? 0 : 8 * links.first[view.batch] / view.batch, [&](size_t b, int) {
    const float* best = links.best + links.first[b];
    chosen[b] = earliest ? earliest_links(best, links.pairs(b), rule.amount, counts[b])
                         : most_similar_links(best, links.pairs(b), counts[b]);
  });
  return chosen;
}

}  // namespace tidemerge
