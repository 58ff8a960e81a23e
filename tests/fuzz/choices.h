// Decisions read from fuzz input: what structured generators are made of.
// When the bytes are used up every decision is the first option, so that any
// input is a whole one and a shorter input makes a smaller thing.
#ifndef SQUINT_TESTS_FUZZ_CHOICES_H_
#define SQUINT_TESTS_FUZZ_CHOICES_H_

#include <cstdint>

#include "fuzz.h"

namespace squint {

class Choices {
 public:
  explicit Choices(FuzzBytes bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }

  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  // low .. high, both included; at most 65536 numbers.
  int64_t Int(int64_t low, int64_t high) {
    const int64_t count = high - low + 1;
    int64_t number = Byte();
    if (count > 256) number = number * 256 + Byte();
    return low + number % count;
  }
  size_t Index(size_t count) {
    return static_cast<size_t>(Int(0, static_cast<int64_t>(count) - 1));
  }
  template <typename List>
  const auto& OneOf(const List& list) {
    return list[Index(list.size())];
  }

  // True for `times` in 256 bytes; false at the end.
  bool Rarely(int times) { return Byte() > 255 - times; }
  bool Coin() { return Byte() >= 128; }

 private:
  FuzzBytes bytes_;
};

}  // namespace squint

#endif  // SQUINT_TESTS_FUZZ_CHOICES_H_
