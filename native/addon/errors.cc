#include "addon/errors.h"

#include <new>

#include "runtime/cancel_flag.h"
#include "runtime/error.h"

namespace tidemerge::addon {

Failure failure_of_current_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const Cancelled&) {
    return {kCancelledCode, kCancelledMessage};
  } catch (const std::bad_alloc&) {
    return {error_code::kOutOfMemory, "memory: the system refused an allocation"};
  } catch (const std::exception& error) {
    return {error_code::kInternal, error.what()};
  } catch (...) {
    return {error_code::kInternal, "unknown exception"};
  }
}

Napi::Error to_error(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  return error;
}

void throw_error(Napi::Env env, const char* code, const std::string& message) { throw to_error(env, {code, message}); }

}  // namespace tidemerge::addon
