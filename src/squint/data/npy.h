// NumPy's .npy, versions 1 to 3: numbers and bools in C order.
#ifndef SQUINT_DATA_NPY_H_
#define SQUINT_DATA_NPY_H_

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "squint/data/array.h"

namespace squint {

// `bytes` is a whole .npy, kept alive by `owner`. Error{kInvalidArgument}
// names `file` for what is malformed or cut off, Error{kUnsupported} for
// legal contents that are no plain numbers.
Array ParseNpy(std::span<const std::byte> bytes,
               std::shared_ptr<const void> owner, const std::string& file);
Array ReadNpy(const std::filesystem::path& path);  // mapped, not read

}  // namespace squint

#endif  // SQUINT_DATA_NPY_H_
