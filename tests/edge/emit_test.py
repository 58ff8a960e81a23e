"""squint emit on the Fashion-MNIST network: compiled by the host's compiler
without a warning, its results are those of the engine's fixed-point
arithmetic, byte for byte; no heap and no float in the object code; bad input
leaves nothing behind.

usage: emit_test.py SQUINT MODEL    (numpy)"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from tiny_onnx import model, node, tensor, value_info  # noqa: E402

SQUINT, MODEL = map(os.path.abspath, sys.argv[1:3])
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
         "-Werror")
# Reads inputs from stdin and writes results to stdout, sample by sample.
DRIVER = r"""
#include <stdio.h>
#include "model.h"
static int32_t arena[(DEMO_ARENA_SIZE + 3) / 4];
int main(void) {
  static int8_t x[%(x)s_SIZE];
  static int8_t y[%(y)s_SIZE];
  while (fread(x, 1, sizeof x, stdin) == sizeof x) {
    demo_run(x, y, arena);
    fwrite(y, 1, sizeof y, stdout);
  }
  return 0;
}
"""


def squint(*arguments, ok=True):
    result = subprocess.run([SQUINT, *map(str, arguments)], text=True,
                            capture_output=True, timeout=600)
    if ok and result.returncode != 0:
        raise AssertionError(result.stderr)
    return result


def compilers():
    return [c for c in ("gcc", "clang") if shutil.which(c)] or ["cc"]


# Names that mean something to C, C++, their libraries, or to what is written
# around them.
HOSTILE = """
    int int8_t uint8_t size_t typeof thread_local constexpr class new register
    _Bool bool true nullptr asm linux unix stdin stdout errno NULL EOF INT8_MIN
    memcpy memset main printf assert I complex
    real stored i q n steps rounded want off most wrong differ
    arena memory state run reset row column window pair x y in out weights
    gemm_1 matmul_1_weights matmul_1_columns concat_1_pair demo demo_run
    TEST_VECTORS in_x got_x expected_x x_in x_out x_size X
    """.split() + ["\u00e4", "\u00f6", "3", "-", "a/b:0"]

# What a caller of the float wrapper sees.
WRAPPED = r"""
#define DEMO_WITH_FLOAT
#include <math.h>
#include <stdio.h>
#include "model.h"
int main(void) {
  static const float real[%(n)s] = {NAN, INFINITY, -INFINITY, 0.0f, 1e30f};
  int8_t stored[%(n)s];
  demo_quantize_%(x)s(real, stored);
  for (int i = 0; i < 5; ++i) printf("%%d ", stored[i]);
  return 0;
}
"""


def dense(inputs, outputs, size=4, unread=()):
    """A network of a dense layer on these inputs of `size` numbers, joined;
    `unread`: inputs of nothing."""
    wide = size * len(inputs)
    weights = np.random.default_rng(2).normal(size=3 * wide)
    return model(
        [node("Concat", inputs, ["joined inputs"], axis=1),
         node("MatMul", ["joined inputs", "some weights"], ["the sums"]),
         *[node("Relu", ["the sums"], [output]) for output in outputs]],
        [tensor("some weights", [wide, 3], weights)],
        [value_info(n, [1, size]) for n in [*inputs, *unread]],
        [value_info(output, [1, 3]) for output in outputs])


def macros(header):
    """Name -> number, of the #defines of a model.h."""
    return {name: float(value.strip("()f")) for name, value in
            re.findall(r"#define (\w+) (\(?-?[0-9.e+-]+f?\)?)$", header, re.M)}


class Emit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = pathlib.Path(tempfile.mkdtemp())
        cls.int8 = cls.work / "int8.onnx"
        squint("quantize", MODEL, "--data", "random", "--samples", "0:20",
               "--preset", "edge", "-o", cls.int8)
        cls.out = cls.work / "out"
        squint("emit", cls.int8, "-o", cls.out, "--name", "demo", "--shape",
               "image=1,1,28,28")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    def build(self, compiler, main, *flags):
        program = self.work / "program"
        subprocess.run([compiler, *FLAGS, *flags, "-I", self.out, main,
                        self.out / "model.c", self.out / "weights.c", "-o",
                        program], check=True)
        return program

    def test_its_own_vectors_hold_for_every_compiler(self):
        for compiler in compilers():
            for flags in (("-O3",), ("-O0", "-fsanitize=undefined",
                                     "-fno-sanitize-recover=all")):
                program = self.build(compiler, self.out / "main_test.c", *flags)
                text = subprocess.run([program], check=True, text=True,
                                      capture_output=True).stdout
                self.assertIn("all equal", text)

    def test_real_numbers_give_what_the_engine_gives(self):
        header = (self.out / "model.h").read_text()
        m = macros(header)
        x, y = [re.search(rf"#define (\w+)_SIZE {n}\n", header)[1]
                for n in (784, 10)]
        driver = self.work / "driver.c"
        driver.write_text(DRIVER % {"x": x, "y": y})
        images = np.random.default_rng(1).random((9, 1, 28, 28), np.float32)
        np.save(self.work / "x.npy", images)
        squint("run", self.int8, "--input", self.work / "x.npy", "--output",
               self.work / "y.npy", "--arithmetic", "fixed")
        stored = np.rint(images / np.float32(m[x + "_SCALE"]))
        stored = np.clip(stored + m[x + "_ZERO_POINT"], -128, 127)
        result = subprocess.run([self.build("cc", driver, "-O2")], check=True,
                                input=stored.astype(np.int8).tobytes(),
                                capture_output=True).stdout
        q = np.frombuffer(result, np.int8).reshape(9, 10).astype(np.float32)
        real = (q - np.float32(m[y + "_ZERO_POINT"])) * np.float32(
            m[y + "_SCALE"])
        np.testing.assert_array_equal(real, np.load(self.work / "y.npy"))

    def test_object_code_knows_no_heap_and_no_float(self):
        for name in ("model", "weights"):
            obj = self.work / f"{name}.o"
            subprocess.run(["cc", *FLAGS, "-O2", "-c", self.out / f"{name}.c",
                            "-o", obj], check=True)
            wanted = subprocess.run(["nm", "-u", obj], check=True, text=True,
                                    capture_output=True).stdout.split()
            self.assertLessEqual(set(wanted) - {"U"} - self.own_symbols(),
                                 {"memcpy", "memset"})
            code = subprocess.run(["objdump", "-d", obj], check=True, text=True,
                                  capture_output=True).stdout
            self.assertNotRegex(
                code, r"\b(mulss|addss|cvt\w+2ss|mulsd|divss)\b")

    def own_symbols(self):
        header = (self.out / "weights.h").read_text()
        return set(re.findall(r"(\w+)\[\];", header))

    def test_two_models_link_together(self):
        second = self.work / "second"
        squint("emit", self.int8, "-o", second, "--name", "other", "--shape",
               "image=1,1,28,28")
        objects = []
        for folder in (self.out, second):
            for name in ("model", "weights"):
                objects.append(self.work / f"{folder.name}_{name}.o")
                subprocess.run(["cc", "-c", "-O1", folder / f"{name}.c", "-o",
                                objects[-1]], check=True)
        subprocess.run(["ld", "-r", *objects, "-o", self.work / "both.o"],
                       check=True)

    def test_a_limit_of_memory_is_kept_with_the_same_bytes(self):
        whole = json.loads((self.out / "memory.json").read_text())["ram"]
        limit = whole["arena"] * 3 // 4
        half = self.work / "half"
        summary = json.loads(squint(
            "emit", self.int8, "-o", half, "--name", "demo", "--shape",
            "image=1,1,28,28", "--ram-limit", limit, "--json").stdout)
        ram = json.loads((half / "memory.json").read_text())["ram"]
        self.assertLessEqual(ram["arena"], limit)
        self.assertEqual(summary["arena"], ram["arena"])
        self.assertEqual(summary["patches"], ram["patches"])
        self.assertEqual(ram["patches"]["arena_without"], whole["arena"])
        self.assertGreater(ram["patches"]["extra_macs"], 0)
        # The vectors that come with it are those of the whole network.
        self.assertEqual((half / "test_vectors.h").read_text(),
                         (self.out / "test_vectors.h").read_text())
        for compiler in compilers():
            program = self.work / "half_program"
            subprocess.run([compiler, *FLAGS, "-O2", half / "main_test.c",
                            half / "model.c", half / "weights.c", "-o",
                            program], check=True)
            self.assertIn("all equal", subprocess.run(
                [program], check=True, text=True, capture_output=True).stdout)

    def test_memory_report_adds_up(self):
        report = json.loads((self.out / "memory.json").read_text())
        layers = report["flash"]["layers"]
        self.assertEqual(report["flash"]["weights"],
                         sum(layer["weights"] for layer in layers))
        self.assertGreaterEqual(report["ram"]["arena"],
                                report["ram"]["arena_lower_bound"])
        self.assertGreaterEqual(report["ram"]["most_live"],
                                report["ram"]["arena_lower_bound"])
        self.assertEqual(report["ram"]["peak"]["bytes"],
                         report["ram"]["arena_lower_bound"])
        self.assertGreater(report["macs"], 0)

    # ---- networks of any kind

    def emitted(self, onnx, *options):
        """The folder of a network of float, quantized."""
        work = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        (work / "float.onnx").write_bytes(onnx)
        squint("quantize", work / "float.onnx", "--data", "random", "--samples",
               "0:20", "--preset", "edge", "-o", work / "int8.onnx")
        squint("emit", work / "int8.onnx", "-o", work / "c", "--name", "demo",
               *options)
        return work / "c"

    def check_vectors(self, folder, compiler, *flags):
        program = folder.parent / "program"
        subprocess.run([compiler, *FLAGS, *flags,
                        *[folder / f for f in ("main_test.c", "model.c",
                                               "weights.c")],
                        "-o", program], check=True)
        self.assertIn("all equal", subprocess.run(
            [program], check=True, text=True, capture_output=True).stdout)

    def test_whatever_ports_are_called_the_text_compiles(self):
        halves = HOSTILE[::2], HOSTILE[1::2]
        for inputs, outputs in (halves, halves[::-1]):
            folder = self.emitted(dense(inputs, outputs))
            caller = folder / "caller.c"
            caller.write_text('#include <complex.h>\n#include <errno.h>\n'
                              '#define DEMO_WITH_FLOAT\n#include "model.h"\n')
            for compiler in compilers():
                self.check_vectors(folder, compiler, "-O1", "-Wshadow")
                for standard in ("c99", "gnu17", "gnu2x"):
                    subprocess.run([compiler, f"-std={standard}",
                                    "-fsyntax-only", caller,
                                    folder / "model.c"], check=True)
            for compiler in ("g++", "clang++"):
                if not shutil.which(compiler):
                    continue
                subprocess.run([compiler, "-x", "c++", "-std=gnu++20",
                                "-DDEMO_WITH_FLOAT", "-fsyntax-only",
                                folder / "model.h"], check=True)

    def test_one_large_vector_compiles_without_a_warning(self):
        # One vector alone, as it has more than 64 KB.
        folder = self.emitted(dense(["x"], ["y"], 70000))
        text = (folder / "test_vectors.h").read_text()
        self.assertIn("#define TEST_VECTORS 1\n", text)
        for compiler in compilers():
            for level in ("-O0", "-O2"):
                self.check_vectors(folder, compiler, level)

    def test_vectors_that_are_too_large_are_not_written(self):
        folder = self.emitted(model(
            [node("Relu", ["x"], ["y"])], [], [value_info("x", ["n", 8])],
            [value_info("y", ["n", 8])]), "--shape", "x=200000,8")
        self.assertLess((folder / "test_vectors.h").stat().st_size, 1000)
        program = folder / "program"
        subprocess.run(["cc", *FLAGS, *[folder / f for f in (
            "main_test.c", "model.c", "weights.c")], "-o", program], check=True)
        self.assertEqual(subprocess.run([program]).returncode, 77)

    def test_inputs_that_nothing_reads_have_no_pointer(self):
        folder = self.emitted(dense(["x"], ["y"], unread=["idle"]))
        self.assertNotIn("idle", (folder / "model.h").read_text())
        self.check_vectors(folder, "cc")

    def test_the_float_wrapper_takes_every_float(self):
        folder = self.emitted(dense(["x"], ["y"], 5))
        zero = int(macros((folder / "model.h").read_text())[
            "DEMO_X_ZERO_POINT"])
        caller = folder / "wrapped.c"
        caller.write_text(WRAPPED % {"x": "x", "n": 5})
        program = folder / "wrapped"
        subprocess.run(["cc", *FLAGS, "-fsanitize=undefined,float-cast-overflow",
                        "-fno-sanitize-recover=all", caller, "-o", program],
                       check=True)
        numbers = subprocess.run([program], check=True, text=True,
                                 capture_output=True).stdout.split()
        self.assertEqual(list(map(int, numbers)), [zero, 127, -128, zero, 127])

    def test_a_global_maximum_is_written(self):
        folder = self.emitted(model(
            [node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
             node("GlobalMaxPool", ["a"], ["y"])],
            [tensor("w", [4, 2, 3, 3],
                    np.random.default_rng(1).normal(size=72))],
            [value_info("x", [1, 2, 6, 5])], [value_info("y", [1, 4, 1, 1])]))
        self.check_vectors(folder, "cc")

    # ---- bad input

    def refused(self, *arguments, code=1):
        """The message; nothing may appear in the folder around."""
        folder = self.work / "refused"
        folder.mkdir()
        try:
            result = squint("emit", *arguments, "-o", folder / "out", ok=False)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertEqual(list(folder.iterdir()), [])
        finally:
            shutil.rmtree(folder)
        return result.stderr

    def test_a_float_model_is_refused(self):
        self.assertIn("quantize it with --preset edge", self.refused(MODEL))

    def test_open_sizes_are_refused(self):
        self.assertIn("--shape image=1,...", self.refused(self.int8))

    def test_an_unknown_input_is_refused(self):
        self.assertIn("no input 'nothing'",
                      self.refused(self.int8, "--shape", "nothing=1,2"))

    def test_a_shape_the_network_does_not_take_is_refused(self):
        self.refused(self.int8, "--shape", "image=1,3,28,28")

    def test_names_that_are_no_identifiers_are_refused(self):
        for name in ("2fast", "a-b", "int", "", "_hidden"):
            self.assertIn("no C identifier", self.refused(
                self.int8, "--shape", "image=1,1,28,28", "--name", name))

    def test_names_that_are_taken_are_refused(self):
        for name in ("test", "install", "all", "RUN_TESTS", "m"):
            self.assertIn("taken in CMake", self.refused(
                self.int8, "--shape", "image=1,1,28,28", "--name", name))
        self.assertIn("those of the kernels", self.refused(
            self.int8, "--shape", "image=1,1,28,28", "--name", "squint_a"))

    def test_a_folder_without_a_name_is_refused(self):
        result = squint("emit", self.int8, "-o", "", "--shape",
                        "image=1,1,28,28", ok=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("has no name", result.stderr)

    def test_float_nodes_are_named_with_their_reasons(self):
        other = self.work / "x86.onnx"
        squint("quantize", MODEL, "--data", "random", "--samples", "0:20", "-o",
               other)
        self.assertIn("real numbers", self.refused(
            other, "--shape", "image=1,1,28,28"))

    def test_a_folder_that_exists_is_kept_without_force(self):
        before = (self.out / "model.c").read_text()
        result = squint("emit", self.int8, "-o", self.out, "--name", "again",
                        "--shape", "image=1,1,28,28", ok=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("--force", result.stderr)
        self.assertEqual((self.out / "model.c").read_text(), before)
        copy = self.work / "copy"
        shutil.copytree(self.out, copy)
        squint("emit", self.int8, "-o", copy, "--name", "again", "--shape",
               "image=1,1,28,28", "--force")
        self.assertIn("again_run", (copy / "model.h").read_text())

    def test_force_keeps_what_squint_did_not_write(self):
        copy = self.work / "shared"
        shutil.copytree(self.out, copy)
        (copy / "src").mkdir()
        mine = [copy / "src/my_app.c", copy / "Makefile"]
        for path in mine:
            path.write_text("mine")
        arguments = ("emit", self.int8, "-o", copy, "--name", "again",
                     "--shape", "image=1,1,28,28", "--force")
        squint(*arguments)
        for path in self.out.iterdir():
            self.assertNotEqual(path.read_text(),
                                (copy / path.name).read_text(), path.name)
        # A file of one of the names that is somebody else's stops all.
        (copy / "weights.c").write_text("mine")
        (copy / "model.h").unlink()
        before = {p: p.read_text() for p in copy.rglob("*") if p.is_file()}
        result = squint(*arguments, ok=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("weights.c: was not written by squint", result.stderr)
        self.assertEqual(
            before, {p: p.read_text() for p in copy.rglob("*") if p.is_file()})
        self.assertEqual([p for p in self.work.iterdir()
                          if "partial" in p.name], [])
        for path in mine:
            self.assertEqual(path.read_text(), "mine")

    def test_float_layers_are_written_where_they_are_allowed(self):
        other = self.work / "with_float.onnx"
        squint("quantize", MODEL, "--data", "random", "--samples", "0:20", "-o",
               other)
        shape = ("--shape", "image=1,1,28,28")
        self.assertIn("--allow-float", self.refused(other, *shape))
        out = self.work / "with_float"
        squint("emit", other, "-o", out, "--name", "demo", *shape,
               "--allow-float")
        for compiler in compilers():
            program = self.work / "float_program"
            subprocess.run([compiler, *FLAGS, "-O2", out / "main_test.c",
                            out / "model.c", out / "weights.c", "-o", program,
                            "-lm"], check=True)
            self.assertIn("all equal", subprocess.run(
                [program], check=True, text=True, capture_output=True).stdout)

    def test_allowing_float_changes_nothing_where_there_is_none(self):
        other = self.work / "allowed"
        squint("emit", self.int8, "-o", other, "--name", "demo", "--shape",
               "image=1,1,28,28", "--allow-float")
        for path in self.out.iterdir():
            self.assertEqual(path.read_text(), (other / path.name).read_text())

    def test_limits_that_cannot_be_met_are_refused_with_the_reason(self):
        shape = ("--shape", "image=1,1,28,28")
        text = self.refused(self.int8, *shape, "--ram-limit", "1", code=3)
        self.assertRegex(text, "limit of 1 bytes.*too many.*in the way is "
                         "layer '")
        text = self.refused(self.int8, *shape, "--flash-limit", "1K", code=3)
        self.assertRegex(text, "limit of 1024 bytes.*too many.*most are held "
                         "by '")

    def test_limits_that_are_met_change_nothing(self):
        for limit in ("64M", "1024k", "999999"):
            other = self.work / f"limit_{limit}"
            squint("emit", self.int8, "-o", other, "--name", "demo", "--shape",
                   "image=1,1,28,28", "--ram-limit", limit, "--flash-limit",
                   limit)
            self.assertEqual((other / "model.c").read_text(),
                             (self.out / "model.c").read_text())

    def test_a_limit_that_is_no_size_is_wrong_usage(self):
        for limit in ("0", "-1", "64Q", "K", "", "1.5K", "64 K", "64KB", "0M",
                      "99999999999999999999", "9223372036854775807K"):
            for option in ("--ram-limit", "--flash-limit"):
                result = squint("emit", self.int8, "-o", self.work / "no",
                                "--shape", "image=1,1,28,28",
                                f"{option}={limit}", ok=False)
                self.assertEqual(result.returncode, 2, limit)
                self.assertFalse((self.work / "no").exists())

    def test_a_shape_that_is_none_is_wrong_usage(self):
        for shape in ("image", "image=", "image=0", "image=1,x"):
            result = squint("emit", self.int8, "-o", self.work / "no",
                            "--shape", shape, ok=False)
            self.assertEqual(result.returncode, 2, shape)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
