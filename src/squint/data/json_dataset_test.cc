#include <gmock/gmock.h>

#include "squint/data/dataset.h"
#include "squint/data/test_files.h"

namespace squint {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Writes d.json beside arrays that the tests share:
// x.npy float32 [4,2]: 0..7;  y.npy uint8 [4]: 3 2 1 0;
// a.npy int16 [2,4], padded with -1: 5 6 7 -1 / 8 -1 -1 -1
// b.npy int16 [2,4]: 1 2 -1 -1 / 3 4 5 6;  score.npy float32 [2]
class JsonDataset : public testing::Test {
 protected:
  JsonDataset() {
    folder_.Write("x.npy", Npy("<f4", "(4, 2)",
                               BytesOfValues<float>({0, 1, 2, 3, 4, 5, 6, 7})));
    folder_.Write("y.npy",
                  Npy("|u1", "(4,)", std::string("\x03\x02\x01\x00", 4)));
    folder_.Write("a.npy",
                  Npy("<i2", "(2, 4)",
                      BytesOfValues<int16_t>({5, 6, 7, -1, 8, -1, -1, -1})));
    folder_.Write("b.npy",
                  Npy("<i2", "(2, 4)",
                      BytesOfValues<int16_t>({1, 2, -1, -1, 3, 4, 5, 6})));
    folder_.Write("score.npy",
                  Npy("<f4", "(2,)", BytesOfValues<float>({0.5f, 2})));
  }
  std::shared_ptr<const Dataset> Open(const std::string& json,
                                      const std::vector<InputSpec>& inputs) {
    return OpenDataset(folder_.Write("d.json", json), inputs);
  }
  std::string ErrorOf(const std::string& json,
                      const std::vector<InputSpec>& inputs) {
    return MessageOf([&] {
      const auto dataset = Open(json, inputs);
      for (int64_t i = 0; i < dataset->size(); ++i) dataset->Get(i);
    });
  }
  static std::vector<InputSpec> Tokens(int64_t length = -1) {
    return {{"ids", DType::kInt64, Dims{-1, length}},
            {"mask", DType::kInt64, Dims{-1, length}}};
  }
  const std::vector<InputSpec> one_ = {FloatInput({-1, 2})};
  TestFolder folder_;
};

TEST_F(JsonDataset, ReadsAnInputLabelsAndScoring) {
  const auto dataset = Open(
      R"({"format": "squint-dataset", "version": 1, "name": "mine",
          "input": "x.npy", "labels": "y.npy", "classes": 4,
          "metric": "top5", "reduction": "max", "output": 1})",
      one_);
  EXPECT_EQ(dataset->size(), 4);
  EXPECT_EQ(dataset->num_classes(), 4);
  EXPECT_EQ(dataset->metric(), "top5");
  EXPECT_EQ(dataset->reduction(), "max");
  EXPECT_EQ(dataset->output(), 1);
  EXPECT_THAT(dataset->description(), HasSubstr("mine (4 samples, labelled)"));
  EXPECT_EQ(dataset->Get(1).label, 2);
  EXPECT_THAT(FloatsOf(dataset->Get(3).inputs[0]), ElementsAre(6, 7));
}

TEST_F(JsonDataset, SplitsByRangeAndByList) {
  const auto ids = [&](const std::string& split) {
    const auto dataset =
        Open(R"({"input": "x.npy", "split": )" + split + "}", one_);
    std::string result;
    for (int64_t i = 0; i < dataset->size(); ++i) {
      result += dataset->Get(i).id;
    }
    return result;
  };
  EXPECT_EQ(ids(R"("1:3")"), "#1#2");
  EXPECT_EQ(ids(R"("2:")"), "#2#3");
  EXPECT_EQ(ids(R"(":1")"), "#0");
  EXPECT_EQ(ids("[3, 0, 3]"), "#3#0#3");
  for (const char* bad : {R"("3:9")", R"("2:2")", R"("3:1")", "[4]", "[-1]",
                          "[]", R"("all")", R"("1:x")", "7"}) {
    EXPECT_THAT(MessageOf([&] { ids(bad); }), HasSubstr("d.json")) << bad;
  }
}

TEST_F(JsonDataset, TrimsPaddingMakesMasksAndPairs) {
  const auto dataset = Open(
      R"({"inputs": {"ids": {"file": "a.npy", "second": "b.npy",
                             "padding": -1},
                     "mask": {"mask_of": "ids"}},
          "target": "score.npy", "metric": "spearman"})",
      Tokens());
  ASSERT_TRUE(dataset->has_pairs());
  EXPECT_TRUE(dataset->has_targets());
  const Sample sample = dataset->Get(0);
  EXPECT_THAT(sample.inputs[0].ToInts(), ElementsAre(5, 6, 7));
  EXPECT_EQ(sample.inputs[0].dims(), (Dims{1, 3}));
  EXPECT_THAT(sample.inputs[1].ToInts(), ElementsAre(1, 1, 1));
  EXPECT_THAT(sample.second_inputs[0].ToInts(), ElementsAre(1, 2));
  EXPECT_THAT(sample.second_inputs[1].ToInts(), ElementsAre(1, 1));
  EXPECT_THAT(FloatsOf(sample.target), ElementsAre(0.5f));
}

TEST_F(JsonDataset, KeepsPaddingWhereTheModelHasAFixedLength) {
  const auto dataset = Open(
      R"({"inputs": {"ids": {"file": "a.npy", "padding": -1, "fill": 9},
                     "mask": {"mask_of": "ids"}}})",
      Tokens(4));
  const Sample sample = dataset->Get(0);
  EXPECT_THAT(sample.inputs[0].ToInts(), ElementsAre(5, 6, 7, 9));
  EXPECT_THAT(sample.inputs[1].ToInts(), ElementsAre(1, 1, 1, 0));
}

TEST_F(JsonDataset, ShiftsTheTargetOfALanguageModel) {
  const auto dataset = Open(
      R"({"inputs": {"ids": {"file": "b.npy", "padding": -1},
                     "mask": {"mask_of": "ids"}},
          "target": {"input": "ids", "shift": 1}, "metric": "perplexity"})",
      Tokens());
  const Sample sample = dataset->Get(1);
  EXPECT_THAT(sample.inputs[0].ToInts(), ElementsAre(3, 4, 5));
  EXPECT_THAT(sample.inputs[1].ToInts(), ElementsAre(1, 1, 1));
  EXPECT_THAT(sample.target.ToInts(), ElementsAre(4, 5, 6));
  EXPECT_THAT(ErrorOf(R"({"inputs": {"ids": {"file": "a.npy", "padding": -1},
                                     "mask": {"mask_of": "ids"}},
                          "target": {"input": "ids", "shift": 1}})",
                      Tokens()),
              AllOf(HasSubstr("sample #1"), HasSubstr("too few")));
}

TEST_F(JsonDataset, TakesAnInputAsTarget) {
  for (const char* target : {R"("input")", R"({"input": "x"})"}) {
    const auto dataset = Open(
        fmt::format(R"({{"input": "x.npy", "target": {}}})", target), one_);
    EXPECT_THAT(FloatsOf(dataset->Get(1).target), ElementsAre(2, 3)) << target;
  }
}

TEST_F(JsonDataset, ConvertsArraysAsAsked) {
  const auto dataset = Open(
      R"({"input": {"file": "y.npy", "dtype": "int64", "scale": 2,
                    "offset": -1, "reshape": [1, 1, 1]}})",
      {FloatInput({-1, 1, 1})});
  const Sample sample = dataset->Get(0);
  EXPECT_EQ(sample.inputs[0].dims(), (Dims{1, 1, 1}));
  EXPECT_THAT(FloatsOf(sample.inputs[0]), ElementsAre(5));
}

TEST_F(JsonDataset, AddsConstantsAndOnesLikeAnInput) {
  const auto dataset = Open(
      R"({"inputs": {"ids": {"file": "a.npy", "padding": -1},
                     "types": {"like": "ids", "value": 2},
                     "h": {"value": 0.5, "dims": [1, 3]}}})",
      {{"ids", DType::kInt64, Dims{-1, -1}},
       {"types", DType::kInt32, Dims{-1, -1}},
       FloatInput({1, 3}, "h")});
  const Sample sample = dataset->Get(1);
  EXPECT_EQ(sample.inputs[1].dtype(), DType::kInt32);
  EXPECT_THAT(sample.inputs[1].ToInts(), ElementsAre(2));
  EXPECT_THAT(FloatsOf(sample.inputs[2]), ElementsAre(0.5f, 0.5f, 0.5f));
}

TEST_F(JsonDataset, OneFileASampleGivesVaryingShapes) {
  folder_.Write("s/0.npy", Npy("<f4", "(1, 2)", BytesOfValues<float>({1, 2})));
  folder_.Write("s/1.npy",
                Npy("<f4", "(2, 2)", BytesOfValues<float>({1, 2, 3, 4})));
  for (const char* files : {R"("s/*.npy")", R"(["s/0.npy", "s/1.npy"])"}) {
    const auto dataset = Open(
        fmt::format(R"({{"input": {{"files": {}}}, "labels": [4, 5]}})", files),
        one_);
    ASSERT_EQ(dataset->size(), 2);
    EXPECT_EQ(dataset->Get(1).inputs[0].dims(), (Dims{2, 2}));
    EXPECT_EQ(dataset->Get(1).label, 5);
    EXPECT_EQ(dataset->Get(1).id, "1.npy");
  }
}

TEST_F(JsonDataset, PreprocessesStoredPixels) {
  folder_.Write("p.npy", Npy("|u1", "(1, 1, 2)", std::string("\x00\xff", 2)));
  const auto dataset = Open(
      R"({"input": {"file": "p.npy",
                    "preprocess": {"scale": 1, "mean": 127, "std": [2],
                                   "resize": "none"}}})",
      {FloatInput({-1, 1, 1, 2})});
  EXPECT_THAT(FloatsOf(dataset->Get(0).inputs[0]), ElementsAre(-63.5f, 64));
}

TEST_F(JsonDataset, NamesWhatIsWrong) {
  const auto expect = [&](const std::string& json, const std::string& text) {
    EXPECT_THAT(ErrorOf(json, one_),
                AllOf(HasSubstr("d.json"), HasSubstr(text)))
        << json;
  };
  expect("{", "not valid JSON");
  expect("[]", "expected an object");
  expect("{}", "describes no input 'x'");
  expect(R"({"format": "recipe", "input": "x.npy"})", "squint-dataset");
  expect(R"({"version": 2, "input": "x.npy"})", "version 1");
  expect(R"({"imput": "x.npy"})", "unknown key \"imput\"");
  expect(R"({"input": {"path": "x.npy"}})", "unknown key \"path\"");
  expect(R"({"input": {}})", "needs one of \"file\"");
  expect(R"({"input": 5})", "expected an object");
  expect(R"({"input": {"file": 5}})", "wrong kind");
  expect(R"({"input": {"files": "none/*.npy"}})", "no files match");
  expect(R"({"input": {"files": []}})", "no files match");
  expect(R"({"samples": "none/*.npz"})", "no files match");
  expect(R"({"input": {"folder": "x.npy"}})", "is no folder");
  expect(R"({"input": {"value": 1, "dims": [99999, 99999, 99999]}})",
         "too large");
  expect(R"({"input": {"value": 1}})", "no samples");
  expect(R"({"inputs": {"x": "x.npy", "z": "x.npy"}})", "no input 'z'");
  expect(R"({"input": {"mask_of": "q"}})", "'q' is no input");
  expect(R"({"input": "x.npy", "labels": "a.npy"})", "has 4 samples but");
  expect(R"({"input": "x.npy", "labels": "x.npy"})", "one integer");
  expect(R"({"input": "x.npy", "labels": [1, 2]})", "has 4 samples but");
  expect(R"({"input": "x.npy", "labels": "y.npy", "classes": 3})",
         "label 3 but only 3 classes");
  expect(R"({"input": "x.npy", "labels": "y.npy", "label_offset": -1})",
         "negative");
  expect(R"({"input": "x.npy", "metric": "f1"})", "no metric 'f1'");
  expect(R"({"input": "x.npy", "target": {"shift": 1}})", "needs \"input\"");
  expect(R"({"input": {"file": "x.npy", "dtype": "float"}})", "unknown dtype");
  expect(R"({"input": {"file": "x.npy", "reshape": [5]}})", "cannot reshape");
  expect(R"({"input": {"file": "x.npy", "reshape": [-1]}})", "absurd");
  expect(R"({"input": {"file": "x.npy", "padding": 0}})", "expected integers");
  expect(R"({"input": {"file": "x.npy", "preprocess": "vgg"}})", "'vgg'");
  expect(R"({"input": {"file": "x.npy", "preprocess": {"std": 0}}})",
         "must be positive");
  expect(R"({"input": {"file": "x.npy", "preprocess": {"crop": 0}}})",
         "0 pixels");
  expect(R"({"input": {"file": "x.npy", "preprocess": "raw"}})",
         "needs uint8 pixels");
}

TEST_F(JsonDataset, NamesAMissingFile) {
  EXPECT_THAT(ErrorOf(R"({"input": "gone.npy"})", one_), HasSubstr("gone.npy"));
}

}  // namespace
}  // namespace squint
