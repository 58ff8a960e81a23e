// Bytes in pieces: a protobuf message under construction whose large payloads
// (weights) are only referred to. Its size is known before anything is
// written, which protobuf's length prefixes need, and no weight is copied.
#ifndef SQUINT_ONNX_ROPE_H_
#define SQUINT_ONNX_ROPE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "squint/base/file.h"
#include "squint/tensor/tensor.h"

namespace squint {

class Rope {
 public:
  size_t size() const { return size_; }

  void Append(std::string_view bytes);
  void Append(BufferRef buffer);
  void Append(Rope rope);

  // Protobuf fields, tag and length included.
  void AddInt(uint32_t field, int64_t value);
  void AddFloat(uint32_t field, float value);
  void AddBytes(uint32_t field, std::string_view bytes);
  void AddMessage(uint32_t field, Rope message);
  void AddPayload(uint32_t field, BufferRef buffer);
  // As AddBytes, but nothing for an empty string.
  void AddText(uint32_t field, std::string_view text) {
    if (!text.empty()) AddBytes(field, text);
  }

  void WriteTo(OutputFile& file) const;
  std::string ToString() const;

 private:
  std::string& Tail();  // the text at the end
  void AddHeader(uint32_t field, size_t length);

  std::vector<std::variant<std::string, BufferRef>> pieces_;
  size_t size_ = 0;
};

// Bytes of a tensor that are written at once: large enough for one write call,
// small beside any weight worth computing.
inline constexpr size_t kWritePiece = size_t{1} << 20;

}  // namespace squint

#endif  // SQUINT_ONNX_ROPE_H_
