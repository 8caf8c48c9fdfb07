#pragma once

// What an operator is, for those who write one:
//
//   1. `create(attributes)` reads its attributes once, when a program is made, and throws on wrong ones.
//   2. `run(call)` checks dtypes and shapes of its inputs, asks the call for outputs and scratch, and splits the
//      work over call.threads(). It is const: several sessions may run it at the same time.
//   3. `const OperatorInfo& <op>_operator();` in ops/<op>.h is its row in program/operator_table.cc.
//
// Inputs are never written. Outputs come uninitialised: every element must be written (also when a count is 0
// the output must be asked for). Errors are thrown, never returned; messages read
// `<op>: <input>: expected …, got …` and are built only when something is wrong.

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "runtime/context.h"
#include "runtime/error.h"
#include "runtime/tensor.h"
#include "runtime/weight.h"

namespace tidemerge {

// The attributes of one node, read by name while the operator is created. Getters without a default throw
// ERR_INVALID_ARGUMENT when the name is missing; all throw when the type is wrong. Names nobody asked for
// are an error too: whoever creates the operator calls `expect_all_used` afterwards.
class Attributes {
 public:
  using Value = std::variant<double, bool, std::string, std::vector<double>>;

  explicit Attributes(std::string op) : op_(std::move(op)) {}
  void set(std::string name, Value value) { values_[std::move(name)] = std::move(value); }

  const std::string& op() const { return op_; }
  bool has(const char* name) const { return values_.count(name) != 0; }

  double number(const char* name) const;  // may be NaN or infinite: check what you need
  double number(const char* name, double fallback) const;
  int64_t integer(const char* name) const;  // integral and |value| <= 2^53
  int64_t integer(const char* name, int64_t fallback) const;
  int64_t integer_in(const char* name, int64_t low, int64_t high) const;  // low <= value <= high
  int64_t integer_in(const char* name, int64_t low, int64_t high, int64_t fallback) const;
  bool boolean(const char* name) const;
  bool boolean(const char* name, bool fallback) const;
  const std::string& string(const char* name) const;
  // The place of the string in `choices`.
  size_t choice(const char* name, std::initializer_list<const char*> choices) const;
  size_t choice(const char* name, std::initializer_list<const char*> choices, size_t fallback) const;
  const std::vector<double>& list(const char* name) const;  // an absent list is not an empty one: use has()

  // Throws `<op>: attribute <name>: expected …, got …` with ERR_INVALID_ARGUMENT.
  [[noreturn]] void fail(const char* name, const std::string& expected, const std::string& got) const;
  void expect_all_used() const;

 private:
  const Value* find(const char* name) const;
  template <typename T>
  const T& typed(const char* name, const char* expected) const;
  // The fallback of a name that may be asked for but is not there.
  template <typename T>
  T absent(const char* name, T fallback) const {
    used_.insert(name);
    return fallback;
  }

  std::string op_;
  std::map<std::string, Value, std::less<>> values_;
  mutable std::set<std::string, std::less<>> used_;
};

// Per-thread scratch memory of one call, 64-byte aligned, uninitialised, gone when the object is.
class Scratch {
 public:
  Scratch() = default;
  Scratch(Buffer buffer, size_t stride) : buffer_(std::move(buffer)), stride_(stride) {}
  std::byte* operator[](int thread) const { return buffer_.data() + static_cast<size_t>(thread) * stride_; }
  template <typename T>
  T* as(int thread) const {
    return reinterpret_cast<T*>((*this)[thread]);
  }

 private:
  Buffer buffer_;
  size_t stride_ = 0;
};

// One execution of one operator. References stay valid until run() returns.
class Call {
 public:
  virtual ~Call() = default;

  const char* op() const { return op_; }
  const Context& context() const { return context_; }
  const KernelSet& kernels() const { return context_.kernels; }
  ThreadPool& threads() const { return context_.threads; }

  // --- inputs; i counts from 0; `name` is what error messages call the input -------------------------------
  virtual size_t inputs() const = 0;     // how many are listed, absent ones included
  virtual bool has(size_t i) const = 0;  // false: left out (-1) or beyond the list

  // A value, a vector weight or a state, read only. Throws ERR_INVALID_ARGUMENT when it is absent or is a
  // weight of another kind.
  virtual const Tensor& input(size_t i, const char* name) const = 0;
  // The same, and the dtype must be this one (ERR_INVALID_DTYPE).
  const Tensor& input(size_t i, const char* name, DType dtype) const;
  // The same, and the shape must be this one (ERR_INVALID_SHAPE).
  const Tensor& input(size_t i, const char* name, DType dtype, size_t rows, size_t cols) const;
  // An int32 [1, 1] (counts, steps): its value. Below `low`: ERR_INVALID_ARGUMENT.
  int32_t scalar(size_t i, const char* name, int32_t low = INT32_MIN) const;
  // Offsets of a ragged batch, int32 [batch + 1, 1]: starts at 0, never falls, ends at `rows`. A pointer to
  // batch + 1 numbers; `batch` is set. Throws ERR_INVALID_SHAPE / ERR_INVALID_ARGUMENT.
  const int32_t* offsets(size_t i, const char* name, size_t rows, size_t& batch) const;

  // Whether input i is a vector weight: it never changes, so what is made of it may be kept.
  virtual bool is_weight(size_t) const { return false; }

  virtual const Weight& weight(size_t i, const char* name, WeightKind kind) const = 0;
  // A state to be changed; resize its tensor with state.tensor.resize(buffers(), dtype, rows, cols).
  virtual State& state(size_t i, const char* name) = 0;

  // --- outputs -----------------------------------------------------------------------------------------------
  // A new tensor, uninitialised.
  virtual Tensor& output(size_t i, DType dtype, size_t rows, size_t cols) = 0;
  // A tensor of the dtype and shape of input j whose memory may be that of input j (then out.raw() ==
  // input.raw(), exactly aligned element by element). For element-wise operators: contents are not
  // copied, read element e of the input before writing element e of the output.
  virtual Tensor& output_in_place(size_t i, size_t j) = 0;
  // A tensor that already holds the contents of input j: moved when nobody needs the input any more, else copied.
  virtual Tensor& output_copy_of(size_t i, size_t j) = 0;

  // --- memory ------------------------------------------------------------------------------------------------
  BufferPool& buffers() const { return context_.buffers; }
  // `bytes` for every thread, each on its own cache lines.
  Scratch scratch(size_t bytes) const;

  // --- errors ------------------------------------------------------------------------------------------------
  // `<op>: <input>: expected <expected>, got <got>`
  [[noreturn]] void shape_error(const char* input, const std::string& expected, const std::string& got) const;
  [[noreturn]] void argument_error(const char* input, const std::string& expected, const std::string& got) const;

 protected:
  Call(const char* op, const Context& context) : op_(op), context_(context) {}

 private:
  const char* op_;
  const Context& context_;
};

class Operator {
 public:
  virtual ~Operator() = default;
  virtual void run(Call& call) const = 0;
};

struct OperatorInfo {
  const char* name;
  int min_inputs;
  int max_inputs;
  int outputs;
  std::unique_ptr<Operator> (*create)(const Attributes& attributes);
};

// Text for error messages: "[2, 3]".
std::string shape_text(size_t rows, size_t cols);
inline std::string shape_text(const Tensor& tensor) { return shape_text(tensor.rows(), tensor.cols()); }

}  // namespace tidemerge
