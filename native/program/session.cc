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

Session::Session(std::shared_ptr<const Program> program, const Context& context, std::vector<KeptValue> kept)
    : program_(std::move(program)), context_(context), kept_(std::move(kept)), kept_values_(kept_.size()) {
  check_kept();
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
  for (Tensor& slot : frame_.slots) {
    if (slot.raw() != nullptr) slot = Tensor();  // most are empty: freed after their last use
  }
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

void Session::check_kept() {
  std::vector<bool> inputs(program_->inputs().size()), outputs(program_->outputs().size());
  for (const KeptValue& value : kept_) {
    if (value.input < inputs.size() && value.output < outputs.size() && !inputs[value.input] &&
        !outputs[value.output]) {
      inputs[value.input] = outputs[value.output] = true;
      continue;
    }
    throw Error(error_code::kInvalidArgument,
                "session: kept: expected pairs of different inputs and outputs, got input " +
                    std::to_string(value.input) + " of " + std::to_string(inputs.size()) + " and output " +
                    std::to_string(value.output) + " of " + std::to_string(outputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) given_.push_back(i);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i]) returned_.push_back(i);
  }
}

void Session::keep(std::vector<Tensor> values) {
  if (values.size() != kept_.size()) {
    throw Error(error_code::kInvalidArgument,
                "keep: expected " + std::to_string(kept_.size()) + " values, got " + std::to_string(values.size()));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const auto& declared = program_->inputs()[kept_[i].input];
    if (values[i].dtype() == declared.dtype) continue;
    throw Error(error_code::kInvalidDType, "keep: " + declared.name + ": expected " + name_of(declared.dtype) +
                                               ", got " + name_of(values[i].dtype()));
  }
  kept_values_ = std::move(values);
}

std::vector<Tensor> Session::step(std::vector<Tensor> inputs) {
  if (inputs.size() != given_.size()) {
    throw Error(error_code::kInvalidArgument,
                "run: expected " + std::to_string(given_.size()) + " inputs, got " + std::to_string(inputs.size()));
  }
  std::vector<Tensor> all(program_->inputs().size());
  for (size_t i = 0; i < kept_.size(); ++i) {
    // A view, so that the value is still there if the run fails. Nothing is written in place of what it does not own.
    all[kept_[i].input] = kept_values_[i].view();
  }
  for (size_t i = 0; i < given_.size(); ++i) all[given_[i]] = std::move(inputs[i]);
  check(*program_, all);
  std::vector<Tensor> outputs = compute(std::move(all), CancelFlag());
  for (size_t i = 0; i < kept_.size(); ++i) kept_values_[i] = std::move(outputs[kept_[i].output]);
  if (kept_.empty()) return outputs;
  std::vector<Tensor> rest;
  rest.reserve(returned_.size());
  for (size_t i : returned_) rest.push_back(std::move(outputs[i]));
  return rest;
}

std::vector<Tensor> Session::run(std::vector<Tensor> inputs, const CancelFlag& cancel) {
  check(*program_, inputs);  // what is refused here has changed nothing
  try {
    return compute(std::move(inputs), cancel);
  } catch (...) {
    reset();
    throw;
  }
}

std::vector<Tensor> Session::compute(std::vector<Tensor> inputs, const CancelFlag& cancel) {
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
    throw;
  }
}

}  // namespace tidemerge
