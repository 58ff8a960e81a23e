// The choice of an instruction set: by default the best that the CPU has.
#ifndef SQUINT_KERNELS_ISA_ISA_H_
#define SQUINT_KERNELS_ISA_ISA_H_

#include <string>
#include <string_view>
#include <vector>

namespace squint {

// Those that this program was compiled with, the plainest first: "generic",
// "sse4", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16"; "neon",
// "neondot". The ones with vnni or dot have dot products of four bytes;
// avx512bf16 is avx512vnni with products of pairs of bfloat16.
std::vector<std::string> InstructionSetNames();

// Makes all kernels run with this one. Weights are packed for it, so it is
// chosen before the first kernel runs, by one thread. Error{kInvalidArgument}
// for an unknown name, Error{kUnsupported} where the CPU lacks it.
void UseInstructionSet(std::string_view name);
// Back to the best, for tests.
void UseBestInstructionSet();

// Whether the CPU has dot products of four bytes in vectors of 256 and of 512
// bits, or Arm's in 128; false where a set without them was asked for.
bool MayUseAvxVnni();
bool MayUseAvx512Vnni();
bool MayUseNeonDot();
// The same of products of pairs of bfloat16.
bool MayUseAvx512Bf16();
// Whether the CPU has permutations of bytes across vectors of 512 bits
// (AVX512-VBMI); false where MayUseAvx512Vnni() is.
bool MayUseAvx512Vbmi();

}  // namespace squint

#endif  // SQUINT_KERNELS_ISA_ISA_H_
