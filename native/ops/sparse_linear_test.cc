#include "ops/sparse_linear.h"

#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

OpAttributes with(const char* activations, const char* activation = "none") {
  return {{"activation", std::string(activation)}, {"activations", std::string(activations)}};
}

Weight sparse_weight(const Context& context, Random& random, size_t n, size_t k, float alpha) {
  std::vector<float> entries(n * k);
  for (float& entry : entries) {
    const size_t draw = random.below(6);
    entry = draw == 0 ? alpha : draw == 1 ? -alpha : 0.0f;
  }
  return Weight(context, "w", WeightKind::kSparseBinary, WeightType::kF32, n, k, entries.data(), nullptr);
}

// Whole numbers, the largest of which is 127 in every row: all ways to compute them are exact.
TEST(sparse_linear_is_exact_on_integers_whatever_the_threads) {
  for_each_context([](const Context& context) {
    Random random(5);
    for (const auto& [m, n, k] : {std::array<size_t, 3>{1, 9, 40}, {7, 300, 500}, {300, 70, 130}, {700, 5, 64}}) {
      TRACE("m %zu, n %zu, k %zu", m, n, k);
      const Weight weight = sparse_weight(context, random, n, k, 0.5f);
      Tensor x(context.buffers, DType::kFloat32, m, k), residual(context.buffers, DType::kFloat32, m, n);
      for (size_t i = 0; i < x.count(); ++i) {
        x.data<float>()[i] = i % k == 0 ? -127.0f : static_cast<float>(static_cast<int>(random.below(255)) - 127);
      }
      for (size_t i = 0; i < residual.count(); ++i) residual.data<float>()[i] = static_cast<float>(random.below(9));
      const SparseBinaryWeights& w = weight.sparse().weights();
      for (const char* activations : {"float32", "int8"}) {
        const OpRun run(context, sparse_linear_operator(), with(activations, "relu"), {x, weight, absent(), residual});
        for (size_t i = 0; i < m; ++i) {
          for (size_t j = 0; j < n; ++j) {
            double sum = 0;
            for (uint32_t e = w.starts[2 * j]; e < w.starts[2 * j + 2]; ++e) {
              const double value = x.data<float>()[i * k + w.inputs[e]];
              sum += e < w.starts[2 * j + 1] ? value : -value;
            }
            EXPECT_EQ(run.f32(0, i, j), std::fmax(0.5 * sum, 0.0) + residual.data<float>()[i * n + j]);
          }
        }
      }
    }
  });
}

TEST(sparse_linear_refuses) {
  with_context([](const Context& context) {
    Random random(6);
    const Weight weight = sparse_weight(context, random, 4, 3, 1.0f);
    const Weight dense(context, "w", WeightKind::kMatrix, WeightType::kF32, 1, 1, std::vector<float>(1).data(),
                       nullptr);
    const Tensor x = random_floats(context, random, 2, 3), wrong = random_floats(context, random, 2, 4);
    const auto run = [&](const OpAttributes& attributes, const std::vector<OpInput>& inputs) {
      return [&context, attributes, inputs] { OpRun(context, sparse_linear_operator(), attributes, inputs); };
    };
    EXPECT_ERROR(run(with("float32"), {wrong, weight}), "ERR_INVALID_SHAPE", "sparse_linear: x");
    EXPECT_ERROR(run(with("int8"), {x, weight, wrong}), "ERR_INVALID_SHAPE", "sparse_linear: bias");
    EXPECT_ERROR(run(with("int8"), {x, weight, absent(), x}), "ERR_INVALID_SHAPE", "sparse_linear: residual");
    EXPECT_ERROR(run(with("float32"), {x, dense}), "ERR_INVALID_ARGUMENT", "weight");
    EXPECT_ERROR(run(with("int16"), {x, weight}), "ERR_INVALID_ARGUMENT", "attribute activations");
    EXPECT_ERROR(run(with("int8", "gelu"), {x, weight}), "ERR_INVALID_ARGUMENT", "attribute activation");
  });
}

}  // namespace
}  // namespace tidemerge::testing
