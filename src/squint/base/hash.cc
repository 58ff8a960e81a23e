#include "squint/base/hash.h"

#include <xxhash.h>

#include <algorithm>
#include <new>

#include "squint/base/error.h"

namespace squint {
namespace {

std::string Hex(XXH128_hash_t hash) {
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

XXH3_state_t* State(void* state) { return static_cast<XXH3_state_t*>(state); }

}  // namespace

std::string ContentHash(std::span<const std::byte> bytes) {
  return Hex(XXH3_128bits(bytes.data(), bytes.size()));
}

ContentHasher::ContentHasher() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_128bits_reset(State(state_));
}

ContentHasher::~ContentHasher() { XXH3_freeState(State(state_)); }

void ContentHasher::Add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(State(state_), bytes.data(), bytes.size());
}

void ContentHasher::Add(const MappedFile& file) {
  constexpr size_t kPiece = size_t{8} << 20;
  auto rest = file.bytes();
  while (!rest.empty()) {
    const auto piece = rest.first(std::min(kPiece, rest.size()));
    Add(piece);
    ReleasePages(piece);
    rest = rest.subspan(piece.size());
  }
}

std::string ContentHasher::Digest() const {
  return Hex(XXH3_128bits_digest(State(state_)));
}

}  // namespace squint
