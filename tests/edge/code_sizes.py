"""Measures what each header of kernels/fixed and kernels/real compiles to: the
rows of src/squint/emit/code_size_list.inc, which this prints. A row has the
larger of -O2 and -Os on Cortex-M4 and on M55: of functions of the header that
are left when all kernels are in one file, so that what is inlined counts where
it ends up and what kernels share counts once.

usage: code_sizes.py    (gcc-arm-none-eabi)"""
import pathlib
import re
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent / "src"
LIST = SOURCE / "squint/emit/code_size_list.inc"
FOLDERS = ("squint/kernels/fixed", "squint/kernels/real")
CORES = {"M4": ("-mcpu=cortex-m4", "-mfloat-abi=soft"),
         "M55": ("-mcpu=cortex-m55", "-mfloat-abi=hard")}
LEVELS = ("-O2", "-Os")
DEFINITION = re.compile(r"^static (?:inline )?[\w* ]+?\**\b(squint_\w+)\(", re.M)


def headers():
    """Name -> path below src/, in their order."""
    return {path.stem: path.relative_to(SOURCE) for folder in FOLDERS
            for path in sorted((SOURCE / folder).glob("*.h"))}


def called():
    """Names of what steps call."""
    text = "".join(p.read_text() for p in (SOURCE / "squint/fixed").rglob("*.*"))
    return set(re.findall(r"SQUINT_KERNEL\(\s*\"\w+\",\s*(squint_\w+)\)", text)) | {
        "squint_patch_window", "squint_patch_pair"}


def functions(path):
    """Functions of a header: name -> whether a step may call it."""
    entries = called()
    return {name: name in entries for name in
            DEFINITION.findall((SOURCE / path).read_text())}


def sizes_of(entries, core, level, work):
    """Function -> bytes, of those that are left."""
    text = "".join(f'#include "{path}"\n' for path in headers().values())
    text += "".join(f"extern void* const keep_{e};\n"
                    f"void* const keep_{e} = (void*){e};\n" for e in entries)
    source = pathlib.Path(work) / "all.c"
    source.write_text(text)
    made = source.with_suffix(".o")
    subprocess.run(["arm-none-eabi-gcc", *CORES[core], "-std=c99", level, "-I",
                    SOURCE, "-c", source, "-o", made], check=True)
    rows = subprocess.run(["arm-none-eabi-nm", "-S", made], check=True,
                          text=True, capture_output=True).stdout.splitlines()
    sizes = {}
    for row in rows:
        parts = row.split()
        if len(parts) == 4 and parts[2] in "tT":
            name = parts[3].split(".")[0]  # parts and copies of one
            sizes[name] = sizes.get(name, 0) + int(parts[1], 16)
    return sizes


def measured():
    """Header -> bytes on each core."""
    of = {name: functions(path) for name, path in headers().items()}
    entries = [f for made in of.values() for f, called in made.items() if called]
    most = {name: [0] * len(CORES) for name in of}
    with tempfile.TemporaryDirectory() as work:
        for i, core in enumerate(CORES):
            for level in LEVELS:
                sizes = sizes_of(entries, core, level, work)
                for name, made in of.items():
                    total = sum(sizes.get(f, 0) for f in made)
                    most[name][i] = max(most[name][i], total)
    return most


def listed():
    """The same, as the list has them."""
    rows = re.findall(r"^SQUINT_CODE_SIZE\((\w+), (\d+), (\d+)\)",
                      LIST.read_text(), re.M)
    return {name: [int(m4), int(m55)] for name, m4, m55 in rows}


if __name__ == "__main__":
    for header, (m4, m55) in measured().items():
        print(f"SQUINT_CODE_SIZE({header}, {m4}, {m55})")
