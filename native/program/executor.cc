#include "program/executor.h"

#include "program/node_call.h"
#include "runtime/copy.h"

namespace tidemerge {

Tensor copy_of(const Context& context, const Tensor& tensor) {
  Tensor copy(context.buffers, tensor.dtype(), tensor.rows(), tensor.cols());
  copy_bytes(context.threads, tensor.raw(), copy.raw(), tensor.bytes());
  return copy;
}

namespace {

class Execution {
 public:
  Execution(const Program& program, const Context& context, Frame& frame, const CancelFlag& cancel)
      : program_(program), context_(context), frame_(frame), cancel_(cancel) {}

  void run(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      expect_not_cancelled();
      if (step.loop) {
        run_loop(step, *step.loop);
      } else {
        NodeCall call(program_, context_, frame_, step);
        step.run->run(call);
        call.expect_all_outputs();
      }
      for (ValueId id : step.free_after) slot(id) = Tensor();
    }
  }

 private:
  Tensor& slot(ValueId id) { return frame_.slots[static_cast<size_t>(id)]; }

  void expect_not_cancelled() const {
    if (cancel_.is_set()) throw Cancelled();
  }

  int32_t count_of(const Step& step) {
    const NodeCall call(program_, context_, frame_, step);
    return call.scalar(0, "count", 0);
  }

  void run_loop(const Step& step, const Loop& loop) {
    const int32_t count = count_of(step);
    std::vector<Tensor> carries(loop.carries_in.size());
    for (size_t i = 0; i < carries.size(); ++i) carries[i] = first_carry(step, i + 1);
    Tensor index(context_.buffers, DType::kInt32, 1, 1);
    for (int32_t turn = 0; turn < count; ++turn) {
      expect_not_cancelled();
      *index.data<int32_t>() = turn;
      slot(loop.index) = index.view();
      for (size_t i = 0; i < carries.size(); ++i) slot(loop.carries_in[i]) = std::move(carries[i]);
      for (ValueId id : loop.unused_carries) slot(id) = Tensor();
      run(loop.steps);
      for (size_t i = 0; i < carries.size(); ++i) carries[i] = next_carry(loop, i);
    }
    slot(loop.index) = Tensor();
    for (size_t i = 0; i < carries.size(); ++i) {
      // A view may outlive what it shows: results own their memory.
      slot(step.outputs[i]) = carries[i].owns() ? std::move(carries[i]) : copy_of(context_, carries[i]);
    }
  }

  Tensor first_carry(const Step& step, size_t i) {
    const NodeCall call(program_, context_, frame_, step);
    const Tensor& value = call.input(i, "carry");
    if (step.last_use[i]) return slot(step.inputs[i]).take();
    // States change while the loop runs.
    const bool is_state = program_.values()[static_cast<size_t>(step.inputs[i])].kind == ValueKind::kState;
    return is_state ? copy_of(context_, value) : value.view();
  }

  Tensor next_carry(const Loop& loop, size_t i) {
    const ValueId id = loop.carries_out[i];
    const Value& value = program_.values()[static_cast<size_t>(id)];
    const Tensor& tensor = value.kind == ValueKind::kVector  ? program_.weight(value.place).tensor()
                           : value.kind == ValueKind::kState ? frame_.states[value.place].tensor
                                                             : slot(id);
    switch (loop.carry_by[i]) {
      case CarryBy::kMove: return std::move(slot(id));
      case CarryBy::kView: return tensor.view();
      case CarryBy::kCopy: return copy_of(context_, tensor);
    }
    return Tensor();
  }

  const Program& program_;
  const Context& context_;
  Frame& frame_;
  const CancelFlag& cancel_;
};

}  // namespace

void execute(const Program& program, const Context& context, Frame& frame, const CancelFlag& cancel) {
  for (ValueId id : program.unused()) frame.slots[static_cast<size_t>(id)] = Tensor();
  Execution(program, context, frame, cancel).run(program.steps());
  if (cancel.is_set()) throw Cancelled();
}

}  // namespace tidemerge
