#include "addon/describe.h"

#include <limits>
#include <utility>

#include "addon/errors.h"
#include "addon/tensor_values.h"
#include "addon/values.h"
#include "program/program.h"
#include "runtime/error.h"

namespace tidemerge::addon {

namespace {

ValueId id_from(Napi::Value value, const std::string& name) {
  return static_cast<ValueId>(integer_from(value, name, kAbsent, std::numeric_limits<ValueId>::max()));
}

// Calls fn(element, name of the element) for every element.
template <typename F>
void for_each(Napi::Value list, const std::string& name, const F& fn) {
  const Napi::Array array = array_from(list, name);
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; ++i) {
    const Napi::HandleScope scope(list.Env());
    fn(array.Get(i), name + '[' + std::to_string(i) + ']');
  }
}

std::vector<ValueId> ids_from(Napi::Value list, const std::string& name) {
  std::vector<ValueId> ids;
  for_each(list, name, [&](Napi::Value value, const std::string& at) { ids.push_back(id_from(value, at)); });
  return ids;
}

std::vector<NodeDescription> nodes_from(Napi::Value list, const std::string& name, int depth);

std::unique_ptr<BodyDescription> body_from(Napi::Value value, const std::string& name, int depth) {
  if (depth >= Program::kMaxNesting) {
    throw_error(value.Env(), error_code::kInvalidArgument,
                name + ": expected at most " + std::to_string(Program::kMaxNesting) + " nested repeats");
  }
  const Napi::Object object = object_from(value, name);
  auto body = std::make_unique<BodyDescription>();
  body->index = id_from(object.Get("index"), name + ".index");
  body->carries_in = ids_from(object.Get("carriesIn"), name + ".carriesIn");
  body->carries_out = ids_from(object.Get("carriesOut"), name + ".carriesOut");
  body->nodes = nodes_from(object.Get("nodes"), name + ".nodes", depth + 1);
  return body;
}

NodeDescription node_from(Napi::Value value, const std::string& name, int depth) {
  const Napi::Object object = object_from(value, name);
  NodeDescription node(string_from(object.Get("op"), name + ".op"));
  node.inputs = ids_from(object.Get("inputs"), name + ".inputs");
  node.outputs = ids_from(object.Get("outputs"), name + ".outputs");
  const Napi::Value body = object.Get("body");
  if (body.IsUndefined()) {
    node.attributes = attributes_from(node.op(), object.Get("attributes"));
  } else {
    node.body = body_from(body, name + ".body", depth);
  }
  return node;
}

std::vector<NodeDescription> nodes_from(Napi::Value list, const std::string& name, int depth) {
  std::vector<NodeDescription> nodes;
  for_each(list, name, [&](Napi::Value value, const std::string& at) { nodes.push_back(node_from(value, at, depth)); });
  return nodes;
}

std::vector<double> numbers_from(Napi::Value list, const std::string& name) {
  std::vector<double> numbers;
  for_each(list, name, [&](Napi::Value value, const std::string& at) { numbers.push_back(number_from(value, at)); });
  return numbers;
}

}  // namespace

Attributes attributes_from(const std::string& op, Napi::Value value) {
  const Napi::Object object = object_from(value, op + ": attributes");
  const Napi::Array names = object.GetPropertyNames();
  Attributes attributes(op);
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    const std::string name = names.Get(i).ToString().Utf8Value();
    const Napi::Value entry = object.Get(name);
    const std::string at = op + ": attribute " + name;
    switch (entry.Type()) {
      case napi_undefined: break;  // as if it were not there
      case napi_number: attributes.set(name, entry.As<Napi::Number>().DoubleValue()); break;
      case napi_boolean: attributes.set(name, entry.As<Napi::Boolean>().Value()); break;
      case napi_string: attributes.set(name, entry.As<Napi::String>().Utf8Value()); break;
      default: attributes.set(name, numbers_from(entry, at));
    }
  }
  return attributes;
}

ProgramDescription description_from(Napi::Value value) {
  const Napi::Object object = object_from(value, "program");
  ProgramDescription description;
  description.values = size_from(object.Get("values"), "program.values");
  for_each(object.Get("inputs"), "program.inputs", [&](Napi::Value entry, const std::string& at) {
    const Napi::Object input = object_from(entry, at);
    description.inputs.push_back({string_from(input.Get("name"), at + ".name"), id_from(input.Get("id"), at + ".id"),
                                  dtype_from(input.Get("dtype"), at + ".dtype")});
  });
  for_each(object.Get("weights"), "program.weights", [&](Napi::Value entry, const std::string& at) {
    const Napi::Object use = object_from(entry, at);
    description.weights.push_back({id_from(use.Get("id"), at + ".id"), size_from(use.Get("weight"), at + ".weight")});
  });
  for_each(object.Get("states"), "program.states", [&](Napi::Value entry, const std::string& at) {
    const Napi::Object state = object_from(entry, at);
    description.states.push_back({string_from(state.Get("name"), at + ".name"), id_from(state.Get("id"), at + ".id"),
                                  dtype_from(state.Get("dtype"), at + ".dtype")});
  });
  description.nodes = nodes_from(object.Get("nodes"), "program.nodes", 0);
  for_each(object.Get("outputs"), "program.outputs", [&](Napi::Value entry, const std::string& at) {
    const Napi::Object output = object_from(entry, at);
    description.outputs.push_back(
        {string_from(output.Get("name"), at + ".name"), id_from(output.Get("id"), at + ".id")});
  });
  return description;
}

}  // namespace tidemerge::addon
