#include "kernels/merge/merge.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/merge/merge_reference.h"
#include "testing/test.h"

namespace tidemerge {
namespace {

using testing::for_each_set;
using testing::GuardedBuffer;
using testing::Random;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr SimilarityKind kKinds[] = {SimilarityKind::kCosine, SimilarityKind::kL2, SimilarityKind::kL1};

// merge.h, for the set with the coarsest rounding and the fewest lanes.
double tolerance(SimilarityKind kind, size_t channels, double exact) {
  const double n = static_cast<double>(channels) / 4 + 8;
  return kind == SimilarityKind::kCosine ? (2 * n + 8) * 0x1p-23 : (n + 4) * 0x1p-23 * std::fabs(exact) + 0x1p-120;
}

struct Series {
  Series(size_t pairs, size_t channels, size_t misalignment, uint64_t seed)
      : pairs(pairs), channels(channels), tokens(2 * pairs * channels, misalignment), factors(2 * pairs, 1) {
    Random(seed).fill_normal(tokens.data(), 2 * pairs * channels);
  }

  const float* a(size_t i) const { return tokens.data() + 2 * i * channels; }
  const float* b(size_t j) const { return a(j) + channels; }

  void prepare(const KernelSet& set, SimilarityKind kind) {
    set.merge->row_inverses(tokens.data(), 2 * pairs, channels, factors.data());
    if (kind == SimilarityKind::kCosine) return;
    for (float& factor : factors) factor = std::isnan(factor) ? kNaN : 0.0f;
  }

  size_t pairs, channels;
  GuardedBuffer<float> tokens, factors;
};

struct Links {
  explicit Links(size_t pairs) : best(pairs, 3), choice(pairs, 2) {}
  GuardedBuffer<float> best;
  GuardedBuffer<int32_t> choice;
};

size_t match(const KernelSet& set, SimilarityKind kind, const Series& series, size_t reach, size_t begin, size_t end,
             Links& links) {
  BandArgs args{};
  args.kind = kind;
  args.tokens = series.tokens.data();
  args.channels = series.channels;
  args.pairs = series.pairs;
  args.reach = reach;
  args.begin = begin;
  args.end = end;
  args.factors = series.factors.data();
  args.best = links.best.data();
  args.choice = links.choice.data();
  return set.merge->band(args);
}

size_t band_size(size_t pairs, size_t reach) {
  size_t count = 0;
  for (size_t i = 0; i < pairs; ++i) {
    for (size_t j = 0; j < pairs; ++j) count += (i > j ? i - j : j - i) < reach;
  }
  return count;
}

void expect_best(SimilarityKind kind, const Series& series, size_t reach, const Links& links) {
  for (size_t i = 0; i < series.pairs; ++i) {
    double most = -HUGE_VAL;
    for (size_t j = i + 1 > reach ? i + 1 - reach : 0; j < std::min(series.pairs, i + reach); ++j) {
      most = std::fmax(most, reference::similarity(kind, series.a(i), series.b(j), series.channels));
    }
    const double bound = tolerance(kind, series.channels, most);
    EXPECT_NEAR(links.best[i], most, bound);
    EXPECT_TRUE(links.choice[i] >= 0 && static_cast<size_t>(links.choice[i]) < series.pairs);
    // Whatever was chosen is as good as the best within what both may be off.
    const double chosen =
        reference::similarity(kind, series.a(i), series.b(static_cast<size_t>(links.choice[i])), series.channels);
    EXPECT_NEAR(chosen, most, 2 * bound);
  }
}

TEST(merge_band_of_every_width) {
  for_each_set([](const KernelSet& set) {
    for (const SimilarityKind kind : kKinds) {
      for (size_t channels = 0; channels <= 70; channels += channels < 34 ? 1 : 9) {
        const size_t pairs = 11;
        TRACE("kind %d, channels = %zu", static_cast<int>(kind), channels);
        Series series(pairs, channels, channels % 4, 100 + channels);
        series.prepare(set, kind);
        for (const size_t reach : {size_t{1}, size_t{2}, size_t{4}, size_t{7}, pairs}) {
          Links links(pairs);
          EXPECT_EQ(match(set, kind, series, reach, 0, pairs, links), band_size(pairs, reach));
          if (channels != 0) expect_best(kind, series, reach, links);
          EXPECT_TRUE(links.best.intact() && links.choice.intact() && series.tokens.intact() &&
                      series.factors.intact());
        }
      }
    }
  });
}

TEST(merge_band_in_parts_has_the_same_bits) {
  for_each_set([](const KernelSet& set) {
    const size_t pairs = 37;
    Series series(pairs, 45, 1, 7);
    for (const SimilarityKind kind : kKinds) {
      series.prepare(set, kind);
      for (const size_t reach : {size_t{1}, size_t{3}, size_t{12}, pairs}) {
        Links whole(pairs), parts(pairs);
        const size_t computed = match(set, kind, series, reach, 0, pairs, whole);
        size_t in_parts = 0;
        for (size_t begin = 0, step = 1; begin < pairs; begin += step, ++step) {
          in_parts += match(set, kind, series, reach, begin, std::min(pairs, begin + step), parts);
        }
        EXPECT_EQ(in_parts, computed);
        EXPECT_TRUE(whole.best.same_bytes(parts.best) && whole.choice.same_bytes(parts.choice));
      }
    }
  });
}

TEST(merge_neighbours_are_the_band_of_one) {
  for_each_set([](const KernelSet& set) {
    for (size_t pairs = 0; pairs <= 40; pairs += pairs < 20 ? 1 : 5) {
      for (const size_t channels : {1u, 8u, 17u, 64u}) {
        Series series(pairs, channels, pairs % 4, pairs * 100 + channels);
        series.prepare(set, SimilarityKind::kCosine);
        Links links(pairs);
        GuardedBuffer<float> best(pairs, 1);
        match(set, SimilarityKind::kCosine, series, 1, 0, pairs, links);
        set.merge->pair_cosines(series.tokens.data(), pairs, channels, best.data());
        EXPECT_TRUE(best.same_bytes(links.best) && best.intact());
        for (size_t i = 0; i < pairs; ++i) EXPECT_EQ(links.choice[i], static_cast<int32_t>(i));
      }
    }
  });
}

TEST(merge_ties_go_to_the_first) {
  for_each_set([](const KernelSet& set) {
    for (const SimilarityKind kind : kKinds) {
      const size_t pairs = 29, channels = 19;
      Series series(pairs, channels, 0, 3);
      for (size_t row = 1; row < 2 * pairs; ++row) {
        std::copy_n(series.tokens.data(), channels, series.tokens.data() + row * channels);
      }
      series.prepare(set, kind);
      Links links(pairs);
      match(set, kind, series, 5, 0, pairs, links);
      for (size_t i = 0; i < pairs; ++i) EXPECT_EQ(links.choice[i], static_cast<int32_t>(i < 4 ? 0 : i - 4));
    }
  });
}

TEST(merge_special_values) {
  for_each_set([](const KernelSet& set) {
    const size_t pairs = 12, channels = 21;
    for (const float special : {kNaN, kInfinity, -kInfinity, 1e30f}) {
      Series series(pairs, channels, 0, 11);
      series.tokens[(2 * 3) * channels + 20] = special;     // an A token
      series.tokens[(2 * 7 + 1) * channels + 4] = special;  // a B token
      series.prepare(set, SimilarityKind::kCosine);
      EXPECT_TRUE(std::isnan(series.factors[6]) && std::isnan(series.factors[15]) && !std::isnan(series.factors[14]));
      Links links(pairs);
      match(set, SimilarityKind::kCosine, series, 4, 0, pairs, links);
      for (size_t i = 0; i < pairs; ++i) {
        EXPECT_EQ(links.choice[i] == -1, i == 3);
        EXPECT_TRUE(links.choice[i] != 7);
      }
      GuardedBuffer<float> best(pairs, 0);
      set.merge->pair_cosines(series.tokens.data(), pairs, channels, best.data());
      for (size_t i = 0; i < pairs; ++i) EXPECT_EQ(std::isnan(best[i]), i == 3 || i == 7);
    }
    // Nothing, hardly anything, and denormals: cosine 0 for a zero vector, and nothing is NaN.
    Series series(pairs, channels, 0, 12);
    std::fill_n(series.tokens.data(), channels, 0.0f);
    std::fill_n(series.tokens.data() + 3 * channels, channels, 1e-42f);
    std::fill_n(series.tokens.data() + 4 * channels, channels, -1e-20f);
    GuardedBuffer<float> best(pairs, 0);
    set.merge->pair_cosines(series.tokens.data(), pairs, channels, best.data());
    EXPECT_EQ(best[0], 0.0f);
    for (size_t i = 0; i < pairs; ++i) {
      const double exact = reference::similarity(SimilarityKind::kCosine, series.a(i), series.b(i), channels);
      EXPECT_NEAR(best[i], exact, tolerance(SimilarityKind::kCosine, channels, exact));
    }
  });
}

TEST(merge_row_maxima_continue) {
  for_each_set([](const KernelSet& set) {
    Random random(5);
    for (size_t cols = 0; cols <= 75; ++cols) {
      const size_t rows = 3, stride = 80;
      GuardedBuffer<float> scores(rows * stride, cols % 4);
      for (float& score : scores) score = static_cast<float>(random.below(9));  // many ties
      for (size_t c = 0; c < cols; c += 3) scores[stride + c] = -kInfinity;
      for (size_t c = 0; c < cols; ++c) scores[2 * stride + c] = -kInfinity;
      GuardedBuffer<float> best(rows, 1);
      GuardedBuffer<int32_t> choice(rows, 1);
      for (size_t r = 0; r < rows; ++r) best[r] = -kInfinity, choice[r] = -1;
      const size_t cut = cols / 3;
      const ptrdiff_t step = static_cast<ptrdiff_t>(stride);
      set.merge->row_maxima(scores.data(), rows, cut, step, 0, best.data(), choice.data());
      set.merge->row_maxima(scores.data() + cut, rows, cols - cut, step, static_cast<int32_t>(cut), best.data(),
                            choice.data());
      for (size_t r = 0; r < rows; ++r) {
        const float* row = scores.data() + r * stride;
        const float* most = std::max_element(row, row + cols);
        const bool found = cols != 0 && *most != -kInfinity;
        EXPECT_EQ(choice[r], found ? static_cast<int32_t>(most - row) : -1);
        EXPECT_EQ(best[r], found ? *most : -kInfinity);
      }
      EXPECT_TRUE(best.intact() && choice.intact() && scores.intact());
    }
  });
}

TEST(merge_weighted_sum_of_rows) {
  for_each_set([](const KernelSet& set) {
    Random random(9);
    for (size_t channels = 0; channels <= 70; ++channels) {
      for (const size_t members : {1u, 2u, 3u, 7u}) {
        GuardedBuffer<float> x(members * channels, channels % 4), out(channels, 3);
        GuardedBuffer<float> streamed(channels, channels % 2 == 0 ? 0 : 3);  // aligned and not
        random.fill_normal(x.data(), members * channels);
        std::vector<const float*> rows;
        std::vector<float> shares;
        for (size_t m = 0; m < members; ++m) {
          rows.push_back(x.data() + m * channels);
          shares.push_back(static_cast<float>(m + 1) / static_cast<float>(members));
        }
        set.merge->weighted_sum(rows.data(), shares.data(), members, channels, out.data());
        set.merge->streamed_sum(rows.data(), shares.data(), members, channels, streamed.data());
        set.merge->finish_streamed_sums();
        for (size_t c = 0; c < channels; ++c) {
          EXPECT_EQ(streamed[c], out[c]);
          double sum = 0, magnitude = 0;
          for (size_t m = 0; m < members; ++m) {
            const double term = static_cast<double>(shares[m]) * static_cast<double>(rows[m][c]);
            sum += term, magnitude += std::fabs(term);
          }
          EXPECT_NEAR(out[c], sum, static_cast<double>(members + 1) * 0x1p-23 * magnitude);
        }
        EXPECT_TRUE(out.intact() && streamed.intact() && x.intact());
      }
    }
  });
}

}  // namespace
}  // namespace tidemerge
