// The kinds of source that OpenDataset tells apart, one function each, and
// what the dataset .json shares with them.
#ifndef SQUINT_DATA_SOURCES_H_
#define SQUINT_DATA_SOURCES_H_

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "squint/data/column.h"
#include "squint/data/column_dataset.h"
#include "squint/data/dataset.h"

namespace squint {

using DatasetRef = std::shared_ptr<const Dataset>;
using Paths = std::vector<std::filesystem::path>;

enum class FileKind { kNpy, kNpz, kIdx, kImage, kUnknown };
// By content; the name decides nothing. Error{kIo} when it cannot be read.
FileKind KindOf(const std::filesystem::path& path);

DatasetRef OpenArrayFile(const std::filesystem::path& path,
                         const std::vector<InputSpec>& inputs,
                         const DatasetOptions& options);
DatasetRef OpenFolder(const std::filesystem::path& path,
                      const std::vector<InputSpec>& inputs,
                      const DatasetOptions& options);
DatasetRef OpenImage(const std::filesystem::path& path,
                     const std::vector<InputSpec>& inputs,
                     const DatasetOptions& options);
DatasetRef OpenJson(const std::filesystem::path& path,
                    const std::vector<InputSpec>& inputs,
                    const DatasetOptions& options);
DatasetRef MakeRandomDataset(const std::vector<InputSpec>& inputs,
                             const DatasetOptions& options);
// As random, but inputs that take images get made-up ones, preprocessed as
// real ones would be.
DatasetRef MakeSyntheticDataset(const std::vector<InputSpec>& inputs,
                                const DatasetOptions& options);

// One .npz for each sample, arrays named as the inputs, labels by an integer
// array y, label or labels (as in a whole .npz).
DatasetParts PartsOfNpzFiles(Paths files, const std::string& name,
                             const std::vector<InputSpec>& inputs);

// The array that holds labels by its name and dtype; "" when there is none.
std::string LabelArray(const std::map<std::string, Array>& arrays,
                       const std::vector<InputSpec>& inputs);

// The only input, for sources that feed one; Error{kInvalidArgument} tells
// what to use for several.
const InputSpec& OnlyInput(const std::vector<InputSpec>& inputs,
                           const std::string& source);

}  // namespace squint

#endif  // SQUINT_DATA_SOURCES_H_
