#pragma once

#include <cstddef>
#include <string>

#include "ops/operator.h"

namespace tidemerge {

// The operators a program may use. A value, so that tests can bring their own.
struct OperatorTable {
  const OperatorInfo* const* rows;
  size_t count;

  // Null for an unknown name.
  const OperatorInfo* find(const std::string& name) const;
};

// All operators of the library.
OperatorTable operator_table();

// Creates one operator; throws ERR_UNSUPPORTED for an unknown name, ERR_INVALID_ARGUMENT for wrong
// attributes or a wrong number of inputs.
std::unique_ptr<Operator> create_operator(const OperatorTable& table, const Attributes& attributes, size_t inputs,
                                          const OperatorInfo** info);

}  // namespace tidemerge
