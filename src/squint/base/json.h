// JSON is nlohmann's, with keys in the order of insertion so that the same
// content gives the same bytes. Headers forward-declare through this file.
#ifndef SQUINT_BASE_JSON_H_
#define SQUINT_BASE_JSON_H_

// Its assertions do not hold on the way out of a failed allocation, which is
// an error here and not the end of the process. For the same reason an object
// begins as Json::object() or JsonObject(): one that becomes an object by its
// first [] has a null pointer to destroy where that fails, and the constructor
// from a list leaks what it has made where memory runs out half-way.
#define JSON_ASSERT(condition) static_cast<void>(0)

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace squint {

using Json = nlohmann::ordered_json;

// {key: value, ...} from key, value, key, value ...
template <typename... Members>
Json JsonObject(const Members&... members);

// Error{kInvalidArgument} names `where` and the position; also for what is
// nested deeper than anybody writes it, because code that walks JSON recurses.
Json ParseJson(std::string_view text, std::string_view where);
// Reads and parses `path`; errors name it.
Json ReadJson(const std::filesystem::path& path);
// On one line. Names from files need not be valid UTF-8: bytes that are not
// become U+FFFD instead of an exception.
std::string JsonText(const Json& json, int indent = -1);
// Written aside and renamed; two-space indent, newline at the end.
void WriteJson(const std::filesystem::path& path, const Json& json);

// ---- the template

inline void AddMembers(Json&) {}
template <typename Value, typename... Rest>
void AddMembers(Json& json, const char* key, const Value& value,
                const Rest&... rest) {
  json[key] = value;
  AddMembers(json, rest...);
}

template <typename... Members>
Json JsonObject(const Members&... members) {
  Json json = Json::object();
  AddMembers(json, members...);
  return json;
}

}  // namespace squint

#endif  // SQUINT_BASE_JSON_H_
