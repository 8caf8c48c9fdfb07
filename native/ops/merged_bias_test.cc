#include "ops/merged_bias.h"

#include <algorithm>

#include "ops/attention.h"
#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

constexpr size_t kHeads = 2;

// Original tokens of every series and the groups they are in; positions are the places in a series unless set.
struct Groups {
  std::vector<int32_t> offsets = {0}, original_offsets = {0}, groups, positions;

  // `tokens` groups of `originals` tokens, each with at least one; sorted: contiguous groups.
  void add(Random& random, size_t originals, size_t tokens, bool sorted) {
    std::vector<int32_t> own(originals);
    for (size_t j = 0; j < originals; ++j) own[j] = static_cast<int32_t>(j < tokens ? j : random.below(tokens));
    for (size_t j = originals; j-- > 1;) std::swap(own[j], own[random.below(j + 1)]);
    if (sorted) std::sort(own.begin(), own.end());
    groups.insert(groups.end(), own.begin(), own.end());
    offsets.push_back(offsets.back() + static_cast<int32_t>(tokens));
    original_offsets.push_back(original_offsets.back() + static_cast<int32_t>(originals));
  }
  void leave_gaps(Random& random, size_t widest) {
    int32_t at = 3;
    for (size_t j = 0; j < groups.size(); ++j)
      positions.push_back(at += 1 + static_cast<int32_t>(random.below(widest)));
  }
};

Groups many(Random& random) {
  Groups all;
  all.add(random, 60, 45, true);
  all.add(random, 0, 0, true);
  all.add(random, 1, 1, true);
  all.add(random, 77, 20, false);
  all.add(random, 40, 1, false);
  all.add(random, 33, 33, true);
  return all;
}

struct Problem {
  Problem(const Context& context, Random& random, const Groups& g, size_t reach, size_t head_dim)
      : rows(static_cast<size_t>(g.offsets.back())),
        dim(head_dim),
        q(random_floats(context, random, rows, kHeads * dim)),
        k(random_floats(context, random, rows, kHeads * dim)),
        v(random_floats(context, random, rows, kHeads * dim)),
        offsets(ints(context, g.offsets)),
        table(random_floats(context, random, kHeads, 2 * reach + 1)),
        groups(ints(context, g.groups)),
        group_offsets(ints(context, g.original_offsets)),
        positions(ints(context, g.positions)) {}

  OpAttributes attributes(bool causal = false) const {
    return {{"numHeads", static_cast<double>(kHeads)},
            {"headDim", static_cast<double>(dim)},
            {"scale", 0.3},
            {"causal", causal}};
  }
  std::vector<OpInput> inputs() const {
    return {q,        k,     v,        offsets, offsets,       absent(),
            absent(), table, absent(), groups,  group_offsets, positions.rows() == 0 ? absent() : OpInput(positions)};
  }

  size_t rows, dim;
  Tensor q, k, v, offsets, table, groups, group_offsets, positions;
};

// The mean over all pairs, and the largest magnitude in it.
double mean_of_pairs(const Groups& g, const Tensor& table, size_t b, size_t h, int32_t query, int32_t key) {
  const auto reach = static_cast<int64_t>(table.cols() / 2);
  const auto begin = static_cast<size_t>(g.original_offsets[b]), end = static_cast<size_t>(g.original_offsets[b + 1]);
  const auto at = [&](size_t o) { return g.positions.empty() ? static_cast<int64_t>(o) : g.positions[o]; };
  double sum = 0.0, pairs = 0.0;
  for (size_t i = begin; i < end; ++i) {
    for (size_t j = begin; j < end; ++j) {
      if (g.groups[i] != query || g.groups[j] != key) continue;
      const int64_t distance = std::clamp(at(j) - at(i), -reach, reach);
      sum += static_cast<double>(table.data<float>()[h * table.cols() + static_cast<size_t>(distance + reach)]);
      pairs += 1.0;
    }
  }
  return sum / pairs;
}

double members(const Groups& g, size_t b, int32_t group) {
  return static_cast<double>(
      std::count(g.groups.begin() + g.original_offsets[b], g.groups.begin() + g.original_offsets[b + 1], group));
}

// Queries and keys of zeros: scores are the bias alone, and values of one hot channel per key show every weight. A
// weight p follows its score with an error of p times the largest error of the scores, twice; on top comes attention's.
void check(const Context& context, const Groups& g, size_t reach, uint64_t seed) {
  Random random(seed);
  size_t widest = 1;
  for (size_t b = 0; b + 1 < g.offsets.size(); ++b) {
    widest = std::max(widest, static_cast<size_t>(g.offsets[b + 1] - g.offsets[b]));
  }
  Problem p(context, random, g, reach, widest);
  std::fill_n(p.q.data<float>(), p.q.count(), 0.0f);
  std::fill_n(p.v.data<float>(), p.v.count(), 0.0f);
  for (size_t b = 0; b + 1 < g.offsets.size(); ++b) {
    for (int32_t j = g.offsets[b]; j < g.offsets[b + 1]; ++j) {
      for (size_t h = 0; h < kHeads; ++h) {
        p.v.data<float>()[static_cast<size_t>(j) * p.v.cols() + h * widest + static_cast<size_t>(j - g.offsets[b])] = 1;
      }
    }
  }
  const OpRun run(context, attention_operator(), p.attributes(), p.inputs());
  for (size_t b = 0; b + 1 < g.offsets.size(); ++b) {
    const int32_t count = g.offsets[b + 1] - g.offsets[b];
    for (int32_t i = 0; i < count; ++i) {
      for (size_t h = 0; h < kHeads; ++h) {
        std::vector<double> scores;
        double total = 0.0, magnitude = 0.0, largest_group = 0.0;
        for (int32_t j = 0; j < count; ++j) {
          scores.push_back(mean_of_pairs(g, p.table, b, h, i, j));
          total += std::exp(scores.back());
          largest_group = std::max(largest_group, members(g, b, j));
        }
        for (size_t t = 0; t < p.table.cols(); ++t) {
          magnitude =
              std::max(magnitude, std::fabs(static_cast<double>(p.table.data<float>()[h * p.table.cols() + t])));
        }
        const double bias_error = (members(g, b, i) + largest_group + 2.0) * 0x1p-24 * magnitude;
        const double attention_error = 0x1p-24 * (2.0 * 10.0 * magnitude + 2.0 * count + 24.0) * 2.0;
        for (int32_t j = 0; j < count; ++j) {
          const double expected = std::exp(scores[static_cast<size_t>(j)]) / total;
          EXPECT_NEAR(run.f32(0, static_cast<size_t>(g.offsets[b] + i), h * widest + static_cast<size_t>(j)), expected,
                      expected * (2.0 * bias_error + attention_error));
        }
      }
    }
  }
}

TEST(merged_bias_is_the_mean_over_all_pairs) {
  for_each_context([](const Context& context) {
    Random random(1);
    Groups all = many(random);
    check(context, all, 128, 2);
    check(context, all, 5, 3);
    all.leave_gaps(random, 1);  // from a position other than 0
    check(context, all, 128, 4);
    all.positions.clear();
    all.leave_gaps(random, 3);  // runs too short to copy
    check(context, all, 20, 5);
    for (size_t j = 0; j < all.positions.size(); ++j) all.positions[j] = static_cast<int32_t>(j + j / 25 * 4);
    check(context, all, 20, 6);
    Groups none;
    check(context, none, 3, 7);
  });
}

// Without merged tokens the bias has the bits it has without groups.
TEST(merged_bias_of_single_tokens) {
  for_each_set([](const KernelSet& set) {
    BufferPool buffers;
    ThreadPool threads(3);
    const Context context{set, threads, buffers};
    Random random(8);
    Groups g;
    g.add(random, 300, 300, true);
    const Problem p(context, random, g, 128, 16);
    std::vector<OpInput> plain = p.inputs();
    plain.resize(8);
    const OpRun merged(context, attention_operator(), p.attributes(), p.inputs());
    EXPECT_TRUE(same_bytes(merged.out(0), OpRun(context, attention_operator(), p.attributes(), plain).out(0)));
  });
}

TEST(merged_bias_does_not_see_batch_mates_or_threads) {
  for_each_set([](const KernelSet& set) {
    BufferPool buffers;
    ThreadPool one(1), three(3);
    const Context alone{set, one, buffers}, shared{set, three, buffers};
    Random random(9);
    Groups g;
    g.add(random, 260, 190, true);
    g.add(random, 31, 8, false);
    g.add(random, 513, 257, false);
    const Problem p(alone, random, g, 128, 32);
    const OpRun whole(alone, attention_operator(), p.attributes(), p.inputs());
    EXPECT_TRUE(same_bytes(whole.out(0), OpRun(shared, attention_operator(), p.attributes(), p.inputs()).out(0)));
    for (size_t b = 0; b < 3; ++b) {
      const auto begin = static_cast<size_t>(g.offsets[b]), end = static_cast<size_t>(g.offsets[b + 1]);
      const auto from = static_cast<size_t>(g.original_offsets[b]), to = static_cast<size_t>(g.original_offsets[b + 1]);
      const Tensor q = rows_of(alone, p.q, begin, end), k = rows_of(alone, p.k, begin, end),
                   v = rows_of(alone, p.v, begin, end), groups = rows_of(alone, p.groups, from, to);
      const Tensor offsets = ints(alone, {0, static_cast<int32_t>(end - begin)});
      const Tensor originals = ints(alone, {0, static_cast<int32_t>(to - from)});
      const OpRun series(shared, attention_operator(), p.attributes(),
                         {q, k, v, offsets, offsets, absent(), absent(), p.table, absent(), groups, originals});
      EXPECT_TRUE(same_bytes(series.out(0), rows_of(alone, whole.out(0), begin, end)));
    }
  });
}

TEST(merged_bias_errors) {
  with_context([](const Context& context) {
    Random random(10);
    Groups g;
    g.add(random, 5, 3, true);
    const Problem p(context, random, g, 4, 4);
    const auto run = [&](size_t i, OpInput input, bool causal = false) {
      std::vector<OpInput> inputs = p.inputs();
      inputs[i] = input;
      OpRun(context, attention_operator(), p.attributes(causal), inputs);
    };
    const Tensor outside = ints(context, {0, 1, 2, 3, 0}), negative = ints(context, {0, -1, 2, 1, 0}),
                 hole = ints(context, {0, 0, 2, 2, 0}), two = ints(context, {0, 2, 5}),
                 three = ints(context, {0, 1, 2}), wide = tensor_of(context, 1, 5, std::vector<int32_t>{0, 0, 1, 1, 2});
    EXPECT_ERROR([&] { run(9, outside); }, "ERR_INVALID_ARGUMENT",
                 "attention: groups: expected places below 3, the tokens of series 0, got 3");
    EXPECT_ERROR([&] { run(9, negative); }, "ERR_INVALID_ARGUMENT", "got -1");
    EXPECT_ERROR([&] { run(9, hole); }, "ERR_INVALID_ARGUMENT",
                 "expected an original token for every token of series 0, got none for token 1");
    EXPECT_ERROR([&] { run(9, wide); }, "ERR_INVALID_SHAPE", "attention: groups: expected shape [rows, 1]");
    EXPECT_ERROR([&] { run(10, two); }, "ERR_INVALID_SHAPE", "attention: groupOffsets: expected shape [2, 1]");
    EXPECT_ERROR([&] { run(10, absent()); }, "ERR_INVALID_ARGUMENT", "groupOffsets");
    EXPECT_ERROR([&] { run(11, three); }, "ERR_INVALID_SHAPE", "attention: groupPositions");
    EXPECT_ERROR([&] { run(7, absent()); }, "ERR_INVALID_ARGUMENT", "a distanceBias with groups");
    EXPECT_ERROR([&] { run(5, three); }, "ERR_INVALID_ARGUMENT", "groupPositions instead of queryPositions");
    EXPECT_ERROR([&] { run(11, absent(), true); }, "ERR_INVALID_ARGUMENT", "causal: false with groups");
  });
}

}  // namespace
}  // namespace tidemerge::testing
