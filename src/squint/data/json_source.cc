#include "squint/data/json_source.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <utility>

#include "squint/data/idx.h"
#include "squint/data/images_column.h"
#include "squint/data/npy.h"
#include "squint/data/npz.h"
#include "squint/data/sources.h"

namespace squint {
namespace {

std::vector<std::filesystem::path> Globbed(const std::string& pattern) {
  struct Matches {
    glob_t list{};
    ~Matches() { ::globfree(&list); }
  } matches;
  std::vector<std::filesystem::path> result;
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches.list) == 0) {
    for (size_t i = 0; i < matches.list.gl_pathc; ++i) {
      result.emplace_back(matches.list.gl_pathv[i]);
    }
  }
  std::ranges::sort(result);
  return result;
}

// Reads the dict or the bare path of a source.
class SourceReader {
 public:
  SourceReader(const Json& json, const JsonContext& context,
               const InputSpec* input)
      : json_(json), context_(context), input_(input) {}

  JsonSource Read() {
    if (json_.contains("value")) return Constant();
    if (json_.contains("folder")) {
      return Folder(context_.PathOf(json_["folder"].get<std::string>()));
    }
    if (json_.contains("files")) return Files(context_.PathsOf(json_["files"]));
    if (json_.contains("file")) {
      return File(context_.PathOf(json_["file"].get<std::string>()));
    }
    context_.Complain(
        "needs one of \"file\", \"files\", \"folder\" or \"value\"");
  }

 private:
  JsonSource Constant() {
    const Dims dims =
        json_.contains("dims") ? json_["dims"].get<Dims>() : Dims{};
    constexpr size_t kMost = size_t{1} << 30;  // bytes
    if (DeclaredBytes(DType::kFloat64, dims, context_.file.string()) > kMost) {
      context_.Complain("a constant of shape {} is too large",
                        DimsToString(dims));
    }
    const DType dtype = input_ != nullptr ? input_->dtype : DType::kInt64;
    Tensor value(DType::kFloat64, dims);
    std::fill_n(value.mutable_data<double>(), value.size(),
                json_["value"].get<double>());
    JsonSource source;
    source.column =
        MakeConstantColumn(value.CastTo(dtype), context_.file.string());
    return source;
  }

  ImagePreprocess ImageOptions(std::string* told) const {
    if (input_ == nullptr) context_.Complain("cannot be made of images");
    const ImagePreprocess result = ReadPreprocess(
        json_.contains("preprocess") ? json_["preprocess"] : Json(), context_,
        *input_);
    *told = "preprocessing " + result.name;
    return result;
  }

  JsonSource Images(LabelledFiles found, const std::filesystem::path& folder) {
    JsonSource source;
    const ImagePreprocess preprocess = ImageOptions(&source.told);
    source.files = found.files;
    source.num_classes = static_cast<int64_t>(found.classes.size());
    if (found.labels) {
      source.labels = MakeLabelColumn(*found.labels, folder.string());
    }
    source.column =
        MakeImagesColumn(std::move(found.files), folder, preprocess, *input_);
    return source;
  }

  JsonSource Folder(const std::filesystem::path& folder) {
    if (!std::filesystem::is_directory(folder)) {
      Fail(ErrorCode::kIo, "{}: {}: {} is no folder", context_.file.string(),
           context_.where, folder.string());
    }
    return Images(FindImages(folder), folder);
  }

  // One file for each sample, of the kind of the first.
  JsonSource Files(std::vector<std::filesystem::path> files) {
    if (files.empty())
      context_.Complain("no files match {}", json_["files"].dump());
    const FileKind kind = KindOf(files[0]);
    const std::string name = context_.file.string();
    JsonSource source;
    source.files = files;
    if (kind == FileKind::kNpy) {
      source.column = MakeNpyFilesColumn(std::move(files), name);
    } else if (kind == FileKind::kNpz) {
      source.column = MakeNpzFilesColumn(std::move(files), ArrayName(), name);
    } else if (kind == FileKind::kImage) {
      return Images({std::move(files), std::nullopt, {}},
                    context_.file.parent_path());
    } else {
      context_.Complain("{} is neither an image nor .npy nor .npz",
                        files[0].string());
    }
    source.column = AsImages(source.column, &source.told);
    return source;
  }

  JsonSource File(const std::filesystem::path& file) {
    JsonSource source;
    switch (KindOf(file)) {
      case FileKind::kNpy:
        source.column = MakeArrayColumn(ReadNpy(file));
        break;
      case FileKind::kNpz:
        source.column = MakeArrayColumn(Member(file));
        break;
      case FileKind::kIdx:
        source.column = MakeArrayColumn(ReadIdx(file));
        break;
      case FileKind::kImage:
        return Images({{file}, std::nullopt, {}}, file.parent_path());
      case FileKind::kUnknown:
        context_.Complain("{} is not .npy, .npz, idx or an image",
                          file.string());
    }
    source.column = AsImages(source.column, &source.told);
    return source;
  }

  // Pixels stored as an array, when preprocessing is asked for.
  ColumnRef AsImages(ColumnRef column, std::string* told) const {
    if (!json_.contains("preprocess")) return column;
    const ImagePreprocess preprocess = ImageOptions(told);
    return MakeMappedColumn(
        std::move(column), [preprocess, input = *input_](const Tensor& pixels) {
          return Preprocess(ImageOfTensor(pixels), preprocess, input);
        });
  }

  std::string ArrayName() const {
    if (json_.contains("array")) return json_["array"].get<std::string>();
    if (input_ != nullptr) return input_->name;
    context_.Complain("a .npz needs \"array\": the name of the member");
  }

  Array Member(const std::filesystem::path& file) const {
    const std::string name = ArrayName();
    const auto arrays = ReadNpz(file, {name});
    const auto found = arrays.find(name);
    if (found == arrays.end()) {
      context_.Complain("{} holds no array '{}'", file.string(), name);
    }
    return found->second;
  }

  const Json& json_;
  const JsonContext& context_;
  const InputSpec* input_;
};

}  // namespace

JsonContext JsonContext::In(std::string_view key) const {
  JsonContext inner = *this;
  inner.where += fmt::format("{}\"{}\"", where.empty() ? "" : " ", key);
  return inner;
}

std::filesystem::path JsonContext::PathOf(const std::string& text) const {
  return file.parent_path() / text;
}

std::vector<std::filesystem::path> JsonContext::PathsOf(
    const Json& json) const {
  if (json.is_string()) {
    return Globbed(PathOf(json.get<std::string>()).string());
  }
  std::vector<std::filesystem::path> result;
  for (const auto& each : json) {
    result.push_back(PathOf(each.get<std::string>()));
  }
  return result;
}

void CheckKeys(const Json& object, const JsonContext& context,
               std::initializer_list<std::string_view> known) {
  if (!object.is_object()) context.Complain("expected an object {{...}}");
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    context.Complain("unknown key \"{}\"; known are {}", key,
                     fmt::join(known, ", "));
  }
}

JsonSource ReadSource(const Json& json, const JsonContext& context,
                      const InputSpec* input) {
  return SourceReader(json, context, input).Read();
}

ColumnRef ApplyArrayOptions(ColumnRef column, const Json& json,
                            const JsonContext& context) {
  if (json.contains("dtype")) {
    const auto name = json["dtype"].get<std::string>();
    const DType dtype = DTypeFromName(name);
    if (!IsFloat(dtype) && !IsInteger(dtype)) {
      context.Complain("unknown dtype \"{}\"", name);
    }
    column = MakeMappedColumn(std::move(column), [=](const Tensor& tensor) {
      return tensor.CastTo(dtype);
    });
  }
  if (json.contains("scale") || json.contains("offset")) {
    const double scale = json.value("scale", 1.0);
    const double offset = json.value("offset", 0.0);
    column = MakeMappedColumn(std::move(column), [=](const Tensor& tensor) {
      Tensor result = tensor.CastTo(DType::kFloat32).Clone();
      float* values = result.mutable_data<float>();
      for (int64_t i = 0; i < result.size(); ++i) {
        values[i] = static_cast<float>(values[i] * scale + offset);
      }
      return result;
    });
  }
  if (json.contains("reshape")) {
    const Dims dims = json["reshape"].get<Dims>();
    const auto count = static_cast<int64_t>(
        DeclaredBytes(DType::kUint8, dims, context.file.string()));
    column = MakeMappedColumn(std::move(column), [=](const Tensor& tensor) {
      if (tensor.size() != count) {
        Fail(ErrorCode::kInvalidArgument, "cannot reshape {} to {}",
             DimsToString(tensor.dims()), DimsToString(dims));
      }
      return tensor.Reshaped(dims);
    });
  }
  return column;
}

}  // namespace squint
