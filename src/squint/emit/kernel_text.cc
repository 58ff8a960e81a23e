#include "squint/emit/kernel_text.h"

#include <sstream>

#include "squint/base/error.h"

namespace squint {
namespace {

constexpr std::string_view kOwnInclude = "#include \"squint/";

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool IsFrame(const std::string& line) {
  return line.starts_with("#ifndef SQUINT_") ||
         line.starts_with("#define SQUINT_") ||
         line.starts_with("#endif  // SQUINT_") ||
         line.starts_with("#include \"") || line == "#include <stdint.h>" ||
         line == "#include <string.h>";
}

// `// text` as /* text */, lines of one comment together.
std::string Body(const std::vector<std::string>& lines) {
  std::string body;
  bool in_comment = false;
  bool blank = true;  // no two empty lines, none at the start
  for (const std::string& line : lines) {
    if (IsFrame(line)) continue;
    const bool comment = line.starts_with("//");
    if (in_comment && !comment) body += " */\n";
    if (comment) {
      const std::string text = line.substr(std::min<size_t>(3, line.size()));
      body += (in_comment ? text.empty() ? "\n" : "\n   " : "/* ") + text;
    } else if (!line.empty() || !blank) {
      body += line + "\n";
    }
    blank = line.empty();
    in_comment = comment;
  }
  while (body.ends_with("\n\n")) body.pop_back();
  return body;
}

void Append(const std::string& header, std::set<std::string>& done,
            std::string& text) {
  if (!done.insert(header).second) return;
  const auto found = KernelFiles().find(header);
  CheckInternal(found != KernelFiles().end(), "no such kernel header");
  const std::vector<std::string> lines = LinesOf(found->second);
  for (const std::string& line : lines) {
    if (!line.starts_with(kOwnInclude)) continue;
    const std::string name = line.substr(line.rfind('/') + 1);
    Append(name.substr(0, name.find('.')), done, text);
  }
  text += "\n" + Body(lines);
}

}  // namespace

std::string KernelText(const std::set<std::string, std::less<>>& headers) {
  std::string text;
  std::set<std::string> done;
  for (const std::string& header : headers) Append(header, done, text);
  return text;
}

std::set<std::string> WithIncluded(
    const std::set<std::string, std::less<>>& headers) {
  std::string text;
  std::set<std::string> done;
  for (const std::string& header : headers) Append(header, done, text);
  return done;
}

std::vector<std::string> FieldsOf(std::string_view type) {
  const std::string opening = fmt::format("typedef struct {} {{", type);
  constexpr std::string_view kField = "  int32_t ";
  for (const auto& [name, text] : KernelFiles()) {
    const size_t begin = text.find(opening);
    if (begin == std::string::npos) continue;
    std::vector<std::string> fields;
    for (const std::string& line :
         LinesOf(text.substr(begin, text.find('}', begin) - begin))) {
      if (!line.starts_with(kField)) continue;
      fields.push_back(
          line.substr(kField.size(), line.find(';') - kField.size()));
    }
    return fields;
  }
  Fail(ErrorCode::kInternal, "no struct {} in kernels/fixed", type);
}

}  // namespace squint
