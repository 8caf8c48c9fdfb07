#include "ops/sample.h"

#include <algorithm>
#include <numeric>

#include "ops/op_run.h"
#include "ops/random.h"

namespace tidemerge::testing {
namespace {

struct Rule {
  double temperature = 1.0;
  double top_k = 0;
  double top_p = 1.0;
  std::vector<double> forbidden;

  OpAttributes attributes() const {
    return {{"temperature", temperature}, {"topK", top_k}, {"topP", top_p}, {"forbidden", forbidden}};
  }
};

// The definition in sample.h with full sorts. exp is exact here: results are compared within its error.
std::vector<double> expected_distribution(const float* logits, size_t vocabulary, const Rule& rule) {
  std::vector<float> z(vocabulary);
  for (size_t i = 0; i < vocabulary; ++i) z[i] = logits[i] / static_cast<float>(rule.temperature);
  for (const double id : rule.forbidden) z[static_cast<size_t>(id)] = -kInfinity;
  std::vector<float> sorted;
  for (const float value : z) {
    if (value != -kInfinity) sorted.push_back(value);
  }
  std::sort(sorted.begin(), sorted.end(), std::greater<float>());
  const size_t top_k = static_cast<size_t>(rule.top_k);
  if (top_k > 0 && top_k < sorted.size()) {
    for (float& value : z) {
      if (value < sorted[top_k - 1]) value = -kInfinity;
    }
  }
  std::vector<double> e(vocabulary);
  for (size_t i = 0; i < vocabulary; ++i) e[i] = std::exp(static_cast<double>(z[i] - sorted[0]));
  double total = std::accumulate(e.begin(), e.end(), 0.0);
  if (rule.top_p < 1.0) {
    std::vector<size_t> order(vocabulary);
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return e[a] != e[b] ? e[a] > e[b] : a > b; });
    double before = 0.0;
    for (size_t i = 0; i < vocabulary; ++i) {
      const double own = e[order[i]];
      if (i > 0 && before >= rule.top_p * total) e[order[i]] = 0.0;
      before += own;
    }
    total = std::accumulate(e.begin(), e.end(), 0.0);
  }
  for (double& value : e) value /= total;
  return e;
}

// exp has 2 units in the last place, its argument is rounded (half a unit of an argument up to 100 in magnitude), and
// so are the sum and the quotient: relative to the probability.
double relative_error() { return (2.0 + 50.0 * 2.0 + 2.0) * 0x1p-23; }

void check_distribution(const Context& context, const Tensor& logits, const Rule& rule) {
  TRACE("temperature %g, top-k %g, top-p %g, %zu forbidden", rule.temperature, rule.top_k, rule.top_p,
        rule.forbidden.size());
  const OpRun run(context, sampling_distribution_operator(), rule.attributes(), {logits});
  for (size_t r = 0; r < logits.rows(); ++r) {
    const std::vector<double> expected =
        expected_distribution(logits.data<float>() + r * logits.cols(), logits.cols(), rule);
    for (size_t i = 0; i < logits.cols(); ++i) {
      // Zero where filtered out, and only there, as far as floats reach; the last term is for denormal ones.
      if (expected[i] == 0.0) EXPECT_EQ(run.f32(0, r, i), 0.0f);
      if (expected[i] > 0x1p-140) EXPECT_TRUE(run.f32(0, r, i) > 0.0f);
      EXPECT_NEAR(run.f32(0, r, i), expected[i], expected[i] * relative_error() + 0x1p-147);
    }
  }
}

TEST(sampling_distribution_by_hand) {
  for_each_context([](const Context& context) {
    // Weights 1, 2, 4, 8, of which 8 is forbidden.
    const float two = std::log(2.0f);
    const Tensor logits = floats(context, 1, 5, {0, two, 2 * two, 3 * two, -kInfinity});
    const auto probabilities = [&](const Rule& rule) {
      return values_of<float>(OpRun(context, sampling_distribution_operator(), rule.attributes(), {logits}).out(0));
    };
    const auto expect = [&](const Rule& rule, const std::vector<double>& expected) {
      const std::vector<float> got = probabilities(rule);
      for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(got[i], expected[i], expected[i] * relative_error());
    };
    expect({1.0, 0, 1.0, {3}}, {1 / 7., 2 / 7., 4 / 7., 0, 0});
    expect({1.0, 2, 1.0, {3}}, {0, 2 / 6., 4 / 6., 0, 0});
    expect({0.5, 0, 1.0, {3}}, {1 / 21., 4 / 21., 16 / 21., 0, 0});
    expect({1.0, 0, 0.5, {3}}, {0, 0, 1, 0, 0});
    expect({1.0, 0, 0.6, {3}}, {0, 2 / 6., 4 / 6., 0, 0});
    expect({1.0, 1, 1.0, {}}, {0, 0, 0, 1, 0});
    expect({1.0, 100, 1.0, {}}, {1 / 15., 2 / 15., 4 / 15., 8 / 15., 0});
  });
}

TEST(sampling_ties) {
  for_each_context([](const Context& context) {
    const Tensor logits = floats(context, 1, 6, {1, 2, 1, 2, 1, 2});
    const auto kept = [&](const Rule& rule) {
      std::string pattern;
      for (const float p :
           values_of<float>(OpRun(context, sampling_distribution_operator(), rule.attributes(), {logits}).out(0))) {
        pattern += p > 0.0f ? '1' : '0';
      }
      return pattern;
    };
    EXPECT_EQ(kept({1.0, 1, 1.0, {}}), "010101");  // all that tie with the first
    EXPECT_EQ(kept({1.0, 4, 1.0, {}}), "111111");  // all that tie with the fourth
    EXPECT_EQ(kept({1.0, 4, 1.0, {5}}), "111110");
    EXPECT_EQ(kept({1.0, 0, 0.01, {}}), "000001");  // of ties the highest id first
    EXPECT_EQ(kept({1.0, 0, 0.4, {}}), "000101");
    EXPECT_EQ(kept({1.0, 0, 0.75, {}}), "010111");
  });
}

TEST(sampling_distribution_follows_its_definition) {
  for_each_context([](const Context& context) {
    Random random(31);
    for (const size_t vocabulary : {1u, 2u, 37u, 515u, 4097u}) {
      TRACE("vocabulary %zu", vocabulary);
      Tensor logits = random_floats(context, random, 5, vocabulary);
      for (size_t i = 0; i < logits.count(); ++i) {
        float& z = logits.data<float>()[i];
        z = i < vocabulary ? std::round(2.0f * z) : 4.0f * z;                  // row 0: many ties
        if (i >= vocabulary && i < 2 * vocabulary) z = static_cast<float>(i);  // row 1: ascending, far apart
        if (i >= 2 * vocabulary && i < 3 * vocabulary) z = 0.0f;               // row 2: all equal
        if (i >= 3 * vocabulary && i % 3 != 0) z = -kInfinity;                 // rows 3 and 4: gaps
      }
      for (size_t r = 3; r < 5; ++r) logits.data<float>()[r * vocabulary] = 1.0f;  // something is left
      std::vector<double> forbidden;
      if (vocabulary > 2) forbidden = {1.0, static_cast<double>(vocabulary - 1)};
      check_distribution(context, logits, {1.0, 0, 1.0, {}});
      check_distribution(context, logits, {1.0, 50, 1.0, forbidden});
      check_distribution(context, logits, {0.7, 3, 1.0, forbidden});
      check_distribution(context, logits, {1.5, static_cast<double>(vocabulary), 1.0, forbidden});
      check_distribution(context, logits, {1.0, 1, 1.0, {}});
    }
  });
}

TEST(top_p_follows_its_definition) {
  for_each_context([](const Context& context) {
    Random random(32);
    // Logits on a coarse grid and an odd threshold: sums stay clear of it by far more than the error of exp, ties
    // included.
    Tensor logits = random_floats(context, random, 4, 999);
    for (size_t i = 0; i < logits.count(); ++i)
      logits.data<float>()[i] = std::round(6.0f * logits.data<float>()[i]) / 2.0f;
    for (const double top_p : {0.013, 0.377, 0.9017, 0.99613}) {
      check_distribution(context, logits, {1.0, 0, top_p, {0}});
      check_distribution(context, logits, {2.0, 40, top_p, {}});
    }
  });
}

// The id whose share of [0, 1) holds u, where the borders are known within `slack`.
bool may_draw(const std::vector<double>& p, int32_t id, double u, double slack) {
  double before = 0.0;
  for (int32_t i = 0; i < id; ++i) before += p[static_cast<size_t>(i)];
  const double own = p[static_cast<size_t>(id)];
  return own > 0.0 && u >= before - slack && u <= before + own + slack;
}

TEST(sample_tokens_inverts_the_distribution) {
  for_each_context([](const Context& context) {
    Random random(33);
    const size_t batch = 3, samples = 20, vocabulary = 600;
    const Tensor logits = random_floats(context, random, batch * samples, vocabulary);
    const Tensor keys = tensor_of<int32_t>(context, batch, 2, {1, -2, 3, INT32_MIN, 0, 0});
    const Tensor seed = ints(context, {-5, 6}), step = scalar(context, 9),
                 n = scalar(context, static_cast<int32_t>(samples));
    for (const Rule& rule : {Rule{1.0, 0, 1.0, {}}, Rule{0.8, 50, 1.0, {1}}, Rule{1.0, 0, 0.9, {}}}) {
      const OpRun run(context, sample_tokens_operator(), rule.attributes(), {logits, keys, seed, step, n});
      const OpRun distribution(context, sampling_distribution_operator(), rule.attributes(), {logits});
      for (size_t r = 0; r < logits.rows(); ++r) {
        const size_t b = r / samples;
        const auto* key = reinterpret_cast<const uint32_t*>(keys.data<int32_t>() + 2 * b);
        const double u =
            uniform(mix({static_cast<uint32_t>(-5), 6}, {key[0], key[1]}), static_cast<uint32_t>(r % samples), 9);
        const float* row = distribution.out(0).data<float>() + r * vocabulary;
        const std::vector<double> p(row, row + vocabulary);
        // Every probability is rounded to float32 once.
        EXPECT_TRUE(may_draw(p, run.out(0).data<int32_t>()[r], u, 0x1p-24 + 1e-12));
      }
    }
  });
}

TEST(sample_tokens_does_not_see_batch_mates) {
  for_each_context([](const Context& context) {
    Random random(34);
    const size_t samples = 7, vocabulary = 300;
    const Tensor logits = random_floats(context, random, 3 * samples, vocabulary);
    const Tensor keys = tensor_of<int32_t>(context, 3, 2, {1, 2, 3, 4, 5, 6});
    const Tensor seed = ints(context, {7, 8}), step = scalar(context, 3),
                 n = scalar(context, static_cast<int32_t>(samples));
    const OpAttributes attributes = Rule{1.0, 50, 1.0, {0}}.attributes();
    const OpRun all(context, sample_tokens_operator(), attributes, {logits, keys, seed, step, n});
    for (size_t b = 0; b < 3; ++b) {
      const Tensor part = rows_of(context, logits, b * samples, (b + 1) * samples);
      const Tensor key = rows_of(context, keys, b, b + 1);
      const OpRun alone(context, sample_tokens_operator(), attributes, {part, key, seed, step, n});
      EXPECT_TRUE(same_bytes(rows_of(context, all.out(0), b * samples, (b + 1) * samples), alone.out(0)));
    }
  });
}

// 20000 draws; chi-square with 9 degrees of freedom exceeds 55 with a probability of about 1e-8.
TEST(sample_tokens_frequencies) {
  with_context([](const Context& context) {
    const size_t vocabulary = 13, draws = 20000;
    Random random(35);
    const Tensor row = random_floats(context, random, 1, vocabulary);
    const OpRun repeated(context, sampling_distribution_operator(), Rule{0.9, 10, 1.0, {2}}.attributes(), {row});
    Tensor logits(context.buffers, DType::kFloat32, draws, vocabulary);
    for (size_t r = 0; r < draws; ++r) std::memcpy(logits.data<float>() + r * vocabulary, row.raw(), row.bytes());
    const Tensor keys = tensor_of<int32_t>(context, 1, 2, {11, 12}), seed = ints(context, {1, 0});
    const Tensor step = scalar(context, 0), n = scalar(context, static_cast<int32_t>(draws));
    const OpRun run(context, sample_tokens_operator(), Rule{0.9, 10, 1.0, {2}}.attributes(),
                    {logits, keys, seed, step, n});
    std::vector<double> counts(vocabulary, 0.0);
    for (const int32_t id : values_of<int32_t>(run.out(0))) ++counts[static_cast<size_t>(id)];
    double chi_square = 0.0;
    for (size_t i = 0; i < vocabulary; ++i) {
      const double expected = static_cast<double>(repeated.f32(0, 0, i)) * static_cast<double>(draws);
      if (expected == 0.0) {
        EXPECT_EQ(counts[i], 0.0);
      } else {
        chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
      }
    }
    EXPECT_TRUE(chi_square < 55.0);
  });
}

TEST(sampling_errors) {
  with_context([](const Context& context) {
    const auto run = [&](const std::vector<float>& row, const Rule& rule) {
      const Tensor logits = floats(context, 1, row.size(), row);
      OpRun(context, sampling_distribution_operator(), rule.attributes(), {logits});
    };
    for (const double top_k : {0.0, 1.0, 2.0}) {
      EXPECT_ERROR(
          [&] {
            run({1, 2, kNaN, 4}, {1.0, top_k, 1.0, {}});
          },
          "ERR_BAD_DATA", "sampling_distribution: logits: expected finite numbers, got NaN in row 0");
      EXPECT_ERROR([&] { run({1, kInfinity, 3, 4}, {1.0, top_k, 1.0, {}}); }, "ERR_BAD_DATA", "infinity");
      EXPECT_ERROR([&] { run({-kInfinity, -kInfinity, 1}, {1.0, top_k, 1.0, {2}}); }, "ERR_BAD_DATA", "none left");
    }
    run({1, kNaN, 3}, {1.0, 0, 1.0, {1}});  // forbidden ids may hold anything
    EXPECT_ERROR(
        [&] {
          run({1, 2}, {1.0, 0, 1.0, {2}});
        },
        "ERR_INVALID_ARGUMENT", "forbidden: expected ids below 2, got 2");
    EXPECT_ERROR([&] { run({1, 2}, {1.0, 0, 1.0, {0.5}}); }, "ERR_INVALID_ARGUMENT", "forbidden");
    for (const double temperature : {0.0, -1.0, 1e-60, HUGE_VAL, std::nan("")}) {
      EXPECT_ERROR([&] { run({1, 2}, {temperature, 0, 1.0, {}}); }, "ERR_INVALID_ARGUMENT", "temperature");
    }
    for (const double top_p : {0.0, 1.5, std::nan("")}) {
      EXPECT_ERROR([&] { run({1, 2}, {1.0, 0, top_p, {}}); }, "ERR_INVALID_ARGUMENT", "topP");
    }
    EXPECT_ERROR([&] { run({1, 2}, {1.0, -1, 1.0, {}}); }, "ERR_INVALID_ARGUMENT", "topK");
    const Tensor logits = floats(context, 2, 1, {1, 2}), keys = tensor_of<int32_t>(context, 1, 2, {1, 2});
    const Tensor seed = ints(context, {1, 2}), zero = scalar(context, 0), one = scalar(context, 1);
    EXPECT_ERROR(
        [&] {
          OpRun(context, sample_tokens_operator(), Rule().attributes(), {logits, keys, seed, zero, one});
        },
        "ERR_INVALID_SHAPE", "sample_tokens: keys");
    EXPECT_ERROR(
        [&] {
          OpRun(context, sample_tokens_operator(), Rule().attributes(), {logits, keys, seed, zero, zero});
        },
        "ERR_INVALID_ARGUMENT", "sample_tokens: numSamples");
  });
}

}  // namespace
}  // namespace tidemerge::testing
