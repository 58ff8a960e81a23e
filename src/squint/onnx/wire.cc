#include "squint/onnx/wire.h"

#include <protozero/exception.hpp>

#include "squint/base/error.h"

namespace squint {

using protozero::pbf_wire_type;

WireReader::WireReader(std::string_view bytes, const char* origin)
    : reader_(bytes.data(), bytes.size()),
      origin_(origin),
      start_(bytes.data()) {}

void WireReader::FailDamaged(std::string_view what) const {
  Fail(ErrorCode::kInvalidModel,
       "not an ONNX model, or a damaged one: {} at byte {}", what,
       start_ - origin_);
}

// protozero asserts the wire type in debug builds only, and would read
// another field's bytes in the others.
void WireReader::Expect(pbf_wire_type type) const {
  if (reader_.wire_type() != type) FailDamaged("wrong wire type");
}

template <typename F>
auto WireReader::Guarded(F&& f) const {
  try {
    return f();
  } catch (const protozero::end_of_buffer_exception&) {
    FailDamaged("a field is cut off");
  } catch (const protozero::exception& error) {
    FailDamaged(error.what());
  }
}

bool WireReader::Next() {
  start_ = reader_.data().data();
  return Guarded([&] { return reader_.next(); });
}

int64_t WireReader::Int() {
  Expect(pbf_wire_type::varint);
  return Guarded([&] { return reader_.get_int64(); });
}

float WireReader::Float() {
  Expect(pbf_wire_type::fixed32);
  return Guarded([&] { return reader_.get_float(); });
}

std::string_view WireReader::Bytes() {
  Expect(pbf_wire_type::length_delimited);
  const auto view = Guarded([&] { return reader_.get_view(); });
  return {view.data(), view.size()};
}

void WireReader::Ints(std::vector<int64_t>& out) {
  if (reader_.wire_type() != pbf_wire_type::length_delimited) {
    out.push_back(Int());
    return;
  }
  Guarded([&] {
    for (const int64_t value : reader_.get_packed_int64()) {
      out.push_back(value);
    }
  });
}

void WireReader::Floats(std::vector<float>& out) {
  if (reader_.wire_type() != pbf_wire_type::length_delimited) {
    out.push_back(Float());
    return;
  }
  Guarded([&] {
    const auto values = reader_.get_packed_float();
    out.insert(out.end(), values.begin(), values.end());
  });
}

void WireReader::Doubles(std::vector<double>& out) {
  Guarded([&] {
    if (reader_.wire_type() == pbf_wire_type::length_delimited) {
      const auto values = reader_.get_packed_double();
      out.insert(out.end(), values.begin(), values.end());
    } else {
      Expect(pbf_wire_type::fixed64);
      out.push_back(reader_.get_double());
    }
  });
}

void WireReader::Skip() {
  Guarded([&] { reader_.skip(); });
}

std::string_view WireReader::Keep() {
  Skip();
  return {start_, static_cast<size_t>(reader_.data().data() - start_)};
}

}  // namespace squint
