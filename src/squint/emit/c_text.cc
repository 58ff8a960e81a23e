#include "squint/emit/c_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace squint {
namespace {

constexpr size_t kColumns = 80;

// Of C up to C23, with the words of GNU C, and C++20; a space around each.
constexpr std::string_view kKeywords =
    " "
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch "
    "char char16_t char32_t char8_t class co_await co_return co_yield compl "
    "concept const const_cast consteval constexpr constinit continue decltype "
    "default delete do double dynamic_cast else enum explicit export extern "
    "false float for friend goto if inline int long mutable namespace new "
    "noexcept not not_eq nullptr operator or or_eq private protected public "
    "register reinterpret_cast requires restrict return short signed sizeof "
    "static static_assert static_cast struct switch template this "
    "thread_local throw true try typedef typeid typename typeof typeof_unqual "
    "union unsigned using virtual void volatile wchar_t while xor xor_eq ";

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsIdentifier(std::string_view name) {
  return !name.empty() && IsLetter(name[0]) && name[0] != '_' &&
         std::ranges::all_of(
             name, [](char c) { return IsLetter(c) || IsDigit(c); }) &&
         kKeywords.find(fmt::format(" {} ", name)) == std::string_view::npos;
}

std::string AsWord(std::string_view name, std::string_view fallback) {
  std::string made;
  for (const char c : name) {
    const bool fits = (IsLetter(c) && c != '_') || IsDigit(c);
    if (fits) {
      made += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!made.empty() && made.back() != '_') {
      made += '_';
    }
  }
  while (made.ends_with('_')) made.pop_back();
  if (made.empty()) made = fallback;
  return IsDigit(made[0]) ? "t_" + made : made;
}

std::string UpperCase(std::string_view name) {
  std::string made(name);
  for (char& c : made) {
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return made;
}

std::string CommentText(std::string_view text, size_t width) {
  std::string made;
  for (const char c : text) {
    const bool plain = c >= ' ' && c <= '~' && c != '\\';
    // "*/" would end the comment and "/*" begin another.
    const bool joins = !made.empty() && ((c == '/' && made.back() == '*') ||
                                         (c == '*' && made.back() == '/'));
    made += plain && !joins ? c : '_';
  }
  if (made.size() > width) made = made.substr(0, width - 3) + "...";
  return made;
}

std::string Wrapped(std::string_view opening,
                    const std::vector<std::string>& items,
                    std::string_view closing, size_t indent) {
  std::string text(opening);
  size_t column = opening.size();
  for (size_t i = 0; i < items.size(); ++i) {
    const bool last = i + 1 == items.size();
    const size_t width = items[i].size() + (last ? closing.size() : 1);
    const bool starts = i == 0;
    if (column + width + (starts ? 0 : 1) > kColumns && column > indent) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!starts) {
      text += " ";
      ++column;
    }
    text += items[i] + (last ? "" : ",");
    column += items[i].size() + 1;
  }
  return text.append(closing);
}

std::string RealsBody(std::span<const float> values) {
  std::vector<std::string> items;
  items.reserve(values.size());
  for (const float value : values) items.push_back(FloatText(value));
  return Wrapped("  ", items, "", 2);
}

std::string FloatText(float value) {
  if (std::isnan(value)) return "(0.0f / 0.0f)";
  if (std::isinf(value)) return value > 0 ? "(1.0f / 0.0f)" : "(-1.0f / 0.0f)";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string ArrayBody(std::span<const int64_t> values) {
  std::vector<std::string> items;
  items.reserve(values.size());
  for (const int64_t value : values) items.push_back(std::to_string(value));
  return Wrapped("  ", items, "", 2);
}

}  // namespace squint
