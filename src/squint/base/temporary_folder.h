#ifndef SQUINT_BASE_TEMPORARY_FOLDER_H_
#define SQUINT_BASE_TEMPORARY_FOLDER_H_

#include <filesystem>

namespace squint {

// A new folder among the system's temporary files, removed with all that is
// in it when this goes. Error{kIo} when it cannot be made.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace squint

#endif  // SQUINT_BASE_TEMPORARY_FOLDER_H_
