#include "squint/base/temporary_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "squint/base/error.h"

namespace squint {

TemporaryFolder::TemporaryFolder() {
  std::string name =
      (std::filesystem::temp_directory_path() / "squint.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    Fail(ErrorCode::kIo, "{}: cannot make a temporary folder: {}", name,
         std::strerror(errno));
  }
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace squint
