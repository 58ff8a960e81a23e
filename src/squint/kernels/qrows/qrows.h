// Products of rows of uint8 with constant int8 weights: channels-last
// convolution, 1x1 convolution and matrix product.
//   sum(i, j) = sum over tap t, place d of x(i, t, d) * w(j, t, d)
// requantized (qgemm/requantization.h). Row i of the result reads `depth`
// neighbouring bytes at each of `taps` places, which a RowSource finds: no
// copy of an image is made. The zero point of x is the bias's business:
//   sum of (x - zero) * w = sum(i, j) - zero * weights.sums[j].
//
// Where the CPU has a dot product of four bytes (VNNI, Arm's), it multiplies
// the rows as they lie: w is packed as [output / 16][tap][depth / 4][16][4].
// Elsewhere blocks of rows and of weights are widened for the tile of qgemm.h.
// Results are the same.
#ifndef SQUINT_KERNELS_QROWS_QROWS_H_
#define SQUINT_KERNELS_QROWS_QROWS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "squint/kernels/qgemm/requantization.h"

namespace squint {

class ThreadPool;

// Bytes that the dot product takes at once: so many are read where a row's
// bytes end sooner.
inline constexpr int64_t kRowQuad = 4;

// How one product is laid out; the same for every instruction set.
struct RowWeightsShape {
  int64_t outputs = 0;
  int64_t taps = 1;
  int64_t depth = 0;  // bytes of a tap

  int64_t terms() const { return taps * depth; }
};

struct RowWeights {
  RowWeightsShape shape;
  std::shared_ptr<std::byte[]> data;  // for the instruction set at hand
  size_t bytes = 0;
  std::vector<int32_t> sums = {};  // of the weights of each output
  bool in_quads = false;           // for a tile of quads, else of pairs
};

// `weights`: [outputs][taps][depth]. terms() is kMaxQuantizedDepth at most.
// Made for the instruction set that is active and used under the same.
RowWeights PackRowWeights(const RowWeightsShape& shape, const int8_t* weights);

// The sums of the weights of each output; `weights`: [outputs][terms].
std::vector<int32_t> SumWeights(const int8_t* weights, int64_t outputs,
                                int64_t terms);

// Where the bytes of rows begin.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // places[t * count + i]: tap t of row `begin + i`; `depth` bytes are read
  // there, or up to the next multiple of kRowQuad.
  virtual void Find(int64_t begin, int64_t count,
                    const uint8_t** places) const noexcept = 0;
};

// Rows that lie `stride` bytes apart, with one tap.
class PlainRows final : public RowSource {
 public:
  PlainRows(const void* data, int64_t stride)
      : data_(static_cast<const uint8_t*>(data)), stride_(stride) {}
  void Find(int64_t begin, int64_t count,
            const uint8_t** places) const noexcept override;

 private:
  const uint8_t* data_;
  int64_t stride_;
};

struct RowProductArgs {
  int64_t rows = 0;
  const RowSource& source;
  const RowWeights& weights;
  Requantization requantization;  // parameters by column, or the same for all
  void* out = nullptr;            // rows out_stride bytes apart
  int64_t out_stride = 0;
  void* scratch = nullptr;  // RowProductScratch bytes, 64-aligned
};
// Bytes for a pool of so many threads.
size_t RowProductScratch(int64_t rows, const RowWeightsShape& shape,
                         int threads);
void RowProduct(const RowProductArgs& args, ThreadPool& pool);

// RowProduct by the tile of four-byte dot products, which instruction sets
// without them imitate: for tests.
RowWeights PackRowQuads(const RowWeightsShape& shape, const int8_t* weights);
void RowProductOfQuads(const RowProductArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_QROWS_QROWS_H_
