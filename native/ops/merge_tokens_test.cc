#include "ops/merge_tokens.h"

#include <algorithm>
#include <cmath>

#include "ops/merge_links.h"
#include "ops/merge_maps.h"
#include "ops/op_run.h"
#include "ops/select_links.h"

namespace tidemerge::testing {
namespace {

OpAttributes attributes(const char* rule, double amount, double k) {
  return {{"rule", std::string(rule)},
          {"amount", amount},
          {"k", k},
          {"minTokens", 1.0},
          {"common", false},
          {"keep", std::string("similar")},
          {"similarity", std::string("cosine")},
          {"weighted", true}};
}

TEST(select_links_is_a_sort) {
  Random random(17);
  for (const size_t pairs : {1u, 2u, 100u, 5000u}) {
    for (int kind = 0; kind < 3; ++kind) {
      std::vector<float> best(pairs);
      for (float& value : best) {
        if (kind == 0) value = static_cast<float>(random.below(7)) - 3.0f;  // ties, and -0 beside 0
        if (kind == 0 && value == 0.0f && random.below(2) == 0) value = -0.0f;
        if (kind != 0) random.fill_normal(&value, 1, kind == 1 ? 1.0f : 1e30f);
        if (random.below(5) == 0) value = -kInfinity;
      }
      const auto linked =
          static_cast<size_t>(std::count_if(best.begin(), best.end(), [](float value) { return value != -kInfinity; }));
      std::vector<int32_t> expected;
      for (size_t i = 0; i < pairs; ++i) {
        if (best[i] != -kInfinity) expected.push_back(static_cast<int32_t>(i));
      }
      std::stable_sort(expected.begin(), expected.end(), [&](int32_t a, int32_t b) {
        return best[static_cast<size_t>(a)] > best[static_cast<size_t>(b)];
      });
      for (const size_t count : {size_t{0}, size_t{1}, linked / 3, linked}) {
        if (count > linked) continue;
        const std::vector<int32_t> wanted(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(count));
        EXPECT_TRUE(most_similar_links(best.data(), pairs, count) == wanted);
      }
      std::vector<int32_t> early = earliest_links(best.data(), pairs, 0.5, 10);
      EXPECT_TRUE(std::is_sorted(early.begin(), early.end(), [&](int32_t a, int32_t b) {
        return best[static_cast<size_t>(a)] > best[static_cast<size_t>(b)];
      }));
      std::sort(early.begin(), early.end());
      size_t at = 0;
      for (size_t i = 0; i < pairs && at < 10; ++i) {
        if (!(best[i] > 0.5f)) continue;
        EXPECT_TRUE(at < early.size() && early[at] == static_cast<int32_t>(i));
        ++at;
      }
      EXPECT_EQ(early.size(), at);
    }
  }
}

// floor(t/2) + (k - 1)(t - k) similarities, whatever path computes them; and never a matrix of t x t.
TEST(merge_links_computes_no_more_than_the_band) {
  for_each_context([](const Context& context) {
    Random random(3);
    for (const size_t tokens : {2u, 9u, 40u, 301u}) {
      const Tensor x = random_floats(context, random, tokens, 33);
      const std::vector<int32_t> offsets = {0, static_cast<int32_t>(tokens)};
      for (const size_t k : {size_t{1}, size_t{2}, size_t{5}, tokens / 2, size_t{0}}) {
        for (const char* similarity : {"cosine", "l2"}) {
          class Probe final : public Operator {
           public:
            Probe(const MergeRule& rule, const int32_t* offsets) : rule_(rule), offsets_(offsets) {}
            void run(Call& call) const override {
              const Tensor& x = call.input(0, "x", DType::kFloat32);
              const MergeTokensView view{x.data<float>(), x.cols(), nullptr, offsets_, 1};
              MergeLinks links{first_pairs(view), nullptr, nullptr};
              links.best = call.output(0, DType::kFloat32, links.first[1], 1).data<float>();
              links.choice = call.output(1, DType::kInt32, links.first[1], 1).data<int32_t>();
              const size_t t = view.tokens(0) / 2 * 2, reach = rule_.k == 0 ? t / 2 : std::min(rule_.k, t / 2);
              EXPECT_EQ(find_links(call, view, rule_, links), t / 2 + (reach - 1) * (t - reach));
            }

           private:
            const MergeRule& rule_;
            const int32_t* offsets_;
          };
          Attributes all("merge_tokens");
          for (const auto& [name, value] : attributes("r", 1, static_cast<double>(k))) all.set(name, value);
          all.set("similarity", std::string(similarity));
          static const MergeRule* rule;
          static const int32_t* where;
          const MergeRule own(all);
          rule = &own;
          where = offsets.data();
          const OperatorInfo info{"merge_tokens", 1, 1, 2, [](const Attributes&) -> std::unique_ptr<Operator> {
                                    return std::make_unique<Probe>(*rule, where);
                                  }};
          OpRun(context, info, {}, {x});
        }
      }
    }
  });
}

TEST(merge_tokens_by_hand) {
  for_each_context([](const Context& context) {
    // Two series: of the first the pair (2, 3) merges, of the second the only pair; the fifth token is left alone.
    const Tensor x = floats(context, 7, 2, {1, 0, 0, 1, 2, 0, 4, 0, 7, 7, 1, 1, 3, 3});
    const Tensor offsets = ints(context, {0, 5, 7});
    const Tensor sizes = floats(context, 7, 1, {1, 1, 3, 1, 1, 1, 1});
    const OpRun run(context, merge_tokens_operator(), attributes("r", 1, 1), {x, offsets, sizes});
    EXPECT_TRUE((values_of<float>(run.out(0)) == std::vector<float>{1, 0, 0, 1, 2.5, 0, 7, 7, 2, 2}));
    EXPECT_TRUE((values_of<float>(run.out(1)) == std::vector<float>{1, 1, 4, 1, 2}));
    EXPECT_TRUE((values_of<int32_t>(run.out(2)) == std::vector<int32_t>{0, 4, 5}));
    EXPECT_TRUE((values_of<int32_t>(run.out(3)) == std::vector<int32_t>{0, 1, 2, 2, 3, 0, 0}));
    EXPECT_TRUE((values_of<uint8_t>(run.out(4)) == std::vector<uint8_t>{1, 1, 1, 1, 1}));
    EXPECT_TRUE((values_of<int32_t>(run.out(7)) == std::vector<int32_t>{0, 1, 0}));
    EXPECT_TRUE((values_of<int32_t>(run.out(8)) == std::vector<int32_t>{1, 1, 0, 0}));
    for (const double wrong : {-1.0, 0.5}) {
      EXPECT_ERROR(
          [&] {
            OpRun(context, merge_tokens_operator(), attributes("r", wrong, 1), {x, offsets});
          },
          "ERR_INVALID_ARGUMENT", "merge_tokens: attribute amount");
    }
    EXPECT_ERROR(
        [&] {
          OpRun(context, merge_tokens_operator(), attributes("ratio", 2, 1), {x, offsets});
        },
        "ERR_INVALID_ARGUMENT", "a ratio from 0 to 1");
    EXPECT_ERROR(
        [&] {
          OpRun(context, merge_tokens_operator(), attributes("r", 1, 1), {x, ints(context, {0, 6})});
        },
        "ERR_INVALID_ARGUMENT", "merge_tokens: offsets");
  });
}

// Large enough for several threads, column blocks and both kinds of tiles, and with many channels for stores past the
// caches; OpRun compares with other numbers of threads.
TEST(merge_tokens_of_long_series) {
  for_each_context([](const Context& context) {
    Random random(8);
    const Tensor offsets = ints(context, {0, 2299, 2299, 2600});
    for (const auto& [k, channels] : {std::pair{0.0, 40u}, {1.0, 40u}, {6.0, 40u}, {1.0, 540u}}) {
      const Tensor x = random_floats(context, random, 2600, channels);
      const OpRun run(context, merge_tokens_operator(), attributes("ratio", 0.25, k), {x, offsets});
      EXPECT_EQ(run.out(0).rows(), 2600u - 574u - 75u);
      float total = 0;
      for (const float size : values_of<float>(run.out(1))) total += size;
      EXPECT_EQ(total, 2600.0f);
      const OpRun back(context, unmerge_tokens_operator(), {}, {run.out(0), run.out(2), run.out(3), offsets});
      const OpRun mean(context, reduce_by_map_operator(), {{"reduce", std::string("mean")}}, {x, run.out(3), offsets});
      // A mean of m rows: m + 2 roundings of numbers below 8.
      for (size_t i = 0; i < mean.out(0).count(); ++i) {
        EXPECT_NEAR(mean.out(0).data<float>()[i], run.out(0).data<float>()[i], 40 * 0x1p-23 * 8.0);
      }
      EXPECT_EQ(back.out(0).rows(), 2600u);
    }
  });
}

}  // namespace
}  // namespace tidemerge::testing
