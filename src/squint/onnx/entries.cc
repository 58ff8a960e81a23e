#include "squint/onnx/entries.h"

#include <algorithm>
#include <utility>

#include "squint/base/error.h"
#include "squint/onnx/proto_fields.h"
#include "squint/onnx/tensor_reader.h"
#include "squint/tensor/rank.h"

namespace squint {
namespace {

Dim ReadDim(WireReader message) {
  Dim dim = Dim::Unknown();
  while (message.Next()) {
    if (message.field() == DimField::kValue) {
      const int64_t value = message.Int();
      dim = value >= 0 ? Dim(value) : Dim::Unknown();
    } else if (message.field() == DimField::kParam) {
      const std::string name = message.Text();
      // Exporters write "?" for every dimension they do not know: no name.
      dim = name.empty() || name == "?" ? Dim::Unknown() : Dim::Symbol(name);
    } else {
      message.Skip();
    }
  }
  return dim;
}

Shape ReadShape(WireReader message) {
  DimList dims;
  while (message.Next()) {
    if (message.field() == ShapeField::kDim) {
      dims.push_back(ReadDim(message.Message()));
    } else {
      message.Skip();
    }
  }
  if (dims.size() > kMaxRank) {
    Fail(ErrorCode::kUnsupported, "has {} dimensions, Squint takes up to {}",
         dims.size(), kMaxRank);
  }
  return dims;
}

void ReadTensorType(WireReader message, Value& value) {
  while (message.Next()) {
    switch (message.field()) {
      case TensorTypeField::kElemType:
        if (const int64_t number = message.Int(); number != 0) {
          value.dtype = ReadDType(number);
        }
        break;
      case TensorTypeField::kShape:
        value.shape = ReadShape(message.Message());
        break;
      default:
        message.Skip();
    }
  }
}

// What is no tensor is kept as it stands, denotation included; several
// TypeProtos one after the other are one, as protobuf merges them.
void ReadType(WireReader message, Value& value) {
  const std::string_view whole = message.Rest();
  std::string denotation;
  bool is_tensor = true;
  while (message.Next()) {
    switch (message.field()) {
      case TypeField::kTensor:
        ReadTensorType(message.Message(), value);
        break;
      case TypeField::kDenotation:
        denotation += message.Keep();
        break;
      default:
        is_tensor = false;
        message.Skip();
    }
  }
  if (!is_tensor) {
    value.type_bytes += whole;
  } else if (!denotation.empty()) {
    // A second, partial TypeProto beside the one that is written.
    Rope field;
    field.AddBytes(ValueInfoField::kType, denotation);
    value.opaque_fields += field.ToString();
  }
}

Rope DimMessage(const Dim& dim) {
  Rope message;
  if (dim.value()) {
    message.AddInt(DimField::kValue, *dim.value());
  } else if (!dim.is_unknown()) {
    message.AddBytes(DimField::kParam, dim.ToString());
  }
  return message;
}

Rope TensorTypeMessage(const Value& value) {
  Rope tensor;
  tensor.AddInt(TensorTypeField::kElemType, static_cast<int64_t>(value.dtype));
  if (value.shape.has_rank()) {
    Rope shape;
    for (const Dim& dim : value.shape.dims()) {
      shape.AddMessage(ShapeField::kDim, DimMessage(dim));
    }
    tensor.AddMessage(TensorTypeField::kShape, std::move(shape));
  }
  Rope type;
  type.AddMessage(TypeField::kTensor, std::move(tensor));
  return type;
}

}  // namespace

std::string NormalizedDomain(std::string domain) {
  return domain == "ai.onnx" ? std::string() : std::move(domain);
}

void ReadEntry(WireReader message, std::map<std::string, std::string>& into) {
  std::string key;
  std::string value;
  while (message.Next()) {
    if (message.field() == EntryField::kKey) {
      key = message.Text();
    } else if (message.field() == EntryField::kValue) {
      value = message.Text();
    } else {
      message.Skip();
    }
  }
  into[key] = std::move(value);
}

void ReadOpset(WireReader message, std::map<std::string, int64_t>& into) {
  std::string domain;
  int64_t version = 0;
  while (message.Next()) {
    if (message.field() == OpsetField::kDomain) {
      domain = NormalizedDomain(message.Text());
    } else if (message.field() == OpsetField::kVersion) {
      version = message.Int();
    } else {
      message.Skip();
    }
  }
  const auto [it, is_new] = into.emplace(domain, version);
  if (!is_new && it->second != version) {
    Fail(ErrorCode::kInvalidModel,
         "operator set '{}' is imported as version {} and {}", domain,
         it->second, version);
  }
}

Value ReadValueInfo(WireReader message) {
  Value value;
  while (message.Next()) {
    switch (message.field()) {
      case ValueInfoField::kName:
        value.name = message.Text();
        break;
      case ValueInfoField::kType:
        try {
          ReadType(message.Message(), value);
        } catch (const Error& error) {
          throw error.In(fmt::format("tensor '{}'", value.name));
        }
        break;
      default:
        value.opaque_fields += message.Keep();
    }
  }
  return value;
}

Rope ValueInfoMessage(const Value& value, std::string_view name) {
  Rope message;
  message.AddBytes(ValueInfoField::kName, name);
  if (!value.type_bytes.empty()) {
    message.AddBytes(ValueInfoField::kType, value.type_bytes);
  } else if (value.dtype != DType::kUndefined || value.shape.has_rank()) {
    message.AddMessage(ValueInfoField::kType, TensorTypeMessage(value));
  }
  message.Append(SelectFields(value.opaque_fields,
                              {ValueInfoField::kType, ValueInfoField::kDoc,
                               ValueInfoField::kMetadata}));
  return message;
}

std::string SelectFields(std::string_view bytes,
                         std::initializer_list<uint32_t> numbers) {
  std::string selected;
  WireReader message(bytes);
  while (message.Next()) {
    const uint32_t field = message.field();
    const std::string_view whole = message.Keep();
    if (std::find(numbers.begin(), numbers.end(), field) != numbers.end()) {
      selected += whole;
    }
  }
  return selected;
}

}  // namespace squint
