#include "squint/base/json.h"

#include <algorithm>

#include "squint/base/error.h"
#include "squint/base/file.h"

namespace squint {
namespace {

constexpr int kMaxDepth = 100;

// The deepest nesting, brackets in strings left out.
int DepthOf(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++i;
      continue;
    }
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

}  // namespace

Json ParseJson(std::string_view text, std::string_view where) {
  if (DepthOf(text) > kMaxDepth) {
    Fail(ErrorCode::kInvalidArgument, "{}: JSON nested more than {} deep",
         where, kMaxDepth);
  }
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    Fail(ErrorCode::kInvalidArgument, "{}: not valid JSON: {}", where,
         error.what());
  }
}

Json ReadJson(const std::filesystem::path& path) {
  return ParseJson(ReadTextFile(path), path.string());
}

std::string JsonText(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void WriteJson(const std::filesystem::path& path, const Json& json) {
  WriteTextFile(path, JsonText(json, 2) + "\n");
}

}  // namespace squint
