#include <gmock/gmock.h>

#include "squint/data/dataset.h"
#include "squint/data/npz.h"
#include "squint/data/test_formats.h"

namespace squint {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

#if SQUINT_HAS_ARCHIVES

std::string Floats(const std::string& shape, std::vector<float> values) {
  return Npy("<f4", shape, BytesOfValues(values));
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class NpzDataset : public testing::TestWithParam<bool> {};

TEST_P(NpzDataset, FeedsInputsByNameAndFindsLabels) {
  const TestFolder folder;
  const auto file = folder.string("x.npz");
  WriteNpz(file,
           {{"b", Floats("(2, 1, 1)", {5, 6})},
            {"a", Floats("(2, 2)", {1, 2, 3, 4})},
            {"y", Npy("|u1", "(2,)", std::string("\x03\x09"))}},
           GetParam());
  const auto dataset =
      OpenDataset(file, {FloatInput({-1, 2}, "a"), FloatInput({1, 1}, "b")});
  ASSERT_EQ(dataset->size(), 2);
  const Sample sample = dataset->Get(1);
  EXPECT_THAT(FloatsOf(sample.inputs[0]), ElementsAre(3, 4));
  EXPECT_EQ(sample.inputs[0].dims(), (Dims{1, 2}));
  EXPECT_EQ(sample.inputs[1].dims(), (Dims{1, 1}));
  EXPECT_EQ(sample.label, 9);
  EXPECT_THAT(MessageOf([&] {
                OpenDataset(file, {FloatInput({1}, "a"), FloatInput({1}, "c")});
              }),
              AllOf(HasSubstr("input 'c'"), HasSubstr("'a', 'b', 'y'")));
}

INSTANTIATE_TEST_SUITE_P(StoredAndDeflated, NpzDataset, testing::Bool());

TEST(NpzDataset, AnOnlyArrayServesAnOnlyInputOfAnyName) {
  const TestFolder folder;
  WriteNpz(folder.string("x.npz"), {{"arr_0", Floats("(1, 2)", {1, 2})}});
  const auto dataset =
      OpenDataset(folder.string("x.npz"), {FloatInput({-1, 2}, "image")});
  EXPECT_THAT(FloatsOf(dataset->Get(0).inputs[0]), ElementsAre(1, 2));
}

TEST(NpzDataset, AnInputNamedYIsNoLabel) {
  const TestFolder folder;
  WriteNpz(folder.string("x.npz"), {{"y", Npy("|u1", "(1, 1)", "a")}});
  const InputSpec input{"y", DType::kUint8, Dims{-1, 1}};
  EXPECT_FALSE(OpenDataset(folder.string("x.npz"), {input})->has_labels());
}

TEST(NpzDataset, AFolderHoldsOneFileForEachSample) {
  const TestFolder folder;
  for (int i = 0; i < 3; ++i) {
    const auto count = static_cast<size_t>(i + 1);
    WriteNpz(folder.string(fmt::format("{}.npz", i)),
             {{"x", Floats(fmt::format("({}, 2)", count),
                           std::vector<float>(2 * count, 1.0f))},
              {"y", Npy("<i8", "()", BytesOfValues<int64_t>({i}))}});
  }
  const auto dataset = OpenDataset(folder.string(), {FloatInput({-1, 2})});
  ASSERT_EQ(dataset->size(), 3);
  const Sample sample = dataset->Get(2);
  EXPECT_EQ(sample.inputs[0].dims(), (Dims{3, 2}));
  EXPECT_EQ(sample.label, 2);
  EXPECT_EQ(sample.id, "2.npz");
}

TEST(NpzDataset, ASampleFileWithoutTheArrayIsNamed) {
  const TestFolder folder;
  WriteNpz(folder.string("0.npz"), {{"x", Floats("(1, 2)", {1, 2})}});
  WriteNpz(folder.string("1.npz"), {{"z", Floats("(1, 2)", {1, 2})}});
  const auto dataset = OpenDataset(folder.string(), {FloatInput({-1, 2})});
  EXPECT_THAT(MessageOf([&] { dataset->Get(1); }),
              AllOf(HasSubstr("1.npz"), HasSubstr("no array 'x'")));
}

TEST(ReadNpz, RefusesEveryTruncationAndIsSturdyAgainstDamage) {
  const TestFolder folder;
  const auto file = folder.string("x.npz");
  WriteNpz(file, {{"x", Floats("(2, 2)", {1, 2, 3, 4})}});
  const std::string whole = ReadAll(file);
  for (size_t size = 0; size < whole.size(); ++size) {
    folder.Write("cut.npz", whole.substr(0, size));
    EXPECT_THAT(MessageOf([&] { ReadNpz(folder.path("cut.npz")); }),
                HasSubstr("cut.npz"))
        << size;
  }
  // Any damage is refused or does not matter; nothing else may happen.
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    folder.Write("bad.npz", damaged);
    const auto message = MessageOf([&] { ReadNpz(folder.path("bad.npz")); });
    EXPECT_THAT(message, testing::AnyOf("", HasSubstr("bad.npz"))) << at;
  }
}

TEST(ReadNpz, RefusesASizeThatTheBytesCannotHold) {
  const TestFolder folder;
  const auto file = folder.string("x.npz");
  WriteNpz(file, {{"x", Floats("(2, 2)", {1, 2, 3, 4})}});
  std::string bytes = ReadAll(file);
  // The uncompressed size is at byte 22 of the local header and byte 24 of
  // the central one.
  const size_t central = bytes.find("PK\x01\x02");
  ASSERT_NE(central, std::string::npos);
  for (const size_t at : {size_t{22}, central + 24}) {
    bytes.replace(at, 4, "\xf0\xff\xff\x7f");
  }
  folder.Write("bomb.npz", bytes);
  EXPECT_THAT(MessageOf([&] { ReadNpz(folder.path("bomb.npz")); }),
              AllOf(HasSubstr("bomb.npz:x"), HasSubstr("cannot hold")));
}

TEST(ReadNpz, RefusesMoreCompressedBytesThanTheFileHas) {
  const TestFolder folder;
  const auto file = folder.string("x.npz");
  WriteNpz(file, {{"x", Floats("(2, 2)", {1, 2, 3, 4})}});
  std::string bytes = ReadAll(file);
  const size_t central = bytes.find("PK\x01\x02");
  ASSERT_NE(central, std::string::npos);
  // Both sizes, compressed and not, in the local and the central header.
  for (const size_t at : {size_t{18}, size_t{22}, central + 20, central + 24}) {
    bytes.replace(at, 4, "\xf0\xff\xff\x7f");
  }
  folder.Write("boast.npz", bytes);
  EXPECT_THAT(MessageOf([&] { ReadNpz(folder.path("boast.npz")); }),
              AllOf(HasSubstr("boast.npz:x"), HasSubstr("cannot hold")));
}

TEST(ReadNpz, RefusesAnEmptyFileAndAnArchiveOfOtherThings) {
  const TestFolder folder;
  folder.Write("empty.npz", "");
  EXPECT_THAT(MessageOf([&] { ReadNpz(folder.path("empty.npz")); }),
              HasSubstr("empty.npz"));
  WriteNpz(folder.string("x.npz"), {{"x", "no array"}});
  EXPECT_THAT(MessageOf([&] { ReadNpz(folder.path("x.npz")); }),
              AllOf(HasSubstr("x.npz:x"), HasSubstr("not a .npy")));
}

TEST(IdxDataset, ReadsGzippedImagesAndLabels) {
  const TestFolder folder;
  const auto images = folder.Write(
      "train-images-idx3-ubyte.gz",
      Gzipped(Idx(8, {2, 1, 2}, std::string("\x00\xff\x33\x00", 4))));
  folder.Write("train-labels-idx1-ubyte.gz",
               Gzipped(Idx(8, {2}, std::string("\x07\x02"))));
  const auto dataset = OpenDataset(images, {FloatInput({-1, 1, 1, 2})});
  EXPECT_THAT(FloatsOf(dataset->Get(0).inputs[0]), ElementsAre(0, 1));
  EXPECT_EQ(dataset->Get(1).label, 2);
}

TEST(IdxDataset, RefusesTruncatedAndBoastfulGzip) {
  const TestFolder folder;
  const std::string whole = Gzipped(Idx(8, {2, 1, 2}, "abcd"));
  const auto open = [&](const std::string& bytes) {
    const auto file = folder.Write("a-images.gz", bytes);
    return MessageOf([&] { OpenDataset(file, {FloatInput({-1, 1, 1, 2})}); });
  };
  EXPECT_EQ(open(whole), "");
  // The last 8 bytes are checksum and size, which a reader of the data alone
  // does not reach.
  for (size_t size = 2; size < whole.size() - 8; ++size) {
    EXPECT_THAT(open(whole.substr(0, size)), HasSubstr("a-images.gz")) << size;
  }
  EXPECT_THAT(open(Gzipped(Idx(8, {4000000000u, 1, 2}, "abcd"))),
              HasSubstr("cut off"));
  EXPECT_THAT(open(Gzipped(Idx(8, {9, 1, 2}, "abcd"))), HasSubstr("cut off"));
  std::string damaged = whole;
  damaged[12] = static_cast<char>(damaged[12] ^ 0x55);
  EXPECT_NE(open(damaged), "");
}

#else  // !SQUINT_HAS_ARCHIVES

TEST(Archives, TellTheOptionThatIsOff) {
  const TestFolder folder;
  const auto npz = folder.Write("x.npz", "PK\x03\x04");
  const auto gz = folder.Write("x.gz", "\x1f\x8b...");
  for (const auto& file : {npz, gz}) {
    EXPECT_THAT(MessageOf([&] {
                  OpenDataset(file, {FloatInput({1, 1})});
                }),
                HasSubstr("SQUINT_ARCHIVES"));
  }
}

#endif

}  // namespace
}  // namespace squint
