// Datasets that are a folder, or a single image.
#include <utility>

#include "squint/data/images_column.h"
#include "squint/data/sources.h"

namespace squint {
namespace {

// The preset asked for or a guess, and how the description tells it.
ImagePreprocess ChoosePreset(const DatasetOptions& options,
                             const InputSpec& input, const std::string& source,
                             std::string* told) {
  const ImagePreprocess preprocess =
      PresetOr(options.preset, GuessPreset(input), source);
  *told = fmt::format("preprocessing {}{}", preprocess.name,
                      options.preset.empty() ? " (guessed)" : "");
  return preprocess;
}

DatasetRef OpenNpyFolder(Paths files, const std::filesystem::path& path,
                         const std::vector<InputSpec>& inputs) {
  OnlyInput(inputs, path.string());
  DatasetParts parts;
  parts.name = path.string();
  parts.description =
      fmt::format("{} .npy files of {}", files.size(), path.string());
  parts.inputs = {MakeNpyFilesColumn(std::move(files), path.string())};
  return MakeColumnDataset(inputs, std::move(parts));
}

}  // namespace

DatasetRef OpenFolder(const std::filesystem::path& path,
                      const std::vector<InputSpec>& inputs,
                      const DatasetOptions& options) {
  Paths npz = FilesWithExtension(path, {".npz"});
  if (!npz.empty()) {
    return MakeColumnDataset(
        inputs, PartsOfNpzFiles(std::move(npz), path.string(), inputs));
  }
  Paths npy = FilesWithExtension(path, {".npy"});
  if (!npy.empty()) return OpenNpyFolder(std::move(npy), path, inputs);
  LabelledFiles found = FindImages(path);
  const InputSpec& input = OnlyInput(inputs, path.string());
  std::string told;
  const ImagePreprocess preprocess =
      ChoosePreset(options, input, path.string(), &told);
  DatasetParts parts;
  parts.name = path.string();
  parts.description = fmt::format("images of {}, {}", path.string(), told);
  parts.num_classes = static_cast<int64_t>(found.classes.size());
  if (found.labels) {
    parts.labels = MakeLabelColumn(std::move(*found.labels), path.string());
  }
  parts.inputs = {
      MakeImagesColumn(std::move(found.files), path, preprocess, input)};
  return MakeColumnDataset(inputs, std::move(parts));
}

DatasetRef OpenImage(const std::filesystem::path& path,
                     const std::vector<InputSpec>& inputs,
                     const DatasetOptions& options) {
  const InputSpec& input = OnlyInput(inputs, path.string());
  std::string told;
  const ImagePreprocess preprocess =
      ChoosePreset(options, input, path.string(), &told);
  DatasetParts parts;
  parts.name = path.string();
  parts.description = fmt::format("{}, {}", path.string(), told);
  parts.inputs = {
      MakeImagesColumn({path}, path.parent_path(), preprocess, input)};
  return MakeColumnDataset(inputs, std::move(parts));
}

}  // namespace squint
