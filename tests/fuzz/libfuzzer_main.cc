// The targets under clang's libFuzzer. One program: it is the target that it
// is called by, so that build/fuzz/bin/reader_fuzz is a link to it.
#include <filesystem>
#include <string>

#include "fuzz.h"

namespace {

squint::FuzzTarget target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char*** argv) {
  std::string name = std::filesystem::path((*argv)[0]).filename();
  name = name.substr(0, name.rfind("_fuzz"));
  target = squint::FindFuzzTarget(name);
  if (target == nullptr) squint::FuzzFailed("no target '" + name + "'");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  target({data, size});
  return 0;
}
