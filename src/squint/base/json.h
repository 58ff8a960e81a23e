// JSON is nlohmann's, with keys in the order of insertion so that the same
// content gives the same bytes. Headers forward-declare through this file.
#ifndef SQUINT_BASE_JSON_H_
#define SQUINT_BASE_JSON_H_

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace squint {

using Json = nlohmann::ordered_json;

// Reads and parses `path`; Error{kInvalidArgument} names file and position.
Json ReadJson(const std::filesystem::path& path);
// On one line. Names from files need not be valid UTF-8: bytes that are not
// become U+FFFD instead of an exception.
std::string JsonText(const Json& json, int indent = -1);
// Written aside and renamed; two-space indent, newline at the end.
void WriteJson(const std::filesystem::path& path, const Json& json);

}  // namespace squint

#endif  // SQUINT_BASE_JSON_H_
