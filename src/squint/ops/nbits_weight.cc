#include "squint/ops/nbits_weight.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace squint {
namespace {

constexpr int64_t kLimit = int64_t{1} << 31;

DType StoredType(const NBitsShape& shape) {
  return shape.bits == 2   ? DType::kUint2
         : shape.bits == 4 ? DType::kUint4
                           : DType::kUint8;
}

void RequireSize(const char* what, const Tensor& tensor, int64_t expected) {
  if (tensor.size() != expected) {
    Fail(ErrorCode::kInvalidModel, "{} is {}, expected {} elements", what,
         DimsToString(tensor.dims()), expected);
  }
}

int64_t PackedZeros(const NBitsShape& shape) {
  return (shape.blocks() * shape.bits + 7) / 8;
}

void CheckSizes(const NBitsShape& shape, const Tensor& b, const Tensor& scales,
                const Tensor* zero_points) {
  const Dims blob = {shape.n, shape.blocks(), shape.block * shape.bits / 8};
  RequireSize("B", b, ElementCount(blob));
  if (b.dtype() != DType::kUint8) {
    Fail(ErrorCode::kInvalidModel, "B is {}, expected uint8",
         DTypeName(b.dtype()));
  }
  const int64_t groups = ElementCount(Dims{shape.n, shape.blocks()});
  RequireSize("scales", scales, groups);
  if (zero_points == nullptr) return;
  const bool packed = zero_points->dtype() == DType::kUint8;
  RequireSize("zero_points", *zero_points,
              packed ? shape.n * PackedZeros(shape) : groups);
}

// Number `index` of packed row `row`, rows of `stride` bytes.
int PackedAt(const Tensor& bytes, const NBitsShape& shape, int64_t row,
             int64_t stride, int64_t index) {
  return ReadPacked(bytes.raw() + row * stride, StoredType(shape), index);
}

int64_t BytesPerRow(const NBitsShape& shape) {
  return shape.blocks() * (shape.block * shape.bits / 8);
}

// [N, blocks] -> [blocks, N], of the scales' own type.
Tensor TransposedScales(const NBitsShape& shape, const Tensor& scales) {
  const std::vector<float> values = scales.ToFloats();
  Tensor result(DType::kFloat32, {shape.blocks(), shape.n});
  float* out = result.mutable_data<float>();
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t block = 0; block < shape.blocks(); ++block) {
      out[block * shape.n + n] =
          values[static_cast<size_t>(n * shape.blocks() + block)];
    }
  }
  return result.CastTo(scales.dtype());
}

int ZeroAt(const NBitsShape& shape, const Tensor* zero_points, int64_t n,
           int64_t block) {
  return zero_points == nullptr
             ? 1 << (shape.bits - 1)
             : PackedAt(*zero_points, shape, n, PackedZeros(shape), block);
}

// [N * blocks], of any form of zero points.
std::vector<float> ZeroOfGroups(const NBitsShape& shape,
                                const Tensor* zero_points) {
  if (zero_points != nullptr && zero_points->dtype() != DType::kUint8) {
    return zero_points->ToFloats();
  }
  std::vector<float> zeros;
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t block = 0; block < shape.blocks(); ++block) {
      zeros.push_back(static_cast<float>(ZeroAt(shape, zero_points, n, block)));
    }
  }
  return zeros;
}

// The block of each row of K.
std::vector<int64_t> BlockOfRows(const NBitsShape& shape,
                                 const Tensor* group_index) {
  std::vector<int64_t> blocks;
  if (group_index == nullptr) {
    for (int64_t k = 0; k < shape.k; ++k) blocks.push_back(k / shape.block);
    return blocks;
  }
  blocks = group_index->ToInts();
  if (group_index->size() < shape.k) {
    RequireSize("g_idx", *group_index, shape.k);
  }
  for (const int64_t block : blocks) {
    if (block < 0 || block >= shape.blocks()) {
      Fail(ErrorCode::kInvalidModel, "g_idx has {}, but there are {} blocks",
           block, shape.blocks());
    }
  }
  return blocks;
}

// A part of the matrix that the first cache holds, one number a byte.
constexpr int64_t kSide = 64;
struct Square {
  int64_t k, n;  // its corner
  int64_t rows, columns;
  uint8_t numbers[kSide][kSide];  // [k][n]
};

// From rows of N along K.
template <int kBits>
void ReadSquare(const NBitsShape& shape, const std::byte* in, Square& square) {
  constexpr int64_t kPerByte = 8 / kBits;
  constexpr int kMask = (1 << kBits) - 1;
  for (int64_t j = 0; j < square.columns; ++j) {
    const std::byte* from =
        in + (square.n + j) * BytesPerRow(shape) + square.k / kPerByte;
    for (int64_t i = 0; i < square.rows; ++i) {
      const auto shift = i % kPerByte * kBits;
      square.numbers[i][j] = static_cast<uint8_t>(
          std::to_integer<int>(from[i / kPerByte]) >> shift & kMask);
    }
  }
}

// To rows of K along N, which are packed without gaps between them.
template <int kBits>
void WriteSquare(const NBitsShape& shape, const Square& square,
                 std::byte* out) {
  constexpr int64_t kPerByte = 8 / kBits;
  for (int64_t i = 0; i < square.rows; ++i) {
    const int64_t first = (square.k + i) * shape.n + square.n;
    const uint8_t* numbers = square.numbers[i];
    if (first % kPerByte != 0 || square.columns % kPerByte != 0) {
      for (int64_t j = 0; j < square.columns; ++j) {
        WritePacked(out, StoredType(shape), first + j, numbers[j]);
      }
      continue;
    }
    std::byte* to = out + first / kPerByte;
    for (int64_t j = 0; j < square.columns; j += kPerByte) {
      int byte = 0;
      for (int64_t f = 0; f < kPerByte; ++f) {
        byte |= numbers[j + f] << (f * kBits);
      }
      *to++ = static_cast<std::byte>(byte);
    }
  }
}

template <int kBits>
void TurnRowsOf(const NBitsShape& shape, const std::byte* in, std::byte* out) {
  Square square;
  for (square.n = 0; square.n < shape.n; square.n += kSide) {
    square.columns = std::min(kSide, shape.n - square.n);
    for (square.k = 0; square.k < shape.k; square.k += kSide) {
      square.rows = std::min(kSide, shape.k - square.k);
      ReadSquare<kBits>(shape, in, square);
      WriteSquare<kBits>(shape, square, out);
    }
  }
}

void TurnRows(const NBitsShape& shape, const std::byte* in, std::byte* out) {
  const auto turn = shape.bits == 2   ? TurnRowsOf<2>
                    : shape.bits == 4 ? TurnRowsOf<4>
                                      : TurnRowsOf<8>;
  turn(shape, in, out);
}

}  // namespace

NBitsShape ReadNBitsShape(const Node& node) {
  const NBitsShape shape = {.n = node.Int("N", 0),
                            .k = node.Int("K", 0),
                            .bits = node.Int("bits", 4),
                            .block = node.Int("block_size", 0)};
  if (shape.bits != 2 && shape.bits != 4 && shape.bits != 8) {
    Fail(ErrorCode::kUnsupported, "bits is {}, expected 2, 4 or 8", shape.bits);
  }
  for (const auto& [name, value] :
       {std::pair("N", shape.n), {"K", shape.k}, {"block_size", shape.block}}) {
    if (value < 1 || value >= kLimit) {
      Fail(ErrorCode::kInvalidModel, "{} is {}, expected 1 to {}", name, value,
           kLimit - 1);
    }
  }
  if (shape.block < 16 || (shape.block & (shape.block - 1)) != 0) {
    Fail(ErrorCode::kInvalidModel,
         "block_size is {}, expected a power of two from 16 on", shape.block);
  }
  return shape;
}

NBitsWeight UnpackNBits(const NBitsShape& shape, const Tensor& b,
                        const Tensor& scales, const Tensor* zero_points) {
  CheckSizes(shape, b, scales, zero_points);
  NBitsWeight weight;
  weight.params.dtype = StoredType(shape);
  weight.params.real_dtype = scales.dtype();
  weight.params.axis = 0;
  weight.params.block = shape.block;
  weight.params.scale = TransposedScales(shape, scales);
  weight.stored = Tensor(weight.params.dtype, {shape.k, shape.n});
  Tensor zeros(weight.params.dtype, {shape.blocks(), shape.n});
  TurnRows(shape, b.raw(), weight.stored.mutable_raw());
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t block = 0; block < shape.blocks(); ++block) {
      WritePacked(zeros.mutable_raw(), weight.params.dtype, block * shape.n + n,
                  ZeroAt(shape, zero_points, n, block));
    }
  }
  weight.params.zero_point = std::move(zeros);
  return weight;
}

Tensor NBitsMatrix(const NBitsShape& shape, const Tensor& b,
                   const Tensor& scales, const Tensor* zero_points,
                   const Tensor* group_index) {
  const bool real_zeros =
      zero_points != nullptr && zero_points->dtype() != DType::kUint8;
  if (!real_zeros && group_index == nullptr) {
    const NBitsWeight weight = UnpackNBits(shape, b, scales, zero_points);
    return DequantizeTensor(weight.stored, weight.params);
  }
  CheckSizes(shape, b, scales, zero_points);
  const std::vector<int64_t> blocks = BlockOfRows(shape, group_index);
  const std::vector<float> steps = scales.ToFloats();
  const std::vector<float> zeros = ZeroOfGroups(shape, zero_points);
  Tensor matrix(DType::kFloat32, {shape.k, shape.n});
  float* out = matrix.mutable_data<float>();
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t k = 0; k < shape.k; ++k) {
      const auto group = static_cast<size_t>(n * shape.blocks() +
                                             blocks[static_cast<size_t>(k)]);
      const auto q =
          static_cast<float>(PackedAt(b, shape, n, BytesPerRow(shape), k));
      out[k * shape.n + n] = (q - zeros[group]) * steps[group];
    }
  }
  return matrix;
}

}  // namespace squint
