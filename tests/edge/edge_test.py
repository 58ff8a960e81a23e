"""The MLPerf Tiny networks on the smallest machines: quantized with --preset
edge, emitted, run over the whole evaluation split on the host and over a part
of it on emulated Cortex-M4 and M55 boards; every byte is the engine's. Prints
the table of docs/edge.md: sizes, stack, instructions. Larger networks run on
the host alone, compiled by gcc and clang.

The data is found by SQUINT_SHARED, or beside the repository as ../shared;
without it everything is skipped, and says so.
usage: edge_test.py SQUINT EDGE_VECTORS EMIT_FUZZ WORK_FOLDER    (numpy)"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import code_sizes

HERE = pathlib.Path(__file__).resolve().parent
MCU = HERE.parent.parent / "examples/mcu"
SHARED = pathlib.Path(os.environ.get("SQUINT_SHARED") or
                      HERE.parent.parent.parent / "shared")
SQUINT = VECTORS = FUZZ = WORK = None
RANDOM_NETWORKS = ("1", "30")  # first seed, count
PADDING = 16  # bytes between parameters and tables of kernels
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
         "-Werror")
# Task and shape, samples on a board (an emulator takes its time; as many as
# SQUINT_BOARD_SAMPLES says where it says so). Names that
# end in _int4 are the same networks with weights of 4 bits, in _w8a16 with
# activations of 16.
VARIANTS = {"_int4": ("--weights", "int4"), "_w8a16": ("--activations", "int16")}
NETWORKS = {
    "tiny_ad_fcae": ("ad", "input_1=1,640", 20),
    "tiny_ic_resnet8": ("cifar10_tiny", "input_1=1,32,32,3", 4),
    "tiny_kws_dscnn": ("kws", "input_1=1,49,10,1", 20),
    "tiny_kws_dscnn_int4": ("kws", "input_1=1,49,10,1", 20),
    "tiny_kws_dscnn_w8a16": ("kws", "input_1=1,49,10,1", 20),
    "tiny_vww_mobilenet_w8a16": ("vww", "input_1=1,96,96,3", 4),
    "arm_kws_lstm_s": ("kws_arm", "mfcc=1,49,10", 4),
    "tiny_vww_mobilenet": ("vww", "input_1=1,96,96,3", 4),
}
# Task and shape, samples of the evaluation split.
ON_HOST = {
    "resnet20_cifar10jpg": ("cifar10", "input=1,3,32,32", 400),
    "resnet20_cifar10jpg_int4": ("cifar10", "input=1,3,32,32", 200),
    "resnet20_cifar10_rawexport": ("cifar10", "input=1,3,32,32", 400),
    "ultraface_rfb320": ("face", "input=1,3,240,320", 200),
    "ppocr_cls": ("ocrcls", "x=1,3,48,192", 300),
    "arm_kws_gru_m": ("kws_arm", "mfcc=1,49,10", 400),
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


def emit(stem, limit=None, kernels=None):
    """The folder with the emitted network, and the quantized file. `limit`: the
    most its arena may take."""
    task, shape, _ = (NETWORKS | ON_HOST)[stem]
    quantized = WORK / f"{stem}.onnx"
    out = WORK / "_".join([stem] + [str(o) for o in (limit, kernels) if o])
    if not quantized.exists():
        original, options = stem, ()
        for suffix, wanted in VARIANTS.items():
            if stem.endswith(suffix):
                original, options = stem.removesuffix(suffix), wanted
        run(SQUINT, "quantize", SHARED / f"data/models/{original}.onnx",
            "--data", data(task, "cal"), "--preset", "edge", *options, "-o",
            quantized)
    shutil.rmtree(out, ignore_errors=True)
    run(SQUINT, "emit", quantized, "-o", out, "--name", "net", "--shape", shape,
        *([] if limit is None else ["--ram-limit", limit]),
        *([] if kernels is None else ["--kernels", kernels]))
    return out, quantized


def port_macros(out):
    """What run_vectors.c is told of inputs and outputs."""
    header = (out / "model.h").read_text()
    ports = re.findall(r"(const )?int(8|16)_t\* (\w+)_(?:in|out)\b",
                       re.search(r"net_run\((.*?)\);", header, re.S)[1])
    sizes, arguments = {"x": [], "y": []}, []
    for is_input, bits, name in ports:
        side = "x" if is_input else "y"
        place = "+".join([side, *sizes[side]])
        arguments.append(place if bits == "8" else f"(int16_t*)({place})")
        sizes[side].append(f"NET_{name.upper()}_SIZE*{int(bits) // 8}")
    return [f"-DMODEL_IN_SIZE=({'+'.join(sizes['x'])})",
            f"-DMODEL_OUT_SIZE=({'+'.join(sizes['y'])})",
            f"-DMODEL_PORTS={','.join(arguments)}"]


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

    def __init__(self, name, out, *flags):
        self.name, self.out = name, out
        self.folder = out / name
        self.folder.mkdir(exist_ok=True)
        self.code = self.folder / "model.o"
        self.libraries = []
        for source in ("model", "weights"):
            run("arm-none-eabi-gcc", *CPU[name], *FLAGS, *flags, "-O2",
                "-ffunction-sections", "-fstack-usage", "-c",
                out / f"{source}.c", "-o", self.folder / f"{source}.o",
                cwd=self.folder)

    def sizes(self, code=None):
        """Bytes of code, and of constants beside weights.c; `code`: of another
        file."""
        rows = run("arm-none-eabi-size", "-A", code or self.code).splitlines()
        total = {"text": 0, "rodata": 0, "data": 0, "bss": 0}
        for row in rows:
            parts = row.split()
            for kind in total:
                if len(parts) == 3 and parts[0].startswith("." + kind):
                    total[kind] += int(parts[1])
        return total

    def small_code(self):
        """Bytes of code at -Os."""
        small = self.folder / "small.o"
        run("arm-none-eabi-gcc", *CPU[self.name], *FLAGS, "-Os", "-c",
            self.out / "model.c", "-o", small)
        return self.sizes(small)["text"]

    def undefined(self):
        lines = run("arm-none-eabi-nm", "-u", self.code,
                    self.folder / "weights.o").split()
        return {line for line in lines if not line.endswith(":")} - {"U"}

    def arrays(self):
        """In weights.c: each begins at a multiple of 8, or of 4."""
        return (self.out / "weights.c").read_text().count("const ")

    def float_instructions(self):
        code = run("arm-none-eabi-objdump", "-d", self.code)
        return re.findall(r"\bv(?:add|sub|mul|div|cvt|mla|fma)\w*\.f\w+", code)

    def emulate(self, *sources):
        """What the network with this program around it prints on the board."""
        flash, flash_size, ram, ram_size = FLASH_RAM[self.name]
        script = (MCU / "memory.ld").read_text()
        for word, value in (("FLASH_ORIGIN", flash), ("FLASH_SIZE", flash_size),
                            ("RAM_ORIGIN", ram), ("RAM_SIZE", ram_size)):
            script = script.replace(word, value)
        (self.folder / "memory.ld").write_text(script)
        program = self.folder / "program.elf"
        run("arm-none-eabi-gcc", *CPU[self.name], "-std=c99", "-O2", "-I", MCU,
            "-I", self.out, "-T", self.folder / "memory.ld", "-nostartfiles",
            "--specs=rdimon.specs", MCU / "startup.c", *sources,
            self.folder / "model.o", self.folder / "weights.o",
            *self.libraries, "-lm", "-o", program)
        return run("qemu-system-arm", "-M", BOARDS[self.name], "-nographic",
                   "-semihosting-config", "enable=on,target=native", "-icount",
                   "shift=0", "-kernel", program, cwd=self.folder)

    def vectors(self, count):
        """Output of run_vectors.c on the first samples."""
        inputs, expected = [self.out / f"{n}.bin"
                            for n in ("inputs", "expected")]
        total = self.out.joinpath("count").read_text()
        for path in (inputs, expected):
            whole = path.read_bytes()
            part = len(whole) // int(total) * count
            (self.folder / path.name).write_bytes(whole[:part])
        return self.emulate("-DON_BOARD", *port_macros(self.out),
                            HERE / "run_vectors.c")


class Edge(unittest.TestCase):
    rows = []

    def check(self, stem, limit=None):
        task, _, few = NETWORKS[stem]
        few = int(os.environ.get("SQUINT_BOARD_SAMPLES") or few)
        out, quantized = emit(stem, limit)
        report = json.loads((out / "memory.json").read_text())
        count = run(VECTORS, quantized, data(task, "eval"), out).strip()
        out.joinpath("count").write_text(count)
        few = min(few, int(count))
        self.assertIn(f"{count} samples, 0 bytes differ",
                      self.on_host("cc", out))
        for name in BOARDS:
            board = Board(name, out)
            self.assertEqual([u for u in board.undefined() if HELPERS.match(u)],
                             [])
            self.assertEqual(board.float_instructions(), [])
            sizes = board.sizes()
            self.assertEqual((sizes["data"], sizes["bss"]), (0, 0))
            self.check_flash(board, report["flash"])
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

    def check_flash(self, board, flash):
        """Code stays within its bound, constants are what was said."""
        bound = flash["code_bound"]
        self.assertLess(board.sizes()["text"], bound, board.folder)
        self.assertLess(board.small_code(), bound, board.folder)
        weights = board.sizes(board.folder / "weights.o")["rodata"]
        self.assertLessEqual(weights, flash["weights"], board.folder)
        self.assertLessEqual(flash["weights"] - weights, 8 * board.arrays())
        self.assertLessEqual(board.sizes()["rodata"],
                             flash["parameters"] + PADDING)

    def check_kernels_are_as_large_as_the_list_says(self):
        listed = code_sizes.listed()
        for header, sizes in code_sizes.measured().items():
            for size, most in zip(sizes, listed[header], strict=True):
                self.assertLessEqual(size, most, header)

    def test_half_the_memory_gives_the_same_bytes(self):
        stem = "tiny_vww_mobilenet"
        whole = json.loads((emit(stem)[0] / "memory.json").read_text())
        limit = whole["ram"]["arena"] // 2
        report = self.check(stem, limit)
        self.assertLessEqual(report["ram"]["arena"], limit)
        self.assertEqual(report["ram"]["patches"]["arena_without"],
                         whole["ram"]["arena"])

    def on_host(self, compiler, out):
        program = out / f"vectors_{compiler}"
        run(compiler, *FLAGS, "-O3", *port_macros(out), "-I", out,
            HERE / "run_vectors.c", out / "model.c", out / "weights.c", "-o",
            program)
        return run(program, cwd=out)

    def check_random_networks_on_boards(self):
        folder = WORK / "random"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        run(FUZZ, folder, *RANDOM_NETWORKS)
        for network in sorted(folder.glob("seed_*")):
            for name in BOARDS:
                board = Board(name, network)
                if "squint_get_real" not in (network / "model.c").read_text():
                    self.assertEqual(board.float_instructions(), [])
                report = json.loads((network / "memory.json").read_text())
                self.check_flash(board, report["flash"])
                self.assertIn("all equal",
                              board.emulate(network / "main_test.c"))

    def check_recurrent_layers_go_on_where_the_last_run_ended(self):
        """49 runs of one step are one run of 49."""
        for stem in ("arm_kws_lstm_s", "arm_kws_gru_m"):
            whole, quantized = emit(stem)
            run(VECTORS, quantized, data("kws_arm", "eval"), whole, 20)
            step = WORK / f"{stem}_step"
            shutil.rmtree(step, ignore_errors=True)
            run(SQUINT, "emit", quantized, "-o", step, "--name", "net",
                "--shape", "mfcc=1,1,10")
            for name in ("inputs.bin", "expected.bin"):
                shutil.copy(whole / name, step)
            program = step / "vectors"
            run("cc", *FLAGS, "-O2", "-DMODEL_RUNS=49",
                "-DMODEL_IN_SIZE=(49*NET_MFCC_SIZE)",
                "-DMODEL_OUT_SIZE=NET_PROBS_SIZE",
                "-DMODEL_PORTS=x+run*NET_MFCC_SIZE,y", "-I", step,
                HERE / "run_vectors.c", step / "model.c", step / "weights.c",
                "-o", program)
            self.assertIn("20 samples, 0 bytes differ", run(program, cwd=step))

    def check_on_host(self, stem):
        task, _, limit = ON_HOST[stem]
        out, quantized = emit(stem)
        count = run(VECTORS, quantized, data(task, "eval"), out, limit).strip()
        for compiler in ("gcc", "clang"):
            self.assertIn(f"{count} samples, 0 bytes differ",
                          self.on_host(compiler, out))
        print(f"{stem}: {count} samples on the host", flush=True)


def missing():
    """Why nothing can be run; None: everything is there."""
    if not (SHARED / "data/models.json").exists():
        return f"no {SHARED / 'data/models.json'}"
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm", "clang"):
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
    for check in ("random_networks_on_boards",
                  "kernels_are_as_large_as_the_list_says",
                  "recurrent_layers_go_on_where_the_last_run_ended"):
        setattr(Edge, f"test_{check}", getattr(Edge, f"check_{check}"))
    for stem in ON_HOST:
        setattr(Edge, f"test_{stem}_on_the_host",
                lambda self, stem=stem: self.check_on_host(stem))


if __name__ == "__main__":
    SQUINT, VECTORS, FUZZ = map(os.path.abspath, sys.argv[1:4])
    WORK = pathlib.Path(sys.argv[4]).absolute()
    WORK.mkdir(parents=True, exist_ok=True)
    add_tests()
    unittest.main(argv=sys.argv[:1], verbosity=2)
