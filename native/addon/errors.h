#pragma once

// From C++ exceptions to JavaScript errors that carry `code`.

#include <exception>
#include <string>

#include "addon/node_api.h"

namespace tidemerge::addon {

// Only between the addon and lib/backend/native.ts, which turns it into the reason of the AbortSignal.
constexpr const char* kCancelledCode = "ERR_CANCELLED";
constexpr const char* kCancelledMessage = "run: cancelled";

// An exception, kept without JavaScript: made on any thread, turned into an error object on the right one.
struct Failure {
  std::string code;
  std::string message;
};

// What the exception being handled means. Napi::Error is not for other threads and must not get here.
Failure failure_of_current_exception() noexcept;

Napi::Error to_error(Napi::Env env, const Failure& failure);
[[noreturn]] void throw_error(Napi::Env env, const char* code, const std::string& message);

// Runs a function called from JavaScript: whatever it throws becomes a JavaScript exception.
template <typename F>
auto guarded(Napi::Env env, const F& fn) -> decltype(fn()) {
  try {
    return fn();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw to_error(env, failure_of_current_exception());
  }
}

}  // namespace tidemerge::addon
