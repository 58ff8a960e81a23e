// Tensors as .npy and .npz files.
#ifndef SQUINT_DATA_NPY_WRITE_H_
#define SQUINT_DATA_NPY_WRITE_H_

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "squint/tensor/tensor.h"

namespace squint {

// The bytes of an .npy, version 1. float16 is written as such, bfloat16 as
// float32; Error{kUnsupported} for what NumPy has no type for.
std::string NpyBytes(const Tensor& tensor);
void WriteNpy(const std::filesystem::path& path, const Tensor& tensor);
// Names without ".npy"; written aside and renamed.
void WriteNpz(const std::filesystem::path& path,
              const std::vector<std::pair<std::string, Tensor>>& tensors);

}  // namespace squint

#endif  // SQUINT_DATA_NPY_WRITE_H_
