// The functions lib/backend/native.ts calls. They check what protects memory (kinds of handles, types, lengths,
// detached buffers); everything friendlier is done in TypeScript.

#include <cstring>
#include <utility>

#include "addon/describe.h"
#include "addon/environment.h"
#include "addon/errors.h"
#include "addon/handle.h"
#include "addon/library_pin.h"
#include "addon/tasks.h"
#include "addon/tensor_values.h"
#include "addon/values.h"
#include "cpu/features.h"
#include "kernels/all_sets.h"
#include "program/direct_call.h"
#include "runtime/error.h"
#include "runtime/thread.h"

namespace tidemerge::addon {

namespace {

// Raised whenever a function below changes its meaning: lib/backend/native.ts refuses a stale build.
constexpr int kInterfaceVersion = 3;

// features() -> string[]: what this processor and its operating system offer.
Napi::Value features(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  for (FeatureSet rest = detected_features(); rest != 0; rest &= rest - 1) {
    names.Set(names.Length(), feature_name(static_cast<Feature>(rest & (~rest + 1))));
  }
  return names;
}

// sets() -> { name, supported }[]: the instruction sets compiled in, best first.
Napi::Value sets(const Napi::CallbackInfo& info) {
  Napi::Array list = Napi::Array::New(info.Env());
  for (const KernelSet* set : all_kernel_sets()) {
    Napi::Object entry = Napi::Object::New(info.Env());
    entry.Set("name", set->name);
    entry.Set("supported", runnable_kernel_set(set->name) != nullptr);
    list.Set(list.Length(), entry);
  }
  return list;
}

// defaultThreads() -> number
Napi::Value default_threads(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), default_thread_count());
}

EngineOptions engine_options_from(Napi::Value value) {
  const Napi::Object object = object_from(value, "context");
  const Napi::Value threads = object.Get("threads");
  const Napi::Value isa = object.Get("isa");
  const Napi::Value limit = object.Get("memoryLimit");
  EngineOptions options;
  options.threads = threads.IsUndefined() ? default_thread_count()
                                          : static_cast<int>(integer_from(threads, "context: threads", 1, kMaxThreads));
  const std::string forced = isa.IsUndefined() ? std::string() : string_from(isa, "context: isa");
  options.kernels = &select_kernel_set(forced.empty() ? nullptr : forced.c_str());
  if (!limit.IsUndefined()) options.memory_limit = size_from(limit, "context: memoryLimit");
  return options;
}

// createContext({ threads?, isa?, memoryLimit? }) -> context
Napi::Value create_context(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto box = std::make_shared<ContextBox>(ContextBox{Engine::shared(engine_options_from(info[0]))});
    return Handle::make(info.Env(), std::move(box));
  });
}

// contextInfo(context) -> { isa, threads, memory: { inUse, kept, systemCalls } }
Napi::Value context_info(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    const Context& context = Handle::get<ContextBox>(info[0])->engine->context();
    const BufferPool::Statistics statistics = context.buffers.statistics();
    Napi::Object memory = Napi::Object::New(env);
    memory.Set("inUse", static_cast<double>(statistics.in_use));
    memory.Set("kept", static_cast<double>(statistics.kept));
    memory.Set("systemCalls", static_cast<double>(statistics.system_calls));
    Napi::Object result = Napi::Object::New(env);
    result.Set("isa", context.kernels.name);
    result.Set("threads", context.threads.threads());
    result.Set("memory", memory);
    return result;
  });
}

WeightKind weight_kind_from(const std::string& text, const std::string& at) {
  for (WeightKind kind : {WeightKind::kMatrix, WeightKind::kTable, WeightKind::kVector, WeightKind::kSparseBinary}) {
    if (text == name_of(kind)) return kind;
  }
  throw Error(error_code::kInvalidArgument,
              at + ": kind: expected matrix, table, vector or sparse-binary, got '" + text + "'");
}

WeightType weight_type_from(const std::string& text, const std::string& at) {
  if (text == "float32") return WeightType::kF32;
  if (text == "bfloat16") return WeightType::kBf16;
  throw Error(error_code::kInvalidDType, at + ": dtype: expected float32 or bfloat16, got '" + text + "'");
}

WeightTask::Spec weight_spec_from(Napi::Object object) {
  WeightTask::Spec spec{};
  spec.name = string_from(object.Get("name"), "weight: name");
  const std::string at = "weight " + spec.name;
  spec.kind = weight_kind_from(string_from(object.Get("kind"), at + ": kind"), at);
  spec.rows = size_from(object.Get("rows"), at + ": rows");
  spec.cols = size_from(object.Get("cols"), at + ": cols");
  if (spec.kind == WeightKind::kSparseBinary) {
    spec.alpha = static_cast<float>(number_from(object.Get("alpha"), at + ": alpha"));
  } else {
    spec.type = weight_type_from(string_from(object.Get("dtype"), at + ": dtype"), at);
  }
  return spec;
}

// The numbers of a dense weight; says in the spec what they are.
Buffer dense_data_from(Napi::Object object, BufferPool& buffers, WeightTask::Spec& spec) {
  const std::string at = "weight " + spec.name + ": data";
  const ArrayView view = array_view(object.Get("data"), at);
  if (view.type != napi_float32_array && view.type != napi_uint16_array) {
    throw Error(error_code::kInvalidDType, at + ": expected Float32Array or Uint16Array (bfloat16), got another array");
  }
  expect_elements(view, spec.rows, spec.cols, at);
  spec.is_bf16 = view.type == napi_uint16_array;
  const size_t bytes = view.length * (spec.is_bf16 ? sizeof(uint16_t) : sizeof(float));
  Buffer data = buffers.allocate_exact(bytes);
  if (bytes != 0) std::memcpy(data.data(), view.data, bytes);
  return data;
}

// The mask and the signs of a sparse binary weight, one behind the other. Whether they fit each other is found out when
// it is made.
Buffer sparse_bits_from(Napi::Object object, BufferPool& buffers, WeightTask::Spec& spec) {
  const std::string at = "weight " + spec.name;
  const Napi::Value mask = object.Get("mask"), signs = object.Get("signs");
  const ArrayView views[] = {array_view(mask, at + ": mask"), array_view(signs, at + ": signs")};
  for (const ArrayView& view : views) {
    if (view.type != napi_uint8_array) {
      throw Error(error_code::kInvalidDType, at + ": mask and signs: expected Uint8Array, got another array");
    }
  }
  spec.mask_bytes = views[0].length;
  spec.sign_bytes = views[1].length;
  Buffer data = buffers.allocate_exact(spec.mask_bytes + spec.sign_bytes);
  if (spec.mask_bytes != 0) std::memcpy(data.data(), views[0].data, spec.mask_bytes);
  if (spec.sign_bytes != 0) std::memcpy(data.data() + spec.mask_bytes, views[1].data, spec.sign_bytes);
  return data;
}

// createWeight(context, { name, kind, rows, cols, ...rest }) -> Promise<weight>, where rest is { dtype, data }, or
// { mask, signs, alpha } for the kind sparse-binary.
Napi::Value create_weight(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    std::shared_ptr<Engine> engine = Handle::get<ContextBox>(info[0])->engine;
    const Napi::Object object = object_from(info[1], "weight");
    WeightTask::Spec spec = weight_spec_from(object);
    BufferPool& buffers = engine->context().buffers;
    Buffer data = spec.kind == WeightKind::kSparseBinary ? sparse_bits_from(object, buffers, spec)
                                                         : dense_data_from(object, buffers, spec);
    auto task = std::make_unique<WeightTask>(env, std::move(engine), std::move(spec), std::move(data));
    const Napi::Promise promise = task->promise();
    Environment::of(env).start(std::move(task));
    return promise;
  });
}

// createProgram(context, description, weights) -> program
Napi::Value create_program(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto box = std::make_shared<ProgramBox>();
    box->engine = Handle::get<ContextBox>(info[0])->engine;
    ProgramDescription description = description_from(info[1]);
    const Napi::Array list = array_from(info[2], "program: weights");
    std::vector<std::shared_ptr<const Weight>> weights;
    for (uint32_t i = 0; i < list.Length(); ++i) {
      const Napi::HandleScope scope(info.Env());
      const auto weight = Handle::get<WeightBox>(list.Get(i));
      if (weight->engine->options().kernels != box->engine->options().kernels) {
        throw Error(error_code::kInvalidArgument, "program: weight " + weight->weight.name() + " was packed for " +
                                                      weight->engine->context().kernels.name + ", the context runs " +
                                                      box->engine->context().kernels.name);
      }
      weights.emplace_back(weight, &weight->weight);
    }
    box->program = std::make_shared<const Program>(std::move(description), std::move(weights));
    return Handle::make(info.Env(), std::move(box));
  });
}

// Pairs of an input's and an output's number, one behind the other.
std::vector<KeptValue> kept_from(Napi::Value value) {
  std::vector<KeptValue> kept;
  if (value.IsUndefined()) return kept;
  const Napi::Array list = array_from(value, "session: kept");
  if (list.Length() % 2 != 0) throw Error(error_code::kInvalidArgument, "session: kept: expected pairs");
  for (uint32_t i = 0; i < list.Length(); i += 2) {
    const Napi::HandleScope scope(value.Env());
    kept.push_back({size_from(list.Get(i), "session: kept"), size_from(list.Get(i + 1), "session: kept")});
  }
  return kept;
}

// createSession(program, kept?) -> session
Napi::Value create_session(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    auto program = Handle::get<ProgramBox>(info[0]);
    const Context& context = program->engine->context();
    auto box =
        std::make_shared<SessionBox>(SessionBox{program, Session(program->program, context, kept_from(info[1]))});
    return Handle::make(info.Env(), std::move(box));
  });
}

// A copy of every tensor of a list; absent ones are errors.
std::vector<Tensor> inputs_from(Napi::Value value, const std::string& name, const SessionBox& session) {
  const Napi::Array list = array_from(value, name);
  std::vector<Tensor> inputs;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    inputs.push_back(
        tensor_from(list.Get(i), name + ' ' + std::to_string(i), session.program->engine->context().buffers));
  }
  return inputs;
}

// run(session, inputs) -> { id, promise }: inputs in the program's order, copied before this returns
Napi::Value run(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Napi::Env env = info.Env();
    auto session = Handle::get<SessionBox>(info[0]);
    const Napi::Array list = array_from(info[1], "run: inputs");
    const auto& declared = session->session.program().inputs();
    if (list.Length() != declared.size()) {
      throw Error(error_code::kInvalidArgument,
                  "run: expected " + std::to_string(declared.size()) + " inputs, got " + std::to_string(list.Length()));
    }
    std::vector<Tensor> inputs;
    for (uint32_t i = 0; i < declared.size(); ++i) {
      const Napi::HandleScope scope(env);
      inputs.push_back(
          tensor_from(list.Get(i), "run: " + declared[i].name, session->program->engine->context().buffers));
    }
    auto task = std::make_unique<RunTask>(env, std::move(session), std::move(inputs));
    Napi::Object result = Napi::Object::New(env);
    result.Set("promise", task->promise());
    result.Set("id", Environment::of(env).start(std::move(task)));
    return result;
  });
}

// The driver's thread may be at work on the session.
void expect_idle(const SessionBox& session, const char* who) {
  if (session.pending == 0) return;
  throw Error(error_code::kInvalidArgument, std::string(who) + ": expected no run under way, got " +
                                                std::to_string(session.pending) + " of this session");
}

// runSync(session, inputs) -> outputs: at once on this thread, without the kept values; see Session::step. Both lists
// are flat, data, rows and cols of every value: an object with a property each takes longer than a small program.
Napi::Value run_sync(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto session = Handle::get<SessionBox>(info[0]);
    const Napi::Array list = array_from(info[1], "run: inputs");
    const std::vector<size_t>& given = session->session.given();
    if (list.Length() != given.size() * kFlatFields) {
      throw Error(error_code::kInvalidArgument, "run: expected " + std::to_string(given.size() * kFlatFields) +
                                                    " elements, got " + std::to_string(list.Length()));
    }
    std::vector<Tensor> inputs;
    inputs.reserve(given.size());
    for (size_t i = 0; i < given.size(); ++i) {
      const Napi::HandleScope scope(info.Env());
      const ProgramDescription::Input& declared = session->session.program().inputs()[given[i]];
      const auto at = static_cast<uint32_t>(i * kFlatFields);
      inputs.push_back(tensor_from({list.Get(at), list.Get(at + 1), list.Get(at + 2)}, declared.dtype, declared.name,
                                   session->program->engine->context().buffers));
    }
    expect_idle(*session, "run");  // behind the inputs, whose getters may have started one
    return flat_tensors(info.Env(), session->session.step(std::move(inputs)));
  });
}

// keep(session, values): all kept values
Napi::Value keep(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto session = Handle::get<SessionBox>(info[0]);
    std::vector<Tensor> values = inputs_from(info[1], "keep: value", *session);
    expect_idle(*session, "keep");
    session->session.keep(std::move(values));
    return info.Env().Undefined();
  });
}

// kept(session) -> copies of the kept values
Napi::Value kept(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto session = Handle::get<SessionBox>(info[0]);
    expect_idle(*session, "kept");
    return filled_tensor_objects(info.Env(), session->session.kept());
  });
}

// cancel(id) -> boolean: false when the run is over
Napi::Value cancel(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const double id = number_from(info[0], "cancel: id");
    return Napi::Boolean::New(info.Env(), Environment::of(info.Env()).cancel(id));
  });
}

// reset(session): runs started before are not touched
Napi::Value reset(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto session = Handle::get<SessionBox>(info[0]);
    if (session->pending == 0) {
      session->session.reset();
    } else {
      session->reset_before_next = true;
    }
    return info.Env().Undefined();
  });
}

// call(context, op, inputs, attributes) -> outputs
Napi::Value call(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::shared_ptr<Engine> engine = Handle::get<ContextBox>(info[0])->engine;
    const Context& context = engine->context();
    const std::string op = string_from(info[1], "call: op");
    auto inputs = tensors_from(info[2], op + ": input", context.buffers);
    const Attributes attributes = attributes_from(op, info[3]);
    return filled_tensor_objects(info.Env(), call_operator(context, attributes, std::move(inputs)));
  });
}

// dispose(handle): whatever runs with it ends undisturbed
Napi::Value dispose(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Handle::dispose(info[0]);
    return info.Env().Undefined();
  });
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  pin_library();
  Environment::install(env);
  exports.Set("interfaceVersion", kInterfaceVersion);
  exports.Set("compiler", __VERSION__);
  const std::pair<const char*, Napi::Value (*)(const Napi::CallbackInfo&)> functions[] = {
      {"features", features},
      {"sets", sets},
      {"defaultThreads", default_threads},
      {"createContext", create_context},
      {"contextInfo", context_info},
      {"createWeight", create_weight},
      {"createProgram", create_program},
      {"createSession", create_session},
      {"run", run},
      {"runSync", run_sync},
      {"keep", keep},
      {"kept", kept},
      {"cancel", cancel},
      {"reset", reset},
      {"call", call},
      {"dispose", dispose},
  };
  for (const auto& [name, function] : functions) exports.Set(name, Napi::Function::New(env, function, name));
  return exports;
}

}  // namespace

}  // namespace tidemerge::addon

static Napi::Object init_tidemerge(Napi::Env env, Napi::Object exports) { return tidemerge::addon::init(env, exports); }

NODE_API_MODULE(tidemerge, init_tidemerge)
