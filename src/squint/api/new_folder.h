// A folder that is there whole or not at all.
#ifndef SQUINT_API_NEW_FOLDER_H_
#define SQUINT_API_NEW_FOLDER_H_

#include <filesystem>
#include <string_view>

namespace squint {

// Files are written to a folder beside `path`, which takes its name by
// Commit(); without that it is removed.
class NewFolder {
 public:
  // Error{kInvalidArgument} where something of that name exists, unless
  // `replace`, where it is no folder, or where it holds other files than such
  // a folder has.
  NewFolder(std::filesystem::path path, bool replace);
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  void Add(std::string_view name, std::string_view text);
  void Commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path partial_;  // made by the first Add
};

}  // namespace squint

#endif  // SQUINT_API_NEW_FOLDER_H_
