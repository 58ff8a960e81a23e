#include "squint/data/gunzip.h"

#include <algorithm>

#if SQUINT_HAS_ARCHIVES
#include <zlib.h>
#endif

namespace squint {

#if SQUINT_HAS_ARCHIVES
namespace {

constexpr size_t kPiece = size_t{1} << 30;  // zlib counts in 32 bits

struct Inflater {
  z_stream stream{};
  Inflater() {
    // 16 + 15: gzip framing, the largest window.
    CheckInternal(inflateInit2(&stream, 16 + 15) == Z_OK, "inflateInit2");
  }
  ~Inflater() { inflateEnd(&stream); }
};

}  // namespace

std::shared_ptr<Buffer> Gunzip(std::span<const std::byte> packed, size_t size,
                               const std::string& file, size_t* unpacked) {
  auto buffer = Buffer::Allocate(size);
  Inflater inflater;
  z_stream& stream = inflater.stream;
  size_t read = 0;
  size_t written = 0;
  while (written < size) {
    const size_t in = std::min(packed.size() - read, kPiece);
    const size_t out = std::min(size - written, kPiece);
    stream.next_in =
        reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + read));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out =
        reinterpret_cast<Bytef*>(buffer->mutable_data() + written);
    stream.avail_out = static_cast<uInt>(out);
    const int status = inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in;
    written += out - stream.avail_out;
    if (status == Z_STREAM_END) break;
    if (status != Z_OK) {
      Fail(ErrorCode::kInvalidArgument,
           "{}: the gzip stream is {} after {} unpacked bytes", file,
           status == Z_BUF_ERROR ? "cut off" : "damaged", written);
    }
  }
  *unpacked = written;
  return buffer;
}

#else  // !SQUINT_HAS_ARCHIVES

std::shared_ptr<Buffer> Gunzip(std::span<const std::byte>, size_t,
                               const std::string& file, size_t*) {
  Fail(ErrorCode::kUnsupported,
       "{}: this build cannot read .gz; configure with -DSQUINT_ARCHIVES=ON",
       file);
}

#endif

}  // namespace squint
