#include "addon/handle.h"

#include <cstring>

namespace tidemerge::addon {

namespace {

constexpr napi_type_tag kTag = {0x6b1f0c52d9e84a37, 0x9a43e7750cf1b28d};

}  // namespace

Napi::Object Handle::wrap(Napi::Env env, std::unique_ptr<Handle> handle) {
  Napi::Object object = Napi::Object::New(env);
  object.TypeTag(&kTag);
  const auto finalize = [](napi_env e, void* data, void*) {
    const std::unique_ptr<Handle> owned(static_cast<Handle*>(data));
    owned->release(e);
  };
  const napi_status status = napi_wrap(env, object, handle.get(), finalize, nullptr, nullptr);
  NAPI_THROW_IF_FAILED(env, status, Napi::Object());
  Handle* wrapped = handle.release();
  if (wrapped->external_bytes_ != 0) Napi::MemoryManagement::AdjustExternalMemory(env, wrapped->external_bytes_);
  return object;
}

Handle* Handle::unwrap(Napi::Value value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) return nullptr;
  void* data = nullptr;
  const napi_status status = napi_unwrap(value.Env(), value, &data);
  return status == napi_ok ? static_cast<Handle*>(data) : nullptr;
}

std::shared_ptr<void> Handle::checked(Napi::Value value, const char* kind) {
  const Handle* handle = unwrap(value);
  if (handle == nullptr || std::strcmp(handle->kind_, kind) != 0) {
    throw_error(
        value.Env(), "ERR_INVALID_ARGUMENT",
        std::string("expected a ") + kind + " handle, got " + (handle == nullptr ? "something else" : handle->kind_));
  }
  if (!handle->box_) throw_error(value.Env(), "ERR_DISPOSED", std::string(kind) + ": was disposed");
  return handle->box_;
}

void Handle::dispose(Napi::Value value) {
  Handle* handle = unwrap(value);
  if (handle == nullptr)
    throw_error(value.Env(), "ERR_INVALID_ARGUMENT", "dispose: expected a handle, got something else");
  handle->release(value.Env());
}

void Handle::release(Napi::Env env) {
  box_.reset();
  if (external_bytes_ != 0) Napi::MemoryManagement::AdjustExternalMemory(env, -external_bytes_);
  external_bytes_ = 0;
}

}  // namespace tidemerge::addon
