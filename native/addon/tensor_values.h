#pragma once

// TensorData of JavaScript, { dtype, rows, cols, data }, from and to tensors. All functions run on the JavaScript
// thread.

#include <optional>
#include <string>
#include <vector>

#include "addon/node_api.h"
#include "runtime/buffer_pool.h"
#include "runtime/tensor.h"

namespace tidemerge::addon {

// The elements of a typed array; valid until JavaScript runs again.
struct ArrayView {
  napi_typedarray_type type;
  size_t length;
  const void* data;  // null when length is 0
};

// Throws ERR_INVALID_ARGUMENT for anything but a typed array, ERR_DETACHED_BUFFER when its memory was transferred.
// `name` is what messages call the value.
ArrayView array_view(Napi::Value value, const std::string& name);

// Throws ERR_INVALID_SHAPE unless the array has rows * cols elements.
void expect_elements(const ArrayView& view, size_t rows, size_t cols, const std::string& name);

// A copy. Throws ERR_INVALID_ARGUMENT, ERR_INVALID_DTYPE (data is not of the dtype), ERR_INVALID_SHAPE (length is not
// rows * cols), ERR_DETACHED_BUFFER, ERR_OUT_OF_MEMORY.
Tensor tensor_from(Napi::Value value, const std::string& name, BufferPool& pool);

// The same of three values, for a dtype that is known.
struct TensorParts {
  Napi::Value data, rows, cols;
};
Tensor tensor_from(const TensorParts& parts, DType dtype, const std::string& name, BufferPool& pool);

// undefined and null stand for an absent tensor.
std::vector<std::optional<Tensor>> tensors_from(Napi::Value list, const std::string& name, BufferPool& pool);

DType dtype_from(Napi::Value value, const std::string& name);

// A value's { dtype, rows, cols, data } with memory of JavaScript, not yet filled.
struct TensorObject {
  Napi::Object object;
  Napi::ArrayBuffer buffer;
};
// Throws ERR_OUT_OF_MEMORY when JavaScript refuses the memory.
TensorObject empty_tensor_object(Napi::Env env, const Tensor& like);

// The outputs of a call, copied.
Napi::Array filled_tensor_objects(Napi::Env env, const std::vector<Tensor>& tensors);

// The same as a flat list: data, rows and cols of every tensor.
constexpr size_t kFlatFields = 3;
Napi::Array flat_tensors(Napi::Env env, const std::vector<Tensor>& tensors);

}  // namespace tidemerge::addon
