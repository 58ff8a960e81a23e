// Pieces of C as text.
#ifndef SQUINT_EMIT_C_TEXT_H_
#define SQUINT_EMIT_C_TEXT_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace squint {

// A name that C, and C++ for those who include the header, takes for a symbol.
bool IsIdentifier(std::string_view name);
// The nearest word in lower case: other characters become '_', of many one;
// `fallback` where nothing is left. It may be a keyword: what is written has
// words in front of it or behind it.
std::string AsWord(std::string_view name, std::string_view fallback);
std::string UpperCase(std::string_view name);

// For the inside of a comment, on one line of at most `width` characters.
std::string CommentText(std::string_view text, size_t width);

// `opening` item, item, ... `closing`, broken at 80 columns, continued lines
// indented by `indent`.
std::string Wrapped(std::string_view opening,
                    const std::vector<std::string>& items,
                    std::string_view closing, size_t indent);

// {1, 2, ...} over many lines, as in a definition.
std::string ArrayBody(std::span<const int64_t> values);
std::string RealsBody(std::span<const float> values);

// A float as C has it, exactly.
std::string FloatText(float value);

}  // namespace squint

#endif  // SQUINT_EMIT_C_TEXT_H_
