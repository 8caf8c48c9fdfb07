#include "program/liveness.h"

#include <algorithm>

namespace tidemerge {

namespace {

class Marker {
 public:
  explicit Marker(const std::vector<Definition>& definitions)
      : definitions_(definitions), live_(definitions.size(), false) {}

  void keep(ValueId id) { live_[place(id)] = true; }
  bool is_live(ValueId id) const { return live_[place(id)]; }

  // Walks a list of one scope backwards: a use of a value that is not live behind it is the last one.
  void mark(std::vector<Step>& steps, int scope) {
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      for (ValueId output : step->outputs) {
        if (!is_live(output)) step->free_after.push_back(output);
      }
      std::vector<ValueId> captured;
      if (step->loop) {
        mark_loop(*step->loop);
        capture(*step->loop, captured);
      }
      mark_inputs(*step, captured, scope);
    }
  }

 private:
  static size_t place(ValueId id) { return static_cast<size_t>(id); }

  // Values around a body belong to the list they were made in: inside the body they are never freed.
  bool belongs(ValueId id, int scope) const {
    const Definition& definition = definitions_[place(id)];
    return definition.value.kind == ValueKind::kLocal && definition.scope == scope;
  }

  void mark_inputs(Step& step, const std::vector<ValueId>& captured, int scope) {
    step.last_use.assign(step.inputs.size(), false);
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      const ValueId id = step.inputs[i];
      if (id == kAbsent || !belongs(id, scope) || is_live(id)) continue;
      const bool alone = std::count(step.inputs.begin(), step.inputs.end(), id) == 1 &&
                         std::find(captured.begin(), captured.end(), id) == captured.end();
      step.last_use[i] = alone;
    }
    for (const std::vector<ValueId>& uses : {step.inputs, captured}) {
      for (ValueId id : uses) {
        if (id == kAbsent || !belongs(id, scope) || is_live(id)) continue;
        step.free_after.push_back(id);
        keep(id);
      }
    }
  }

  void mark_loop(Loop& loop) {
    const int scope = definitions_[place(loop.index)].scope;
    const size_t count = loop.carries_out.size();
    loop.carry_by.assign(count, CarryBy::kView);
    for (size_t i = 0; i < count; ++i) {
      const ValueId id = loop.carries_out[i];
      const ValueKind kind = definitions_[place(id)].value.kind;
      const bool again = std::find(loop.carries_out.begin() + static_cast<ptrdiff_t>(i) + 1, loop.carries_out.end(),
                                   id) != loop.carries_out.end();
      if (belongs(id, scope)) {
        keep(id);
        loop.carry_by[i] = again ? CarryBy::kCopy : CarryBy::kMove;
      } else if (kind == ValueKind::kState || kind == ValueKind::kIndex) {
        loop.carry_by[i] = CarryBy::kCopy;  // the next turn changes them
      }
    }
    mark(loop.steps, scope);
    for (ValueId id : loop.carries_in) {
      if (!is_live(id)) loop.unused_carries.push_back(id);
    }
  }

  // Every value a body reads, its own included: the caller looks only at those of its scope.
  static void capture(const Loop& loop, std::vector<ValueId>& captured) {
    captured.insert(captured.end(), loop.carries_out.begin(), loop.carries_out.end());
    for (const Step& step : loop.steps) {
      captured.insert(captured.end(), step.inputs.begin(), step.inputs.end());
      if (step.loop) capture(*step.loop, captured);
    }
  }

  const std::vector<Definition>& definitions_;
  std::vector<bool> live_;
};

}  // namespace

std::vector<ValueId> mark_last_uses(std::vector<Step>& steps, const std::vector<Definition>& definitions,
                                    const std::vector<ProgramDescription::Output>& outputs,
                                    const std::vector<ProgramDescription::Input>& inputs) {
  Marker marker(definitions);
  for (const auto& output : outputs) marker.keep(output.id);
  marker.mark(steps, 0);
  std::vector<ValueId> unused;
  for (const auto& input : inputs) {
    if (!marker.is_live(input.id)) unused.push_back(input.id);
  }
  return unused;
}

}  // namespace tidemerge
