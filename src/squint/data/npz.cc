#include "squint/data/npz.h"

#include <algorithm>
#include <memory>

#include "squint/base/file.h"
#include "squint/data/npy.h"

#if SQUINT_HAS_ARCHIVES
#include <zip.h>
#endif

namespace squint {

#if SQUINT_HAS_ARCHIVES
namespace {

// Deflate cannot shrink beyond 1032:1 (258 bytes by two bits), so a member
// that declares more is lying, as is one of more compressed bytes than the
// file has. Beyond that, one array stays below 8 GiB.
constexpr uint64_t kMaxRatio = 1032;
constexpr uint64_t kMaxMember = uint64_t{8} << 30;

struct ZipCloser {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct ZipFileCloser {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, ZipCloser>;

Archive OpenArchive(const std::filesystem::path& path) {
  // Opening by hand first tells a missing file from a broken one.
  const auto mapped = MappedFile::Open(path);
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string text = zip_error_strerror(&error);
    zip_error_fini(&error);
    Fail(ErrorCode::kInvalidArgument,
         "{}: cannot be read as .npz (cut off or no zip archive): {}",
         path.string(), text);
  }
  return archive;
}

void CheckSize(const zip_stat_t& stat, uint64_t file_bytes,
               const std::string& file) {
  const uint64_t held = std::min<uint64_t>(stat.comp_size, file_bytes);
  const uint64_t bound =
      stat.comp_method == ZIP_CM_STORE ? held : held * kMaxRatio + 64;
  if (stat.size > bound) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: declares {} bytes, which its {} compressed bytes cannot hold",
         file, stat.size, held);
  }
  if (stat.size > kMaxMember) {
    Fail(ErrorCode::kOutOfMemory,
         "{}: {} bytes unpacked are more than the limit of 8 GiB; unpack it "
         "to .npy, which is mapped",
         file, stat.size);
  }
}

Array ReadMember(zip_t* archive, const zip_stat_t& stat, uint64_t file_bytes,
                 const std::string& file) {
  CheckSize(stat, file_bytes, file);
  const std::unique_ptr<zip_file_t, ZipFileCloser> member(
      zip_fopen_index(archive, stat.index, 0));
  if (member == nullptr) {
    Fail(ErrorCode::kInvalidArgument, "{}: cannot open: {}", file,
         zip_strerror(archive));
  }
  const auto buffer = Buffer::Allocate(static_cast<size_t>(stat.size));
  size_t done = 0;
  while (done < stat.size) {
    const zip_int64_t got = zip_fread(
        member.get(), buffer->mutable_data() + done, stat.size - done);
    if (got <= 0) {
      Fail(ErrorCode::kInvalidArgument, "{}: damaged or cut off: {}", file,
           zip_file_strerror(member.get()));
    }
    done += static_cast<size_t>(got);
  }
  // The checksum is compared at the end of the member, one read further.
  char beyond = 0;
  if (zip_fread(member.get(), &beyond, 1) != 0) {
    Fail(ErrorCode::kInvalidArgument, "{}: damaged: {}", file,
         zip_file_strerror(member.get()));
  }
  return ParseNpy({buffer->data(), done}, buffer, file);
}

}  // namespace

std::map<std::string, Array> ReadNpz(const std::filesystem::path& path,
                                     const std::vector<std::string>& wanted) {
  const Archive archive = OpenArchive(path);
  const uint64_t file_bytes = std::filesystem::file_size(path);
  std::map<std::string, Array> result;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE |
                                     ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD |
                                     ZIP_STAT_INDEX;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(i), 0, &stat) !=
            0 ||
        (stat.valid & kNeeded) != kNeeded) {
      Fail(ErrorCode::kInvalidArgument, "{}: damaged zip directory",
           path.string());
    }
    std::string name = stat.name;
    if (!name.ends_with(".npy")) continue;
    name.resize(name.size() - 4);
    if (!wanted.empty() && std::ranges::find(wanted, name) == wanted.end()) {
      continue;
    }
    const std::string file = path.string() + ":" + name;
    result[name] = ReadMember(archive.get(), stat, file_bytes, file);
  }
  return result;
}

#else  // !SQUINT_HAS_ARCHIVES

std::map<std::string, Array> ReadNpz(const std::filesystem::path& path,
                                     const std::vector<std::string>&) {
  Fail(ErrorCode::kUnsupported,
       "{}: this build cannot read .npz; configure with -DSQUINT_ARCHIVES=ON",
       path.string());
}

#endif

}  // namespace squint
