// Field numbers of the messages of onnx.proto3 that Squint reads or writes.
// Whatever is not listed here is carried along as bytes.
#ifndef SQUINT_ONNX_PROTO_FIELDS_H_
#define SQUINT_ONNX_PROTO_FIELDS_H_

#include <cstdint>

namespace squint {

struct ModelField {
  enum : uint32_t {
    kIrVersion = 1,
    kProducerName = 2,
    kProducerVersion = 3,
    kGraph = 7,
    kOpsetImport = 8,
    kMetadata = 14,
    kFunctions = 25,
  };
};

struct OpsetField {
  enum : uint32_t { kDomain = 1, kVersion = 2 };
};

// StringStringEntryProto: metadata and the keys of external data.
struct EntryField {
  enum : uint32_t { kKey = 1, kValue = 2 };
};

struct GraphField {
  enum : uint32_t {
    kNode = 1,
    kName = 2,
    kInitializer = 5,
    kDoc = 10,
    kInput = 11,
    kOutput = 12,
    kValueInfo = 13,
    kSparseInitializer = 15,
  };
};

struct NodeField {
  enum : uint32_t {
    kInput = 1,
    kOutput = 2,
    kName = 3,
    kOpType = 4,
    kAttribute = 5,
    kDoc = 6,
    kDomain = 7,
    kOverload = 8,
  };
};

struct AttributeField {
  enum : uint32_t {
    kName = 1,
    kFloat = 2,
    kInt = 3,
    kString = 4,
    kTensor = 5,
    kGraph = 6,
    kFloats = 7,
    kInts = 8,
    kStrings = 9,
    kType = 20,
    kRefName = 21,
  };
};

// AttributeProto.AttributeType; the kinds left out are kept as bytes.
struct AttributeType {
  enum : int64_t {
    kUndefined = 0,
    kFloat = 1,
    kInt = 2,
    kString = 3,
    kTensor = 4,
    kGraph = 5,
    kFloats = 6,
    kInts = 7,
    kStrings = 8,
  };
};

struct ValueInfoField {
  enum : uint32_t { kName = 1, kType = 2, kDoc = 3, kMetadata = 4 };
};

struct TypeField {
  enum : uint32_t { kTensor = 1, kDenotation = 6 };
};

struct TensorTypeField {
  enum : uint32_t { kElemType = 1, kShape = 2 };
};

struct ShapeField {
  enum : uint32_t { kDim = 1 };
};

struct DimField {
  enum : uint32_t { kValue = 1, kParam = 2 };
};

struct TensorField {
  enum : uint32_t {
    kDims = 1,
    kDataType = 2,
    kSegment = 3,
    kFloatData = 4,
    kInt32Data = 5,
    kStringData = 6,
    kInt64Data = 7,
    kName = 8,
    kRawData = 9,
    kDoubleData = 10,
    kUint64Data = 11,
    kDoc = 12,
    kExternalData = 13,
    kDataLocation = 14,
    kMetadata = 16,
  };
};
inline constexpr int64_t kDataLocationExternal = 1;

struct SparseTensorField {
  enum : uint32_t { kValues = 1, kIndices = 2, kDims = 3 };
};

struct FunctionField {
  enum : uint32_t {
    kName = 1,
    kInput = 4,
    kOutput = 5,
    kAttribute = 6,
    kNode = 7,
    kDoc = 8,
    kOpsetImport = 9,
    kDomain = 10,
    kAttributeProto = 11,
    kValueInfo = 12,
    kOverload = 13,
  };
};

}  // namespace squint

#endif  // SQUINT_ONNX_PROTO_FIELDS_H_
