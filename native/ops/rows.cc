#include "ops/rows.h"

#include <algorithm>
#include <cstring>

#include "ops/checks.h"
#include "ops/create.h"
#include "ops/split.h"

namespace tidemerge {
namespace {

size_t row_bytes(const Tensor& tensor) { return tensor.cols() * size_of(tensor.dtype()); }
const std::byte* row(const Tensor& tensor, size_t r) {
  return static_cast<const std::byte*>(tensor.raw()) + r * row_bytes(tensor);
}
std::byte* row(Tensor& tensor, size_t r) { return static_cast<std::byte*>(tensor.raw()) + r * row_bytes(tensor); }

class Columns final : public Operator {
 public:
  explicit Columns(const Attributes& attributes)
      : from_(static_cast<size_t>(attributes.integer_in("from", 0, INT32_MAX))),
        to_(static_cast<size_t>(attributes.integer_in("to", static_cast<int64_t>(from_), INT32_MAX))) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x");
    expect_columns_up_to(call, x, "x", to_);
    Tensor& out = call.output(0, x.dtype(), x.rows(), to_ - from_);
    const size_t bytes = row_bytes(out);
    if (bytes == 0) return;
    const size_t first = from_ * size_of(x.dtype());
    for_ranges(call, x.rows(), bytes / 4, [&](size_t begin, size_t end, int) {
      for (size_t r = begin; r < end; ++r) std::memcpy(row(out, r), row(x, r) + first, bytes);
    });
  }

 private:
  size_t from_;
  size_t to_;
};

class GatherRows final : public Operator {
 public:
  explicit GatherRows(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x");
    const Tensor& indices = call.input(1, "indices", DType::kInt32);
    expect_columns(call, indices, "indices", 1);
    const int32_t* index = indices.data<int32_t>();
    for (size_t k = 0; k < indices.rows(); ++k) {
      if (index[k] < 0 || static_cast<size_t>(index[k]) >= x.rows()) {
        call.argument_error("indices", "rows below " + std::to_string(x.rows()),
                            std::to_string(index[k]) + " in row " + std::to_string(k));
      }
    }
    Tensor& out = call.output(0, x.dtype(), indices.rows(), x.cols());
    const size_t bytes = row_bytes(x);
    if (bytes == 0) return;
    for_ranges(call, indices.rows(), bytes / 4, [&](size_t begin, size_t end, int) {
      for (size_t k = begin; k < end; ++k) std::memcpy(row(out, k), row(x, static_cast<size_t>(index[k])), bytes);
    });
  }
};

class RepeatRows final : public Operator {
 public:
  explicit RepeatRows(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x");
    const size_t count = static_cast<size_t>(call.scalar(1, "count", 0));
    expect_int32(call, "count", x.rows() * count);
    Tensor& out = call.output(0, x.dtype(), x.rows() * count, x.cols());
    const size_t bytes = row_bytes(x);
    if (bytes == 0) return;
    for_ranges(call, out.rows(), bytes / 4, [&](size_t begin, size_t end, int) {
      for (size_t r = begin; r < end; ++r) std::memcpy(row(out, r), row(x, r / count), bytes);
    });
  }
};

class PadRows final : public Operator {
 public:
  explicit PadRows(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& x = call.input(0, "x", DType::kFloat32);
    size_t batch = 0;
    const int32_t* offsets = call.offsets(1, "offsets", x.rows(), batch);
    const int32_t* positions = call.input(2, "positions", DType::kInt32, x.rows(), 1).data<int32_t>();
    const size_t length = static_cast<size_t>(call.scalar(3, "length", 0));
    for (size_t r = 0; r < x.rows(); ++r) {
      if (positions[r] < 0 || static_cast<size_t>(positions[r]) >= length) {
        call.argument_error("positions", "positions below length " + std::to_string(length),
                            std::to_string(positions[r]) + " in row " + std::to_string(r));
      }
    }
    expect_int32(call, "length", batch * length);
    Tensor& out = call.output(0, DType::kFloat32, batch * length, x.cols());
    Tensor& mask = call.output(1, DType::kUint8, batch * length, 1);
    const size_t bytes = row_bytes(x);
    for_each_index(call, batch, length * (x.cols() + 1), [&](size_t b, int) {
      std::memset(row(mask, b * length), 0, length);
      std::memset(row(out, b * length), 0, length * bytes);
      for (size_t r = static_cast<size_t>(offsets[b]); r < static_cast<size_t>(offsets[b + 1]); ++r) {
        const size_t place = b * length + static_cast<size_t>(positions[r]);
        mask.data<uint8_t>()[place] = 1;
        std::memcpy(row(out, place), row(x, r), bytes);
      }
    });
  }
};

class WriteColumn final : public Operator {
 public:
  explicit WriteColumn(const Attributes&) {}

  void run(Call& call) const override {
    const Tensor& target = call.input(0, "target");
    const Tensor& values = call.input(1, "values", target.dtype(), target.rows(), 1);
    const size_t index = static_cast<size_t>(call.scalar(2, "index", 0));
    if (index >= target.cols()) {
      call.argument_error("index", "a column below " + std::to_string(target.cols()), std::to_string(index));
    }
    if (size_of(target.dtype()) != 4) {
      throw Error(error_code::kInvalidDType,
                  std::string("write_column: target: expected float32 or int32, got ") + name_of(target.dtype()));
    }
    Tensor& out = call.output_copy_of(0, 0);
    const std::byte* from = static_cast<const std::byte*>(values.raw());
    for (size_t r = 0; r < out.rows(); ++r) std::memcpy(row(out, r) + index * 4, from + r * 4, 4);
  }
};

class Zeros final : public Operator {
 public:
  explicit Zeros(const Attributes& attributes)
      : dtype_(attributes.choice("dtype", {"float32", "int32"}) == 0 ? DType::kFloat32 : DType::kInt32) {}

  void run(Call& call) const override {
    const Tensor& offsets = call.input(0, "offsets", DType::kInt32);
    if (offsets.rows() == 0 || offsets.cols() != 1)
      call.shape_error("offsets", "shape [batch + 1, 1]", shape_text(offsets));
    const size_t count = static_cast<size_t>(call.scalar(1, "count", 0));
    const size_t columns = static_cast<size_t>(call.scalar(2, "columns", 0));
    const size_t rows = (offsets.rows() - 1) * count;
    expect_int32(call, "count", rows);
    Tensor& out = call.output(0, dtype_, rows, columns);
    std::memset(out.raw(), 0, out.bytes());
  }

 private:
  DType dtype_;
};

}  // namespace

const OperatorInfo& columns_operator() {
  static const OperatorInfo info{"columns", 1, 1, 1, create<Columns>};
  return info;
}

const OperatorInfo& gather_rows_operator() {
  static const OperatorInfo info{"gather_rows", 2, 2, 1, create<GatherRows>};
  return info;
}

const OperatorInfo& repeat_rows_operator() {
  static const OperatorInfo info{"repeat_rows", 2, 2, 1, create<RepeatRows>};
  return info;
}

const OperatorInfo& pad_rows_operator() {
  static const OperatorInfo info{"pad_rows", 4, 4, 2, create<PadRows>};
  return info;
}

const OperatorInfo& write_column_operator() {
  static const OperatorInfo info{"write_column", 3, 3, 1, create<WriteColumn>};
  return info;
}

const OperatorInfo& zeros_operator() {
  static const OperatorInfo info{"zeros", 3, 3, 1, create<Zeros>};
  return info;
}

}  // namespace tidemerge
