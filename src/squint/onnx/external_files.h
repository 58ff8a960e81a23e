// The files of external data of one model: opened once each, and only inside
// the model's folder, also when symbolic links lead elsewhere.
#ifndef SQUINT_ONNX_EXTERNAL_FILES_H_
#define SQUINT_ONNX_EXTERNAL_FILES_H_

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "squint/base/file.h"
#include "squint/base/hash.h"

namespace squint {

class ExternalFiles {
 public:
  explicit ExternalFiles(std::filesystem::path model)
      : model_(std::move(model)) {}

  // `location` as the file says it, relative to the model's folder.
  // Error{kInvalidModel} when it leads outside, kIo when it is missing.
  std::shared_ptr<const MappedFile> Open(const std::string& location);

  // All bytes of the files opened so far, in the order of their locations.
  void AddTo(ContentHasher& hasher) const;
  size_t bytes() const;

 private:
  std::filesystem::path model_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace squint

#endif  // SQUINT_ONNX_EXTERNAL_FILES_H_
