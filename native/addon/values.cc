#include "addon/values.h"

#include <cmath>

#include "addon/errors.h"
#include "runtime/error.h"

namespace tidemerge::addon {

namespace {

constexpr uint32_t kMaxListed = 1u << 20;

[[noreturn]] void fail(Napi::Value value, const std::string& name, const std::string& expected) {
  std::string got = kind_of(value);
  if (value.IsNumber()) got = Napi::Value(value).ToString().Utf8Value();
  throw_error(value.Env(), error_code::kInvalidArgument, name + ": expected " + expected + ", got " + got);
}

}  // namespace

std::string kind_of(Napi::Value value) {
  switch (value.Type()) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "a boolean";
    case napi_number: return "a number";
    case napi_string: return "a string";
    case napi_function: return "a function";
    case napi_object: return value.IsArray() ? "an array" : "an object";
    default: return "another value";
  }
}

Napi::Object object_from(Napi::Value value, const std::string& name) {
  if (!value.IsObject() || value.IsArray()) fail(value, name, "an object");
  return value.As<Napi::Object>();
}

Napi::Array array_from(Napi::Value value, const std::string& name) {
  if (!value.IsArray()) fail(value, name, "an array");
  const Napi::Array array = value.As<Napi::Array>();
  if (array.Length() > kMaxListed) fail(value, name, "at most " + std::to_string(kMaxListed) + " elements");
  return array;
}

double number_from(Napi::Value value, const std::string& name) {
  if (!value.IsNumber()) fail(value, name, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

int64_t integer_from(Napi::Value value, const std::string& name, int64_t low, int64_t high) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high)) || number != std::floor(number)) {
    fail(value, name, "an integer from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return static_cast<int64_t>(number);
}

size_t size_from(Napi::Value value, const std::string& name) {
  return static_cast<size_t>(integer_from(value, name, 0, int64_t{1} << 53));
}

std::string string_from(Napi::Value value, const std::string& name) {
  if (!value.IsString()) fail(value, name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

}  // namespace tidemerge::addon
