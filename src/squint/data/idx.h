// The idx format of MNIST and its kin, plain or gzipped.
// http://yann.lecun.com/exdb/mnist/: 00 00 type rank, then big-endian dims.
#ifndef SQUINT_DATA_IDX_H_
#define SQUINT_DATA_IDX_H_

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "squint/data/array.h"

namespace squint {

// Whether these first bytes (4 or more, unpacked) open an idx file.
bool LooksLikeIdx(std::span<const std::byte> bytes);
bool LooksLikeGzip(std::span<const std::byte> bytes);

// Error{kInvalidArgument} names the file; Error{kUnsupported} for .gz when
// built without SQUINT_ARCHIVES.
Array ReadIdx(const std::filesystem::path& path);

// The labels that belong to an images file by MNIST's naming:
// train-images-idx3-ubyte.gz -> train-labels-idx1-ubyte.gz (or without .gz).
std::optional<std::filesystem::path> LabelsBeside(
    const std::filesystem::path& images);

}  // namespace squint

#endif  // SQUINT_DATA_IDX_H_
