#pragma once

#include "addon/node_api.h"
#include "program/description.h"

namespace tidemerge::addon {

// A ProgramDescription of lib/backend/backend.ts. Checks types and sizes only; Program checks the meaning.
ProgramDescription description_from(Napi::Value value);

// Numbers, booleans, strings and lists of numbers; others are ERR_INVALID_ARGUMENT.
Attributes attributes_from(const std::string& op, Napi::Value value);

}  // namespace tidemerge::addon
