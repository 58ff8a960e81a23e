// Data files written by hand for the tests of this module.
#ifndef SQUINT_DATA_TEST_FILES_H_
#define SQUINT_DATA_TEST_FILES_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "squint/base/error.h"
#include "squint/data/dataset.h"

namespace squint {

// A folder that is gone with the test.
class TestFolder {
 public:
  TestFolder() {
    static int counter = 0;
    path_ = std::filesystem::temp_directory_path() /
            fmt::format("squint_data_test.{}.{}", ::getpid(), counter++);
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::filesystem::path path(const std::string& name) const {
    return path_ / name;
  }
  std::string string(const std::string& name = "") const {
    return (name.empty() ? path_ : path_ / name).string();
  }
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return string(name);
  }

 private:
  std::filesystem::path path_;
};

template <typename T>
std::string BytesOfValues(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// `descr` such as "<f4"; the shape as Python writes it, such as "(2, 3)".
inline std::string Npy(const std::string& descr, const std::string& shape,
                       const std::string& data) {
  std::string header = "{'descr': '" + descr +
                       "', 'fortran_order': False, 'shape': " + shape + ", }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string result("\x93NUMPY\x01\x00", 8);
  result += static_cast<char>(header.size() & 0xff);
  result += static_cast<char>(header.size() >> 8);
  return result + header + data;
}

// idx: type code and dims, big-endian.
inline std::string Idx(int code, const std::vector<uint32_t>& dims,
                       const std::string& data) {
  std::string result(2, '\0');
  result += static_cast<char>(code);
  result += static_cast<char>(dims.size());
  for (const uint32_t dim : dims) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      result += static_cast<char>((dim >> shift) & 0xff);
    }
  }
  return result + data;
}

// The message of the Error that f throws, "" when it throws none.
template <typename F>
std::string MessageOf(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

inline InputSpec FloatInput(Dims dims, std::string name = "x") {
  return {std::move(name), DType::kFloat32, std::move(dims)};
}

inline std::vector<float> FloatsOf(const Tensor& tensor) {
  return tensor.ToFloats();
}

}  // namespace squint

#endif  // SQUINT_DATA_TEST_FILES_H_
