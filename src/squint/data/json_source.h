// One source inside a dataset .json: where a column comes from. The format is
// described in docs/datasets.md.
#ifndef SQUINT_DATA_JSON_SOURCE_H_
#define SQUINT_DATA_JSON_SOURCE_H_

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "squint/base/json.h"
#include "squint/data/column.h"
#include "squint/data/dataset.h"
#include "squint/data/preprocess.h"

namespace squint {

// The .json at hand; `where` says which part of it, for messages.
struct JsonContext {
  std::filesystem::path file;
  DatasetOptions options;
  std::string where;

  JsonContext In(std::string_view key) const;
  template <typename... Args>
  [[noreturn]] void Complain(fmt::format_string<Args...> format,
                             Args&&... args) const {
    Fail(ErrorCode::kInvalidArgument, "{}: {}: {}", file.string(),
         where.empty() ? "dataset" : where,
         fmt::format(format, std::forward<Args>(args)...));
  }
  // A path of the .json, relative to its folder.
  std::filesystem::path PathOf(const std::string& text) const;
  // A pattern with * and ?, or a list of paths; sorted if a pattern.
  std::vector<std::filesystem::path> PathsOf(const Json& json) const;
};

// Misspelt keys must not pass in silence.
void CheckKeys(const Json& object, const JsonContext& context,
               std::initializer_list<std::string_view> known);

// A file source as it is stored, images preprocessed for `input`.
struct JsonSource {
  ColumnRef column;
  // Of image folders and file lists.
  std::vector<std::filesystem::path> files;
  ColumnRef labels;  // of class subfolders or a labels file, else null
  int64_t num_classes = 0;
  std::string told;  // for the description
};

// `input` is null for what is no input (labels, targets): no images then.
JsonSource ReadSource(const Json& json, const JsonContext& context,
                      const InputSpec* input);

// "dtype", "scale", "offset" and "reshape" of an array source.
ColumnRef ApplyArrayOptions(ColumnRef column, const Json& json,
                            const JsonContext& context);

// A preset's name, or an object that changes one.
ImagePreprocess ReadPreprocess(const Json& json, const JsonContext& context,
                               const InputSpec& input);

}  // namespace squint

#endif  // SQUINT_DATA_JSON_SOURCE_H_
