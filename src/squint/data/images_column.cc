#include "squint/data/images_column.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <string_view>
#include <utility>

#include "squint/base/file.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

class ImagesColumn : public Column {
 public:
  ImagesColumn(std::vector<fs::path> files, fs::path folder,
               ImagePreprocess preprocess, InputSpec input)
      : files_(std::move(files)),
        folder_(std::move(folder)),
        preprocess_(std::move(preprocess)),
        input_(std::move(input)) {}

  int64_t size() const override { return static_cast<int64_t>(files_.size()); }
  Tensor Get(int64_t index) const override {
    return Preprocess(ReadImage(files_[static_cast<size_t>(index)]),
                      preprocess_, input_);
  }
  std::string IdOf(int64_t index) const override {
    return files_[static_cast<size_t>(index)]
        .lexically_relative(folder_)
        .generic_string();
  }
  std::string source() const override { return folder_.string(); }
  bool in_memory() const override { return false; }

 private:
  std::vector<fs::path> files_;
  fs::path folder_;
  ImagePreprocess preprocess_;
  InputSpec input_;
};

std::vector<std::string> ImageExtensions() { return {".jpg", ".jpeg", ".png"}; }

bool IsHidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

std::vector<fs::path> Subfolders(const fs::path& folder) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && !IsHidden(entry.path())) {
      result.push_back(entry.path());
    }
  }
  std::ranges::sort(result);
  return result;
}

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

// Class folders in the order of their labels.
std::vector<fs::path> ClassFolders(const fs::path& folder) {
  const fs::path list = folder / "classes.txt";
  if (!fs::exists(list)) return Subfolders(folder);
  std::vector<fs::path> result;
  const std::string text = ReadTextFile(list);
  for (const std::string_view line : LinesOf(text)) {
    if (!line.empty()) result.push_back(folder / line);
  }
  for (const fs::path& found : Subfolders(folder)) {
    if (std::ranges::find(result, found) == result.end()) {
      Fail(ErrorCode::kInvalidArgument, "{}: does not name the subfolder {}",
           list.string(), found.filename().string());
    }
  }
  return result;
}

LabelledFiles FromClassFolders(const fs::path& folder) {
  LabelledFiles result;
  result.labels.emplace();
  for (const fs::path& each : ClassFolders(folder)) {
    const auto label = static_cast<int64_t>(result.classes.size());
    result.classes.push_back(each.filename().string());
    if (!fs::is_directory(each)) continue;  // a class without samples here
    for (fs::path& file : FilesWithExtension(each, ImageExtensions())) {
      result.files.push_back(std::move(file));
      result.labels->push_back(label);
    }
  }
  return result;
}

struct LabelLine {
  std::string name;
  int64_t label = 0;
  bool ok = false;
};

LabelLine ParseLabelLine(std::string_view line) {
  LabelLine result;
  const size_t at = line.find_last_of(",;\t ");
  if (at == std::string_view::npos) return result;
  const std::string_view number = line.substr(at + 1);
  const auto [end, error] = std::from_chars(
      number.data(), number.data() + number.size(), result.label);
  result.ok = error == std::errc() && end == number.data() + number.size();
  std::string_view name = line.substr(0, at);
  while (!name.empty() && std::string_view(",;\t ").find(name.back()) !=
                              std::string_view::npos) {
    name.remove_suffix(1);
  }
  result.name = name;
  return result;
}

}  // namespace

ColumnRef MakeImagesColumn(std::vector<fs::path> files, fs::path folder,
                           ImagePreprocess preprocess, InputSpec input) {
  return std::make_shared<ImagesColumn>(std::move(files), std::move(folder),
                                        std::move(preprocess),
                                        std::move(input));
}

std::vector<fs::path> FilesWithExtension(
    const fs::path& folder, const std::vector<std::string>& extensions) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::string extension = entry.path().extension().string();
    std::ranges::transform(extension, extension.begin(), [](unsigned char c) {
      return static_cast<char>(std::tolower(c));
    });
    if (!IsHidden(entry.path()) && !entry.is_directory() &&
        std::ranges::find(extensions, extension) != extensions.end()) {
      result.push_back(entry.path());
    }
  }
  std::ranges::sort(result);
  return result;
}

std::vector<int64_t> ReadLabels(const fs::path& labels,
                                const std::vector<fs::path>& files) {
  std::map<std::string, int64_t> by_name;
  const std::string text = ReadTextFile(labels);
  const auto lines = LinesOf(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty() || lines[i].starts_with('#')) continue;
    const LabelLine line = ParseLabelLine(lines[i]);
    if (!line.ok && i > 0) {
      Fail(ErrorCode::kInvalidArgument,
           "{}: line {} is not \"file label\" with a whole number",
           labels.string(), i + 1);
    }
    if (line.ok) by_name[line.name] = line.label;
  }
  std::vector<int64_t> result;
  for (const fs::path& file : files) {
    auto found = by_name.find(
        file.lexically_relative(labels.parent_path()).generic_string());
    if (found == by_name.end()) found = by_name.find(file.filename().string());
    if (found == by_name.end()) {
      Fail(ErrorCode::kInvalidArgument, "{}: gives no label to {}",
           labels.string(), file.filename().string());
    }
    result.push_back(found->second);
  }
  return result;
}

LabelledFiles FindImages(const fs::path& folder) {
  LabelledFiles result;
  result.files = FilesWithExtension(folder, ImageExtensions());
  if (result.files.empty()) result = FromClassFolders(folder);
  if (result.files.empty()) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: the folder holds no images (.jpg, .jpeg, .png), neither itself "
         "nor in class subfolders, and no .npz or .npy",
         folder.string());
  }
  for (const char* name : {"labels.txt", "labels.csv"}) {
    if (!result.labels && fs::exists(folder / name)) {
      result.labels = ReadLabels(folder / name, result.files);
    }
  }
  return result;
}

}  // namespace squint
