#include "squint/emit/c_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "squint/emit/kernel_text.h"

namespace squint {
namespace {

TEST(CText, KnowsIdentifiers) {
  for (const char* name : {"a", "kws_2", "Model"}) {
    EXPECT_TRUE(IsIdentifier(name)) << name;
  }
  for (const char* name :
       {"", "2a", "a-b", "int", "_a", "a b", "typeof", "thread_local"}) {
    EXPECT_FALSE(IsIdentifier(name)) << name;
  }
}

TEST(CText, MakesWordsOfAnyName) {
  EXPECT_EQ(AsWord("Model/conv:0", "x"), "model_conv_0");
  EXPECT_EQ(AsWord("3x", "x"), "t_3x");
  EXPECT_EQ(AsWord("\xc3\xa4", "input"), "input");
}

TEST(CText, CommentsCannotBeLeft) {
  const std::string text = CommentText("a*/ system(); /*\n\\", 60);
  EXPECT_EQ(text.find("*/"), std::string::npos);
  EXPECT_EQ(text.find("/*"), std::string::npos);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(CommentText(std::string(99, 'x'), 10).size(), 10u);
}

TEST(CText, LinesHaveEightyColumnsAtMost) {
  std::istringstream lines(
      Wrapped("  call(", std::vector<std::string>(60, "argument"), ");\n", 6));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80u);
  }
}

TEST(KernelText, HasWhatIsIncludedFirstAndOnce) {
  const std::string text = KernelText({"conv", "rows"});
  const size_t used = text.find("static inline void squint_two_rows");
  const size_t last = text.rfind("static inline void squint_two_rows");
  EXPECT_NE(used, std::string::npos);
  EXPECT_EQ(used, last);
  EXPECT_LT(text.find("squint_scale("), used);
  EXPECT_LT(used, text.find("static void squint_conv("));
  EXPECT_EQ(text.find("#include \"squint"), std::string::npos);
  EXPECT_EQ(text.find("_H_"), std::string::npos);
}

TEST(KernelText, EveryHeaderOpensAndClosesItsComments) {
  for (const auto& [name, content] : KernelFiles()) {
    const std::string text = KernelText({name});
    const auto count = [&](std::string_view what) {
      size_t n = 0;
      for (size_t at = text.find(what); at != std::string::npos;
           at = text.find(what, at + 2)) {
        ++n;
      }
      return n;
    };
    EXPECT_EQ(count("/*"), count("*/")) << name;
    EXPECT_EQ(count("//"), 0u) << name;
  }
}

TEST(FieldsOf, AreInTheirOrder) {
  EXPECT_EQ(FieldsOf("squint_columns"),
            (std::vector<std::string>{"count", "depth"}));
  EXPECT_EQ(FieldsOf("squint_window").size(), 15u);
}

}  // namespace
}  // namespace squint
