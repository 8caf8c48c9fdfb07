#include "program/node_call.h"

#include "runtime/copy.h"

namespace tidemerge {

const Value& NodeCall::value(size_t i, const char* name) const {
  if (!has(i)) argument_error(name, "a value", "nothing");
  return program_.values()[static_cast<size_t>(step_.inputs[i])];
}

const Tensor& NodeCall::input(size_t i, const char* name) const {
  const Value& found = value(i, name);
  switch (found.kind) {
    case ValueKind::kVector: return program_.weight(found.place).tensor();
    case ValueKind::kState: return frame_.states[found.place].tensor;
    case ValueKind::kMatrix:
      argument_error(name, "a tensor", std::string("a weight of kind ") + name_of(program_.weight(found.place).kind()));
    default: return frame_.slots[static_cast<size_t>(step_.inputs[i])];
  }
}

bool NodeCall::is_weight(size_t i) const {
  return has(i) && program_.values()[static_cast<size_t>(step_.inputs[i])].kind == ValueKind::kVector;
}

const Weight& NodeCall::weight(size_t i, const char* name, WeightKind kind) const {
  const Value& found = value(i, name);
  const bool is_weight = found.kind == ValueKind::kMatrix || found.kind == ValueKind::kVector;
  const Weight* weight = is_weight ? &program_.weight(found.place) : nullptr;
  if (weight == nullptr || weight->kind() != kind) {
    argument_error(name, std::string("a weight of kind ") + name_of(kind),
                   weight == nullptr ? "a tensor" : std::string("one of kind ") + name_of(weight->kind()));
  }
  return *weight;
}

State& NodeCall::state(size_t i, const char* name) {
  const Value& found = value(i, name);
  if (found.kind != ValueKind::kState) argument_error(name, "a state", "another value");
  return frame_.states[found.place];
}

Tensor& NodeCall::slot_of_output(size_t i) {
  if (i >= step_.outputs.size())
    throw Error(error_code::kInternal, std::string(op()) + ": has no output " + std::to_string(i));
  written_ |= uint64_t{1} << i;
  return frame_.slots[static_cast<size_t>(step_.outputs[i])];
}

Tensor& NodeCall::output(size_t i, DType dtype, size_t rows, size_t cols) {
  Tensor& slot = slot_of_output(i);
  slot = Tensor(buffers(), dtype, rows, cols);
  return slot;
}

// The tensor of input j when its memory may be taken over, else null.
Tensor* NodeCall::movable(size_t j) {
  if (!has(j) || !step_.last_use[j]) return nullptr;
  Tensor& tensor = frame_.slots[static_cast<size_t>(step_.inputs[j])];
  return tensor.owns() ? &tensor : nullptr;
}

Tensor& NodeCall::output_in_place(size_t i, size_t j) {
  Tensor* source = movable(j);
  if (source == nullptr) {
    const Tensor& like = input(j, "input");
    return output(i, like.dtype(), like.rows(), like.cols());
  }
  Tensor& slot = slot_of_output(i);
  slot = source->take();
  return slot;
}

Tensor& NodeCall::output_copy_of(size_t i, size_t j) {
  if (movable(j) != nullptr) return output_in_place(i, j);
  const Tensor& from = input(j, "input");
  Tensor& to = output(i, from.dtype(), from.rows(), from.cols());
  copy_bytes(threads(), from.raw(), to.raw(), from.bytes());
  return to;
}

void NodeCall::expect_all_outputs() const {
  for (size_t i = 0; i < step_.outputs.size(); ++i) {
    if ((written_ >> i & 1) == 0) {
      throw Error(error_code::kInternal, std::string(op()) + ": output " + std::to_string(i) + " was not written");
    }
  }
}

}  // namespace tidemerge
