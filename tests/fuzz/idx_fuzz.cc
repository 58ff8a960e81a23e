// idx files, plain and gzipped.
#include "fuzz.h"
#include "squint/data/idx.h"

namespace squint {

void Fuzz_idx(FuzzBytes bytes) {
  const std::filesystem::path path = FuzzFile(bytes);
  Survives([&] {
    const Array array = ReadIdx(path);
    array.Whole();
    if (array.rows() > 0) array.Row(array.rows() - 1);
  });
}

}  // namespace squint
