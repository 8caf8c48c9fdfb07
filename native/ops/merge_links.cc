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

// A tokens of a band whose norms and similarities are computed together.
constexpr size_t kBandRows = 32;

// Products in the time of one step (ops/split.h).
constexpr size_t kProductsPerStep = 8;

// Two tokens whose inverses are at least this are less than sqrt(largest float) apart.
constexpr float kLeastInverse = 2.0f / 1.8446743e19f;
constexpr double kLeastFloat = -static_cast<double>(std::numeric_limits<float>::max());

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

// The links of one series. `alone`: the threads share this series; otherwise they share the series of the batch.
class SeriesMatch {
 public:
  SeriesMatch(const Call& call, const MergeTokensView& view, const MergeRule& rule, const MergeLinks& links, size_t b,
              bool alone)
      : call_(call),
        kernels_(*call.kernels().merge),
        rule_(rule),
        alone_(alone),
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
    const bool cosine = rule_.similarity == SimilarityKind::kCosine;
    if (cosine && reach_ == 1) return neighbours();
    const auto match = [&] { return cosine && reach_ == pairs_ ? global() : band(); };
    size_t computed = match();
    if (out_of_range_.load()) {
      if (!cosine) return exactly();
      scale_down();
      computed = match();
    }
    return computed;
  }

 private:
  const float* row(size_t token) const { return features_ + token * channels_; }
  bool present(size_t token) const {
    return (mask_ == nullptr || mask_[token] != 0) && is_finite(row(token), channels_);
  }

  // fn(begin, end, thread) over parts of [0, count).
  template <typename F>
  void in_parts(size_t count, size_t steps_each, const F& fn) const {
    if (alone_) {
      for_ranges(call_, count, steps_each, fn);
    } else if (count != 0) {
      fn(size_t{0}, count, 0);
    }
  }

  size_t neighbours() {
    in_parts(pairs_, 2 * channels_, [&](size_t begin, size_t end, int) {
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

  // The factors (see BandArgs) of the tokens [begin, end). Notes a token that takes part and is beyond the range.
  void fill_factors(size_t begin, size_t end, float* factors) {
    kernels_.row_inverses(row(begin), end - begin, channels_, factors + begin);
    const bool cosine = rule_.similarity == SimilarityKind::kCosine;
    for (size_t token = begin; token < end; ++token) {
      if (mask_ != nullptr && mask_[token] == 0) {
        factors[token] = kAbsent;
      } else if (std::isnan(factors[token])) {
        if (is_finite(row(token), channels_)) out_of_range_.store(true, std::memory_order_relaxed);
      } else if (!cosine) {
        if (factors[token] < kLeastInverse) out_of_range_.store(true, std::memory_order_relaxed);
        factors[token] = 0.0f;
      }
    }
  }

  // A few A tokens at a time, so that a token is still in the cache when its similarities follow its norm.
  size_t band() {
    const Scratch scratch = call_.scratch(2 * pairs_ * sizeof(float));
    std::atomic<size_t> computed{0};
    const size_t width = std::min(2 * reach_ - 1, pairs_);
    in_parts(pairs_, width * channels_ / kProductsPerStep + 1, [&](size_t begin, size_t end, int thread) {
      BandArgs args{};
      args.kind = rule_.similarity;
      args.tokens = features_;
      args.channels = channels_;
      args.pairs = pairs_;
      args.reach = reach_;
      args.factors = scratch.as<float>(thread);
      args.best = best_;
      args.choice = choice_;
      size_t known = begin + 1 > reach_ ? begin + 1 - reach_ : 0;
      for (size_t first = begin; first < end; first += kBandRows) {
        args.begin = first;
        args.end = std::min(end, first + kBandRows);
        const size_t seen = std::min(pairs_, args.end + reach_ - 1);
        if (seen > known) fill_factors(2 * known, 2 * seen, scratch.as<float>(thread));
        known = std::max(known, seen);
        computed.fetch_add(kernels_.band(args), std::memory_order_relaxed);
      }
    });
    return computed.load();
  }

  // Every A token against every B token: a matrix product a block at a time, of which only the largest number of every
  // row is kept. B tokens are normalised as they are packed; the norm of an A token does not change its choice, so it
  // comes last. B tokens that differ in length only may therefore tie differently than in a band.
  size_t global() {
    const GemmKernels& gemm = *call_.kernels().gemm;
    const Buffer buffer = call_.buffers().allocate(2 * pairs_ * sizeof(float));
    float* factors = reinterpret_cast<float*>(buffer.data());
    in_parts(pairs_, 2 * channels_, [&](size_t begin, size_t end, int) { fill_factors(2 * begin, 2 * end, factors); });
    const Buffer packed = pack_b_tokens(gemm, factors);
    const Buffer absent = call_.buffers().allocate(pairs_ * sizeof(float));
    float* bias = reinterpret_cast<float*>(absent.data());
    for (size_t j = 0; j < pairs_; ++j) bias[j] = std::isnan(factors[2 * j + 1]) ? kNone : 0.0f;

    const size_t panel = static_cast<size_t>(gemm.panel_width);
    const size_t columns = std::max(kScoreColumns / panel, size_t{1}) * panel;
    const size_t score_floats = kScoreRows * columns;
    const Scratch scratch =
        call_.scratch(score_floats * sizeof(float) + gemm.scratch_bytes(WeightType::kF32, kScoreRows, channels_));
    std::atomic<size_t> computed{0};
    const size_t blocks = (pairs_ + kScoreRows - 1) / kScoreRows;
    in_parts(blocks, kScoreRows * pairs_ * channels_ / kProductsPerStep, [&](size_t begin, size_t end, int thread) {
      for (size_t block = begin; block < end; ++block) {
        computed.fetch_add(score_block(gemm, packed, bias, factors, block * kScoreRows, columns,
                                       scratch.as<float>(thread), score_floats),
                           std::memory_order_relaxed);
      }
    });
    return computed.load();
  }

  size_t score_block(const GemmKernels& gemm, const Buffer& packed, const float* bias, const float* factors,
                     size_t begin, size_t columns, float* scores, size_t score_floats) {
    const size_t rows = std::min(kScoreRows, pairs_ - begin);
    std::fill_n(best_ + begin, rows, kNone);
    std::fill_n(choice_ + begin, rows, -1);
    GemmEpilogue epilogue;
    epilogue.bias = bias;
    size_t computed = 0;
    for (size_t j = 0; j < pairs_; j += columns) {
      const size_t end = std::min(pairs_, j + columns);
      gemm.run(WeightType::kF32, row(2 * begin), static_cast<ptrdiff_t>(2 * channels_), rows, packed.data(), pairs_,
               channels_, j, end, scores - j, static_cast<ptrdiff_t>(columns), epilogue, scores + score_floats);
      kernels_.row_maxima(scores, rows, end - j, static_cast<ptrdiff_t>(columns), static_cast<int32_t>(j),
                          best_ + begin, choice_ + begin);
      computed += rows * (end - j);
    }
    for (size_t i = begin; i < begin + rows; ++i) {
      if (std::isnan(factors[2 * i]) || choice_[i] < 0) {
        best_[i] = kNone;
        choice_[i] = -1;
      } else {
        best_[i] *= factors[2 * i];
      }
    }
    return computed;
  }

  Buffer pack_b_tokens(const GemmKernels& gemm, const float* factors) const {
    const size_t panel = static_cast<size_t>(gemm.panel_width);
    Buffer packed = call_.buffers().allocate(gemm.packed_bytes(WeightType::kF32, pairs_, channels_));
    const Scratch scratch = call_.scratch(panel * channels_ * sizeof(float));
    const size_t panels = (pairs_ + panel - 1) / panel;
    in_parts(panels, 2 * panel * channels_, [&](size_t begin, size_t end, int thread) {
      float* rows = scratch.as<float>(thread);
      for (size_t first = begin * panel; first < std::min(pairs_, end * panel); first += panel) {
        const size_t count = std::min(panel, pairs_ - first);
        for (size_t j = 0; j < count; ++j) {
          const float factor = factors[2 * (first + j) + 1];
          const float* from = row(2 * (first + j) + 1);
          float* to = rows + j * channels_;
          if (std::isnan(factor)) {
            std::fill_n(to, channels_, 0.0f);
          } else {
            kernels_.weighted_sum(&from, &factor, 1, channels_, to);
          }
        }
        gemm.pack_f32(rows, static_cast<ptrdiff_t>(channels_), count, channels_,
                      packed.data() + gemm.packed_bytes(WeightType::kF32, first, channels_));
      }
    });
    return packed;
  }

  // A copy in which tokens beyond the range are smaller by a power of two, which changes no cosine.
  void scale_down() {
    scaled_ = call_.buffers().allocate(2 * pairs_ * channels_ * sizeof(float));
    float* copy = reinterpret_cast<float*>(scaled_.data());
    in_parts(2 * pairs_, channels_, [&](size_t begin, size_t end, int) {
      for (size_t token = begin; token < end; ++token) {
        const float* from = row(token);
        float squares = 0.0f;
        for (size_t c = 0; c < channels_; ++c) squares += from[c] * from[c];
        // Near the end of the range either answer is right; infinities stay what they are.
        const float factor = squares < std::numeric_limits<float>::max() / 4 ? 1.0f : 0x1p-96f;
        for (size_t c = 0; c < channels_; ++c) copy[token * channels_ + c] = factor * from[c];
      }
    });
    features_ = copy;
    out_of_range_.store(false);
  }

  // Distances beyond the range of float, in double precision.
  size_t exactly() {
    std::vector<char> takes_part(tokens_);
    for (size_t token = 0; token < tokens_; ++token) takes_part[token] = present(token);
    std::atomic<size_t> computed{0};
    const size_t width = std::min(2 * reach_ - 1, pairs_);
    in_parts(pairs_, width * channels_, [&](size_t begin, size_t end, int) {
      for (size_t i = begin; i < end; ++i) {
        double most = -std::numeric_limits<double>::infinity();
        choice_[i] = -1;
        const size_t from = i + 1 > reach_ ? i + 1 - reach_ : 0, to = std::min(pairs_, i + reach_);
        for (size_t j = from; takes_part[2 * i] && j < to; ++j) {
          if (!takes_part[2 * j + 1]) continue;
          const double value = exact_similarity(rule_.similarity, row(2 * i), row(2 * j + 1), channels_);
          if (choice_[i] >= 0 && !(value > most)) continue;
          most = value;
          choice_[i] = static_cast<int32_t>(j);
        }
        computed.fetch_add(to - from, std::memory_order_relaxed);
        best_[i] = choice_[i] < 0 ? kNone : static_cast<float>(std::max(most, kLeastFloat));
      }
    });
    return computed.load();
  }

  const Call& call_;
  const MergeKernels& kernels_;
  const MergeRule& rule_;
  bool alone_;
  size_t tokens_;
  size_t pairs_;
  size_t reach_;
  size_t channels_;
  const float* features_;
  const uint8_t* mask_;
  float* best_;
  int32_t* choice_;
  Buffer scaled_;
  std::atomic<bool> out_of_range_{false};
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
  const auto threads = static_cast<size_t>(call.threads().threads());
  std::atomic<size_t> computed{0};
  const auto match = [&](size_t b, bool alone) {
    computed.fetch_add(SeriesMatch(call, view, rule, links, b, alone).run(), std::memory_order_relaxed);
  };
  if (view.batch < 2 * threads) {
    for (size_t b = 0; b < view.batch; ++b) match(b, true);
  } else {
    const size_t rows = static_cast<size_t>(view.offsets[view.batch]) / view.batch;
    const size_t width = rule.k == 0 ? rows / 2 : std::min(2 * rule.k - 1, rows / 2 + 1);
    for_each_index(call, view.batch, rows * view.channels * (1 + width / kProductsPerStep),
                   [&](size_t b, int) { match(b, false); });
  }
  return computed.load();
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
