#include "squint/onnx/tensor_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <vector>

#include "squint/onnx/test_models.h"

namespace squint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A TensorProto of `dtype` and `dims`, without data.
Rope Head(DType dtype, const Dims& dims) {
  Rope tensor;
  for (const int64_t dim : dims) tensor.AddInt(TensorField::kDims, dim);
  tensor.AddInt(TensorField::kDataType, static_cast<int64_t>(dtype));
  tensor.AddBytes(TensorField::kName, "t");
  return tensor;
}

NamedTensor ReadFrom(const std::shared_ptr<const std::string>& bytes) {
  ExternalFiles external("/nowhere/model.onnx");
  TensorSource source{bytes, external, size_t{1} << 20};
  return ReadTensor(WireReader(*bytes), source);
}

Tensor Read(const Rope& message) {
  return ReadFrom(std::make_shared<const std::string>(message.ToString()))
      .tensor;
}

// Every element in a field of its own, as writers without packing do it.
Tensor ReadInts(DType dtype, const Dims& dims, uint32_t field,
                const std::vector<int64_t>& values) {
  Rope message = Head(dtype, dims);
  for (const int64_t value : values) message.AddInt(field, value);
  return Read(message);
}

TEST(TensorReader, ReadsInt32DataIntoEveryNarrowType) {
  constexpr uint32_t kField = TensorField::kInt32Data;
  EXPECT_THAT(ReadInts(DType::kInt8, {3}, kField, {-128, 0, 127}).ToInts(),
              ElementsAre(-128, 0, 127));
  EXPECT_THAT(ReadInts(DType::kUint8, {2}, kField, {0, 255}).ToInts(),
              ElementsAre(0, 255));
  EXPECT_THAT(ReadInts(DType::kInt16, {2}, kField, {-32768, 32767}).ToInts(),
              ElementsAre(-32768, 32767));
  EXPECT_THAT(ReadInts(DType::kUint16, {1}, kField, {65535}).ToInts(),
              ElementsAre(65535));
  EXPECT_THAT(ReadInts(DType::kInt32, {1}, kField, {INT32_MIN}).ToInts(),
              ElementsAre(INT32_MIN));
  EXPECT_THAT(ReadInts(DType::kBool, {3}, kField, {0, 1, 2}).ToInts(),
              ElementsAre(0, 1, 1));
}

TEST(TensorReader, NumbersThatDoNotFitTheirTypeAreErrors) {
  constexpr uint32_t kField = TensorField::kInt32Data;
  const auto refuses = [](DType dtype, int64_t value) {
    const Error error = ErrorOf([&] { ReadInts(dtype, {1}, kField, {value}); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    EXPECT_THAT(error.what(), HasSubstr("tensor 't'"));
  };
  refuses(DType::kUint8, 256);
  refuses(DType::kInt8, -129);
  refuses(DType::kInt16, 65536);
  // As its bits a negative number may be written without a sign.
  EXPECT_THAT(ReadInts(DType::kInt8, {1}, kField, {255}).ToInts(),
              ElementsAre(-1));
}

TEST(TensorReader, MoreDimensionsThanAnyTensorHasAreAnError) {
  EXPECT_NO_THROW(
      ReadInts(DType::kInt8, Dims(64, 1), TensorField::kInt32Data, {1}));
  const Error error = ErrorOf([] {
    ReadInts(DType::kInt8, Dims(10000, 1), TensorField::kInt32Data, {1});
  });
  EXPECT_THAT(error.what(), HasSubstr("10000 dimensions"));
}

TEST(TensorReader, ReadsFloat16AsItsBits) {
  constexpr uint32_t kField = TensorField::kInt32Data;
  EXPECT_THAT(ReadInts(DType::kFloat16, {1}, kField, {0xC000}).ToFloats(),
              ElementsAre(-2.0f));
  EXPECT_THAT(ReadInts(DType::kBfloat16, {1}, kField, {0x3F80}).ToFloats(),
              ElementsAre(1.0f));
}

TEST(TensorReader, ReadsFourBitIntegersAsPackedBytes) {
  constexpr uint32_t kField = TensorField::kInt32Data;
  // Low half first; an odd count leaves the last high half unused.
  EXPECT_THAT(ReadInts(DType::kInt4, {3}, kField, {0x78, 0x0F}).ToInts(),
              ElementsAre(-8, 7, -1));
  EXPECT_THAT(ReadInts(DType::kUint4, {2}, kField, {0xF0}).ToInts(),
              ElementsAre(0, 15));
  EXPECT_THROW(ReadInts(DType::kInt4, {3}, kField, {1, 2, 3}), Error);
}

TEST(TensorReader, ReadsWideIntegers) {
  EXPECT_THAT(ReadInts(DType::kInt64, {2}, TensorField::kInt64Data,
                       {INT64_MIN, INT64_MAX})
                  .ToInts(),
              ElementsAre(INT64_MIN, INT64_MAX));
  const Tensor wide =
      ReadInts(DType::kUint64, {1}, TensorField::kUint64Data, {-1});
  EXPECT_EQ(wide.data<uint64_t>()[0], UINT64_MAX);
  const Tensor narrow =
      ReadInts(DType::kUint32, {1}, TensorField::kUint64Data, {0xFFFFFFFF});
  EXPECT_EQ(narrow.data<uint32_t>()[0], UINT32_MAX);
}

TEST(TensorReader, ReadsPackedNumbers) {
  Rope message = Head(DType::kInt32, {2});
  message.AddBytes(TensorField::kInt32Data, std::string_view("\x05\xAC\x02"));
  EXPECT_THAT(Read(message).ToInts(), ElementsAre(5, 300));

  const double values[] = {0.5, -2.0};
  Rope doubles = Head(DType::kFloat64, {2});
  doubles.AddBytes(TensorField::kDoubleData,
                   {reinterpret_cast<const char*>(values), sizeof(values)});
  EXPECT_THAT(Read(doubles).ToFloats(), ElementsAre(0.5f, -2.0f));
}

TEST(TensorReader, ComplexNumbersTakeTwoFloatsEach) {
  Rope message = Head(DType::kComplex64, {1});
  message.AddFloat(TensorField::kFloatData, 1.0f);
  EXPECT_THROW(Read(message), Error);
  message.AddFloat(TensorField::kFloatData, 2.0f);
  EXPECT_EQ(Read(message).bytes(), 8u);
}

TEST(TensorReader, RawDataIsSharedExactlyWhenAligned) {
  // The payload's address changes with the length of the name before it.
  int shared = 0;
  for (size_t pad = 0; pad < 4; ++pad) {
    Rope message;
    message.AddBytes(TensorField::kName, std::string(20 + pad, 'n'));
    message.AddInt(TensorField::kDims, 8);
    message.AddInt(TensorField::kDataType, 1);
    std::vector<float> floats(8, 1.5f);
    message.AddBytes(TensorField::kRawData,
                     {reinterpret_cast<const char*>(floats.data()), 32});
    const auto bytes = std::make_shared<const std::string>(message.ToString());
    const Tensor tensor = ReadFrom(bytes).tensor;
    EXPECT_EQ(tensor.ToFloats(), floats);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.raw()) % 4, 0u);
    const auto* raw = reinterpret_cast<const char*>(tensor.raw());
    const bool inside =
        raw >= bytes->data() && raw < bytes->data() + bytes->size();
    EXPECT_EQ(
        inside,
        reinterpret_cast<uintptr_t>(bytes->data() + bytes->size() - 32) % 4 ==
            0);
    shared += inside;
  }
  EXPECT_EQ(shared, 1);
}

TEST(TensorReader, BytesOfBoolBecomeZeroOrOne) {
  Rope message = Head(DType::kBool, {3});
  message.AddBytes(TensorField::kRawData, std::string_view("\0\1\xFF", 3));
  EXPECT_THAT(Read(message).ToInts(), ElementsAre(0, 1, 1));
}

TEST(TensorReader, ScalarsAndEmptyTensorsAreFine) {
  EXPECT_THAT(ReadInts(DType::kInt64, {}, TensorField::kInt64Data, {7}).dims(),
              ElementsAre());
  const Tensor empty = Read(Head(DType::kFloat32, {3, 0, 2}));
  EXPECT_EQ(empty.size(), 0);
  EXPECT_FALSE(empty.empty());
}

TEST(TensorReader, AbsurdSizesAreErrorsBeforeAnythingIsAllocated) {
  constexpr int64_t kHuge = int64_t{1} << 62;
  const std::vector<Dims> shapes = {{kHuge}, {kHuge, kHuge}, {kHuge / 4},
                                    {-1},    {INT64_MIN},    {INT64_MAX}};
  for (const Dims& dims : shapes) {
    for (const DType dtype : {DType::kFloat32, DType::kUint8, DType::kInt4,
                              DType::kString, DType::kComplex128}) {
      const Error error = ErrorOf([&] { Read(Head(dtype, dims)); });
      EXPECT_EQ(error.code(), ErrorCode::kInvalidModel) << error.what();
      EXPECT_THAT(error.what(), HasSubstr("tensor 't'"));
    }
  }
}

TEST(TensorReader, AWrongNumberOfBytesIsAnError) {
  for (const size_t size : {0, 7, 9}) {
    Rope message = Head(DType::kFloat32, {2});
    message.AddBytes(TensorField::kRawData, std::string(size, 'x'));
    const Error error = ErrorOf([&] { Read(message); });
    EXPECT_THAT(error.what(), HasSubstr("float32[2] needs 8 bytes"));
  }
}

TEST(TensorReader, UnknownElementTypesAreErrors) {
  EXPECT_EQ(ErrorOf([] { ReadDType(0); }).code(), ErrorCode::kInvalidModel);
  EXPECT_EQ(ErrorOf([] { ReadDType(-1); }).code(), ErrorCode::kInvalidModel);
  EXPECT_EQ(ErrorOf([] { ReadDType(27); }).code(), ErrorCode::kUnsupported);
  EXPECT_EQ(ReadDType(26), DType::kInt2);
  EXPECT_EQ(ReadDType(1), DType::kFloat32);
}

// float32 values and int64 indices of the given shape.
Rope Sparse(const Dims& dims, const std::vector<float>& values,
            const Dims& index_dims, const std::vector<int64_t>& indices) {
  Rope value_tensor = Head(DType::kFloat32, {std::ssize(values)});
  for (const float v : values) {
    value_tensor.AddFloat(TensorField::kFloatData, v);
  }
  Rope index_tensor = Head(DType::kInt64, index_dims);
  for (const int64_t i : indices) {
    index_tensor.AddInt(TensorField::kInt64Data, i);
  }
  Rope sparse;
  sparse.AddMessage(SparseTensorField::kValues, value_tensor);
  sparse.AddMessage(SparseTensorField::kIndices, index_tensor);
  for (const int64_t dim : dims) sparse.AddInt(SparseTensorField::kDims, dim);
  return sparse;
}

Tensor ReadSparse(const Rope& message) {
  const auto bytes = std::make_shared<const std::string>(message.ToString());
  ExternalFiles external("/nowhere/model.onnx");
  TensorSource source{bytes, external, size_t{1} << 20};
  return ReadSparseTensor(WireReader(*bytes), source).tensor;
}

TEST(TensorReader, SparseTensorsBecomeDense) {
  EXPECT_THAT(ReadSparse(Sparse({4}, {5, 6}, {2}, {0, 3})).ToFloats(),
              ElementsAre(5, 0, 0, 6));
  EXPECT_THAT(ReadSparse(Sparse({2, 2}, {5, 6}, {2}, {1, 3})).ToFloats(),
              ElementsAre(0, 5, 0, 6));
  EXPECT_THAT(
      ReadSparse(Sparse({2, 2}, {5, 6}, {2, 2}, {0, 0, 1, 0})).ToFloats(),
      ElementsAre(5, 0, 6, 0));
  EXPECT_THAT(ReadSparse(Sparse({2}, {}, {0}, {})).ToFloats(),
              ElementsAre(0, 0));
}

TEST(TensorReader, SparseIndicesAreChecked) {
  EXPECT_THROW(ReadSparse(Sparse({4}, {5}, {1}, {4})), Error);
  EXPECT_THROW(ReadSparse(Sparse({4}, {5}, {1}, {-1})), Error);
  EXPECT_THROW(ReadSparse(Sparse({2, 2}, {5}, {1, 2}, {0, 2})), Error);
  EXPECT_THROW(ReadSparse(Sparse({2, 2}, {5, 6}, {3}, {0, 1, 2})), Error);
  EXPECT_THROW(ReadSparse(Sparse({0}, {5}, {1}, {0})), Error);
  EXPECT_THROW(ReadSparse(Rope()), Error);
}

TEST(TensorReader, WhatMustBeHeldBeyondTheMemoryLimitIsAnErrorWithItsName) {
  constexpr int64_t kCount = (1 << 20) / 4 + 1;
  Rope message = Head(DType::kFloat32, {kCount});
  for (int64_t i = 0; i < kCount; ++i) {
    message.AddFloat(TensorField::kFloatData, 1.0f);
  }
  const Error error = ErrorOf([&] { Read(message); });
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
  EXPECT_THAT(error.message(), HasSubstr("tensor 't'"));
}

TEST(TensorReader, ASparseTensorBeyondTheMemoryLimitIsAnError) {
  const int64_t dim = int64_t{1} << 40;
  const Error error =
      ErrorOf([&] { ReadSparse(Sparse({dim}, {1}, {1}, {0})); });
  EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
}

}  // namespace
}  // namespace squint
