#include "fuzz.h"
#include "squint/data/npz.h"

namespace squint {

void Fuzz_npz(FuzzBytes bytes) {
  const std::filesystem::path path = FuzzFile(bytes);
  Survives([&] {
    for (const auto& [name, array] : ReadNpz(path)) array.Whole();
  });
  Survives([&] { ReadNpz(path, {"x"}); });
}

}  // namespace squint
