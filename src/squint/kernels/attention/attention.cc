// Attention: blocks of rows, one after the other through all three stages.
#include "squint/kernels/attention/attention.h"

#include <algorithm>
#include <optional>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/attention/attention.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/attention/byte_quads-inl.h"
#include "squint/kernels/attention/byte_scores-inl.h"
#include "squint/kernels/gemm/gemm-inl.h"
#include "squint/kernels/qgemm/widen-inl.h"
#include "squint/kernels/qgemm/widen_panel-inl.h"
#include "squint/kernels/rows/softmax_row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Rows of a block at most: whole tiles of all kernels. Their scores are 12 kB
// for 128 keys and stay in the L2 cache up to some thousands.
constexpr int64_t kBlockRows = 24;

int64_t BlocksOf(int64_t rows) { return CeilDiv(rows, kBlockRows); }

// Where a task keeps what, in bytes.
struct AttentionMemory {
  bool quads;  // products of bytes by quads, not by pairs of int16
  int64_t k_panels = 0;
  int64_t v_panels;
  int64_t k_bias;  // with quads, see byte_quads-inl.h
  int64_t v_bias;
  int64_t row_bias;
  int64_t q_rows;         // uint8 or int16
  int64_t byte_rows;      // scores
  int64_t real_rows;      // scores, and what becomes of them
  int64_t mask_row;       // one number, as often as there are keys
  int64_t probabilities;  // uint8 or int16
  int64_t size;
  int64_t byte_stride;
  int64_t real_stride;  // floats
  int64_t reals;        // rows that are kept
  int64_t q_stride;     // bytes, as the next
  int64_t probability_stride;

  explicit AttentionMemory(const AttentionArgs& args);
};

int64_t FloatPanelBytes(int64_t k, int64_t n) {
  return CeilDiv(n, kNr) * kNr * k * int64_t{sizeof(float)};
}
int64_t WidePanelBytes(int64_t k, int64_t n) {
  return CeilDiv(n, kQNr) * kQNr * 2 * PairsOf(k) * int64_t{sizeof(int16_t)};
}
int64_t QuadPanelBytes(int64_t k, int64_t n) {
  return WholeColumns(n) * QuadsOf(k) * kRowQuad;
}
// Of columns, read in whole vectors by the store.
int64_t BiasBytes(int64_t n) {
  return (WholeColumns(n) + kColumnPadding) * int64_t{sizeof(int32_t)};
}

AttentionMemory::AttentionMemory(const AttentionArgs& a) {
  int64_t at = 0;
  const auto take = [&](int64_t bytes) {
    const int64_t begin = at;
    at += CeilDiv(bytes, 64) * 64;
    return begin;
  };
  const bool bytes = a.byte_scores != nullptr;
  const bool any = a.first != nullptr || a.second != nullptr;
  quads = any && HasQuadDot();
  const auto panels = [&](const ByteProduct* product, int64_t k, int64_t n) {
    if (product == nullptr) return take(FloatPanelBytes(k, n));
    return take(quads ? QuadPanelBytes(k, n) : WidePanelBytes(k, n));
  };
  // Rows have whole pairs of vectors, and begin at different places of pages.
  const int64_t padded = CeilDiv(a.keys, 64) * 64 + 16;
  byte_stride = padded;
  real_stride = padded;
  reals = bytes && a.second != nullptr ? kSoftmaxRows : kBlockRows;
  q_stride = quads ? CeilDiv(a.size, 64) * 64 : 4 * PairsOf(a.size);
  probability_stride = quads ? padded : 4 * PairsOf(a.keys);
  k_panels = panels(a.first, a.size, a.keys);
  v_panels = panels(a.second, a.keys, a.value_size);
  k_bias = take(quads ? BiasBytes(a.keys) : 0);
  v_bias = take(quads ? BiasBytes(a.value_size) : 0);
  row_bias = take(kBlockRows * int64_t{sizeof(int32_t)});
  q_rows = take(a.first ? kBlockRows * q_stride : 0);
  byte_rows = take(bytes ? kBlockRows * byte_stride : 0);
  real_rows = take(reals * real_stride * 4);
  mask_row = take(padded * 4);
  probabilities =
      take(a.second ? kBlockRows * probability_stride + 2 * padded : 0);
  size = at;
}

// One task: blocks in order, those of a matrix together.
class AttentionTask {
 public:
  AttentionTask(const AttentionArgs& args, uint8_t* scratch)
      : args_(args),
        at_(args),
        scratch_(scratch),
        steps_(StepsOf(args.probabilities)),
        // Few rows do not pay for packing floats.
        packs_(args.rows > 2 * kMr) {
#if SQUINT_QUAD_DOT
    if (!at_.quads) return;
    if (args.first != nullptr) {
      k_quads_.emplace(*args.first, args.size, args.keys,
                       At<uint8_t>(at_.k_panels), At<int32_t>(at_.k_bias));
    }
    if (args.second != nullptr) {
      v_quads_.emplace(ByteProduct{{}, args.second->b, args.second->result},
                       args.keys, args.value_size, At<uint8_t>(at_.v_panels),
                       At<int32_t>(at_.v_bias));
    }
#endif
  }

  void Run(int64_t block) {
    const int64_t matrix = block / BlocksOf(args_.rows);
    if (matrix != matrix_) {
      PackKeys(matrix);
      PackValues(matrix);
      matrix_ = matrix;
    }
    const int64_t row = block % BlocksOf(args_.rows) * kBlockRows;
    const int64_t rows = std::min(kBlockRows, args_.rows - row);
    MakeScores(row, rows);
    for (int64_t r = 0; r < rows; r += kSoftmaxRows) {
      NormalizeRows(row, r, std::min(kSoftmaxRows, rows - r));
    }
    WeighValues(row, rows);
  }

 private:
  template <typename T>
  T* At(int64_t place) const {
    return reinterpret_cast<T*>(scratch_ + place);
  }
  template <typename T>
  static const T* Matrix(const MatrixStack& stack, int64_t matrix) {
    return static_cast<const T*>(stack.data) + stack.offsets[matrix];
  }

  static MatrixView FloatView(const MatrixStack& stack, int64_t matrix) {
    return {Matrix<float>(stack, matrix), stack.row_stride,
            stack.column_stride};
  }
  static ByteView BytesOf(const MatrixStack& stack, int64_t matrix,
                          const ByteOperand& operand) {
    return {Matrix<uint8_t>(stack, matrix),
            operand.is_signed,
            stack.row_stride,
            stack.column_stride,
            &operand.zero,
            0};
  }

  void PackBytes(int64_t k, int64_t n, const ByteView& b, int16_t* out) const {
    for (int64_t panel = 0; panel * kQNr < n; ++panel) {
      WidenPanel(k, n, b, panel, out + panel * kQNr * 2 * PairsOf(k));
    }
  }
  void PackFloats(int64_t k, int64_t n, const MatrixView& b, float* out) const {
    for (int64_t j = 0; j < n; j += kNr) {
      PackRightPanel(b.data + j * b.column_stride, b.row_stride,
                     b.column_stride, k, std::min<int64_t>(kNr, n - j),
                     out + j * k);
    }
  }

  void PackKeys(int64_t matrix) const {
    if (args_.first != nullptr) {
      const ByteView k = BytesOf(args_.k, matrix, args_.first->b);
#if SQUINT_QUAD_DOT
      if (k_quads_) return k_quads_->Pack(k);
#endif
      PackBytes(args_.size, args_.keys, k, At<int16_t>(at_.k_panels));
    } else if (packs_) {
      PackFloats(args_.size, args_.keys, FloatView(args_.k, matrix),
                 At<float>(at_.k_panels));
    }
  }
  void PackValues(int64_t matrix) const {
    if (args_.second != nullptr) {
      const ByteView v = BytesOf(args_.v, matrix, args_.second->b);
#if SQUINT_QUAD_DOT
      if (v_quads_) return v_quads_->Pack(v);
#endif
      PackBytes(args_.keys, args_.value_size, v, At<int16_t>(at_.v_panels));
    } else if (packs_) {
      PackFloats(args_.keys, args_.value_size, FloatView(args_.v, matrix),
                 At<float>(at_.v_panels));
    }
  }

  // C = A B of floats; `panels` hold B unless `view` is read.
  void MultiplyFloats(const MatrixView& a, int64_t rows, int64_t k, int64_t n,
                      const MatrixView& view, const float* panels, float* c,
                      int64_t c_stride) const {
    const Rectangle area{0, rows, 0, n};
    if (packs_) {
      ComputeRectangle(RowsLeft{a}, PackedRight{panels, k}, k, area, c,
                       c_stride, Epilogue{});
    } else {
      ComputeRectangle(RowsLeft{a}, ViewRight{view, true}, k, area, c, c_stride,
                       Epilogue{});
    }
  }
  void MultiplyBytes(const int16_t* a, int64_t rows, int64_t k, int64_t n,
                     const int16_t* panels, uint8_t* c, int64_t c_stride,
                     const Requantization& result) const {
    ComputeQRectangle(a, ReadyPanels{panels, k}, k, n,
                      {0, rows, 0, CeilDiv(n, kQNr)}, c, c_stride, result);
  }

#if SQUINT_QUAD_DOT
  // Rows that lie `stride` bytes apart.
  void MultiplyQuads(const QuadProduct& product, const uint8_t* a,
                     int64_t stride, int64_t rows, bool room, uint8_t* c,
                     int64_t c_stride) const {
    const uint8_t* places[kBlockRows];
    for (int64_t r = 0; r < rows; ++r) places[r] = a + r * stride;
    product.Multiply(
        places, rows,
        product.has_row_bias() ? At<int32_t>(at_.row_bias) : nullptr, room, c,
        c_stride);
  }
  void FlipQueries(int64_t row, int64_t rows) const {
    const auto* q = Matrix<uint8_t>(args_.q, matrix_);
    for (int64_t r = 0; r < rows; ++r) {
      const int32_t sum = FlipRow(q + (row + r) * args_.q.row_stride,
                                  args_.size, k_quads_->a_flip(),
                                  At<uint8_t>(at_.q_rows) + r * at_.q_stride);
      At<int32_t>(at_.row_bias)[r] = k_quads_->RowBias(sum);
    }
  }
#endif

  void WidenQueries(int64_t row, int64_t rows) const {
    const auto* q = Matrix<uint8_t>(args_.q, matrix_);
    const auto zero = static_cast<int16_t>(args_.first->a.zero);
    for (int64_t r = 0; r < rows; ++r) {
      const uint8_t* in = q + (row + r) * args_.q.row_stride;
      int16_t* out = At<int16_t>(at_.q_rows) + r * 2 * PairsOf(args_.size);
      if (args_.first->a.is_signed) {
        WidenBytes(reinterpret_cast<const int8_t*>(in), args_.size, zero, out);
      } else {
        WidenBytes(in, args_.size, zero, out);
      }
      if (args_.size % 2 != 0) out[args_.size] = 0;
    }
  }

  void MakeScores(int64_t row, int64_t rows) const {
    auto* reals = At<float>(at_.real_rows);
    if (args_.first == nullptr) {
      const MatrixView k = FloatView(args_.k, matrix_);
      MatrixView q = FloatView(args_.q, matrix_);
      q.data += row * q.row_stride;
      return MultiplyFloats(q, rows, args_.size, args_.keys, k,
                            At<float>(at_.k_panels), reals, at_.real_stride);
    }
    const bool bytes = args_.byte_scores != nullptr;
    uint8_t* scores =
        bytes ? At<uint8_t>(at_.byte_rows) : reinterpret_cast<uint8_t*>(reals);
    const int64_t stride = bytes ? at_.byte_stride : at_.real_stride * 4;
#if SQUINT_QUAD_DOT
    if (k_quads_) {
      FlipQueries(row, rows);
      // Multipliers of columns may not be there for more than there are keys.
      const Requantization& result = args_.first->result;
      const bool room = result.multiplier_column == 0 || result.is_padded;
      return MultiplyQuads(*k_quads_, At<uint8_t>(at_.q_rows), at_.q_stride,
                           rows, room, scores, stride);
    }
#endif
    WidenQueries(row, rows);
    MultiplyBytes(At<int16_t>(at_.q_rows), rows, args_.size, args_.keys,
                  At<int16_t>(at_.k_panels), scores, stride,
                  args_.first->result);
  }

  // What is added to a row, of keys; null where nothing is.
  template <typename T>
  const T* MaskRow(const MatrixStack& masks, int64_t row) const {
    if (masks.data == nullptr) return nullptr;
    const T* mask = Matrix<T>(masks, matrix_) + row * masks.row_stride;
    if (masks.column_stride != 0 || args_.keys == 1) return mask;
    std::fill_n(At<T>(at_.mask_row), args_.keys, *mask);
    return At<T>(at_.mask_row);
  }

  // Row r of the block, `row` of the matrix; returns the largest score.
  float FinishScores(int64_t row, int64_t r, float* reals) const {
    if (args_.byte_scores != nullptr) {
      const float largest = RealScores(
          *args_.byte_scores, At<uint8_t>(at_.byte_rows) + r * at_.byte_stride,
          MaskRow<uint8_t>(args_.byte_mask, row), args_.keys, reals);
      if (args_.factor.kind == ScoreFactor::kNone &&
          args_.mask.data == nullptr) {
        return largest;
      }
    }
    return KeepScores(reals, args_.factor, MaskRow<float>(args_.mask, row),
                      args_.keys, reals);
  }

  float* Reals(int64_t r) const {
    return At<float>(at_.real_rows) + r % at_.reals * at_.real_stride;
  }

  // Rows of the block from r on, kSoftmaxRows at most.
  void NormalizeRows(int64_t row, int64_t r, int64_t count) const {
    float largest[kSoftmaxRows];
    float factor[kSoftmaxRows];
    HWY_ALIGN float lanes[kSoftmaxRows * kRowLanes] = {};
    for (int64_t i = 0; i < count; ++i) {
      largest[i] = FinishScores(row + r + i, r + i, Reals(r + i));
    }
    for (int64_t i = 0; i < count; ++i) {
      float* reals = Reals(r + i);
      hn::Store(SumExponentials(reals, largest[i], args_.keys, reals), RowTag(),
                lanes + i * kRowLanes);
    }
    InverseSums(lanes, factor);
    for (int64_t i = 0; i < count; ++i) KeepProbabilities(r + i, factor[i]);
  }

  void KeepProbabilities(int64_t r, float factor) const {
    float* reals = Reals(r);
    const int64_t keys = args_.keys;
    if (args_.second == nullptr) return ScaleRow(reals, factor, keys, reals);
    const int64_t at = at_.probabilities + r * at_.probability_stride;
#if SQUINT_QUAD_DOT
    if (v_quads_) {
      auto* bytes = At<uint8_t>(at);
      const int32_t sum = StoreStepsOfRow(reals, factor, keys, steps_, bytes);
      At<int32_t>(at_.row_bias)[r] = v_quads_->RowBias(sum);
      return;
    }
#endif
    auto* words = At<int16_t>(at);
    StoreStepsOfRow(reals, factor, keys, steps_, words);
    if (keys % 2 != 0) words[keys] = 0;
  }

  void WeighValues(int64_t row, int64_t rows) const {
    const int64_t at = args_.y_offsets[matrix_] + row * args_.y_stride;
    if (args_.second == nullptr) {
      return MultiplyFloats({At<float>(at_.real_rows), at_.real_stride, 1},
                            rows, args_.keys, args_.value_size,
                            FloatView(args_.v, matrix_),
                            At<float>(at_.v_panels),
                            static_cast<float*>(args_.y) + at, args_.y_stride);
    }
    const Requantization& result = args_.second->result;
    uint8_t* y = static_cast<uint8_t*>(args_.y) + at * result.result_bytes();
    const int64_t stride = args_.y_stride * result.result_bytes();
#if SQUINT_QUAD_DOT
    if (v_quads_) {
      return MultiplyQuads(*v_quads_, At<uint8_t>(at_.probabilities),
                           at_.probability_stride, rows, false, y, stride);
    }
#endif
    MultiplyBytes(At<int16_t>(at_.probabilities), rows, args_.keys,
                  args_.value_size, At<int16_t>(at_.v_panels), y, stride,
                  result);
  }

  const AttentionArgs& args_;
  const AttentionMemory at_;
  uint8_t* scratch_;
  const Requantization steps_;
  const bool packs_;
#if SQUINT_QUAD_DOT
  std::optional<QuadProduct> k_quads_;
  std::optional<QuadProduct> v_quads_;
#endif
  int64_t matrix_ = -1;
};

int64_t TaskBytes(const AttentionArgs& args) {
  return AttentionMemory(args).size;
}
int64_t BlockCount(const AttentionArgs& args) {
  return args.batch * BlocksOf(args.rows);
}
void RunBlocks(const AttentionArgs& args, int64_t begin, int64_t end,
               uint8_t* scratch) {
  AttentionTask task(args, scratch);
  for (int64_t block = begin; block < end; ++block) task.Run(block);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(TaskBytes);
HWY_EXPORT(BlockCount);
HWY_EXPORT(RunBlocks);

// About four for each thread, so that one that is held up costs little.
int64_t TasksOf(const AttentionArgs& args, int threads) {
  const int64_t blocks = HWY_DYNAMIC_DISPATCH(BlockCount)(args);
  return threads == 1 ? 1 : std::min<int64_t>(blocks, int64_t{4} * threads);
}

}  // namespace

size_t AttentionScratch(const AttentionArgs& args, int threads) {
  return static_cast<size_t>(TasksOf(args, threads) *
                             HWY_DYNAMIC_DISPATCH(TaskBytes)(args));
}

void Attention(const AttentionArgs& args, ThreadPool& pool) {
  const int64_t blocks = HWY_DYNAMIC_DISPATCH(BlockCount)(args);
  const int64_t bytes = HWY_DYNAMIC_DISPATCH(TaskBytes)(args);
  const int64_t tasks = TasksOf(args, pool.threads());
  pool.ParallelFor(
      static_cast<size_t>(tasks), 1, [&](size_t begin, size_t end) {
        for (auto task = static_cast<int64_t>(begin);
             task < static_cast<int64_t>(end); ++task) {
          HWY_DYNAMIC_DISPATCH(RunBlocks)
          (args, task * blocks / tasks, (task + 1) * blocks / tasks,
           static_cast<uint8_t*>(args.scratch) + task * bytes);
        }
      });
}

}  // namespace squint
#endif  // HWY_ONCE
