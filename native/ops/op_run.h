#pragma once

// For the tests of operators: runs one operator on tensors, weights and states, without a program around it.
//
//   for_each_context([](const Context& context) {             // every set, with 1 and with 3 threads
//     const Tensor x = floats(context, 2, 3, {…});
//     OpRun run(context, linear_operator(), {{"activation", std::string("relu")}}, {x, weight, absent()});
//     run.out(0)…
//   });
//
// Every run checks that the operator left its inputs alone and wrote all of its outputs, and computes a second time
// with in-place outputs allowed and with 2 threads, which must give the same bytes.

#include <cmath>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "ops/operator.h"
#include "testing/test.h"

namespace tidemerge::testing {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::kFloat32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::kFloat64;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::kInt32;
}
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::kUint8;
}

template <typename T>
Tensor tensor_of(const Context& context, size_t rows, size_t cols, const std::vector<T>& values) {
  Tensor tensor(context.buffers, dtype_of<T>(), rows, cols);
  EXPECT_EQ(values.size(), tensor.count());
  if (values.size() == tensor.count() && !values.empty()) std::memcpy(tensor.raw(), values.data(), tensor.bytes());
  return tensor;
}
inline Tensor floats(const Context& context, size_t rows, size_t cols, const std::vector<float>& values) {
  return tensor_of(context, rows, cols, values);
}
inline Tensor ints(const Context& context, const std::vector<int32_t>& values) {
  return tensor_of(context, values.size(), 1, values);
}
inline Tensor scalar(const Context& context, int32_t value) { return ints(context, {value}); }

Tensor copy_of(const Context& context, const Tensor& tensor);
// Rows [begin, end).
Tensor rows_of(const Context& context, const Tensor& tensor, size_t begin, size_t end);
Tensor random_floats(const Context& context, Random& random, size_t rows, size_t cols);
bool same_bytes(const Tensor& a, const Tensor& b);

template <typename T>
std::vector<T> values_of(const Tensor& tensor) {
  EXPECT_TRUE(tensor.dtype() == dtype_of<T>());
  return std::vector<T>(tensor.data<T>(), tensor.data<T>() + tensor.count());
}

struct OpInput {
  OpInput(const Tensor& t) : tensor(&t) {}  // NOLINT: lists of inputs read as such
  OpInput(const Weight& w) : weight(&w) {}  // NOLINT
  OpInput(State& s) : state(&s) {}          // NOLINT
  OpInput() = default;

  const Tensor* tensor = nullptr;
  const Weight* weight = nullptr;
  State* state = nullptr;
};
inline OpInput absent() { return OpInput(); }

using OpAttributes = std::vector<std::pair<std::string, Attributes::Value>>;

class OpRun {
 public:
  OpRun(const Context& context, const OperatorInfo& info, const OpAttributes& attributes,
        const std::vector<OpInput>& inputs);

  const Tensor& out(size_t i) const { return outputs_[i]; }
  float f32(size_t i, size_t row, size_t col) const {
    return outputs_[i].data<float>()[row * outputs_[i].cols() + col];
  }

 private:
  std::vector<Tensor> outputs_;
};

// Runs `check` with contexts of every tested set, each with 1 and with 3 threads.
void for_each_context(const std::function<void(const Context&)>& check);

// One context of the first set: for operators that use no kernels.
void with_context(const std::function<void(const Context&)>& check);

// `code` and a part of the message of the Error that fn must throw.
void expect_error(const std::function<void()>& fn, const char* code, const char* part, const char* file, int line);
#define EXPECT_ERROR(fn, code, part) ::tidemerge::testing::expect_error(fn, code, part, __FILE__, __LINE__)

}  // namespace tidemerge::testing
