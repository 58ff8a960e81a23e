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

void WriteJson(const std::filesystem::path& path, const Json& json) {
  WriteTextFile(path, json.dump(2) + "\n");
}

}  // namespace squint
