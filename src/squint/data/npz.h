// NumPy's .npz: a zip archive of .npy members, stored or deflated.
#ifndef SQUINT_DATA_NPZ_H_
#define SQUINT_DATA_NPZ_H_

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "squint/data/array.h"

namespace squint {

// The arrays `wanted` (all when empty) by name, without ".npy". Members that
// are absent are absent from the result. Error{kInvalidArgument} for a
// broken archive or a size that its compressed bytes cannot hold,
// Error{kUnsupported} when built without SQUINT_ARCHIVES.
std::map<std::string, Array> ReadNpz(
    const std::filesystem::path& path,
    const std::vector<std::string>& wanted = {});

}  // namespace squint

#endif  // SQUINT_DATA_NPZ_H_
