#include "addon/environment.h"

#include <algorithm>

namespace tidemerge::addon {

void Task::run() noexcept {
  failure_.reset();
  try {
    if (cancel_.is_set()) throw Cancelled();
    compute(cancel_);
  } catch (...) {
    failure_ = failure_of_current_exception();
  }
  environment_->computed(*this);
}

void Environment::install(Napi::Env env) { env.SetInstanceData(new Environment(env)); }

Environment::Environment(Napi::Env env) : env_(env) {
  const auto call_js = [](napi_env e, napi_value, void* context, void*) {
    if (e != nullptr) static_cast<Environment*>(context)->settle_all(e);  // null when the environment has ended
  };
  napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "tidemerge"), 0, 1,
                                                       nullptr, nullptr, this, call_js, &function_);
  NAPI_THROW_IF_FAILED_VOID(env, status);
  status = napi_unref_threadsafe_function(env, function_);
  NAPI_THROW_IF_FAILED_VOID(env, status);
  // Hooks run last first: this one is added after the function's own, so the function is still there when it runs.
  status = napi_add_env_cleanup_hook(
      env, [](void* self) { static_cast<Environment*>(self)->shut_down(); }, this);
  NAPI_THROW_IF_FAILED_VOID(env, status);
}

Environment::~Environment() = default;

double Environment::start(std::unique_ptr<Task> task) {
  task->environment_ = this;
  if (task->thread_ == nullptr) task->thread_ = &task->engine_->driver();
  const double number = next_number_++;
  const auto place = tasks_.emplace(number, std::move(task)).first;
  try {
    place->second->thread_->submit(*place->second);
  } catch (...) {
    tasks_.erase(place);
    throw;
  }
  if (tasks_.size() == 1) napi_ref_threadsafe_function(env_, function_);
  return number;
}

bool Environment::cancel(double number) {
  const auto place = tasks_.find(number);
  if (place == tasks_.end()) return false;
  Task& task = *place->second;
  task.cancel_.set();
  if (!task.thread_->withdraw(task)) return true;  // it runs, or has just come back
  settle(env_, place);
  return true;
}

void Environment::computed(Task& task) {
  bool first = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    first = computed_.empty();
    computed_.push_back(&task);
    // Called with the lock held: settle_all() cannot free the task, and with it the last reference to this
    // thread's engine, before the call is through.
    if (first) napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
  }
}

void Environment::settle_all(Napi::Env env) {
  std::vector<Task*> computed;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    computed.swap(computed_);
  }
  for (Task* task : computed) {
    const auto place =
        std::find_if(tasks_.begin(), tasks_.end(), [&](const auto& entry) { return entry.second.get() == task; });
    if (place != tasks_.end()) settle(env, place);
  }
}

// False: the task goes on computing.
bool Environment::resolve(Napi::Env env, Task& task) {
  const std::optional<Napi::Value> value = task.result(env);
  if (!value) {
    task.thread_->submit(task);
    return false;
  }
  task.deferred_.Resolve(*value);
  return true;
}

void Environment::settle(Napi::Env env, Tasks::iterator place) {
  Task& task = *place->second;
  // Cancelled on its last step: whoever cancelled before the promise resolved is to see it reject.
  if (task.cancel_.is_set() && !task.failure_) task.failure_ = Failure{kCancelledCode, kCancelledMessage};
  try {
    const Napi::HandleScope scope(env);
    try {
      if (task.failure_) {
        task.deferred_.Reject(to_error(env, *task.failure_).Value());
      } else if (!resolve(env, task)) {
        return;
      }
    } catch (const Napi::Error& error) {
      task.deferred_.Reject(error.Value());
    } catch (...) {
      task.deferred_.Reject(to_error(env, failure_of_current_exception()).Value());
    }
  } catch (...) {
    // The environment is ending and takes no more values: nobody is left to be told.
  }
  finish(place);
}

void Environment::finish(Tasks::iterator place) {
  tasks_.erase(place);
  if (tasks_.empty()) napi_unref_threadsafe_function(env_, function_);
}

void Environment::shut_down() {
  for (auto& [number, task] : tasks_) task->cancel_.set();
  for (auto& [number, task] : tasks_) {
    if (!task->thread_->withdraw(*task)) task->thread_->wait(*task);
  }
  tasks_.clear();
  napi_release_threadsafe_function(function_, napi_tsfn_abort);
}

}  // namespace tidemerge::addon
