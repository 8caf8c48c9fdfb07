#include "addon/tensor_values.h"

#include <cmath>
#include <cstring>

#include "addon/errors.h"
#include "addon/values.h"
#include "runtime/error.h"

namespace tidemerge::addon {

namespace {

napi_typedarray_type array_type_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return napi_float32_array;
    case DType::kFloat64: return napi_float64_array;
    case DType::kInt32: return napi_int32_array;
    case DType::kUint8: return napi_uint8_array;
  }
  return napi_uint8_array;
}

const char* name_of_array(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array: return "Int8Array";
    case napi_uint8_array: return "Uint8Array";
    case napi_uint8_clamped_array: return "Uint8ClampedArray";
    case napi_int16_array: return "Int16Array";
    case napi_uint16_array: return "Uint16Array";
    case napi_int32_array: return "Int32Array";
    case napi_uint32_array: return "Uint32Array";
    case napi_float32_array: return "Float32Array";
    case napi_float64_array: return "Float64Array";
    default: return "another array";
  }
}

}  // namespace

ArrayView array_view(Napi::Value value, const std::string& name) {
  const Napi::Env env = value.Env();
  if (!value.IsTypedArray())
    throw_error(env, error_code::kInvalidArgument, name + ": expected a typed array, got " + kind_of(value));
  ArrayView view{};
  void* data = nullptr;
  napi_value buffer = nullptr;
  size_t offset = 0;
  napi_status status = napi_get_typedarray_info(env, value, &view.type, &view.length, &data, &buffer, &offset);
  NAPI_THROW_IF_FAILED(env, status, view);
  bool detached = false;  // stays false for a SharedArrayBuffer, which cannot be
  if (view.length == 0) napi_is_detached_arraybuffer(env, buffer, &detached);  // then there is nothing in it
  if (detached)
    throw_error(env, error_code::kDetachedBuffer, name + ": expected readable memory, got a detached buffer");
  view.data = view.length == 0 ? nullptr : data;
  return view;
}

DType dtype_from(Napi::Value value, const std::string& name) {
  const std::string text = value.IsString() ? value.As<Napi::String>().Utf8Value() : kind_of(value);
  for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kUint8}) {
    if (value.IsString() && text == name_of(dtype)) return dtype;
  }
  throw_error(value.Env(), error_code::kInvalidDType,
              name + ": expected float32, float64, int32 or uint8, got " + text);
}

void expect_elements(const ArrayView& view, size_t rows, size_t cols, const std::string& name) {
  // Divided, because a product might overflow.
  const bool fits = cols == 0 ? view.length == 0 : view.length % cols == 0 && view.length / cols == rows;
  if (fits) return;
  throw Error(error_code::kInvalidShape, name + ": expected " + std::to_string(rows) + " x " + std::to_string(cols) +
                                             " elements, got " + std::to_string(view.length));
}

Tensor tensor_from(const TensorParts& parts, DType dtype, const std::string& name, BufferPool& pool) {
  const size_t rows = size_from(parts.rows, name);
  const size_t cols = size_from(parts.cols, name);
  const ArrayView view = array_view(parts.data, name);
  if (view.type != array_type_of(dtype)) {
    throw_error(parts.data.Env(), error_code::kInvalidDType,
                name + ": expected " + name_of_array(array_type_of(dtype)) + " for " + name_of(dtype) + ", got " +
                    name_of_array(view.type));
  }
  expect_elements(view, rows, cols, name);
  Tensor tensor(pool, dtype, rows, cols);
  if (view.length != 0) std::memcpy(tensor.raw(), view.data, tensor.bytes());
  return tensor;
}

Tensor tensor_from(Napi::Value value, const std::string& name, BufferPool& pool) {
  const Napi::Object object = object_from(value, name);
  const DType dtype = dtype_from(object.Get("dtype"), name + ": dtype");
  const Napi::Value rows = object.Get("rows"), cols = object.Get("cols");
  return tensor_from({object.Get("data"), rows, cols}, dtype, name, pool);
}

std::vector<std::optional<Tensor>> tensors_from(Napi::Value list, const std::string& name, BufferPool& pool) {
  const Napi::Array array = array_from(list, name);
  std::vector<std::optional<Tensor>> tensors;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::HandleScope scope(list.Env());
    const Napi::Value value = array[i];
    if (value.IsNull() || value.IsUndefined()) {
      tensors.emplace_back();
    } else {
      tensors.emplace_back(tensor_from(value, name + ' ' + std::to_string(i), pool));
    }
  }
  return tensors;
}

namespace {

// A smaller one is never refused: where there is no memory for it, there is none for the objects around it either.
constexpr size_t kRefusable = size_t{4} << 10;

Napi::ArrayBuffer array_buffer(Napi::Env env, size_t bytes) {
  if (bytes < kRefusable) return Napi::ArrayBuffer::New(env, bytes);
  // Through the constructor: unlike napi_create_arraybuffer it throws when there is no memory, where the other ends
  // the process.
  try {
    const Napi::Function constructor = env.Global().Get("ArrayBuffer").As<Napi::Function>();
    return constructor.New({Napi::Number::New(env, static_cast<double>(bytes))}).As<Napi::ArrayBuffer>();
  } catch (const Napi::Error& error) {
    throw_error(env, error_code::kOutOfMemory,
                "output: " + std::to_string(bytes) + " bytes were refused: " + error.Message());
  }
}

Napi::Value typed_array(Napi::Env env, const Tensor& like, Napi::ArrayBuffer buffer) {
  napi_value data = nullptr;
  const napi_status status = napi_create_typedarray(env, array_type_of(like.dtype()), like.count(), buffer, 0, &data);
  NAPI_THROW_IF_FAILED(env, status, Napi::Value());
  return {env, data};
}

}  // namespace

TensorObject empty_tensor_object(Napi::Env env, const Tensor& like) {
  const Napi::ArrayBuffer buffer = array_buffer(env, like.bytes());
  Napi::Object object = Napi::Object::New(env);
  object.Set("dtype", name_of(like.dtype()));
  object.Set("rows", static_cast<double>(like.rows()));
  object.Set("cols", static_cast<double>(like.cols()));
  object.Set("data", typed_array(env, like, buffer));
  return {object, buffer};
}

Napi::Array filled_tensor_objects(Napi::Env env, const std::vector<Tensor>& tensors) {
  Napi::Array list = Napi::Array::New(env, tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    TensorObject made = empty_tensor_object(env, tensors[i]);
    if (tensors[i].bytes() != 0) std::memcpy(made.buffer.Data(), tensors[i].raw(), tensors[i].bytes());
    list.Set(static_cast<uint32_t>(i), made.object);
  }
  return list;
}

Napi::Array flat_tensors(Napi::Env env, const std::vector<Tensor>& tensors) {
  Napi::Array list = Napi::Array::New(env, tensors.size() * kFlatFields);
  uint32_t at = 0;
  for (const Tensor& tensor : tensors) {
    Napi::ArrayBuffer buffer = array_buffer(env, tensor.bytes());
    if (tensor.bytes() != 0) std::memcpy(buffer.Data(), tensor.raw(), tensor.bytes());
    list.Set(at++, typed_array(env, tensor, buffer));
    list.Set(at++, static_cast<double>(tensor.rows()));
    list.Set(at++, static_cast<double>(tensor.cols()));
  }
  return list;
}

}  // namespace tidemerge::addon
