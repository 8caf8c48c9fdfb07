#pragma once

// Native objects in the hands of JavaScript: plain objects that wrap a Handle. One type tag proves that the wrapped
// pointer is ours, whatever object a caller hands in; Handle::kind tells which of ours it is.

#include <memory>
#include <string>

#include "addon/errors.h"
#include "addon/node_api.h"
#include "program/session.h"
#include "runtime/engine.h"

namespace tidemerge::addon {

struct ContextBox {
  static constexpr const char* kName = "context";
  std::shared_ptr<Engine> engine;
};

struct WeightBox {
  static constexpr const char* kName = "weight";
  std::shared_ptr<Engine> engine;  // its memory pool outlives the weight
  Weight weight;
};

struct ProgramBox {
  static constexpr const char* kName = "program";
  std::shared_ptr<Engine> engine;
  std::vector<std::shared_ptr<WeightBox>> weights;
  std::shared_ptr<const Program> program;
};

struct SessionBox {
  static constexpr const char* kName = "session";
  std::shared_ptr<ProgramBox> program;
  Session session;
  // JavaScript thread only: a reset asked for while runs are under way belongs in front of the next one.
  bool reset_before_next = false;
  int pending = 0;
};

class Handle {
 public:
  // `external_bytes` is native memory that lives as long as the handle: the garbage collector is told.
  template <typename Box>
  static Napi::Object make(Napi::Env env, std::shared_ptr<Box> box, int64_t external_bytes = 0) {
    return wrap(env, std::make_unique<Handle>(Box::kName, std::move(box), external_bytes));
  }

  // Throws ERR_INVALID_ARGUMENT for anything but a living handle of this kind, ERR_DISPOSED for a disposed one.
  template <typename Box>
  static std::shared_ptr<Box> get(Napi::Value value) {
    return std::static_pointer_cast<Box>(checked(value, Box::kName));
  }

  // Lets go of the native object. A second call does nothing.
  static void dispose(Napi::Value value);

  Handle(const char* kind, std::shared_ptr<void> box, int64_t external_bytes)
      : kind_(kind), box_(std::move(box)), external_bytes_(external_bytes) {}

 private:
  static Napi::Object wrap(Napi::Env env, std::unique_ptr<Handle> handle);
  static Handle* unwrap(Napi::Value value);
  static std::shared_ptr<void> checked(Napi::Value value, const char* kind);
  void release(Napi::Env env);

  const char* kind_;  // by address: one literal per box type
  std::shared_ptr<void> box_;
  int64_t external_bytes_;
};

}  // namespace tidemerge::addon
