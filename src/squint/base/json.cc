#include "squint/base/json.h"

#include "squint/base/error.h"
#include "squint/base/file.h"

namespace squint {

Json ReadJson(const std::filesystem::path& path) {
  try {
    return Json::parse(ReadTextFile(path));
  } catch (const nlohmann::json::exception& error) {
    Fail(ErrorCode::kInvalidArgument, "{}: not valid JSON: {}", path.string(),
         error.what());
  }
}

std::string JsonText(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void WriteJson(const std::filesystem::path& path, const Json& json) {
  WriteTextFile(path, JsonText(json, 2) + "\n");
}

}  // namespace squint
