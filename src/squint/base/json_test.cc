#include "squint/base/json.h"

#include <gtest/gtest.h>

#include "squint/base/error.h"

namespace squint {
namespace {

std::string Nested(int depth) {
  const auto n = static_cast<size_t>(depth);
  return std::string(n, '[') + std::string(n, ']');
}

TEST(ParseJson, NamesWhereItFails) {
  try {
    ParseJson("{\"a\": ", "file.json");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_TRUE(error.message().starts_with("file.json: not valid JSON"));
  }
}

TEST(ParseJson, BoundsNesting) {
  EXPECT_NO_THROW(ParseJson(Nested(100), "j"));
  EXPECT_THROW(ParseJson(Nested(101), "j"), Error);
  EXPECT_THROW(ParseJson(std::string(1'000'000, '['), "j"), Error);
}

TEST(ParseJson, BracketsInStringsAreNoNesting) {
  const std::string brackets(500, '[');
  EXPECT_NO_THROW(ParseJson("[\"" + brackets + "\"]", "j"));
  EXPECT_NO_THROW(ParseJson("[\"\\\"" + brackets + "\"]", "j"));
}

}  // namespace
}  // namespace squint
