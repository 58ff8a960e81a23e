// The content hash of models and samples: XXH3, 128 bits, as 32 hex digits.
// It tells files apart; it does not defend against forgery.
#ifndef SQUINT_BASE_HASH_H_
#define SQUINT_BASE_HASH_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "squint/base/file.h"

namespace squint {

std::string ContentHash(std::span<const std::byte> bytes);

// The same hash of bytes that arrive in pieces.
class ContentHasher {
 public:
  ContentHasher();
  ~ContentHasher();
  ContentHasher(const ContentHasher&) = delete;
  ContentHasher& operator=(const ContentHasher&) = delete;
  void Add(std::span<const std::byte> bytes);
  // A whole file, whose pages do not stay in memory.
  void Add(const MappedFile& file);
  std::string Digest() const;

 private:
  void* state_;
};

}  // namespace squint

#endif  // SQUINT_BASE_HASH_H_
