#pragma once

// Plain values of JavaScript with their checks. `name` is what messages call the value; wrong ones are
// ERR_INVALID_ARGUMENT.

#include <cstdint>
#include <string>

#include "addon/node_api.h"

namespace tidemerge::addon {

// "undefined", "a string", …
std::string kind_of(Napi::Value value);

Napi::Object object_from(Napi::Value value, const std::string& name);
// At most 2^20 elements: nothing here has more, and a forged length must not cost minutes.
Napi::Array array_from(Napi::Value value, const std::string& name);
double number_from(Napi::Value value, const std::string& name);
// An integer from low to high (both within 2^53).
int64_t integer_from(Napi::Value value, const std::string& name, int64_t low, int64_t high);
size_t size_from(Napi::Value value, const std::string& name);  // 0 … 2^53
std::string string_from(Napi::Value value, const std::string& name);

}  // namespace tidemerge::addon
