#include "ops/attention.h"

#include <algorithm>

#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

// One attention over a ragged batch; positions are the places in a series unless set.
struct Problem {
  size_t heads = 2, head_dim = 5;
  float scale = 0.4f;
  bool causal = false;
  size_t query_column = 0, key_column = 0, value_column = 0;
  std::vector<int32_t> query_offsets, key_offsets;
  std::vector<int32_t> query_positions, key_positions;  // empty: absent
  size_t reach = 0;                                     // of the distance bias; 0: absent
  bool sizes = false;

  size_t queries() const { return static_cast<size_t>(query_offsets.back()); }
  size_t keys() const { return static_cast<size_t>(key_offsets.back()); }
  size_t batch() const { return query_offsets.size() - 1; }
  OpAttributes attributes(bool packed = false) const {
    return {{"numHeads", static_cast<double>(heads)},
            {"headDim", static_cast<double>(head_dim)},
            {"scale", static_cast<double>(scale)},
            {"causal", causal},
            {"queryColumn", static_cast<double>(query_column)},
            {"keyColumn", static_cast<double>(key_column)},
            {"valueColumn", static_cast<double>(value_column)},
            {"packedKeys", packed}};
  }
};

struct Data {
  Data(const Context& context, Random& random, const Problem& p, size_t spare = 0)
      : q(random_floats(context, random, p.queries(), p.query_column + p.heads * p.head_dim + spare)),
        k(random_floats(context, random, p.keys(), p.key_column + p.heads * p.head_dim + spare)),
        v(random_floats(context, random, p.keys(), p.value_column + p.heads * p.head_dim + spare)),
        query_offsets(ints(context, p.query_offsets)),
        key_offsets(ints(context, p.key_offsets)),
        query_positions(ints(context, p.query_positions)),
        key_positions(ints(context, p.key_positions)),
        bias(random_floats(context, random, p.heads, 2 * p.reach + 1)),
        sizes(context.buffers, DType::kFloat32, p.keys(), 1) {
    for (size_t j = 0; j < p.keys(); ++j) sizes.data<float>()[j] = static_cast<float>(random.below(5));
  }

  std::vector<OpInput> inputs(const Problem& p) const {
    return {q,
            k,
            v,
            query_offsets,
            key_offsets,
            p.query_positions.empty() ? absent() : OpInput(query_positions),
            p.key_positions.empty() ? absent() : OpInput(key_positions),
            p.reach == 0 ? absent() : OpInput(bias),
            p.sizes ? OpInput(sizes) : absent()};
  }

  Tensor q, k, v, query_offsets, key_offsets, query_positions, key_positions, bias, sizes;
};

// The formula of attention.h for one query, and the bound of kernels/attention/attention.h on its error.
void check_query(const Problem& p, const Data& d, const Tensor& out, size_t b, size_t i, size_t h) {
  const auto at = [](const Tensor& t, size_t row, size_t col) {
    return static_cast<double>(t.data<float>()[row * t.cols() + col]);
  };
  const size_t row = static_cast<size_t>(p.query_offsets[b]) + i;
  const size_t first = static_cast<size_t>(p.key_offsets[b]), count = static_cast<size_t>(p.key_offsets[b + 1]) - first;
  const int64_t query = p.query_positions.empty() ? static_cast<int64_t>(i) : p.query_positions[row];
  const auto reach = static_cast<int64_t>(p.reach);
  std::vector<double> score(count, -HUGE_VAL);
  double largest = -HUGE_VAL, largest_magnitude = 0.0;
  for (size_t j = 0; j < count; ++j) {
    const int64_t key = p.key_positions.empty() ? static_cast<int64_t>(j) : p.key_positions[first + j];
    if (p.causal && key > query) continue;
    double dot = 0.0, magnitude = 0.0;
    for (size_t c = 0; c < p.head_dim; ++c) {
      const double product =
          at(d.q, row, p.query_column + h * p.head_dim + c) * at(d.k, first + j, p.key_column + h * p.head_dim + c);
      dot += product;
      magnitude += std::fabs(product);
    }
    const double bias =
        p.reach == 0 ? 0.0 : at(d.bias, h, static_cast<size_t>(std::clamp(key - query, -reach, reach) + reach));
    const double log_size = p.sizes ? std::log(at(d.sizes, first + j, 0)) : 0.0;
    score[j] = static_cast<double>(p.scale) * dot + bias + log_size;
    largest = std::max(largest, score[j]);
    largest_magnitude = std::max(
        largest_magnitude, p.scale * magnitude + std::fabs(bias) + (std::isinf(log_size) ? 0.0 : std::fabs(log_size)));
  }
  const double tolerance_factor =
      0x1p-24 * ((static_cast<double>(p.head_dim) + 6.0) * 2.0 * largest_magnitude + static_cast<double>(count) + 32.0);
  for (size_t c = 0; c < p.head_dim; ++c) {
    double sum = 0.0, weights = 0.0, magnitude = 0.0;
    for (size_t j = 0; j < count; ++j) {
      if (score[j] == -HUGE_VAL) continue;
      const double weight = std::exp(score[j] - largest),
                   value = at(d.v, first + j, p.value_column + h * p.head_dim + c);
      sum += weight * value;
      weights += weight;
      magnitude = std::max(magnitude, std::fabs(value));
    }
    const double expected = weights == 0.0 ? 0.0 : sum / weights;
    EXPECT_NEAR(out.data<float>()[row * out.cols() + h * p.head_dim + c], expected, 2.0 * tolerance_factor * magnitude);
  }
}

void check(const Context& context, const Problem& p, uint64_t seed = 1) {
  Random random(seed);
  const Data d(context, random, p, seed % 4);
  const OpRun run(context, attention_operator(), p.attributes(), d.inputs(p));
  EXPECT_EQ(run.out(0).rows(), p.queries());
  EXPECT_EQ(run.out(0).cols(), p.heads * p.head_dim);
  for (size_t b = 0; b < p.batch(); ++b) {
    for (size_t i = 0; i < static_cast<size_t>(p.query_offsets[b + 1] - p.query_offsets[b]); ++i) {
      for (size_t h = 0; h < p.heads; ++h) check_query(p, d, run.out(0), b, i, h);
    }
  }
  // Packed beforehand: the same bits.
  const OpRun packed(context, pack_keys_operator(),
                     {{"numHeads", static_cast<double>(p.heads)},
                      {"headDim", static_cast<double>(p.head_dim)},
                      {"keyColumn", static_cast<double>(p.key_column)}},
                     {d.k, d.key_offsets});
  std::vector<OpInput> inputs = d.inputs(p);
  inputs[1] = OpInput(packed.out(0));
  const OpRun again(context, attention_operator(), p.attributes(true), inputs);
  EXPECT_TRUE(same_bytes(again.out(0), run.out(0)));
}

TEST(attention_follows_its_formula) {
  for_each_context([](const Context& context) {
    Problem p;
    p.query_offsets = {0, 7, 7, 8, 30};
    p.key_offsets = {0, 33, 40, 40, 57};  // a series without queries, one without keys
    check(context, p, 1);
    p.query_column = 3, p.key_column = 4, p.value_column = 9, p.heads = 3, p.head_dim = 8;
    check(context, p, 2);
    p.sizes = true;
    check(context, p, 3);
    p.causal = true;
    check(context, p, 4);
    p.reach = 4;
    check(context, p, 5);
    p.causal = false;
    check(context, p, 6);
    p.reach = 100;
    check(context, p, 7);
    Problem empty;
    empty.query_offsets = empty.key_offsets = {0};
    check(context, empty);
    empty.query_offsets = empty.key_offsets = {0, 0, 0};
    check(context, empty);
  });
}

TEST(attention_positions) {
  for_each_context([](const Context& context) {
    Problem p;
    p.heads = 4, p.head_dim = 16, p.reach = 9;
    p.query_offsets = p.key_offsets = {0, 40, 41, 90};
    for (int32_t i = 0; i < 90; ++i) {
      // Series 0 begins at 17, series 1 is one token, series 2 has gaps and is not in order.
      p.query_positions.push_back(i < 40 ? 17 + i : i == 40 ? 5 : i < 80 ? 2 * (i / 3) : 90 - i);
      p.key_positions.push_back(i < 40 ? 20 + i : i == 40 ? 100 : i < 70 ? i + i / 7 : i < 80 ? -i : INT32_MAX - i);
    }
    for (const bool causal : {false, true}) {
      p.causal = causal;
      check(context, p, 8);
    }
    p.reach = 0;  // causal alone
    check(context, p, 9);
    for (const size_t reach : {0u, 5u}) {  // one side without positions
      Problem half = p;
      half.reach = reach;
      half.query_positions.clear();
      check(context, half, 10);
      half.query_positions = p.query_positions;
      half.key_positions.clear();
      check(context, half, 11);
    }
  });
}

// Long enough for several blocks of queries: one head on three threads, with and without gaps.
TEST(attention_in_blocks) {
  for_each_context([](const Context& context) {
    Problem p;
    p.heads = 1, p.head_dim = 64, p.reach = 20;
    p.query_offsets = p.key_offsets = {0, 150, 300};
    check(context, p, 11);
    p.causal = true;
    check(context, p, 12);
    for (int32_t i = 0; i < 300; ++i) p.query_positions.push_back(i + i / 50);
    p.key_positions = p.query_positions;
    check(context, p, 13);
  });
}

TEST(attention_does_not_see_batch_mates_or_threads) {
  for_each_set([](const KernelSet& set) {
    BufferPool buffers;
    ThreadPool one(1), three(3);
    const Context alone{set, one, buffers}, shared{set, three, buffers};
    for (const bool gaps : {false, true}) {
      Problem p;
      p.heads = 2, p.head_dim = 32, p.reach = 30, p.causal = true;
      p.query_offsets = p.key_offsets = {0, 90, 91, 250};
      for (int32_t i = 0; i < 250; ++i) p.query_positions.push_back(gaps ? i + i / 60 : i);
      p.key_positions = p.query_positions;
      Random random(14);
      const Data d(alone, random, p);
      const OpRun whole(alone, attention_operator(), p.attributes(), d.inputs(p));
      EXPECT_TRUE(same_bytes(whole.out(0), OpRun(shared, attention_operator(), p.attributes(), d.inputs(p)).out(0)));
      for (size_t b = 0; b < 3; ++b) {
        const auto begin = static_cast<size_t>(p.query_offsets[b]), end = static_cast<size_t>(p.query_offsets[b + 1]);
        const Tensor q = rows_of(alone, d.q, begin, end), k = rows_of(alone, d.k, begin, end),
                     v = rows_of(alone, d.v, begin, end);
        const Tensor positions = rows_of(alone, d.query_positions, begin, end);
        const Tensor offsets = ints(alone, {0, static_cast<int32_t>(end - begin)});
        const OpRun series(shared, attention_operator(), p.attributes(),
                           {q, k, v, offsets, offsets, positions, positions, d.bias});
        EXPECT_TRUE(same_bytes(series.out(0), rows_of(alone, whole.out(0), begin, end)));
      }
    }
  });
}

TEST(attention_errors) {
  with_context([](const Context& context) {
    Problem p;
    p.query_offsets = {0, 2}, p.key_offsets = {0, 3};
    Random random(15);
    const Data d(context, random, p);
    const auto run = [&](size_t i, OpInput input, const OpAttributes& attributes) {
      std::vector<OpInput> inputs = d.inputs(p);
      inputs[i] = input;
      OpRun(context, attention_operator(), attributes, inputs);
    };
    const Tensor narrow = floats(context, 3, 9, std::vector<float>(27)), two = ints(context, {0, 1, 3});
    const Tensor even = floats(context, 2, 2, {1, 2, 3, 4}), four = floats(context, 4, 10, std::vector<float>(40));
    EXPECT_ERROR([&] { run(2, narrow, p.attributes()); }, "ERR_INVALID_SHAPE",
                 "attention: v: expected at least 10 columns, got [3, 9]");
    EXPECT_ERROR([&] { run(1, four, p.attributes()); }, "ERR_INVALID_SHAPE",
                 "attention: k: expected shape [3, *] like v, got [4, 10]");
    EXPECT_ERROR([&] { run(1, d.k, p.attributes(true)); }, "ERR_INVALID_SHAPE",
                 "attention: k: expected the packed keys");
    EXPECT_ERROR([&] { run(4, two, p.attributes()); }, "ERR_INVALID_SHAPE",
                 "attention: keyOffsets: expected shape [2, 1], got [3, 1]");
    EXPECT_ERROR([&] { run(6, d.query_offsets, p.attributes()); }, "ERR_INVALID_SHAPE", "attention: keyPositions");
    EXPECT_ERROR([&] { run(7, even, p.attributes()); }, "ERR_INVALID_SHAPE", "attention: distanceBias");
    EXPECT_ERROR([&] { run(8, four, p.attributes()); }, "ERR_INVALID_SHAPE", "attention: keySizes");
  });
}

}  // namespace
}  // namespace tidemerge::testing
