#pragma once

#include "ops/operator.h"

namespace tidemerge {

// OperatorInfo::create for a class whose constructor reads the attributes.
template <class Op>
std::unique_ptr<Operator> create(const Attributes& attributes) {
  return std::make_unique<Op>(attributes);
}

}  // namespace tidemerge
