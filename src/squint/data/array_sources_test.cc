#include <gmock/gmock.h>

#include "squint/data/dataset.h"
#include "squint/data/test_files.h"

namespace squint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(NpyDataset, FirstAxisCountsSamplesAndABatchAxisIsAdded) {
  const TestFolder folder;
  const auto file = folder.Write(
      "x.npy", Npy("<f4", "(2, 3)", BytesOfValues<float>({1, 2, 3, 4, 5, 6})));
  const auto dataset = OpenDataset(file, {FloatInput({-1, 3})});
  ASSERT_EQ(dataset->size(), 2);
  const Sample sample = dataset->Get(1);
  EXPECT_EQ(sample.inputs[0].dims(), (Dims{1, 3}));
  EXPECT_THAT(FloatsOf(sample.inputs[0]), ElementsAre(4, 5, 6));
  EXPECT_EQ(sample.id, "#1");
  EXPECT_EQ(sample.index, 1);
  EXPECT_FALSE(sample.label.has_value());
}

TEST(NpyDataset, ASampleOfEqualRankIsFedAsIs) {
  const TestFolder folder;
  const auto file = folder.Write(
      "x.npy",
      Npy("<f4", "(1, 2, 3)", BytesOfValues<float>({1, 2, 3, 4, 5, 6})));
  const auto dataset = OpenDataset(file, {FloatInput({-1, 3})});
  EXPECT_EQ(dataset->Get(0).inputs[0].dims(), (Dims{2, 3}));
}

TEST(NpyDataset, WidensHalfFloatsBytesAndBigEndianNumbers) {
  const TestFolder folder;
  // 1.0 and -2.0 as binary16; 258 and -2 as big-endian int16.
  const auto half = folder.Write(
      "half.npy", Npy("<f2", "(1, 2)", std::string("\x00\x3c\x00\xc0", 4)));
  EXPECT_THAT(
      FloatsOf(OpenDataset(half, {FloatInput({1, 2})})->Get(0).inputs[0]),
      ElementsAre(1, -2));
  const auto big = folder.Write(
      "big.npy", Npy(">i2", "(1, 2)", std::string("\x01\x02\xff\xfe", 4)));
  const InputSpec ids{"ids", DType::kInt64, Dims{1, 2}};
  EXPECT_THAT(OpenDataset(big, {ids})->Get(0).inputs[0].ToInts(),
              ElementsAre(258, -2));
}

TEST(NpyDataset, SaysWhatIsWrongWithShapeAndDType) {
  const TestFolder folder;
  const auto file = folder.Write(
      "x.npy", Npy("<f4", "(2, 3)", BytesOfValues<float>({1, 2, 3, 4, 5, 6})));
  const auto get = [&](InputSpec spec) {
    return MessageOf([&] { OpenDataset(file, {spec})->Get(1); });
  };
  EXPECT_THAT(get(FloatInput({-1, 4})),
              testing::AllOf(HasSubstr("x.npy"), HasSubstr("#1"),
                             HasSubstr("[?,4]"), HasSubstr("[3]")));
  EXPECT_THAT(
      get({"ids", DType::kInt64, Dims{-1, 3}}),
      testing::AllOf(HasSubstr("'ids' wants int64"), HasSubstr("float32")));
}

TEST(NpyDataset, NanAndInfAreErrorsThatNameTheSample) {
  const TestFolder folder;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const auto file = folder.Write(
      "x.npy",
      Npy("<f4", "(3, 2)", BytesOfValues<float>({1, 2, 3, nan, -inf, 0})));
  const auto dataset = OpenDataset(file, {FloatInput({1, 2})});
  EXPECT_NO_THROW(dataset->Get(0));
  EXPECT_THAT(MessageOf([&] { dataset->Get(1); }),
              testing::AllOf(HasSubstr("sample #1"), HasSubstr("NaN"),
                             HasSubstr("element 1")));
  EXPECT_THAT(MessageOf([&] { dataset->Get(2); }), HasSubstr("Inf"));
}

TEST(NpyDataset, RefusesWhatIsCutOffAbsurdOrEmpty) {
  const TestFolder folder;
  const std::string whole =
      Npy("<f4", "(2, 3)", BytesOfValues<float>({1, 2, 3, 4, 5, 6}));
  const auto open = [&](const std::string& bytes) {
    const auto file = folder.Write("x.npy", bytes);
    return MessageOf([&] { OpenDataset(file, {FloatInput({-1, 3})}); });
  };
  EXPECT_EQ(open(whole), "");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(open(whole.substr(0, size)), HasSubstr("x.npy")) << size;
  }
  EXPECT_THAT(open(Npy("<f4", "(4611686018427387904, 3)", "")),
              HasSubstr("absurd shape"));
  EXPECT_THAT(open(Npy("<f4", "(1000000000000, 3)", "1234")),
              HasSubstr("is cut off"));
  EXPECT_THAT(open(Npy("<f4", "(99999999999999999999, 3)", "")),
              HasSubstr("impossible shape"));
  EXPECT_THAT(open(Npy("<f4", "(0, 3)", "")), HasSubstr("no samples"));
  EXPECT_THAT(open(Npy("<f4", "()", "1234")), HasSubstr("single number"));
  EXPECT_THAT(open(Npy("|O", "(2,)", "12345678")),
              HasSubstr("element type '|O' is not supported"));
  EXPECT_THAT(open("not data"), HasSubstr("not a kind of data"));
}

TEST(NpyDataset, OneFileCannotFeedTwoInputs) {
  const TestFolder folder;
  const auto file =
      folder.Write("x.npy", Npy("<f4", "(1, 1)", BytesOfValues<float>({1})));
  EXPECT_THAT(
      MessageOf([&] {
        OpenDataset(file, {FloatInput({1, 1}, "a"), FloatInput({1, 1}, "b")});
      }),
      HasSubstr("the model has 2"));
}

TEST(IdxDataset, ImagesBecomeUnitFloatsAndLabelsAreFoundBesideThem) {
  const TestFolder folder;
  const auto images =
      folder.Write("t10k-images-idx3-ubyte",
                   Idx(8, {2, 1, 2}, std::string("\x00\xff\x33\x00", 4)));
  folder.Write("t10k-labels-idx1-ubyte", Idx(8, {2}, std::string("\x07\x02")));
  const auto dataset = OpenDataset(images, {FloatInput({-1, 1, 1, 2})});
  ASSERT_EQ(dataset->size(), 2);
  EXPECT_TRUE(dataset->has_labels());
  const Sample sample = dataset->Get(1);
  EXPECT_EQ(sample.inputs[0].dims(), (Dims{1, 1, 1, 2}));
  EXPECT_THAT(FloatsOf(sample.inputs[0]), ElementsAre(51 / 255.0f, 0.0f));
  EXPECT_EQ(sample.label, 2);
}

TEST(IdxDataset, RefusesWhatIsCutOffAndLabelsThatDoNotMatch) {
  const TestFolder folder;
  const std::string whole = Idx(8, {2, 1, 2}, "abcd");
  for (size_t size = 5; size < whole.size(); ++size) {
    const auto file = folder.Write("a-images", whole.substr(0, size));
    EXPECT_THAT(MessageOf([&] {
                  OpenDataset(file, {FloatInput({-1, 1, 1, 2})});
                }),
                HasSubstr("cut off"))
        << size;
  }
  const auto huge =
      folder.Write("huge", Idx(8, {0xffffffffu, 0xffffffffu, 9}, ""));
  EXPECT_THAT(MessageOf([&] {
                OpenDataset(huge, {FloatInput({1, 1})});
              }),
              HasSubstr("absurd shape"));
  const auto images = folder.Write("t-images-idx3", whole);
  folder.Write("t-labels-idx1", Idx(8, {3}, "abc"));
  EXPECT_THAT(MessageOf([&] {
                OpenDataset(images, {FloatInput({-1, 1, 1, 2})});
              }),
              HasSubstr("has 2 samples but"));
}

TEST(RandomDataset, IsReproducibleAndWarns) {
  const std::vector<InputSpec> inputs = {
      FloatInput({-1, 3, 8, 8}),
      {"attention_mask", DType::kInt64, Dims{-1, 4}}};
  const auto dataset = OpenDataset("random", inputs);
  EXPECT_EQ(dataset->size(), 32);
  EXPECT_THAT(dataset->description(), HasSubstr("WARNING"));
  const Sample sample = dataset->Get(3);
  EXPECT_EQ(sample.inputs[0].dims(), (Dims{1, 3, 8, 8}));
  EXPECT_THAT(sample.inputs[1].ToInts(), ElementsAre(1, 1, 1, 1));
  EXPECT_EQ(sample.hash, OpenDataset("random", inputs)->Get(3).hash);
  EXPECT_NE(sample.hash, dataset->Get(4).hash);
}

TEST(SyntheticDataset, PaintsImagesAndLeavesOtherInputsNoise) {
  const std::vector<InputSpec> inputs = {FloatInput({-1, 3, 16, 16}),
                                         FloatInput({-1, 7})};
  DatasetOptions options;
  options.preset = "raw";
  const auto dataset = OpenDataset("synthetic", inputs, options);
  const Sample sample = dataset->Get(3);
  EXPECT_EQ(sample.inputs[0].dims(), (Dims{1, 3, 16, 16}));
  int equal = 0;  // neighbours are mostly of one disc
  for (int64_t i = 0; i + 1 < sample.inputs[0].size(); ++i) {
    const float* pixel = sample.inputs[0].data<float>() + i;
    EXPECT_THAT(pixel[0], testing::AllOf(testing::Ge(0), testing::Le(255)));
    equal += pixel[0] == pixel[1];
  }
  EXPECT_GT(equal, 300);
  EXPECT_EQ(sample.inputs[1].ToFloats(),
            OpenDataset("random", inputs)->Get(3).inputs[1].ToFloats());
  EXPECT_EQ(sample.hash,
            OpenDataset("synthetic", inputs, options)->Get(3).hash);
  EXPECT_NE(sample.hash, dataset->Get(4).hash);
}

TEST(OpenDataset, NamesAFileThatIsMissing) {
  EXPECT_THAT(MessageOf([] { OpenDataset("/no/such.npy", {}); }),
              HasSubstr("/no/such.npy"));
  const std::string endless(5000, 'x');
  EXPECT_THAT(MessageOf([&] { OpenDataset(endless, {}); }),
              HasSubstr("name too long"));
}

}  // namespace
}  // namespace squint
