// Datasets made of array files: .npy, .npz and idx.
#include <algorithm>
#include <utility>

#include "squint/data/idx.h"
#include "squint/data/npy.h"
#include "squint/data/npz.h"
#include "squint/data/preprocess.h"
#include "squint/data/sources.h"

namespace squint {
namespace {

DatasetRef OpenNpy(const std::filesystem::path& path,
                   const std::vector<InputSpec>& inputs) {
  OnlyInput(inputs, path.string());
  DatasetParts parts;
  parts.name = path.string();
  parts.inputs = {MakeArrayColumn(ReadNpy(path))};
  parts.description = path.filename().string();
  return MakeColumnDataset(inputs, std::move(parts));
}

std::string NamesOf(const std::map<std::string, Array>& arrays) {
  std::string names;
  for (const auto& [name, array] : arrays) {
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", name);
  }
  return names.empty() ? "nothing" : names;
}

// The array of input `spec`. An archive with one array besides the labels
// serves a model with one input whatever the names.
Array TakeInput(const std::map<std::string, Array>& arrays,
                const InputSpec& spec, bool only_input,
                const std::string& labels, const std::string& file) {
  const auto found = arrays.find(spec.name);
  if (found != arrays.end()) return found->second;
  const size_t others = arrays.size() - (labels.empty() ? 0 : 1);
  if (only_input && others == 1) {
    return std::ranges::find_if(
               arrays, [&](const auto& entry) { return entry.first != labels; })
        ->second;
  }
  Fail(ErrorCode::kInvalidArgument,
       "{}: holds no array named as input '{}'; it holds {}", file, spec.name,
       NamesOf(arrays));
}

DatasetRef OpenNpz(const std::filesystem::path& path,
                   const std::vector<InputSpec>& inputs) {
  const auto arrays = ReadNpz(path);
  const std::string labels = LabelArray(arrays, inputs);
  DatasetParts parts;
  parts.name = path.string();
  parts.description = path.filename().string();
  for (const InputSpec& spec : inputs) {
    parts.inputs.push_back(MakeArrayColumn(
        TakeInput(arrays, spec, inputs.size() == 1, labels, path.string())));
  }
  if (!labels.empty()) parts.labels = MakeArrayColumn(arrays.at(labels));
  return MakeColumnDataset(inputs, std::move(parts));
}

DatasetRef OpenIdx(const std::filesystem::path& path,
                   const std::vector<InputSpec>& inputs,
                   const DatasetOptions& options) {
  const InputSpec& input = OnlyInput(inputs, path.string());
  Array images = ReadIdx(path);
  DatasetParts parts;
  parts.name = path.string();
  parts.description = path.filename().string();
  if (images.dtype == DType::kUint8 && images.dims.size() >= 3) {
    const ImagePreprocess preprocess =
        PresetOr(options.preset, "unit", path.string());
    parts.description += fmt::format(", preprocessing {}", preprocess.name);
    parts.inputs = {MakeMappedColumn(
        MakeArrayColumn(std::move(images)), [=](const Tensor& pixels) {
          return Preprocess(ImageOfTensor(pixels), preprocess, input);
        })};
  } else {
    parts.inputs = {MakeArrayColumn(std::move(images))};
  }
  if (const auto labels = LabelsBeside(path)) {
    parts.labels = MakeArrayColumn(ReadIdx(*labels));
  }
  return MakeColumnDataset(inputs, std::move(parts));
}

}  // namespace

std::string LabelArray(const std::map<std::string, Array>& arrays,
                       const std::vector<InputSpec>& inputs) {
  for (const char* name : {"y", "label", "labels"}) {
    const auto found = arrays.find(name);
    const bool is_input = std::ranges::any_of(
        inputs, [&](const InputSpec& spec) { return spec.name == name; });
    if (found != arrays.end() && !is_input && IsInteger(found->second.dtype)) {
      return name;
    }
  }
  return "";
}

const InputSpec& OnlyInput(const std::vector<InputSpec>& inputs,
                           const std::string& source) {
  if (inputs.size() != 1) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: feeds one input, the model has {}; use a .npz with arrays "
         "named as the inputs, or a dataset .json",
         source, inputs.size());
  }
  return inputs[0];
}

DatasetParts PartsOfNpzFiles(Paths files, const std::string& name,
                             const std::vector<InputSpec>& inputs) {
  if (files.empty()) {
    Fail(ErrorCode::kInvalidArgument, "{}: no .npz files", name);
  }
  const auto first = ReadNpz(files[0]);
  DatasetParts parts;
  parts.name = name;
  parts.description = fmt::format("{} .npz files of {}", files.size(), name);
  for (const InputSpec& spec : inputs) {
    parts.inputs.push_back(MakeNpzFilesColumn(files, spec.name, name));
  }
  const std::string labels = LabelArray(first, inputs);
  if (!labels.empty()) {
    parts.labels = MakeNpzFilesColumn(std::move(files), labels, name);
  }
  return parts;
}

DatasetRef OpenArrayFile(const std::filesystem::path& path,
                         const std::vector<InputSpec>& inputs,
                         const DatasetOptions& options) {
  switch (KindOf(path)) {
    case FileKind::kNpy:
      return OpenNpy(path, inputs);
    case FileKind::kNpz:
      return OpenNpz(path, inputs);
    default:
      return OpenIdx(path, inputs, options);
  }
}

}  // namespace squint
