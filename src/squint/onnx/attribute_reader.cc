#include "squint/onnx/attribute_reader.h"

#include <optional>
#include <utility>
#include <vector>

#include "squint/base/error.h"
#include "squint/onnx/graph_reader.h"
#include "squint/onnx/proto_fields.h"

namespace squint {
namespace {

struct AttributeFields {
  std::string name;
  int64_t type = AttributeType::kUndefined;
  int64_t guessed_type = AttributeType::kUndefined;  // by the field present
  bool is_reference = false;
  float f = 0;
  int64_t i = 0;
  std::string s;
  std::optional<WireReader> tensor;
  std::optional<WireReader> graph;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
};

// Files of IR version 1 have no type: the field that is there tells it.
void ReadField(WireReader& message, AttributeFields& fields) {
  switch (message.field()) {
    case AttributeField::kName:
      fields.name = message.Text();
      return;
    case AttributeField::kType:
      fields.type = message.Int();
      return;
    case AttributeField::kRefName:
      fields.is_reference = !message.Bytes().empty();
      return;
    case AttributeField::kFloat:
      fields.f = message.Float();
      fields.guessed_type = AttributeType::kFloat;
      return;
    case AttributeField::kInt:
      fields.i = message.Int();
      fields.guessed_type = AttributeType::kInt;
      return;
    case AttributeField::kString:
      fields.s = message.Text();
      fields.guessed_type = AttributeType::kString;
      return;
    case AttributeField::kTensor:
      fields.tensor = message.Message();
      fields.guessed_type = AttributeType::kTensor;
      return;
    case AttributeField::kGraph:
      fields.graph = message.Message();
      fields.guessed_type = AttributeType::kGraph;
      return;
    case AttributeField::kFloats:
      message.Floats(fields.floats);
      fields.guessed_type = AttributeType::kFloats;
      return;
    case AttributeField::kInts:
      message.Ints(fields.ints);
      fields.guessed_type = AttributeType::kInts;
      return;
    case AttributeField::kStrings:
      fields.strings.push_back(message.Text());
      fields.guessed_type = AttributeType::kStrings;
      return;
    default:
      message.Skip();
  }
}

const WireReader& Required(const std::optional<WireReader>& message) {
  if (!message) Fail(ErrorCode::kInvalidModel, "has a type but no value");
  return *message;
}

Attribute ToAttribute(AttributeFields fields, std::string_view bytes,
                      TensorSource& source, int depth) {
  if (fields.is_reference) return OpaqueAttribute{std::string(bytes)};
  if (fields.type == AttributeType::kUndefined) {
    fields.type = fields.guessed_type;
  }
  switch (fields.type) {
    case AttributeType::kFloat:
      return fields.f;
    case AttributeType::kInt:
      return fields.i;
    case AttributeType::kString:
      return std::move(fields.s);
    case AttributeType::kTensor:
      return ReadTensor(Required(fields.tensor), source).tensor;
    case AttributeType::kGraph:
      return GraphBox(
          GraphReader(source, depth + 1).Read(Required(fields.graph)));
    case AttributeType::kFloats:
      return std::move(fields.floats);
    case AttributeType::kInts:
      return std::move(fields.ints);
    case AttributeType::kStrings:
      return std::move(fields.strings);
    default:
      return OpaqueAttribute{std::string(bytes)};
  }
}

}  // namespace

void ReadAttribute(WireReader message, TensorSource& source, int depth,
                   Attributes& into) {
  const std::string_view bytes = message.Rest();
  AttributeFields fields;
  while (message.Next()) ReadField(message, fields);
  const std::string name = fields.name;
  try {
    Attribute attribute = ToAttribute(std::move(fields), bytes, source, depth);
    if (!into.emplace(name, std::move(attribute)).second) {
      Fail(ErrorCode::kInvalidModel, "is given twice");
    }
  } catch (const Error& error) {
    throw error.In(fmt::format("attribute '{}'", name));
  }
}

}  // namespace squint
