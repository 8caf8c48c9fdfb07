#include "program/session.h"

#include <utility>

#include "runtime/error.h"

namespace tidemerge {

namespace {

void check(const Program& program, const std::vector<Tensor>& inputs) {
  if (inputs.size() != program.inputs().size()) {
    throw Error(error_code::kInvalidArgument, "run: expected " + std::to_string(program.inputs().size()) +
                                                  " inputs, got " + std::to_string(inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto& declared = program.inputs()[i];
    if (inputs[i].dtype() == declared.dtype) continue;
    throw Error(error_code::kInvalidDType, "run: " + declared.name + ": expected " + name_of(declared.dtype) +
                                               ", got " + name_of(inputs[i].dtype()));
  }
}

}  // namespace

Session::Session(std::shared_ptr<const Program> program, const Context& context)
    : program_(std::move(program)), context_(context) {
  frame_.slots.resize(program_->values().size());
  frame_.states.resize(program_->states().size());
  reset();
}

void Session::reset() noexcept {
  for (size_t i = 0; i < frame_.states.size(); ++i) {
    frame_.states[i].tensor = Tensor(program_->states()[i].dtype);
  }
}

void Session::clear_slots() noexcept {
  for (Tensor& slot : frame_.slots) slot = Tensor();
}

std::vector<Tensor> Session::take_outputs() {
  std::vector<Tensor> outputs;
  outputs.reserve(program_->outputs().size());
  for (size_t i = 0; i < program_->outputs().size(); ++i) {
    const ValueId id = program_->outputs()[i].id;
    const Value& value = program_->values()[static_cast<size_t>(id)];
    Tensor& slot = frame_.slots[static_cast<size_t>(id)];
    if (program_->move_output()[i]) {
      outputs.push_back(std::move(slot));
    } else {
      outputs.push_back(copy_of(context_, value.kind == ValueKind::kVector  ? program_->weight(value.place).tensor()
                                          : value.kind == ValueKind::kState ? frame_.states[value.place].tensor
                                                                            : slot));
    }
  }
  return outputs;
}

std::vector<Tensor> Session::run(std::vector<Tensor> inputs, const CancelFlag& cancel) {
  check(*program_, inputs);
  try {
    for (size_t i = 0; i < inputs.size(); ++i) {
      frame_.slots[static_cast<size_t>(program_->inputs()[i].id)] = std::move(inputs[i]);
    }
    execute(*program_, context_, frame_, cancel);
    std::vector<Tensor> outputs = take_outputs();
    clear_slots();
    return outputs;
  } catch (...) {
    clear_slots();
    reset();
    throw;
  }
}

}  // namespace tidemerge
