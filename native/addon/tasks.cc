#include "addon/tasks.h"

#include <cstring>
#include <utility>

#include "addon/tensor_values.h"

namespace tidemerge::addon {

namespace {

// Copying this much takes a few microseconds, less than another trip to a thread.
constexpr size_t kCopyAtOnce = size_t{64} << 10;

}  // namespace

RunTask::RunTask(Napi::Env env, std::shared_ptr<SessionBox> session, std::vector<Tensor> inputs)
    : Task(env, session->program->engine),
      session_(std::move(session)),
      reset_first_(std::exchange(session_->reset_before_next, false)),
      inputs_(std::move(inputs)) {
  ++session_->pending;
}

RunTask::~RunTask() { --session_->pending; }

void RunTask::compute(const CancelFlag& cancel) {
  if (!destinations_.empty()) return fill();
  if (reset_first_) session_->session.reset();
  outputs_ = session_->session.run(std::move(inputs_), cancel);
}

std::optional<Napi::Value> RunTask::result(Napi::Env env) {
  if (!destinations_.empty()) return list_.Value();
  size_t bytes = 0;
  for (const Tensor& output : outputs_) bytes += output.bytes();
  if (bytes <= kCopyAtOnce) return filled_tensor_objects(env, outputs_);
  Napi::Array list = Napi::Array::New(env, outputs_.size());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    TensorObject made = empty_tensor_object(env, outputs_[i]);
    list.Set(static_cast<uint32_t>(i), made.object);
    destinations_.push_back(made.buffer.Data());
  }
  list_ = Napi::Persistent(list.As<Napi::Object>());
  continue_on(engine().courier());
  return std::nullopt;
}

void RunTask::fill() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].bytes() != 0) std::memcpy(destinations_[i], outputs_[i].raw(), outputs_[i].bytes());
  }
  outputs_.clear();  // here, because giving much memory back takes its time
}

WeightTask::WeightTask(Napi::Env env, std::shared_ptr<Engine> engine, Spec spec, Buffer data)
    : Task(env, engine), spec_(std::move(spec)), owner_(std::move(engine)), data_(std::move(data)) {}

Weight WeightTask::make() const {
  const Context& context = owner_->context();
  if (spec_.kind == WeightKind::kSparseBinary) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(data_.data());
    const SparseBinaryBits bits = {
        {bytes, spec_.mask_bytes}, {bytes + spec_.mask_bytes, spec_.sign_bytes}, spec_.alpha};
    return Weight(context, spec_.name, spec_.rows, spec_.cols, bits);
  }
  const auto* f32 = spec_.is_bf16 ? nullptr : reinterpret_cast<const float*>(data_.data());
  const auto* bf16 = spec_.is_bf16 ? reinterpret_cast<const uint16_t*>(data_.data()) : nullptr;
  return Weight(context, spec_.name, spec_.kind, spec_.type, spec_.rows, spec_.cols, f32, bf16);
}

void WeightTask::compute(const CancelFlag&) {
  weight_ = std::make_shared<WeightBox>(WeightBox{owner_, make()});
  data_.reset();
}

std::optional<Napi::Value> WeightTask::result(Napi::Env env) {
  const auto bytes = static_cast<int64_t>(weight_->weight.bytes());
  return Handle::make(env, std::move(weight_), bytes);
}

}  // namespace tidemerge::addon
