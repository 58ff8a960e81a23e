#include "squint/onnx/rope.h"

#include <algorithm>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>
#include <utility>

#include "squint/tensor/pieces.h"

namespace squint {
std::string& Rope::Tail() {
  if (pieces_.empty() || !std::holds_alternative<std::string>(pieces_.back())) {
    pieces_.emplace_back(std::string());
  }
  return std::get<std::string>(pieces_.back());
}

void Rope::Append(std::string_view bytes) {
  Tail() += bytes;
  size_ += bytes.size();
}

void Rope::Append(BufferRef buffer) {
  size_ += buffer->size();
  pieces_.emplace_back(std::move(buffer));
}

void Rope::Append(Rope rope) {
  for (auto& piece : rope.pieces_) {
    if (auto* text = std::get_if<std::string>(&piece)) {
      Append(std::string_view(*text));
    } else {
      Append(std::get<BufferRef>(std::move(piece)));
    }
  }
}

void Rope::AddInt(uint32_t field, int64_t value) {
  std::string& tail = Tail();
  const size_t before = tail.size();
  protozero::pbf_writer(tail).add_int64(field, value);
  size_ += tail.size() - before;
}

void Rope::AddFloat(uint32_t field, float value) {
  std::string& tail = Tail();
  const size_t before = tail.size();
  protozero::pbf_writer(tail).add_float(field, value);
  size_ += tail.size() - before;
}

void Rope::AddHeader(uint32_t field, size_t length) {
  constexpr uint32_t kLengthDelimited = 2;
  std::string& tail = Tail();
  const size_t before = tail.size();
  protozero::add_varint_to_buffer(&tail, (field << 3) | kLengthDelimited);
  protozero::add_varint_to_buffer(&tail, length);
  size_ += tail.size() - before;
}

void Rope::AddBytes(uint32_t field, std::string_view bytes) {
  AddHeader(field, bytes.size());
  Append(bytes);
}

void Rope::AddMessage(uint32_t field, Rope message) {
  AddHeader(field, message.size());
  Append(std::move(message));
}

void Rope::AddPayload(uint32_t field, BufferRef buffer) {
  AddHeader(field, buffer->size());
  Append(std::move(buffer));
}

void Rope::WriteTo(OutputFile& file) const {
  for (const auto& piece : pieces_) {
    if (const auto* text = std::get_if<std::string>(&piece)) {
      file.Write(*text);
    } else {
      ForEachPiece(*std::get<BufferRef>(piece), kWritePiece,
                   [&](std::span<const std::byte> part) { file.Write(part); });
    }
  }
}

std::string Rope::ToString() const {
  std::string whole;
  whole.reserve(size_);
  for (const auto& piece : pieces_) {
    if (const auto* text = std::get_if<std::string>(&piece)) {
      whole += *text;
      continue;
    }
    const Buffer& buffer = *std::get<BufferRef>(piece);
    const size_t begin = whole.size();
    whole.resize(begin + buffer.size());
    buffer.Read(0, std::as_writable_bytes(
                       std::span(whole.data() + begin, buffer.size())));
  }
  return whole;
}

}  // namespace squint
