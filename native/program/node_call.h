#pragma once

#include "program/executor.h"

namespace tidemerge {

// The call of one step of a program.
class NodeCall final : public Call {
 public:
  NodeCall(const Program& program, const Context& context, Frame& frame, const Step& step)
      : Call(step.op, context), program_(program), frame_(frame), step_(step) {}

  size_t inputs() const override { return step_.inputs.size(); }
  bool has(size_t i) const override { return i < step_.inputs.size() && step_.inputs[i] != kAbsent; }
  using Call::input;
  const Tensor& input(size_t i, const char* name) const override;
  bool is_weight(size_t i) const override;
  const Weight& weight(size_t i, const char* name, WeightKind kind) const override;
  State& state(size_t i, const char* name) override;
  Tensor& output(size_t i, DType dtype, size_t rows, size_t cols) override;
  Tensor& output_in_place(size_t i, size_t j) override;
  Tensor& output_copy_of(size_t i, size_t j) override;

  // Throws ERR_INTERNAL when the operator left an output out.
  void expect_all_outputs() const;

 private:
  const Value& value(size_t i, const char* name) const;
  Tensor& slot_of_output(size_t i);
  Tensor* movable(size_t j);

  const Program& program_;
  Frame& frame_;
  const Step& step_;
  uint64_t written_ = 0;  // by output
};

}  // namespace tidemerge
