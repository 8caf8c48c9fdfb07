#pragma once

#include "addon/environment.h"
#include "addon/handle.h"

namespace tidemerge::addon {

// Runs a session once. The value is the list of outputs in the order of the program's.
//
// Small outputs are copied by the JavaScript thread. For larger ones it only makes the arrays; the engine's courier
// fills them, then the promise resolves.
class RunTask final : public Task {
 public:
  RunTask(Napi::Env env, std::shared_ptr<SessionBox> session, std::vector<Tensor> inputs);
  ~RunTask() override;

 protected:
  void compute(const CancelFlag& cancel) override;
  std::optional<Napi::Value> result(Napi::Env env) override;

 private:
  void fill();

  std::shared_ptr<SessionBox> session_;
  bool reset_first_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  std::vector<void*> destinations_;  // memory of JavaScript, kept alive by list_
  Napi::ObjectReference list_;
};

// Makes a weight from a copy of its data. The value is a weight handle.
class WeightTask final : public Task {
 public:
  struct Spec {
    std::string name;
    WeightKind kind;
    WeightType type;
    size_t rows;
    size_t cols;
    bool is_bf16;  // the data: bits of bfloat16 instead of float32
    // Of a sparse binary weight, whose data are the mask and, behind it, the signs.
    size_t mask_bytes;
    size_t sign_bytes;
    float alpha;
  };
  WeightTask(Napi::Env env, std::shared_ptr<Engine> engine, Spec spec, Buffer data);

 protected:
  void compute(const CancelFlag& cancel) override;
  std::optional<Napi::Value> result(Napi::Env env) override;

 private:
  Weight make() const;

  Spec spec_;
  std::shared_ptr<Engine> owner_;  // outlives data_
  Buffer data_;
  std::shared_ptr<WeightBox> weight_;
};

}  // namespace tidemerge::addon
