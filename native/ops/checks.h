#pragma once

// Shape checks that several operators share. All throw `<op>: <input>: expected …, got …`.

#include "ops/operator.h"

namespace tidemerge {

// Exactly `cols` columns, any number of rows.
inline void expect_columns(const Call& call, const Tensor& tensor, const char* name, size_t cols) {
  if (tensor.cols() != cols) {
    call.shape_error(name, "shape [*, " + std::to_string(cols) + "]", shape_text(tensor));
  }
}

// At least `end` columns: operators that read a range of columns [begin, end) of a wider matrix.
inline void expect_columns_up_to(const Call& call, const Tensor& tensor, const char* name, size_t end) {
  if (tensor.cols() < end) {
    call.shape_error(name, "at least " + std::to_string(end) + " columns", shape_text(tensor));
  }
}

// A float32 vector of `count` numbers, lying or standing: a weight [C] may be stored either way.
inline const float* vector_input(const Call& call, size_t i, const char* name, size_t count) {
  const Tensor& tensor = call.input(i, name, DType::kFloat32);
  if (tensor.count() != count || (tensor.rows() != 1 && tensor.cols() != 1)) {
    call.shape_error(name, "shape " + shape_text(count, 1), shape_text(tensor));
  }
  return tensor.data<float>();
}

// Like vector_input, for an optional input: null when absent.
inline const float* optional_vector_input(const Call& call, size_t i, const char* name, size_t count) {
  return call.has(i) ? vector_input(call, i, name, count) : nullptr;
}

// float32 or float64 [N, 1]: the values users give, and lists of quantile levels.
inline const Tensor& real_column(const Call& call, size_t i, const char* name) {
  const Tensor& tensor = call.input(i, name);
  if (tensor.dtype() != DType::kFloat32 && tensor.dtype() != DType::kFloat64) {
    throw Error(error_code::kInvalidDType,
                std::string(call.op()) + ": " + name + ": expected float32 or float64, got " + name_of(tensor.dtype()));
  }
  expect_columns(call, tensor, name, 1);
  return tensor;
}

// Calls fn with a `const float*` or `const double*` to the numbers of a real_column.
template <typename F>
decltype(auto) with_reals(const Tensor& tensor, const F& fn) {
  return tensor.dtype() == DType::kFloat64 ? fn(tensor.data<double>()) : fn(tensor.data<float>());
}

// Row counts reach JavaScript and other operators as int32: larger results are refused before memory is asked for.
inline void expect_int32(const Call& call, const char* name, size_t rows) {
  if (rows > static_cast<size_t>(INT32_MAX)) {
    call.argument_error(name, "at most 2147483647 rows in the result", std::to_string(rows));
  }
}

}  // namespace tidemerge
