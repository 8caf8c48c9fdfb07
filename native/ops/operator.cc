#include "ops/operator.h"

#include <cmath>
#include <sstream>

namespace tidemerge {

namespace {

std::string text_of(double value) {
  std::ostringstream out;
  out.precision(17);
  out << value;
  return out.str();
}

std::string text_of(const Attributes::Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return text_of(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* string = std::get_if<std::string>(&value)) return "'" + *string + "'";
  return "a list";
}

}  // namespace

std::string shape_text(size_t rows, size_t cols) {
  return "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]";
}

// --- Attributes ------------------------------------------------------------------------------------------------

void Attributes::fail(const char* name, const std::string& expected, const std::string& got) const {
  throw Error(error_code::kInvalidArgument, op_ + ": attribute " + name + ": expected " + expected + ", got " + got);
}

const Attributes::Value* Attributes::find(const char* name) const {
  used_.insert(name);
  const auto entry = values_.find(name);
  return entry == values_.end() ? nullptr : &entry->second;
}

template <typename T>
const T& Attributes::typed(const char* name, const char* expected) const {
  const Value* value = find(name);
  if (value == nullptr) fail(name, expected, "nothing");
  const T* typed = std::get_if<T>(value);
  if (typed == nullptr) fail(name, expected, text_of(*value));
  return *typed;
}

double Attributes::number(const char* name) const { return typed<double>(name, "a number"); }

double Attributes::number(const char* name, double fallback) const {
  return has(name) ? number(name) : absent(name, fallback);
}

int64_t Attributes::integer(const char* name) const {
  constexpr double kLargest = 9007199254740992.0;  // 2^53: the doubles in between are not all integers any more
  const double value = typed<double>(name, "an integer");
  if (!(std::fabs(value) <= kLargest) || value != std::floor(value)) fail(name, "an integer", text_of(value));
  return static_cast<int64_t>(value);
}

int64_t Attributes::integer(const char* name, int64_t fallback) const {
  return has(name) ? integer(name) : absent(name, fallback);
}

int64_t Attributes::integer_in(const char* name, int64_t low, int64_t high) const {
  const int64_t value = integer(name);
  if (value < low || value > high) {
    fail(name, "an integer from " + std::to_string(low) + " to " + std::to_string(high), std::to_string(value));
  }
  return value;
}

int64_t Attributes::integer_in(const char* name, int64_t low, int64_t high, int64_t fallback) const {
  return has(name) ? integer_in(name, low, high) : absent(name, fallback);
}

bool Attributes::boolean(const char* name) const { return typed<bool>(name, "a boolean"); }

bool Attributes::boolean(const char* name, bool fallback) const {
  return has(name) ? boolean(name) : absent(name, fallback);
}

const std::string& Attributes::string(const char* name) const { return typed<std::string>(name, "a string"); }

size_t Attributes::choice(const char* name, std::initializer_list<const char*> choices) const {
  std::string expected;
  for (const char* choice : choices) expected += std::string(expected.empty() ? "one of '" : ", '") + choice + "'";
  const std::string& value = typed<std::string>(name, expected.c_str());
  size_t place = 0;
  for (const char* choice : choices) {
    if (value == choice) return place;
    ++place;
  }
  fail(name, expected, "'" + value + "'");
}

size_t Attributes::choice(const char* name, std::initializer_list<const char*> choices, size_t fallback) const {
  return has(name) ? choice(name, choices) : absent(name, fallback);
}

const std::vector<double>& Attributes::list(const char* name) const {
  return typed<std::vector<double>>(name, "a list of numbers");
}

void Attributes::expect_all_used() const {
  for (const auto& [name, value] : values_) {
    if (used_.count(name) == 0) fail(name.c_str(), "no attribute of this name", text_of(value));
  }
}

// --- Call --------------------------------------------------------------------------------------------------------

void Call::shape_error(const char* input, const std::string& expected, const std::string& got) const {
  throw Error(error_code::kInvalidShape, std::string(op_) + ": " + input + ": expected " + expected + ", got " + got);
}

void Call::argument_error(const char* input, const std::string& expected, const std::string& got) const {
  throw Error(error_code::kInvalidArgument,
              std::string(op_) + ": " + input + ": expected " + expected + ", got " + got);
}

const Tensor& Call::input(size_t i, const char* name, DType dtype) const {
  const Tensor& tensor = input(i, name);
  if (tensor.dtype() != dtype) {
    throw Error(error_code::kInvalidDType,
                std::string(op_) + ": " + name + ": expected " + name_of(dtype) + ", got " + name_of(tensor.dtype()));
  }
  return tensor;
}

const Tensor& Call::input(size_t i, const char* name, DType dtype, size_t rows, size_t cols) const {
  const Tensor& tensor = input(i, name, dtype);
  if (tensor.rows() != rows || tensor.cols() != cols)
    shape_error(name, "shape " + shape_text(rows, cols), shape_text(tensor));
  return tensor;
}

int32_t Call::scalar(size_t i, const char* name, int32_t low) const {
  const int32_t value = *input(i, name, DType::kInt32, 1, 1).data<int32_t>();
  if (value < low) argument_error(name, "at least " + std::to_string(low), std::to_string(value));
  return value;
}

const int32_t* Call::offsets(size_t i, const char* name, size_t rows, size_t& batch) const {
  const Tensor& tensor = input(i, name, DType::kInt32);
  if (tensor.cols() != 1 || tensor.rows() == 0) shape_error(name, "shape [batch + 1, 1]", shape_text(tensor));
  const auto* offsets = tensor.data<int32_t>();
  batch = tensor.rows() - 1;
  if (offsets[0] != 0) argument_error(name, "offsets that start at 0", std::to_string(offsets[0]));
  for (size_t b = 0; b < batch; ++b) {
    if (offsets[b + 1] < offsets[b]) {
      argument_error(name, "offsets that never fall",
                     std::to_string(offsets[b]) + " before " + std::to_string(offsets[b + 1]));
    }
  }
  if (static_cast<size_t>(offsets[batch]) != rows) {
    argument_error(name, "offsets that end at " + std::to_string(rows), std::to_string(offsets[batch]));
  }
  return offsets;
}

Scratch Call::scratch(size_t bytes) const {
  const auto threads = static_cast<size_t>(context_.threads.threads());
  constexpr size_t kLine = BufferPool::kAlignment;
  if (bytes > (~size_t{0} - kLine) / threads - kLine) {
    throw Error(error_code::kOutOfMemory, std::string(op_) + ": scratch: " + std::to_string(bytes) +
                                              " bytes per thread are more than the address space");
  }
  const size_t stride = (bytes + kLine - 1) / kLine * kLine;
  return Scratch(context_.buffers.allocate(stride * threads), stride);
}

}  // namespace tidemerge
