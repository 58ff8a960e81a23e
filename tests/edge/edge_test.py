"""The MLPerf Tiny networks on the smallest machines: quantized with --preset
edge, emitted, run over the whole evaluation split on the host and over a part
of it on emulated Cortex-M4 and M55 boards; every byte is the engine's. Prints
the table of docs/edge.md: sizes, stack, instructions.

The data is found by SQUINT_SHARED, or beside the repository as ../shared;
without it everything is skipped, and says so.
usage: edge_test.py SQUINT EDGE_VECTORS WORK_FOLDER    (numpy)"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
MCU = HERE.parent.parent / "examples/mcu"
SHARED = pathlib.Path(os.environ.get("SQUINT_SHARED") or
                      HERE.parent.parent.parent / "shared")
SQUINT = VECTORS = WORK = None
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
         "-Werror")
# Task and shape, samples on a board (an emulator takes its time), and the
# metric of the evaluation.
NETWORKS = {
    "tiny_ad_fcae": ("ad", "1,640", 20),
    "tiny_ic_resnet8": ("cifar10_tiny", "1,32,32,3", 4),
    "tiny_kws_dscnn": ("kws", "1,49,10,1", 20),
    "tiny_vww_mobilenet": ("vww", "1,96,96,3", 4),
}
BOARDS = {"M4": "mps2-an386", "M55": "mps3-an547"}
CPU = {"M4": ("-mcpu=cortex-m4", "-mfloat-abi=soft"),
       "M55": ("-mcpu=cortex-m55", "-mfloat-abi=hard")}
FLASH_RAM = {"M4": ("0x00000000", "4M", "0x20000000", "4M"),
             "M55": ("0x00000000", "512K", "0x21000000", "2M")}
HELPERS = re.compile(r"__aeabi_[fd](add|sub|mul|div|cmp|2)|__aeabi_.*2[fd]|"
                     r"^(malloc|calloc|free|realloc|\w*sf\w*)$")


def run(*command, **options):
    result = subprocess.run([str(c) for c in command], text=True,
                            capture_output=True, timeout=7000, **options)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n"
                             f"{result.stdout}{result.stderr}")
    return result.stdout


def data(task, split):
    path = WORK / task / f"{split}.json"
    if not path.exists():
        run(sys.executable, HERE.parent / "models/unpack.py", SHARED / "data",
            WORK, task)
    return path


def emit(stem, limit=None):
    """The folder with the emitted network, and the quantized file. `limit`: the
    most its arena may take."""
    task, shape, _ = NETWORKS[stem]
    quantized = WORK / f"{stem}.onnx"
    out = WORK / (stem if limit is None else f"{stem}_{limit}")
    if not quantized.exists():
        run(SQUINT, "quantize", SHARED / f"data/models/{stem}.onnx", "--data",
            data(task, "cal"), "--preset", "edge", "-o", quantized)
    run(SQUINT, "emit", quantized, "-o", out, "--name", "net", "--shape",
        f"input_1={shape}", "--force",
        *([] if limit is None else ["--ram-limit", limit]))
    return out, quantized


def port_macros(out):
    """How the names of the only input and output are told to run_vectors.c."""
    names = re.findall(r"#define (NET_\w+_SIZE) ",
                       (out / "model.h").read_text())
    names.remove("NET_ARENA_SIZE")
    return [f"-DMODEL_IN_SIZE={names[0]}", f"-DMODEL_OUT_SIZE={names[1]}"]


def stack_bound(folder):
    """The deepest chain of calls: frames of model_run and of the three deepest
    kernels, which never call one another further down than that."""
    frames = {}
    for line in (folder / "model.su").read_text().splitlines():
        place, size, _ = line.split("\t")
        frames[place.split(":")[-1]] = int(size)
    return frames.pop("net_run") + sum(sorted(frames.values())[-3:])


class Board:
    """One network compiled for one core."""

    def __init__(self, name, out):
        self.name, self.out = name, out
        self.folder = out / name
        self.folder.mkdir(exist_ok=True)
        for source in ("model", "weights"):
            run("arm-none-eabi-gcc", *CPU[name], *FLAGS, "-O2",
                "-ffunction-sections", "-fstack-usage", "-c",
                out / f"{source}.c", "-o", self.folder / f"{source}.o",
                cwd=self.folder)

    def sizes(self):
        """Bytes of code, and of constants beside weights.c."""
        rows = run("arm-none-eabi-size", "-A",
                   self.folder / "model.o").splitlines()
        total = {"text": 0, "rodata": 0, "data": 0, "bss": 0}
        for row in rows:
            parts = row.split()
            for kind in total:
                if len(parts) == 3 and parts[0].startswith("." + kind):
                    total[kind] += int(parts[1])
        return total

    def undefined(self):
        lines = run("arm-none-eabi-nm", "-u", self.folder / "model.o",
                    self.folder / "weights.o").split()
        return {line for line in lines if not line.endswith(":")} - {"U"}

    def float_instructions(self):
        code = run("arm-none-eabi-objdump", "-d", self.folder / "model.o")
        return re.findall(r"\bv(?:add|sub|mul|div|cvt|mla|fma)\w*\.f\w+", code)

    def vectors(self, count):
        """Output of run_vectors.c on the first samples, in the emulator."""
        flash, flash_size, ram, ram_size = FLASH_RAM[self.name]
        script = (MCU / "memory.ld").read_text()
        for word, value in (("FLASH_ORIGIN", flash), ("FLASH_SIZE", flash_size),
                            ("RAM_ORIGIN", ram), ("RAM_SIZE", ram_size)):
            script = script.replace(word, value)
        (self.folder / "memory.ld").write_text(script)
        program = self.folder / "vectors.elf"
        run("arm-none-eabi-gcc", *CPU[self.name], "-std=c99", "-O2",
            "-DON_BOARD", *port_macros(self.out), "-I", MCU, "-I", self.out, "-T",
            self.folder / "memory.ld", "-nostartfiles", "--specs=rdimon.specs",
            MCU / "startup.c", HERE / "run_vectors.c", self.folder / "model.o",
            self.folder / "weights.o", "-o", program)
        inputs, expected = [self.out / f"{n}.bin"
                            for n in ("inputs", "expected")]
        total = self.out.joinpath("count").read_text()
        for path in (inputs, expected):
            whole = path.read_bytes()
            part = len(whole) // int(total) * count
            (self.folder / path.name).write_bytes(whole[:part])
        return run("qemu-system-arm", "-M", BOARDS[self.name], "-nographic",
                   "-semihosting-config", "enable=on,target=native", "-icount",
                   "shift=0", "-kernel", program, cwd=self.folder)


class Edge(unittest.TestCase):
    rows = []

    def check(self, stem, limit=None):
        task, _, few = NETWORKS[stem]
        out, quantized = emit(stem, limit)
        report = json.loads((out / "memory.json").read_text())
        count = run(VECTORS, quantized, data(task, "eval"), out).strip()
        out.joinpath("count").write_text(count)
        self.assertIn(f"{count} samples, 0 bytes differ", self.on_host(out))
        for name in BOARDS:
            board = Board(name, out)
            self.assertEqual([u for u in board.undefined() if HELPERS.match(u)],
                             [])
            self.assertEqual(board.float_instructions(), [])
            sizes = board.sizes()
            self.assertEqual((sizes["data"], sizes["bss"]), (0, 0))
            self.assertLess(sizes["text"], report["flash"]["code_bound"])
            text = board.vectors(few)
            self.assertIn(f"{few} samples, 0 bytes differ", text)
            instructions = int(re.search(r"(\d+) instructions", text)[1])
            stack = stack_bound(board.folder)
            self.assertLessEqual(stack, report["ram"]["stack_bound"])
            row = (out.name, name, sizes["text"], sizes["rodata"],
                   report["flash"]["weights"], report["ram"]["arena"], stack,
                   instructions, report["macs"])
            Edge.rows.append(row)
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
        return report

    def test_half_the_memory_gives_the_same_bytes(self):
        stem = "tiny_vww_mobilenet"
        whole = json.loads((emit(stem)[0] / "memory.json").read_text())
        limit = whole["ram"]["arena"] // 2
        report = self.check(stem, limit)
        self.assertLessEqual(report["ram"]["arena"], limit)
        self.assertEqual(report["ram"]["patches"]["arena_without"],
                         whole["ram"]["arena"])

    def on_host(self, out):
        program = out / "vectors"
        run("cc", *FLAGS, "-O3", *port_macros(out), "-I", out,
            HERE / "run_vectors.c", out / "model.c", out / "weights.c", "-o",
            program)
        return run(program, cwd=out)


def missing():
    """Why nothing can be run; None: everything is there."""
    if not (SHARED / "data/models.json").exists():
        return f"no {SHARED / 'data/models.json'}"
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if not shutil.which(tool):
            return f"no {tool}: scripts/setup.sh edge"
    return None


def add_tests():
    if missing():
        print(f"edge: skipped, {missing()}")
        del Edge.test_half_the_memory_gives_the_same_bytes
        return
    print("| network | core | text | rodata | weights | arena | stack | "
          "instructions | MACs |")
    for stem in NETWORKS:
        def test(self, stem=stem):
            self.check(stem)
        setattr(Edge, f"test_{stem}", test)


if __name__ == "__main__":
    SQUINT, VECTORS = map(os.path.abspath, sys.argv[1:3])
    WORK = pathlib.Path(sys.argv[3]).absolute()
    WORK.mkdir(parents=True, exist_ok=True)
    add_tests()
    unittest.main(argv=sys.argv[:1], verbosity=2)
