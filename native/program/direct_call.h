#pragma once

#include <optional>
#include <vector>

#include "program/operator_table.h"

namespace tidemerge {

// One operator at once, outside of any program. An input that the operator wants as a weight is packed from its
// float32 tensor for this one call; operators that keep states need a session (ERR_UNSUPPORTED).
// Computes on the calling thread, with the help of the context's threads when they are free.
std::vector<Tensor> call_operator(const Context& context, const Attributes& attributes,
                                  std::vector<std::optional<Tensor>> inputs,
                                  const OperatorTable& table = operator_table());

}  // namespace tidemerge
