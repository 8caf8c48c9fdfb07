#include "ops/sparse_chain.h"

#include "ops/op_run.h"
#include "ops/sparse_linear.h"

namespace tidemerge::testing {
namespace {

OpAttributes with(std::vector<double> relus, std::vector<double> residuals, const char* activations = "float32") {
  return {{"activations", std::string(activations)}, {"relus", std::move(relus)}, {"residuals", std::move(residuals)}};
}

Weight sparse_weight(const Context& context, Random& random, size_t n, size_t k) {
  std::vector<float> entries(n * k);
  for (float& entry : entries) {
    const size_t draw = random.below(6);
    entry = draw == 0 ? 0.25f : draw == 1 ? -0.25f : 0.0f;
  }
  return Weight(context, "w", WeightKind::kSparseBinary, WeightType::kF32, n, k, entries.data(), nullptr);
}

TEST(sparse_chain_has_the_bits_of_its_products) {
  for_each_context([](const Context& context) {
    Random random(3);
    for (const size_t rows : {size_t{1}, size_t{37}, size_t{300}, size_t{1500}}) {
      const size_t d = 50, f = 130;
      const Weight v = sparse_weight(context, random, d, d), expand = sparse_weight(context, random, f, d),
                   contract = sparse_weight(context, random, d, f);
      const Tensor x = random_floats(context, random, rows, d), bias = random_floats(context, random, d, 1);
      for (const char* activations : {"float32", "int8"}) {
        TRACE("%zu rows, %s", rows, activations);
        const auto product = [&](const char* activation, const std::vector<OpInput>& inputs) {
          const OpAttributes attributes = {{"activation", std::string(activation)},
                                           {"activations", std::string(activations)}};
          return OpRun(context, sparse_linear_operator(), attributes, inputs);
        };
        const OpRun first = product("none", {x, v, bias, x});
        const OpRun second = product("relu", {first.out(0), expand});
        const OpRun third = product("none", {second.out(0), contract, absent(), first.out(0)});
        const OpRun chain(context, sparse_chain_operator(), with({0, 1, 0}, {0, -1, 1}, activations),
                          {x, v, bias, expand, absent(), contract});
        EXPECT_TRUE(same_bytes(chain.out(0), third.out(0)));
      }
    }
  });
}

TEST(sparse_chain_refuses) {
  with_context([](const Context& context) {
    Random random(6);
    const Weight weight = sparse_weight(context, random, 4, 3);
    const Tensor x = random_floats(context, random, 2, 3), wrong = random_floats(context, random, 2, 4);
    const auto run = [&](const OpAttributes& attributes, const std::vector<OpInput>& inputs) {
      return [&context, attributes, inputs] { OpRun(context, sparse_chain_operator(), attributes, inputs); };
    };
    EXPECT_ERROR(run(with({0}, {-1}), {wrong, weight}), "ERR_INVALID_SHAPE", "sparse_chain: weight 1");
    EXPECT_ERROR(run(with({0, 0}, {-1, -1}), {x, weight, absent(), weight}), "ERR_INVALID_SHAPE", "weight 2");
    EXPECT_ERROR(run(with({0}, {0}), {x, weight}), "ERR_INVALID_SHAPE", "residual 1");
    EXPECT_ERROR(run(with({0}, {-1}), {x, weight, wrong}), "ERR_INVALID_SHAPE", "bias 1");
    EXPECT_ERROR(run(with({0, 0}, {-1, -1}), {x, weight}), "ERR_INVALID_ARGUMENT", "weight 2");
    EXPECT_ERROR(run(with({0}, {1}), {x, weight}), "ERR_INVALID_ARGUMENT", "attribute residuals");
    EXPECT_ERROR(run(with({0}, {-2}), {x, weight}), "ERR_INVALID_ARGUMENT", "attribute residuals");
    EXPECT_ERROR(run(with({0}, {0.5}), {x, weight}), "ERR_INVALID_ARGUMENT", "attribute residuals");
    EXPECT_ERROR(run(with({2}, {-1}), {x, weight}), "ERR_INVALID_ARGUMENT", "attribute relus");
    EXPECT_ERROR(run(with({}, {}), {x, weight}), "ERR_INVALID_ARGUMENT", "attribute relus");
    EXPECT_ERROR(run(with({0}, {}), {x, weight}), "ERR_INVALID_ARGUMENT", "attribute residuals");
  });
}

}  // namespace
}  // namespace tidemerge::testing
