#pragma once

// What one JavaScript environment (the main thread or a worker) has under way.
//
// A Task belongs to its environment from start() until it is settled. It computes on a thread of its engine, then comes
// back: the environment's ThreadSafeFunction calls settle() on the JavaScript thread. The function is referenced
// only while tasks are pending, so an idle process can exit. When the environment ends during a run, the run is
// cancelled and waited for: no thread touches the environment afterwards.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "addon/errors.h"
#include "addon/node_api.h"
#include "runtime/cancel_flag.h"
#include "runtime/engine.h"

namespace tidemerge::addon {

class Environment;

class Task : public Job {
 public:
  Task(Napi::Env env, std::shared_ptr<Engine> engine) : engine_(std::move(engine)), deferred_(env) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  // On the engine's thread; may throw.
  virtual void compute(const CancelFlag& cancel) = 0;
  // On the JavaScript thread, after compute() succeeded: the value of the promise, or nothing when the task wants to
  // compute once more (it may have changed thread with continue_on).
  virtual std::optional<Napi::Value> result(Napi::Env env) = 0;

  Engine& engine() const { return *engine_; }
  void continue_on(SerialThread& thread) { thread_ = &thread; }

 private:
  friend class Environment;
  void run() noexcept final;

  std::shared_ptr<Engine> engine_;
  Napi::Promise::Deferred deferred_;
  CancelFlag cancel_;
  std::optional<Failure> failure_;
  SerialThread* thread_ = nullptr;
  Environment* environment_ = nullptr;
};

class Environment {
 public:
  // Becomes the instance data of `env`.
  static void install(Napi::Env env);
  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  explicit Environment(Napi::Env env);
  ~Environment();

  // Starts on the engine's driver. The number names the task for cancel().
  double start(std::unique_ptr<Task> task);

  // A task not begun rejects at once, a running one when it has stopped. False: it is over already.
  bool cancel(double number);

 private:
  friend class Task;
  using Tasks = std::map<double, std::unique_ptr<Task>>;

  void computed(Task& task);       // on an engine's thread
  void settle_all(Napi::Env env);  // on the JavaScript thread
  void settle(Napi::Env env, Tasks::iterator place);
  static bool resolve(Napi::Env env, Task& task);
  void finish(Tasks::iterator place);
  void shut_down();

  napi_env env_;
  napi_threadsafe_function function_ = nullptr;
  Tasks tasks_;
  double next_number_ = 1;

  std::mutex mutex_;
  std::vector<Task*> computed_;  // guarded by mutex_
};

}  // namespace tidemerge::addon
