"""Models that break one rule each: the error names the file and what in it
is wrong, the exit code is 1, time and memory are bounded, nothing is written.
usage: bad_input_test.py SQUINT"""
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

from onnx_bytes import (INT8, UINT8, floats, info, ints, model, node, numbers,
                        tensor)

SQUINT = None
SANITIZED = False  # needs more address space than any limit allows
SECONDS = 20
MEMORY = 3 << 30  # bytes of address space
INT64 = 7  # TensorProto.DataType
X = info("x", ["n", 4])
Y = info("y")


def limited():
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def one_node(op_type, inputs, initializers=(), graph_inputs=(X,), **attributes):
    """y = op_type(...), called 'bad/one'."""
    return model([node(op_type, inputs, ["y"], "bad/one", **attributes)],
                 graph_inputs, [Y], initializers)


def scales(op_type, values, zero_points=(3,), dtype=UINT8, **attributes):
    """Q or DQ with these parameters along axis 1."""
    data = INT8 if dtype == INT8 else UINT8
    x = info("x", ["n", 4], 1 if op_type == "QuantizeLinear" else data)
    dims = [] if len(values) == 1 else [len(values)]
    zeros = numbers("zero", [] if len(zero_points) == 1 else
                    [len(zero_points)], zero_points, dtype)
    return one_node(op_type, ["x", "scale", "zero"],
                    [floats("scale", dims, values), zeros], [x], **attributes)


def shape_arithmetic(divisor, wanted):
    """x reshaped to [dim 0 of x / divisor, wanted]."""
    return model(
        [node("Shape", ["x"], ["s"], "shape"),
         node("Gather", ["s", "zero"], ["d"], "pick"),
         node("Div", ["d", "divisor"], ["q"], "divide"),
         node("Concat", ["q", "wanted"], ["t"], "join", axis=0),
         node("Reshape", ["x", "t"], ["y"], "bad/one")],
        [info("x", [2, 4])], [Y],
        [ints("zero", [0]), ints("divisor", [divisor]), ints("wanted", wanted)])


NAN = float("nan")
WIDE = [1] * 10000

# What is wrong, the model, what the message must name besides the file.
BROKEN = {
    "a weight of too few bytes":
        (one_node("MatMul", ["x", "w"], [tensor("w", [4, 4], b"\0" * 60)]),
         ["'w'", "64", "60"]),
    "a weight of too many bytes":
        (one_node("MatMul", ["x", "w"], [tensor("w", [4, 4], b"\0" * 68)]),
         ["'w'", "64", "68"]),
    "a weight of a negative size":
        (one_node("MatMul", ["x", "w"], [tensor("w", [4, -4], b"")]), ["'w'"]),
    "a weight whose size overflows":
        (one_node("MatMul", ["x", "w"], [tensor("w", [1 << 40] * 2, b"")]),
         ["'w'"]),
    "no weight that names itself so":
        (one_node("MatMul", ["x", "absent"]), ["bad/one", "'absent'"]),
    "a tensor made twice":
        (model([node("Relu", ["x"], ["y"], "one"),
                node("Relu", ["x"], ["y"], "two")], [X], [Y]),
         ["'y'", "'two'"]),
    "a weight called as the input":
        (one_node("Relu", ["x"], [floats("y", [1], [0.0])]), ["'y'", "bad/one"]),
    "an output that nothing makes":
        (model([node("Relu", ["x"], ["z"], "one")], [X], [Y]), ["'y'"]),
    "a node that feeds itself":
        (model([node("Add", ["x", "y"], ["y"], "bad/one")], [X], [Y]),
         ["bad/one"]),
    "types that do not match":
        (one_node("Add", ["x", "i"], [ints("i", [1, 2, 3, 4])]),
         ["bad/one", "float32", "int64"]),
    "a product of integers and reals":
        (one_node("MatMul", ["x", "i"], [ints("i", [1] * 16, [4, 4])]),
         ["bad/one", "float32", "int64"]),
    "an attribute of another type":
        (one_node("Softmax", ["x"], axis="last"), ["bad/one", "axis"]),
    "a scale of zero": (scales("QuantizeLinear", [0.0]), ["bad/one", "'scale'"]),
    "a negative scale":
        (scales("DequantizeLinear", [-0.5]), ["bad/one", "'scale'"]),
    "a scale that is no number":
        (scales("QuantizeLinear", [NAN]), ["bad/one", "'scale'"]),
    "an infinite scale":
        (scales("DequantizeLinear", [float("inf")]), ["bad/one", "'scale'"]),
    "one bad scale among good ones":
        (scales("QuantizeLinear", [1.0, 0.5, 0.0, 2.0], [0] * 4),
         ["bad/one", "'scale'"]),
    "scales that do not fit their axis":
        (scales("QuantizeLinear", [1.0, 0.5, 2.0], [0] * 3), ["bad/one"]),
    "a zero point beyond its type":
        (scales("QuantizeLinear", [1.0], [300]), ["'zero'", "300"]),
    "a zero point below its type":
        (scales("QuantizeLinear", [1.0], [-200]), ["'zero'", "-200"]),
    "a zero point of another type than the data":
        (one_node("DequantizeLinear", ["x", "scale", "zero"],
                  [floats("scale", [], [1.0]), numbers("zero", [], [3], UINT8)],
                  [info("x", ["n", 4], INT8)]), ["bad/one", "uint8", "int8"]),
    "more zero points than scales":
        (scales("QuantizeLinear", [1.0], [0, 0]), ["bad/one"]),
    "a quantization axis out of range":
        (scales("QuantizeLinear", [1.0] * 4, [0] * 4, axis=5),
         ["bad/one", "axis 5"]),
    "an axis out of range": (one_node("Softmax", ["x"], axis=7),
                             ["bad/one", "axis 7"]),
    "an axis below range": (one_node("Softmax", ["x"], axis=-3),
                            ["bad/one", "axis -3"]),
    "the axis of a reduction out of range":
        (one_node("ReduceMean", ["x", "axes"], [ints("axes", [1, 4])]),
         ["bad/one", "axis 4"]),
    "a permutation that is none":
        (one_node("Transpose", ["x"], perm=[0, 0]), ["bad/one", "[0,0]"]),
    "a size divided by zero":
        (shape_arithmetic(0, [4]), ["divide"]),
    "a deduced dimension over zero":
        (one_node("Reshape", ["x", "shape"], [ints("shape", [0, -1])],
                  [info("x", [2, 4])], allowzero=1), ["bad/one"]),
    "a step of zero":
        (one_node("Slice", ["x", "a", "b", "c", "zero"],
                  [ints("a", [0]), ints("b", [2]), ints("c", [1]),
                   ints("zero", [0])]), ["bad/one", "step"]),
    "a stride of zero":
        (one_node("MaxPool", ["x"], graph_inputs=[info("x", [1, 1, 4, 4])],
                  kernel_shape=[2, 2], strides=[0, 1]), ["bad/one", "strides"]),
    "groups that do not divide the channels":
        (one_node("Conv", ["x", "w"], [floats("w", [4, 1, 1, 1], [1.0] * 4)],
                  [info("x", [1, 4, 4, 4])], group=3), ["bad/one", "group=3"]),
    "a convolution of no channels":
        (one_node("Conv", ["x", "w"], [tensor("w", [4, 0, 1, 1], b"")],
                  [info("x", [1, 0, 4, 4])]), ["bad/one"]),
    "a window larger than the image":
        (one_node("MaxPool", ["x"], graph_inputs=[info("x", [1, 1, 4, 4])],
                  kernel_shape=[9, 9]), ["bad/one", "9"]),
    "10,000 dimensions of a weight":
        (one_node("Add", ["x", "w"], [floats("w", WIDE, [1.0])]),
         ["'w'", "10000"]),
    "10,000 dimensions of an input":
        (one_node("Relu", ["x"], graph_inputs=[info("x", WIDE)]),
         ["'x'", "10000"]),
    "10,000 dimensions by Reshape":
        (one_node("Reshape", ["x", "shape"], [ints("shape", WIDE)],
                  [info("x", [1, 1])]), ["bad/one", "10000"]),
    "10,000 dimensions by Unsqueeze":
        (one_node("Unsqueeze", ["x", "axes"],
                  [ints("axes", range(2, 10002))]), ["bad/one", "1000"]),
    "a missing input": (one_node("MatMul", ["x"]), ["bad/one"]),
    "a missing first input":
        (one_node("MatMul", ["", "w"], [floats("w", [4, 1], [1.0] * 4)]),
         ["bad/one"]),
}

# What is only too large, or wrong, when it runs.
BROKEN_RUN = {
    "a tensor of a terabyte":
        (model([node("ConstantOfShape", ["shape"], ["big"], "bad/one"),
                node("ReduceSum", ["big"], ["s"], "sum", keepdims=0),
                node("Add", ["x", "s"], ["y"], "add")], [X], [Y],
               [ints("shape", [1 << 20, 1 << 18])]), ["bad/one", "memory"]),
    "a terabyte by Expand":
        (one_node("Expand", ["x", "shape"], [ints("shape", [1 << 38, 1, 1])]),
         ["bad/one", "memory"]),
    "a terabyte by Tile":
        (one_node("Tile", ["x", "shape"], [ints("shape", [1 << 38, 1])]),
         ["bad/one", "memory"]),
    "a terabyte by Pad":
        (one_node("Pad", ["x", "pads"],
                  [ints("pads", [0, 1 << 30, 1 << 10, 1 << 30])]),
         ["bad/one", "memory"]),
    "a terabyte by Range":
        (model([node("Range", ["a", "b", "c"], ["r"], "bad/one"),
                node("Cast", ["r"], ["f"], "cast", to=1),
                node("ReduceSum", ["f"], ["s"], "sum", keepdims=0),
                node("Add", ["x", "s"], ["y"], "add")], [X], [Y],
               [ints("a", [0], []), ints("b", [1 << 60], []),
                ints("c", [1], [])]), ["bad/one"]),
    "an index out of range":
        (one_node("Gather", ["x", "i"], [ints("i", [9])], axis=1),
         ["bad/one", "9"]),
    "shapes that do not broadcast":
        (one_node("Add", ["x", "w"], [floats("w", [3], [1.0] * 3)]),
         ["bad/one"]),
}


def product_with(value):
    """A network with it as a weight, whose results another layer reads."""
    return model([node("MatMul", ["x", "w"], ["z"], "bad/one"),
                  node("MatMul", ["z", "v"], ["y"], "next")], [X], [Y],
                 [floats("w", [4, 2], [0.5, value] + [0.25] * 6),
                  floats("v", [2, 2], [0.5] * 4)])


class BadInput(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.model = self.folder / "the model.onnx"

    def squint(self, *arguments):
        return subprocess.run([SQUINT, *map(str, arguments)], text=True,
                              errors="replace", capture_output=True, timeout=SECONDS,
                              preexec_fn=limited)

    def expect_error(self, names, *arguments):
        result = self.squint(*arguments)
        self.assertEqual(result.returncode, 1, result.stderr + result.stdout)
        self.assertNotIn("defect", result.stderr)
        self.assertNotIn("out of memory\n", result.stderr)
        for name in [str(self.model), *names]:
            self.assertIn(name, result.stderr)

    def test_quantizing_names_what_is_wrong(self):
        for what, (content, names) in BROKEN.items():
            with self.subTest(what):
                self.model.write_bytes(content)
                self.expect_error(names, "quantize", self.model, "--data",
                                  "random", "-o", self.folder / "out.onnx")
                self.assertEqual(os.listdir(self.folder), [self.model.name])

    def test_inspecting_names_what_is_wrong(self):
        for what, (content, names) in BROKEN.items():
            with self.subTest(what):
                self.model.write_bytes(content)
                self.expect_error(names, "inspect", self.model)

    def test_running_names_what_is_wrong(self):
        for what, (content, names) in BROKEN_RUN.items():
            with self.subTest(what):
                self.model.write_bytes(content)
                self.expect_error(names, "quantize", self.model, "--data",
                                  "random", "-o", self.folder / "out.onnx")
                self.assertEqual(os.listdir(self.folder), [self.model.name])

    def test_weights_that_are_no_numbers_are_blamed_rather_than_samples(self):
        for value in (NAN, float("inf"), float("-inf")):
            self.model.write_bytes(product_with(value))
            for data in (["--data", "random"], ["--no-data"]):
                with self.subTest(value=value, data=data):
                    self.expect_error(
                        ["'w'", "bad/one", "NaN or infinity"], "quantize",
                        self.model, *data, "-o", self.folder / "out.onnx")

    def test_more_threads_than_sense_are_refused(self):
        self.model.write_bytes(product_with(0.5))
        for threads in ("-1", "100000"):
            result = self.squint("quantize", self.model, "--data", "random",
                                 "-o", self.folder / "out.onnx", "--threads",
                                 threads)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("1024", result.stderr)

    def test_inputs_of_another_name_or_kind_are_told(self):
        self.model.write_bytes(
            model([node("Gather", ["w", "i"], ["y"], "words")],
                  [info("i", [2], INT64)], [Y],
                  [floats("w", [3, 2], [0.5] * 6)]))
        reals = self.folder / "reals.npy"
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}\n"
        reals.write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) +
                          header.encode() + struct.pack("<2f", 1.7, 0.0))
        for given, told in ((reals, "'i' is int64, got float32"),
                            (f"j={reals}", "no input 'j'")):
            result = self.squint("run", self.model, "--input", given,
                                 "--output", self.folder / "o.npy")
            self.assertEqual(result.returncode, 1)
            self.assertIn(told, result.stderr)

    def test_names_may_hold_anything(self):
        name = "a'b\"c/d\\e\nf\t{}%s é"
        self.model = self.folder / "it's \"a\" model; rm -rf {} %s.onnx"
        self.model.write_bytes(model(
            [node("MatMul", [name, "w"], ["z"], name),
             node("Relu", ["z"], [name + "2"], name)],
            [info(name, ["n", 4])], [info(name + "2")],
            [floats("w", [4, 4], [0.5] * 16)], name=name))
        output = self.folder / "a 'quoted' \"name\".onnx"
        result = self.squint("quantize", self.model, "--data", "random", "-o",
                             output, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["output"], str(output))
        for path in (self.model, output):
            result = self.squint("inspect", path, "--nodes", "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            json.loads(result.stdout)

    def test_names_that_are_no_text_are_told(self):
        content = model([node("Add", ["x", "W~~"], ["y"], "bad~~")], [X], [Y])
        self.model.write_bytes(content.replace(b"~~", b"\xff\xfe"))
        result = self.squint("inspect", self.model)
        self.assertEqual(result.returncode, 1)

    def test_json_that_is_nested_without_end(self):
        self.model.write_bytes(one_node("Relu", ["x"]))
        deep = self.folder / "deep.json"
        for content in ("[" * 2_000_000, '{"a":' * 500_000,
                        '{"inputs":' + "[" * 200_000 + "]" * 200_000 + "}"):
            deep.write_text(content)
            for option in ("--recipe", "--calibration", "--data"):
                data = () if option == "--data" else ("--data", "random")
                result = self.squint("quantize", self.model, *data, option,
                                     deep, "-o", self.folder / "out.onnx")
                self.assertEqual(result.returncode, 1, result.stderr[:500])


if __name__ == "__main__":
    SQUINT = os.path.abspath(sys.argv.pop(1))
    SANITIZED = b"__asan_init" in pathlib.Path(SQUINT).read_bytes()
    unittest.main(verbosity=2)
