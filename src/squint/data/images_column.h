// Image files as a column, and the labels that lie around them.
#ifndef SQUINT_DATA_IMAGES_COLUMN_H_
#define SQUINT_DATA_IMAGES_COLUMN_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "squint/data/column.h"
#include "squint/data/preprocess.h"

namespace squint {

// Decoded and preprocessed at each Get(). Ids are relative to `folder`.
ColumnRef MakeImagesColumn(std::vector<std::filesystem::path> files,
                           std::filesystem::path folder,
                           ImagePreprocess preprocess, InputSpec input);

struct LabelledFiles {
  std::vector<std::filesystem::path> files;  // sorted by class, then name
  std::optional<std::vector<int64_t>> labels;
  std::vector<std::string> classes;  // empty when not known
};

// The images of a folder. With class subfolders (and no images beside
// them) the label is the place of the subfolder among all sorted by name, or
// its line in classes.txt; else labels.txt or labels.csv gives labels.
// Error{kInvalidArgument} when there are no images.
LabelledFiles FindImages(const std::filesystem::path& folder);

// Files of `folder` with this extension (with dot, case ignored), sorted.
std::vector<std::filesystem::path> FilesWithExtension(
    const std::filesystem::path& folder,
    const std::vector<std::string>& extensions);

// Lines "name label", separated by a comma, semicolon, tab or space; a first
// line whose label is no number is a header. The labels of `files` in order;
// Error{kInvalidArgument} names the line, or the file without label.
std::vector<int64_t> ReadLabels(
    const std::filesystem::path& labels,
    const std::vector<std::filesystem::path>& files);

}  // namespace squint

#endif  // SQUINT_DATA_IMAGES_COLUMN_H_
