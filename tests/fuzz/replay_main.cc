// Feeds files to the targets they belong to, without libFuzzer.
// usage: fuzz_replay CORPUS, where CORPUS/<target>/ holds that target's files
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "fuzz.h"
#include "squint/base/file.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> Sorted(const fs::path& folder) {
  std::vector<fs::path> entries(fs::directory_iterator(folder), {});
  std::sort(entries.begin(), entries.end());
  return entries;
}

void Replay(FuzzTarget target, const fs::path& file) {
  fmt::print("{}\n", file.string());
  std::fflush(stdout);  // a crash must not take the name along
  const std::string bytes = ReadTextFile(file);
  target({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

int ReplayAll(const fs::path& corpus) {
  int files = 0;
  for (const fs::path& folder : Sorted(corpus)) {
    const FuzzTarget target = FindFuzzTarget(folder.filename().string());
    if (target == nullptr) {
      FuzzFailed(folder.string() + " belongs to no target");
    }
    for (const fs::path& file : Sorted(folder)) {
      Replay(target, file);
      ++files;
    }
  }
  fmt::print("{} files\n", files);
  return files > 0 ? 0 : 1;
}

}  // namespace
}  // namespace squint

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: fuzz_replay CORPUS\n");
    return 2;
  }
  return squint::ReplayAll(argv[1]);
}
