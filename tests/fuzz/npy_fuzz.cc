#include "fuzz.h"
#include "squint/data/npy.h"

namespace squint {

void Fuzz_npy(FuzzBytes bytes) {
  const auto block = ExactCopy(bytes);
  Survives([&] {
    const Array array = ParseNpy({block.get(), bytes.size()}, block, "x.npy");
    array.Whole();
    if (array.rows() > 0) array.Row(array.rows() - 1);
  });
}

}  // namespace squint
