#include "ops/rows.h"

#include "ops/embedding.h"
#include "ops/offsets.h"
#include "ops/op_run.h"

namespace tidemerge::testing {
namespace {

TEST(columns_copies_a_range) {
  with_context([](const Context& context) {
    const Tensor x = tensor_of<int32_t>(context, 2, 3, {1, 2, 3, 4, 5, 6});
    const auto range = [&](double from, double to) {
      return values_of<int32_t>(OpRun(context, columns_operator(), {{"from", from}, {"to", to}}, {x}).out(0));
    };
    EXPECT_TRUE((range(1, 3) == std::vector<int32_t>{2, 3, 5, 6}));
    EXPECT_TRUE((range(0, 1) == std::vector<int32_t>{1, 4}));
    EXPECT_TRUE(range(3, 3).empty());
    EXPECT_ERROR([&] { range(1, 4); }, "ERR_INVALID_SHAPE", "columns: x: expected at least 4 columns, got [2, 3]");
    EXPECT_ERROR([&] { range(2, 1); }, "ERR_INVALID_ARGUMENT", "columns: attribute to");
  });
}

TEST(row_moves_keep_every_bit) {
  with_context([](const Context& context) {
    Random random(21);
    for (const size_t cols : {1u, 3u, 129u}) {
      const size_t rows = 700;
      std::vector<double> bits(rows * cols);
      for (double& value : bits) {
        const uint64_t b = random.next_bits();
        std::memcpy(&value, &b, sizeof b);
      }
      const Tensor x = tensor_of(context, rows, cols, bits);
      std::vector<int32_t> index(1500);
      for (int32_t& i : index) i = static_cast<int32_t>(random.below(rows));
      const OpRun gathered(context, gather_rows_operator(), {}, {x, ints(context, index)});
      const OpRun repeated(context, repeat_rows_operator(), {}, {x, scalar(context, 3)});
      EXPECT_EQ(gathered.out(0).rows(), index.size());
      EXPECT_EQ(repeated.out(0).rows(), 3 * rows);
      const auto same_row = [&](const Tensor& out, size_t r, size_t from) {
        return std::memcmp(out.data<double>() + r * cols, x.data<double>() + from * cols, cols * 8) == 0;
      };
      for (size_t k = 0; k < index.size(); ++k)
        EXPECT_TRUE(same_row(gathered.out(0), k, static_cast<size_t>(index[k])));
      for (size_t r = 0; r < 3 * rows; ++r) EXPECT_TRUE(same_row(repeated.out(0), r, r / 3));
    }
    const Tensor x = floats(context, 2, 1, {1, 2});
    EXPECT_EQ(OpRun(context, repeat_rows_operator(), {}, {x, scalar(context, 0)}).out(0).rows(), 0u);
    EXPECT_ERROR(
        [&] {
          OpRun(context, repeat_rows_operator(), {}, {x, scalar(context, -1)});
        },
        "ERR_INVALID_ARGUMENT", "repeat_rows: count");
    EXPECT_ERROR(
        [&] {
          OpRun(context, repeat_rows_operator(), {}, {x, scalar(context, INT32_MAX)});
        },
        "ERR_INVALID_ARGUMENT", "repeat_rows: count: expected at most 2147483647 rows");
    for (const int32_t index : {-1, 2}) {
      EXPECT_ERROR(
          [&] {
            OpRun(context, gather_rows_operator(), {}, {x, ints(context, {0, index})});
          },
          "ERR_INVALID_ARGUMENT", "gather_rows: indices: expected rows below 2");
    }
  });
}

TEST(pad_rows_by_hand) {
  with_context([](const Context& context) {
    const Tensor x = floats(context, 3, 2, {1, 2, 3, 4, 5, 6});
    const Tensor offsets = ints(context, {0, 2, 2, 3}), positions = ints(context, {2, 0, 1});
    const OpRun run(context, pad_rows_operator(), {}, {x, offsets, positions, scalar(context, 3)});
    EXPECT_TRUE(
        (values_of<float>(run.out(0)) == std::vector<float>{3, 4, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 5, 6, 0, 0}));
    EXPECT_TRUE((values_of<uint8_t>(run.out(1)) == std::vector<uint8_t>{1, 0, 1, 0, 0, 0, 0, 1, 0}));
    EXPECT_ERROR(
        [&] {
          OpRun(context, pad_rows_operator(), {}, {x, offsets, positions, scalar(context, 2)});
        },
        "ERR_INVALID_ARGUMENT", "pad_rows: positions: expected positions below length 2, got 2 in row 0");
  });
}

TEST(write_column_replaces_one) {
  with_context([](const Context& context) {
    const Tensor target = tensor_of<int32_t>(context, 2, 3, {1, 2, 3, 4, 5, 6});
    const OpRun run(context, write_column_operator(), {}, {target, ints(context, {-1, -2}), scalar(context, 1)});
    EXPECT_TRUE((values_of<int32_t>(run.out(0)) == std::vector<int32_t>{1, -1, 3, 4, -2, 6}));
    EXPECT_ERROR(
        [&] {
          OpRun(context, write_column_operator(), {}, {target, ints(context, {1, 2}), scalar(context, 3)});
        },
        "ERR_INVALID_ARGUMENT", "write_column: index: expected a column below 3, got 3");
    const Tensor wrong = floats(context, 2, 1, {1, 2});
    EXPECT_ERROR(
        [&] {
          OpRun(context, write_column_operator(), {}, {target, wrong, scalar(context, 0)});
        },
        "ERR_INVALID_DTYPE", "write_column: values");
    const Tensor bytes = tensor_of<uint8_t>(context, 1, 1, {1});
    EXPECT_ERROR(
        [&] {
          OpRun(context, write_column_operator(), {}, {bytes, bytes, scalar(context, 0)});
        },
        "ERR_INVALID_DTYPE", "write_column: target");
  });
}

TEST(values_sized_by_a_batch) {
  with_context([](const Context& context) {
    const Tensor offsets = ints(context, {0, 5, 5}), three = scalar(context, 3), two = scalar(context, 2);
    const OpRun uniform(context, uniform_offsets_operator(), {}, {offsets, three});
    EXPECT_TRUE((values_of<int32_t>(uniform.out(0)) == std::vector<int32_t>{0, 3, 6}));
    const OpRun ids(context, fill_ids_operator(), {{"value", -7.0}}, {offsets, three});
    EXPECT_TRUE((values_of<int32_t>(ids.out(0)) == std::vector<int32_t>(6, -7)));
    const OpRun zeros(context, zeros_operator(), {{"dtype", std::string("float32")}}, {offsets, three, two});
    EXPECT_TRUE((values_of<float>(zeros.out(0)) == std::vector<float>(12, 0.0f)));
    EXPECT_EQ(zeros.out(0).rows(), 6u);
    const OpRun integers(context, zeros_operator(), {{"dtype", std::string("int32")}}, {offsets, three, two});
    EXPECT_TRUE((values_of<int32_t>(integers.out(0)) == std::vector<int32_t>(12, 0)));
    const Tensor none = ints(context, {});
    EXPECT_ERROR(
        [&] {
          OpRun(context, uniform_offsets_operator(), {}, {none, three});
        },
        "ERR_INVALID_SHAPE", "uniform_offsets: offsets");
    EXPECT_ERROR(
        [&] {
          OpRun(context, zeros_operator(), {{"dtype", std::string("uint8")}}, {offsets, three, two});
        },
        "ERR_INVALID_ARGUMENT", "zeros: attribute dtype");
    EXPECT_ERROR(
        [&] {
          OpRun(context, fill_ids_operator(), {{"value", 0.0}}, {offsets, scalar(context, INT32_MAX)});
        },
        "ERR_INVALID_ARGUMENT", "fill_ids: count");
  });
}

TEST(embedding_looks_rows_up) {
  with_context([](const Context& context) {
    Random random(22);
    const size_t rows = 50, cols = 77;
    std::vector<uint16_t> bits(rows * cols);
    for (uint16_t& b : bits) b = static_cast<uint16_t>(random.next_bits() & 0xbfff);  // finite
    std::vector<float> widened;
    for (const uint16_t b : bits) {
      const uint32_t wide = static_cast<uint32_t>(b) << 16;
      float value;
      std::memcpy(&value, &wide, sizeof value);
      widened.push_back(value);
    }
    const Weight narrow(context, "t", WeightKind::kTable, WeightType::kBf16, rows, cols, nullptr, bits.data());
    const Weight wide(context, "t", WeightKind::kTable, WeightType::kF32, rows, cols, widened.data(), nullptr);
    std::vector<int32_t> index(600);
    for (int32_t& i : index) i = static_cast<int32_t>(random.below(rows));
    const Tensor ids = ints(context, index);
    const OpRun from_narrow(context, embedding_operator(), {}, {ids, narrow});
    const OpRun from_wide(context, embedding_operator(), {}, {ids, wide});
    EXPECT_TRUE(same_bytes(from_narrow.out(0), from_wide.out(0)));
    for (size_t r = 0; r < index.size(); ++r) {
      const float* expected = widened.data() + static_cast<size_t>(index[r]) * cols;
      EXPECT_TRUE(std::memcmp(from_wide.out(0).data<float>() + r * cols, expected, cols * 4) == 0);
    }
    for (const int32_t id : {-1, 50}) {
      EXPECT_ERROR(
          [&] {
            OpRun(context, embedding_operator(), {}, {ints(context, {0, id}), wide});
          },
          "ERR_INVALID_ARGUMENT", "embedding: ids: expected ids below 50");
    }
  });
}

}  // namespace
}  // namespace tidemerge::testing
