// One protobuf message, read field by field. Wraps protozero so that every
// damage (truncation, a wrong wire type, an absurd length) is an
// Error{kInvalidModel} that names the byte of the file.
#ifndef SQUINT_ONNX_WIRE_H_
#define SQUINT_ONNX_WIRE_H_

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace squint {

class WireReader {
 public:
  // `origin` is the first byte of the file, for error messages.
  WireReader(std::string_view bytes, const char* origin);
  explicit WireReader(std::string_view bytes)
      : WireReader(bytes, bytes.data()) {}

  // Moves to the next field; false at the end of the message. Each field is
  // consumed by exactly one of the calls below.
  bool Next();
  uint32_t field() const { return reader_.tag(); }
  // What has not been read yet.
  std::string_view Rest() const {
    return {reader_.data().data(), reader_.length()};
  }

  int64_t Int();  // also enums, bool and uint64 (as the same 64 bits)
  float Float();
  std::string_view Bytes();
  std::string Text() { return std::string(Bytes()); }
  WireReader Message() { return {Bytes(), origin_}; }
  // Repeated numbers, packed or one by one: appended to `out`.
  void Ints(std::vector<int64_t>& out);
  void Floats(std::vector<float>& out);
  void Doubles(std::vector<double>& out);
  void Skip();
  // Skips, and returns the field as it stands, tag included.
  std::string_view Keep();

 private:
  [[noreturn]] void FailDamaged(std::string_view what) const;
  void Expect(protozero::pbf_wire_type type) const;
  template <typename F>
  auto Guarded(F&& f) const;

  protozero::pbf_reader reader_;
  const char* origin_;
  const char* start_ = nullptr;  // of the current field
};

}  // namespace squint

#endif  // SQUINT_ONNX_WIRE_H_
