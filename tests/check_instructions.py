"""Every instruction of a program is one of the CPUs that may reach it.

usage: check_instructions.py PROGRAM

Kernels are compiled once for each instruction set (src/squint/kernels/isa), and
a CPU is asked for the extensions of the one that it is sent to. Code that uses
another extension, or that of a set in a function that all share (an inline
function, a template of the standard library), stops with an illegal instruction
on somebody's CPU. So the functions of each set are assembled anew by an
assembler that knows nothing beyond it.
"""
import collections
import re
import subprocess
import sys

PLAIN = "generic64"
SSE4 = PLAIN + "+sse4.2"
AVX2 = SSE4 + "+avx2+fma+f16c+bmi+bmi2+lzcnt+movbe+popcnt"
AVX3 = AVX2 + "+avx512f+avx512bw+avx512cd+avx512dq+avx512vl"
# By Highway's name of the set and the namespace around the function, or null:
# the last one that fits.
SETS = [
    (None, None, PLAIN),
    ("N_SSE4", None, SSE4),
    ("N_AVX2", None, AVX2),
    ("N_AVX2", "native|quads", AVX2 + "+avx_vnni"),
    ("N_AVX3", None, AVX3),
    ("N_AVX3", "native|quads", AVX3 + "+avx512_vnni"),
    ("N_AVX3", "native.*PairTile", AVX3 + "+avx512_bf16"),
    ("N_AVX3", "permuted", AVX3 + "+avx512_vbmi"),
]
# Older CPUs read them as nop and bsf, which do as well.
HARMLESS = {"endbr64", "tzcnt"}
# Jumps and calls name places in the program, strings of rep other instructions.
SKIPPED = re.compile(r"j|call|ret|loop|bnd|notrack|data16|rep|lock|[cdefgs]s |"
                     r"nop|xchg|\(bad\)")


def instructions(program):
    """Set -> {instruction: a function that has it}."""
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", program], check=True,
        stdout=subprocess.PIPE, text=True).stdout
    found = collections.defaultdict(dict)
    function, which = "", PLAIN
    for line in listing.splitlines():
        if line.endswith(">:"):
            function = line.split("<", 1)[1][:-2]
            for name, inside, extensions in SETS:
                if (name or "") in function and re.search(inside or "",
                                                          function):
                    which = extensions
            continue
        place, tab, text = line.partition(":\t")
        text = re.sub(r"\s*[<#].*", "", text).strip()
        if tab and text and not SKIPPED.match(text):
            found[which].setdefault(text, function)
    return found


def refused(extensions, lines):
    """Indices of lines that the assembler refuses."""
    result = subprocess.run(
        ["as", "-march=" + extensions, "-o", "/dev/null", "-"],
        input="\n".join(lines) + "\n", capture_output=True, text=True)
    return [int(line) - 1 for line in
            re.findall(r"^[^\n]*?:(\d+): Error", result.stderr, re.MULTILINE)]


def main():
    failures = 0
    total = 0
    for extensions, where in instructions(sys.argv[1]).items():
        lines = list(where)
        total += len(lines)
        for index in refused(extensions, lines):
            if lines[index].split()[0] in HARMLESS:
                continue
            failures += 1
            print(f"'{lines[index]}' in {where[lines[index]]}\n"
                  f"  is none of {extensions}")
    print(f"{total} different instructions, {failures} of them out of place")
    sys.exit(failures != 0)


main()
