#include "squint/onnx/external_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "squint/onnx/test_models.h"

namespace squint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

using Entries = std::map<std::string, std::string>;

// A model that returns initializer 'w', uint8[4], from external data.
std::string ModelWith(const Entries& entries) {
  Rope tensor;
  tensor.AddInt(TensorField::kDims, 4);
  tensor.AddInt(TensorField::kDataType, static_cast<int>(DType::kUint8));
  tensor.AddBytes(TensorField::kName, "w");
  tensor.AddInt(TensorField::kDataLocation, kDataLocationExternal);
  for (const auto& [key, value] : entries) {
    Rope entry;
    entry.AddBytes(EntryField::kKey, key);
    entry.AddBytes(EntryField::kValue, value);
    tensor.AddMessage(TensorField::kExternalData, entry);
  }
  GraphProto graph;
  graph.Initializer(tensor).Output("w");
  return ModelProto(graph).ToString();
}

// folder/in/model.onnx with folder/in/w.bin and folder/secret.bin around.
class ExternalData : public ::testing::Test {
 protected:
  ExternalData() {
    fs::create_directories(folder_ / "in");
    WriteBytes(folder_ / "in/w.bin", "abcdefgh");
    WriteBytes(folder_ / "secret.bin", "abcdefgh");
  }
  fs::path Model() const { return folder_ / "in/model.onnx"; }
  ReadOnnxResult Read(const Entries& entries) const {
    WriteBytes(Model(), ModelWith(entries));
    return ReadOnnx(Model());
  }
  std::vector<int64_t> Weights(const Entries& entries) const {
    const ReadOnnxResult result = Read(entries);
    return result.graph.ConstantOf(result.graph.FindValue("w"))->ToInts();
  }
  Error ReadError(const Entries& entries) const {
    return ErrorOf([&] { Read(entries); });
  }

  TestFolder folder_;
};

TEST_F(ExternalData, IsReadAtItsOffset) {
  EXPECT_THAT(Weights({{"location", "w.bin"}}),
              ElementsAre('a', 'b', 'c', 'd'));
  EXPECT_THAT(
      Weights({{"location", "w.bin"}, {"offset", "4"}, {"length", "4"}}),
      ElementsAre('e', 'f', 'g', 'h'));
}

TEST_F(ExternalData, IsPartOfHashAndSize) {
  const ReadOnnxResult first = Read({{"location", "w.bin"}});
  EXPECT_EQ(first.external_bytes, 8u);
  EXPECT_EQ(first.file_bytes, fs::file_size(Model()));
  WriteBytes(folder_ / "in/w.bin", "abcdefgX");
  EXPECT_NE(Read({{"location", "w.bin"}}).hash, first.hash);
  WriteBytes(folder_ / "in/w.bin", "abcdefgh");
  EXPECT_EQ(Read({{"location", "w.bin"}}).hash, first.hash);
}

TEST_F(ExternalData, BeyondTheEndOfTheFileIsAnError) {
  for (const char* offset : {"5", "9", "9223372036854775807"}) {
    const Error error = ReadError({{"location", "w.bin"}, {"offset", offset}});
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    EXPECT_THAT(error.what(), HasSubstr("has 8 bytes"));
  }
}

TEST_F(ExternalData, NonsenseInItsNumbersIsAnError) {
  for (const char* number : {"-1", "x", "", "4x", "99999999999999999999"}) {
    EXPECT_THROW(Read({{"location", "w.bin"}, {"offset", number}}), Error);
    EXPECT_THROW(Read({{"location", "w.bin"}, {"length", number}}), Error);
  }
  EXPECT_THROW(Read({{"location", "w.bin"}, {"length", "8"}}), Error);
}

TEST_F(ExternalData, MissingIsAnErrorThatNamesFileAndTensor) {
  const Error error = ReadError({{"location", "gone.bin"}});
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_THAT(error.what(), HasSubstr("model.onnx"));
  EXPECT_THAT(error.what(), HasSubstr("tensor 'w'"));
  EXPECT_THAT(error.what(), HasSubstr("gone.bin"));
}

TEST_F(ExternalData, NeedsALocation) {
  EXPECT_EQ(ReadError({}).code(), ErrorCode::kInvalidModel);
  EXPECT_EQ(ReadError({{"location", ""}}).code(), ErrorCode::kInvalidModel);
  fs::create_directory(folder_ / "in/folder");
  EXPECT_EQ(ReadError({{"location", "folder"}}).code(), ErrorCode::kIo);
}

TEST_F(ExternalData, OutsideTheModelsFolderIsAnError) {
  const std::string absolute = (folder_ / "secret.bin").string();
  for (const std::string& location :
       {std::string("../secret.bin"), std::string("sub/../../secret.bin"),
        std::string(".."), absolute}) {
    const Error error = ReadError({{"location", location}});
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel) << location;
    EXPECT_THAT(error.what(), HasSubstr("not inside the model's folder"));
  }
}

TEST_F(ExternalData, LinksThatLeadOutsideAreErrors) {
  fs::create_symlink(folder_ / "secret.bin", folder_ / "in/link.bin");
  fs::create_symlink(folder_.path(), folder_ / "in/up");
  EXPECT_EQ(ReadError({{"location", "link.bin"}}).code(),
            ErrorCode::kInvalidModel);
  EXPECT_EQ(ReadError({{"location", "up/secret.bin"}}).code(),
            ErrorCode::kInvalidModel);
}

TEST_F(ExternalData, LinksInsideTheFolderAreFollowed) {
  fs::create_symlink("w.bin", folder_ / "in/link.bin");
  EXPECT_THAT(Weights({{"location", "link.bin"}}),
              ElementsAre('a', 'b', 'c', 'd'));
}

// Model stores keep the files in one folder and hand out links to them.
TEST_F(ExternalData, MayLieBesideTheFileThatTheModelLinksTo) {
  Read({{"location", "w.bin"}});
  fs::create_directory(folder_ / "links");
  fs::create_symlink(Model(), folder_ / "links/m.onnx");
  fs::create_symlink(folder_ / "in/w.bin", folder_ / "links/w.bin");
  EXPECT_EQ(ReadOnnx(folder_ / "links/m.onnx").external_bytes, 8u);
}

TEST_F(ExternalData, AFolderWhoseNameMerelyBeginsAlikeIsOutside) {
  fs::create_directory(folder_ / "in2");
  WriteBytes(folder_ / "in2/w.bin", "abcdefgh");
  fs::create_symlink(folder_ / "in2/w.bin", folder_ / "in/alike.bin");
  EXPECT_EQ(ReadError({{"location", "alike.bin"}}).code(),
            ErrorCode::kInvalidModel);
}

}  // namespace
}  // namespace squint
