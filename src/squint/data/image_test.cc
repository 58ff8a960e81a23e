#include "squint/data/image.h"

#include <gmock/gmock.h>

#include "squint/data/dataset.h"
#include "squint/data/preprocess.h"
#include "squint/data/test_formats.h"

namespace squint {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(CentreCrop, PutsTheSmallerMarginLeftAndTop) {
  Image image(4, 3, 1);
  for (size_t i = 0; i < 12; ++i) image.pixels[i] = static_cast<uint8_t>(i);
  EXPECT_THAT(CentreCrop(image, 1, 2).pixels, ElementsAre(1, 5));
  EXPECT_THAT(CentreCrop(image, 2, 1).pixels, ElementsAre(5, 6));
  EXPECT_EQ(CentreCrop(image, 4, 3).pixels, image.pixels);
}

TEST(WithChannels, GrayIsLumaAndColourRepeats) {
  EXPECT_THAT(WithChannels(Flat(1, 1, {255, 0, 0}), 1).pixels, ElementsAre(76));
  EXPECT_THAT(WithChannels(Flat(1, 1, {255, 255, 255}), 1).pixels,
              ElementsAre(255));
  EXPECT_THAT(WithChannels(Flat(1, 1, {7}), 3).pixels, ElementsAre(7, 7, 7));
}

TEST(CheckPixels, BoundsByTheFileAndByALimit) {
  EXPECT_NO_THROW(CheckPixels(4096, 4096, 1, 512, "a.jpg"));
  EXPECT_NO_THROW(CheckPixels(8192, 4096, 65536, 512, "a.jpg"));
  EXPECT_THROW(CheckPixels(8192, 4096, 65535, 512, "a.jpg"), Error);
  EXPECT_THROW(CheckPixels(65535, 65535, size_t{1} << 40, 512, "a.jpg"), Error);
}

Tensor Preprocessed(const Image& image, const std::string& preset, Dims dims) {
  return Preprocess(image, PresetByName(preset), FloatInput(std::move(dims)));
}

TEST(Preprocess, NormalizesEachChannelInBothLayouts) {
  const Image pixel = Flat(1, 1, {255, 0, 51});
  const Tensor nchw = Preprocessed(pixel, "imagenet", {-1, 3, 1, 1});
  EXPECT_EQ(nchw.dims(), (Dims{1, 3, 1, 1}));
  EXPECT_THAT(FloatsOf(nchw),
              ElementsAre(testing::FloatEq((1 - 0.485f) / 0.229f),
                          testing::FloatEq(-0.456f / 0.224f),
                          testing::FloatEq((0.2f - 0.406f) / 0.225f)));
  const Tensor nhwc =
      Preprocessed(Flat(2, 2, {255, 0, 51}), "raw", {-1, 2, 2, 3});
  EXPECT_EQ(nhwc.dims(), (Dims{1, 2, 2, 3}));
  const auto values = nhwc.values<float>();
  EXPECT_THAT(values.last(3), ElementsAre(255, 0, 51));
}

TEST(GuessPreset, TakesColourImagesOfSomeSizeForPhotographs) {
  EXPECT_EQ(GuessPreset(FloatInput({-1, 3, 224, 224})), "imagenet");
  EXPECT_EQ(GuessPreset(FloatInput({-1, 3, -1, -1})), "imagenet");
  EXPECT_EQ(GuessPreset(FloatInput({-1, 64, 64, 3})), "imagenet");
  EXPECT_EQ(GuessPreset(FloatInput({-1, 3, 32, 32})), "unit");
  EXPECT_EQ(GuessPreset(FloatInput({-1, 1, 224, 224})), "unit");
  EXPECT_EQ(GuessPreset(FloatInput({-1, 784})), "unit");
}

TEST(Preprocess, CaffeTurnsColoursAround) {
  EXPECT_THAT(
      FloatsOf(Preprocessed(Flat(1, 1, {1, 2, 3}), "caffe", {-1, 3, 1, 1})),
      ElementsAre(testing::FloatEq(3 - 103.939f),
                  testing::FloatEq(2 - 116.779f),
                  testing::FloatEq(1 - 123.68f)));
}

TEST(Preprocess, PresetsHaveTheRangesTheyPromise) {
  const auto ends = [](const std::string& preset) {
    Image image(2, 1, 1);
    image.pixels = {0, 255};
    return FloatsOf(Preprocessed(image, preset, {1, 1, 1, 2}));
  };
  EXPECT_THAT(ends("raw"), ElementsAre(0, 255));
  EXPECT_THAT(ends("unit"), ElementsAre(0, 1));
  EXPECT_THAT(ends("signed"), ElementsAre(-1, 1));
  EXPECT_THAT(ends("imagenet_tf").front(), -1);
  EXPECT_THAT(MessageOf([] { PresetByName("vgg"); }),
              AllOf(HasSubstr("'vgg'"), HasSubstr("efficientnet_lite")));
}

TEST(Preprocess, AFlatInputTakesAllPixelsInARow) {
  EXPECT_EQ(Preprocessed(Flat(2, 2, {9}), "unit", {-1, 4}).dims(),
            (Dims{1, 4}));
}

TEST(Preprocess, RefusesInputsThatAreNoImages) {
  EXPECT_THAT(MessageOf([] {
                Preprocessed(Flat(1, 1, {9}), "unit", {1, 2, 3});
              }),
              HasSubstr("rank 3"));
  EXPECT_THAT(MessageOf([] {
                Preprocessed(Flat(1, 1, {9}), "unit", {1, 4, 8, 8});
              }),
              HasSubstr("4 channels"));
}

TEST(ImageOfTensor, WantsBytes) {
  EXPECT_THAT(MessageOf([] {
                ImageOfTensor(Tensor(DType::kFloat32, {2, 2}));
              }),
              HasSubstr("float32 [2,2]"));
  EXPECT_EQ(ImageOfTensor(Tensor(DType::kUint8, {2, 5, 3})).width, 5);
}

#if SQUINT_HAS_IMAGES

TEST(Resize, KeepsAFlatColourAndAveragesWhenShrinking) {
  const Image flat = Resize(Flat(7, 5, {10, 20, 30}), 3, 9, Filter::kBilinear);
  EXPECT_EQ(flat.width, 3);
  EXPECT_EQ(flat.height, 9);
  EXPECT_EQ(flat.pixels, Flat(3, 9, {10, 20, 30}).pixels);
  // A checkerboard shrunk by 8 is gray: the filter widens, no aliasing.
  Image board(64, 64, 1);
  for (size_t i = 0; i < board.pixels.size(); ++i) {
    board.pixels[i] = (i / 64 + i) % 2 == 0 ? 0 : 200;
  }
  EXPECT_THAT(Resize(board, 8, 8, Filter::kBilinear).pixels,
              Each(testing::AllOf(testing::Ge(98), testing::Le(102))));
}

TEST(Resize, KeepsAFlatColourAtEveryRatio) {
  for (const Filter filter : {Filter::kBilinear, Filter::kBicubic}) {
    for (int from = 1; from <= 40; ++from) {
      for (int to = 1; to <= 20; ++to) {
        const Image row = Resize(Flat(from, 1, {9, 9, 9}), to, 1, filter);
        EXPECT_THAT(row.pixels, testing::Each(9)) << from << " to " << to;
      }
    }
  }
}

TEST(Preprocess, ResizesTheShortSideThenCropsTheCentre) {
  // Left half black, right half white, twice as wide as high.
  Image image(64, 32, 1);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = i % 64 < 32 ? 0 : 255;
  }
  const auto values = FloatsOf(Preprocessed(image, "unit", {1, 1, 16, 16}));
  ASSERT_EQ(values.size(), 256u);
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[15], 1);
  EXPECT_EQ(values[6], 0);
  EXPECT_EQ(values[9], 1);
}

TEST(Preprocess, ACropLargerThanTheImageEnlargesIt) {
  ImagePreprocess preprocess = PresetByName("raw");
  preprocess.scaling = ImagePreprocess::Scaling::kNone;
  const Tensor result =
      Preprocess(Flat(3, 9, {50}), preprocess, FloatInput({1, 1, 6, 6}));
  EXPECT_EQ(result.dims(), (Dims{1, 1, 6, 6}));
  EXPECT_THAT(FloatsOf(result), Each(50));
}

TEST(Preprocess, RefusesToBlowUpASliver) {
  EXPECT_THAT(MessageOf([] {
                Preprocessed(Flat(60000, 1, {1}), "imagenet", {1, 3, 224, 224});
              }),
              HasSubstr("60000 x 1"));
}

TEST(DecodeImage, ReadsPngOfEveryKind) {
  EXPECT_THAT(DecodeImage(Bytes(Png(Flat(1, 1, {9}))), "a").pixels,
              ElementsAre(9));
  EXPECT_THAT(DecodeImage(Bytes(Png(Flat(1, 1, {1, 2, 3}))), "a").pixels,
              ElementsAre(1, 2, 3));
  const Image dropped =
      DecodeImage(Bytes(Png(Flat(2, 1, {200, 100, 50, 255}))), "a");
  EXPECT_EQ(dropped.channels, 3);
  EXPECT_THAT(dropped.pixels, ElementsAre(200, 100, 50, 200, 100, 50));
}

TEST(DecodeImage, ReadsJpegInGrayColourAndCmyk) {
  const auto first = [](std::vector<uint8_t> color) {
    const Image image = DecodeImage(Bytes(Jpeg(Flat(9, 17, color))), "a");
    EXPECT_EQ(image.width, 9);
    EXPECT_EQ(image.height, 17);
    return std::vector<int>(image.pixels.begin(),
                            image.pixels.begin() + image.channels);
  };
  EXPECT_THAT(first({77}), ElementsAre(77));
  const auto near = [](int value) {
    return AllOf(testing::Ge(value - 3), testing::Le(value + 3));
  };
  EXPECT_THAT(first({200, 100, 50}),
              ElementsAre(near(200), near(100), near(50)));
  // Inverted, as the Adobe marker says: 255 is no ink.
  EXPECT_THAT(first({255, 128, 0, 255}),
              ElementsAre(near(255), near(128), near(0)));
}

// Truncated or damaged input is an error that names the file, or is decoded;
// nothing else. Headers say sizes, so every byte of them is tried.
void ExpectSturdy(const std::string& whole, size_t least) {
  for (size_t size = 0; size < whole.size() - least; ++size) {
    EXPECT_THAT(MessageOf([&] {
                  DecodeImage(Bytes(whole.substr(0, size)), "cut.img");
                }),
                HasSubstr("cut.img"))
        << size;
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0xff, 0x01, 0x80}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const auto message =
          MessageOf([&] { DecodeImage(Bytes(damaged), "bad.img"); });
      EXPECT_THAT(message, AnyOf("", HasSubstr("bad.img"))) << at;
    }
  }
}

Image Noise(int width, int height, int channels) {
  Image image(width, height, channels);
  uint32_t state = 1;
  for (uint8_t& pixel : image.pixels) {
    state = state * 1664525u + 1013904223u;
    pixel = static_cast<uint8_t>(state >> 24);
  }
  return image;
}

TEST(DecodeImage, IsSturdyAgainstBadJpeg) {
  // The closing marker alone may be missing.
  ExpectSturdy(Jpeg(Noise(16, 16, 3)), 2);
}

TEST(DecodeJpeg, RefusesAnEmptyFile) {
  EXPECT_THAT(MessageOf([] { DecodeJpeg({}, "empty.jpg"); }),
              HasSubstr("empty.jpg"));
}

TEST(DecodeImage, IsSturdyAgainstBadPng) {
  // The closing chunk carries no pixels.
  ExpectSturdy(Png(Noise(8, 8, 3)), 12);
}

TEST(DecodeImage, RefusesAJpegThatClaimsFarTooManyPixels) {
  std::string bytes = Jpeg(Flat(8, 8, {1, 2, 3}));
  const size_t frame = bytes.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  bytes.replace(frame + 5, 4, "\xff\xdc\xff\xdc");
  EXPECT_THAT(MessageOf([&] { DecodeImage(Bytes(bytes), "bomb.jpg"); }),
              AllOf(HasSubstr("bomb.jpg"), HasSubstr("65500 x 65500")));
}

TEST(ImageFolder, SubfoldersAreClassesInTheOrderOfTheirNames) {
  const TestFolder folder;
  folder.Write("dog/b.png", Png(Flat(2, 2, {255})));
  folder.Write("cat/a.jpg", Jpeg(Flat(2, 2, {0})));
  folder.Write("cat/notes.txt", "no image");
  folder.Write("emu/C.PNG", Png(Flat(2, 2, {51})));
  const auto dataset = OpenDataset(folder.string(), {FloatInput({-1, 1, 2, 2})},
                                   {.preset = "unit"});
  ASSERT_EQ(dataset->size(), 3);
  EXPECT_EQ(dataset->num_classes(), 3);
  const Sample emu = dataset->Get(2);
  EXPECT_EQ(emu.id, "emu/C.PNG");
  EXPECT_EQ(emu.label, 2);
  EXPECT_THAT(FloatsOf(emu.inputs[0]), Each(0.2f));
  EXPECT_EQ(dataset->Get(0).label, 0);
}

TEST(ImageFolder, ClassesTxtGivesTheOrderAndMayNameEmptyClasses) {
  const TestFolder folder;
  folder.Write("dog/b.png", Png(Flat(2, 2, {255})));
  folder.Write("cat/a.png", Png(Flat(2, 2, {0})));
  folder.Write("classes.txt", "dog\r\ncow\ncat\n");
  const auto dataset =
      OpenDataset(folder.string(), {FloatInput({-1, 1, 2, 2})});
  EXPECT_EQ(dataset->num_classes(), 3);
  EXPECT_EQ(dataset->Get(0).label, 0);
  EXPECT_EQ(dataset->Get(1).label, 2);
  folder.Write("classes.txt", "dog\n");
  EXPECT_THAT(MessageOf([&] {
                OpenDataset(folder.string(), {FloatInput({-1, 1, 2, 2})});
              }),
              AllOf(HasSubstr("classes.txt"), HasSubstr("cat")));
}

TEST(ImageFolder, ALabelsFileNamesTheClassOfEachImage) {
  const TestFolder folder;
  folder.Write("a b.png", Png(Flat(2, 2, {255})));
  folder.Write("c.png", Png(Flat(2, 2, {255})));
  folder.Write("labels.csv", "file,label\na b.png, 7\nc.png,3\n");
  const auto open = [&] {
    return OpenDataset(folder.string(), {FloatInput({-1, 1, 2, 2})});
  };
  EXPECT_EQ(open()->Get(0).label, 7);
  EXPECT_EQ(open()->Get(1).label, 3);
  folder.Write("labels.csv", "c.png,3\n");
  EXPECT_THAT(MessageOf(open), HasSubstr("no label to a b.png"));
  folder.Write("labels.csv", "c.png,3\na b.png,x\n");
  EXPECT_THAT(MessageOf(open), HasSubstr("line 2"));
}

TEST(ImageFolder, SaysWhichImageIsBroken) {
  const TestFolder folder;
  folder.Write("a.png", Png(Flat(2, 2, {255})));
  folder.Write("b.png", "");
  folder.Write("c.jpg", "GIF89a");
  const auto dataset =
      OpenDataset(folder.string(), {FloatInput({-1, 1, 2, 2})});
  EXPECT_NO_THROW(dataset->Get(0));
  EXPECT_THAT(MessageOf([&] { dataset->Get(1); }),
              AllOf(HasSubstr("b.png"), HasSubstr("empty")));
  EXPECT_THAT(MessageOf([&] { dataset->Get(2); }), HasSubstr("c.jpg"));
}

TEST(ImageDataset, OneImageIsADatasetOfOne) {
  const TestFolder folder;
  const auto file = folder.Write("a.dat", Png(Flat(4, 4, {1, 2, 3})));
  const auto dataset = OpenDataset(file, {FloatInput({-1, 3, 4, 4})});
  EXPECT_EQ(dataset->size(), 1);
  EXPECT_THAT(dataset->description(), HasSubstr("unit (guessed)"));
  EXPECT_EQ(dataset->Get(0).id, "a.dat");
}

#else  // !SQUINT_HAS_IMAGES

TEST(DecodeImage, TellsTheOptionThatIsOff) {
  for (const std::string bytes : {"\xff\xd8\xff...", "\x89PNG\r\n\x1a\n"}) {
    EXPECT_THAT(MessageOf([&] { DecodeImage(Bytes(bytes), "a.img"); }),
                AllOf(HasSubstr("a.img"), HasSubstr("SQUINT_IMAGES")));
  }
}

#endif

TEST(ImageFolder, AFolderWithoutImagesIsAnError) {
  const TestFolder folder;
  folder.Write("readme.txt", "nothing");
  EXPECT_THAT(MessageOf([&] {
                OpenDataset(folder.string(), {FloatInput({-1, 3, 2, 2})});
              }),
              AllOf(HasSubstr(folder.string()), HasSubstr("no images")));
}

}  // namespace
}  // namespace squint
