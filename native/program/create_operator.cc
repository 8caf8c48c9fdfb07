#include "program/operator_table.h"

namespace tidemerge {

const OperatorInfo* OperatorTable::find(const std::string& name) const {
  for (size_t i = 0; i < count; ++i) {
    if (name == rows[i]->name) return rows[i];
  }
  return nullptr;
}

std::unique_ptr<Operator> create_operator(const OperatorTable& table, const Attributes& attributes, size_t inputs,
                                          const OperatorInfo** info) {
  const OperatorInfo* found = table.find(attributes.op());
  if (found == nullptr) throw Error(error_code::kUnsupported, "operator '" + attributes.op() + "' is not known");
  if (inputs < static_cast<size_t>(found->min_inputs) || inputs > static_cast<size_t>(found->max_inputs)) {
    const std::string expected = found->min_inputs == found->max_inputs
                                     ? std::to_string(found->min_inputs)
                                     : std::to_string(found->min_inputs) + " to " + std::to_string(found->max_inputs);
    throw Error(error_code::kInvalidArgument,
                attributes.op() + ": expected " + expected + " inputs, got " + std::to_string(inputs));
  }
  std::unique_ptr<Operator> created = found->create(attributes);
  attributes.expect_all_used();
  *info = found;
  return created;
}

}  // namespace tidemerge
