// Unpacks .gz into memory, guarded against bombs.
#ifndef SQUINT_DATA_GUNZIP_H_
#define SQUINT_DATA_GUNZIP_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "squint/tensor/tensor.h"

namespace squint {

// The first `size` unpacked bytes; fewer when the stream ends cleanly before.
// Error{kInvalidArgument} names `file` when it is damaged or cut off.
std::shared_ptr<Buffer> Gunzip(std::span<const std::byte> packed, size_t size,
                               const std::string& file, size_t* unpacked);

// The most bytes that `packed` gzipped bytes can unpack to (1032:1).
inline size_t MaxUnpacked(size_t packed) { return packed * 1032; }

}  // namespace squint

#endif  // SQUINT_DATA_GUNZIP_H_
