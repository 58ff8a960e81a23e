// A folder of written files that are there all or not at all.
#ifndef SQUINT_API_NEW_FOLDER_H_
#define SQUINT_API_NEW_FOLDER_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace squint {

// Files are written to a folder beside `path`, which takes its name by
// Commit(); without that it is removed. Where `path` is a folder already, the
// files go into it by Commit(): older ones that were written here are replaced,
// whatever else it holds stays.
class NewFolder {
 public:
  // Error{kInvalidArgument} where something of that name exists, unless
  // `replace`, or where it is no folder.
  NewFolder(std::filesystem::path path, bool replace);
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  // `text` says in its first lines "Made by squint", by which it is known.
  void Add(std::string_view name, std::string_view text);
  // Error{kInvalidArgument}, and the folder as it was, where a file of one of
  // these names is somebody else's.
  void Commit();

 private:
  void Replace();
  // Of one file, which is kept in `old`.
  void Move(const std::string& name, const std::filesystem::path& old,
            std::error_code& error) const;
  void MoveBack(const std::string& name,
                const std::filesystem::path& old) const;

  std::filesystem::path path_;
  std::filesystem::path partial_;  // made by the first Add
  std::vector<std::string> names_;
};

}  // namespace squint

#endif  // SQUINT_API_NEW_FOLDER_H_
