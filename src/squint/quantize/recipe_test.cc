#include "squint/quantize/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"

namespace squint {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(std::string_view text) {
  try {
    RecipeFromText(text, "r.json");
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(Recipe, SurvivesTextAndBack) {
  Recipe recipe;
  recipe.mode = QuantizeMode::kWeightOnly;
  recipe.target = "arm";
  recipe.weights = DType::kInt4;
  recipe.group = 64;
  recipe.exclude_nodes = {"conv1"};
  recipe.tensors["x"].range = {-1.5, 2.0};
  recipe.tensors["x"].observer = "mse";
  recipe.methods["bias-correction"] = false;
  recipe.layers["conv2"] = {DType::kInt8, 6};
  recipe.layers["conv3"] = FormatOf(DType::kFloat32);
  const std::string text = RecipeToText(recipe);
  const Recipe back = RecipeFromText(text, "r.json");
  EXPECT_EQ(RecipeToText(back), text);
  EXPECT_EQ(back.mode, QuantizeMode::kWeightOnly);
  EXPECT_EQ(back.weights, DType::kInt4);
  EXPECT_EQ(back.tensors.at("x").range->second, 2.0);
  EXPECT_THAT(text, HasSubstr(R"("conv2":"int6")"));
  EXPECT_EQ(back.layers, recipe.layers);
}

TEST(Recipe, RefusesUnknownKeysByName) {
  EXPECT_THAT(ErrorOf(R"({"weigths": "int8"})"), HasSubstr("'weigths'"));
  EXPECT_THAT(ErrorOf(R"({"tensors": {"x": {"dtyp": "int8"}}})"),
              HasSubstr("'dtyp'"));
}

TEST(Recipe, RefusesWrongValuesNamingTheKey) {
  EXPECT_THAT(ErrorOf(R"({"weights": "int9"})"), HasSubstr("int9"));
  EXPECT_THAT(ErrorOf(R"({"layers": {"a": "int9"}})"), HasSubstr("int9"));
  EXPECT_THAT(ErrorOf(R"({"group": "many"})"), HasSubstr("'group'"));
  EXPECT_THAT(ErrorOf(R"({"mode": "fast"})"), HasSubstr("weight-only"));
  EXPECT_THAT(ErrorOf(R"({"tensors": {"x": {"range": [2, 1]}}})"),
              HasSubstr("low <= high"));
  EXPECT_THAT(ErrorOf(R"({"version": 2})"), HasSubstr("version 2"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("object"));
  EXPECT_THAT(ErrorOf("{"), HasSubstr("r.json"));
}

}  // namespace
}  // namespace squint
