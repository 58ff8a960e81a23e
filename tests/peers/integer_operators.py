"""Operators on stored integers, one random node each, in the integer reading
(`squint run --reference`) against ONNX Runtime: how many elements differ, and
by how much.
needs: numpy, onnx, onnxruntime.   usage: integer_operators.py SQUINT [PART]"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

MICROSOFT = "com.microsoft"
RANDOM = np.random.default_rng(1)


class Input:
    """A graph input; anything else in a case is an initializer."""

    def __init__(self, array):
        self.array = np.asarray(array)


def integers(dtype, shape):
    info = np.iinfo(dtype)
    return RANDOM.integers(info.min, info.max + 1, shape).astype(dtype)


def scale(value):
    return np.float32(value)


def scales(count):
    return (RANDOM.random(count) * 0.02 + 0.002).astype(np.float32)


def reals(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def bias(count):
    return RANDOM.integers(-2000, 2000, count).astype(np.int32)


def products(x, w):
    """Conv, MatMul and Gemm of types x and w, per tensor and per channel."""
    zero = x(121) if x == np.uint8 else x(-9)
    name = f"{x.__name__} {w.__name__}"
    for channels in (False, True):
        w_zero = w(119) if w == np.uint8 else w(0)
        quant = [scale(0.011), w_zero]
        if channels:
            quant = [scales(6), np.full(6, w_zero, w)]
        what = name + (" per channel" if channels else "")
        for group in (1, 2):
            yield (f"{what} group {group}", "QLinearConv", "",
                   [Input(integers(x, (2, 4, 9, 9))), scale(0.021), zero,
                    integers(w, (6, 4 // group, 3, 3)), *quant, scale(0.9),
                    zero, bias(6)],
                   dict(pads=[1, 1, 1, 1], strides=[2, 2], group=group))
        a = [Input(integers(x, (3, 7, 33))), scale(0.021), zero]
        b = [integers(w, (33, 6)), *quant]
        yield what, "QLinearMatMul", "", [*a, *b, scale(0.5), zero], {}
        a[0] = Input(integers(x, (7, 33)))
        yield (what, "QGemm", MICROSOFT, [*a, *b, bias(6), scale(0.5), zero],
               {})
        yield what + " to float", "QGemm", MICROSOFT, [*a, *b, bias(6)], {}
        yield (what, "MatMulIntegerToFloat", MICROSOFT,
               [a[0], b[0], a[1], b[1], a[2], b[2], reals(6)], {})


def elementwise(x):
    zero = x(121) if x == np.uint8 else x(-9)
    name = x.__name__
    lowest = x(np.iinfo(x).min)
    first = [Input(integers(x, (3, 5, 17))), scale(0.021), zero]
    for kind in ("QLinearAdd", "QLinearMul"):
        for what, second in (("row", Input(integers(x, (5, 17)))),
                             ("scalar", x(77))):
            yield (f"{name} {what}", kind, MICROSOFT,
                   [*first, second, scale(0.033), x(3), scale(0.04), x(100)],
                   {})
    line = [Input(integers(x, 500)), scale(0.05), zero]
    yield (name, "QLinearSigmoid", MICROSOFT, [*line, scale(1 / 256), lowest],
           {})
    yield (name, "QLinearLeakyRelu", MICROSOFT, [*line, scale(0.04), x(7)],
           dict(alpha=0.1))
    for opset, axis in ((13, -1), (12, 1)):
        rows = [Input(integers(x, (4, 3, 11))), scale(0.05), zero]
        yield (f"{name} opset {opset}", "QLinearSoftmax", MICROSOFT,
               [*rows, scale(1 / 256), lowest], dict(opset=opset, axis=axis))
    yield (name, "QLinearConcat", MICROSOFT,
           [scale(0.03), zero, Input(integers(x, (3, 5))), scale(0.03), zero,
            Input(integers(x, (3, 9))), scale(0.021), x(4)], dict(axis=1))
    yield (name, "QLinearWhere", MICROSOFT,
           [Input(RANDOM.random((4, 9)) > 0.5), Input(integers(x, (4, 9))),
            scale(0.03), zero, Input(integers(x, 9)), scale(0.021), x(4),
            scale(0.025), x(9)], {})


def images(x):
    zero = x(121) if x == np.uint8 else x(-9)
    for last in (0, 1):
        what = x.__name__ + (" channels last" if last else "")
        image = [Input(integers(x, (2, 16, 7, 16))), scale(0.05), zero,
                 scale(0.02), x(7)]
        yield (what, "QLinearGlobalAveragePool", MICROSOFT, image,
               dict(channels_last=last))
        yield (what, "QLinearAveragePool", MICROSOFT, image,
               dict(channels_last=last, kernel_shape=[3, 3],
                    pads=[1, 1, 1, 1], strides=[2, 2]))
    yield (x.__name__ + " channels last", "QLinearConv", MICROSOFT,
           [Input(integers(x, (2, 9, 9, 4))), scale(0.021), zero,
            integers(np.int8, (6, 4, 3, 3)), scales(6), np.zeros(6, np.int8),
            scale(0.9), zero, bias(6)],
           dict(channels_last=1, pads=[1, 1, 1, 1]))


def run_time():
    for w in (np.int8, np.uint8):
        zero = w(3)
        yield (w.__name__, "DynamicQuantizeMatMul", MICROSOFT,
               [Input(reals(5, 40)), integers(w, (40, 8)), scales(8),
                np.full(8, zero, w), reals(8)], {})
        yield (w.__name__, "ConvInteger", "",
               [Input(integers(np.uint8, (1, 3, 8, 8))),
                integers(w, (5, 3, 3, 3)), np.uint8(99), zero],
               dict(pads=[1, 1, 0, 0]))
    hidden, size = 8, 6
    for what, shape in (("per direction", (1,)), ("per unit", (1, 32))):
        quant = [scales(int(np.prod(shape))).reshape(shape),
                 np.zeros(shape, np.int8)]
        yield (what, "DynamicQuantizeLSTM", MICROSOFT,
               [Input(reals(5, 1, size)),
                integers(np.int8, (1, size, 4 * hidden)),
                integers(np.int8, (1, hidden, 4 * hidden)),
                reals(1, 8 * hidden), None, None, None, None, *quant, *quant],
               dict(hidden_size=hidden))


def blocks():
    k, n, block = 96, 8, 32
    groups = k // block
    for bits in (2, 4, 8):
        packed = integers(np.uint8, (n, (groups * bits + 7) // 8))
        for what, zeros in (("", []), (" zero points", [packed])):
            yield (f"{bits} bits{what}", "MatMulNBits", MICROSOFT,
                   [Input(reals(5, k)),
                    integers(np.uint8, (n, groups, block * bits // 8)),
                    scales(n * groups).reshape(n, groups), *zeros],
                   dict(K=k, N=n, bits=bits, block_size=block,
                        accuracy_level=1))


def cases():
    for x, w in ((np.uint8, np.int8), (np.uint8, np.uint8),
                 (np.int8, np.int8)):
        yield from products(x, w)
    for x in (np.uint8, np.int8):
        yield from elementwise(x)
        yield from images(x)
    yield from run_time()
    yield from blocks()


def model_of(kind, domain, inputs, attributes):
    names, declared, constants, feed = [], [], [], {}
    for i, value in enumerate(inputs):
        names.append("" if value is None else f"i{i}")
        if value is None:
            continue
        if isinstance(value, Input):
            feed[names[-1]] = value.array
            declared.append(helper.make_tensor_value_info(
                names[-1], helper.np_dtype_to_tensor_dtype(value.array.dtype),
                value.array.shape))
        else:
            constants.append(numpy_helper.from_array(np.asarray(value),
                                                     names[-1]))
    node = helper.make_node(kind, names, ["y"], name="node", domain=domain,
                            **attributes)
    graph = helper.make_graph([node], "g", declared,
                              [onnx.ValueInfoProto(name="y")], constants)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10), feed


def run_peer(model, feed):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # int8 weights saturate on machines without VNNI otherwise.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options,
        providers=["CPUExecutionProvider"])
    return session.run(None, feed)[0]


def run_squint(squint, folder, model, feed):
    onnx.save(model, folder / "m.onnx")
    np.savez(folder / "x.npz", **feed)
    subprocess.run([squint, "run", folder / "m.onnx", "--reference", "--input",
                    folder / "x.npz", "--output", folder / "y.npy"],
                   check=True, stdout=subprocess.DEVNULL)
    return np.load(folder / "y.npy")


def main(squint, part=""):
    with tempfile.TemporaryDirectory() as name:
        for what, kind, domain, inputs, attributes in cases():
            if part not in kind:
                continue
            model, feed = model_of(kind, domain, inputs, attributes)
            theirs = run_peer(model, feed).astype(np.float64)
            ours = run_squint(squint, pathlib.Path(name), model, feed)
            difference = np.abs(ours.astype(np.float64) - theirs)
            print(f"{kind:25} {what:28} {np.count_nonzero(difference):5} of "
                  f"{difference.size:5} differ, at most {difference.max():.3g}"
                  f" of {np.abs(theirs).max():.3g}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:3])
