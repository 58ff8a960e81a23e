"""The networks of the regression benchmark, float and quantized, and those
that are run at many sizes. Quantized with noise: speed does not depend on what
the numbers are."""
import math
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests/models"))
import symbolic_batch  # noqa: E402
import tiny_onnx  # noqa: E402

SHARED = pathlib.Path(os.environ.get("SQUINT_SHARED",
                                     ROOT.parent / "shared")) / "data/models"
# Its README says how its models are made.
BENCH_DIR = os.environ.get("BENCH_DIR")
# Products of one row with large weights: int4 groups, no activations.
WEIGHT_ONLY = {"llm_gemv"}
SAMPLES = 4


def folder(build):
    path = pathlib.Path(build) / "networks"
    path.mkdir(parents=True, exist_ok=True)
    return path


def all_networks():
    """Name -> float file; a network that is in both places counts once."""
    files = sorted(SHARED.glob("*.onnx"))
    if BENCH_DIR:
        names = {f.stem for f in files}
        files += [f for f in sorted(pathlib.Path(BENCH_DIR).glob(
            "models/*.onnx")) if f.stem.count(".") == 0 and f.stem not in names]
    return {f.stem: f for f in files}


def quantized(squint, model, build, name=None, safe=False):
    """The file made for Squint's engine, or why there is none. `safe`: with
    weights for CPUs that have no dot product of bytes."""
    name = name or model.stem
    kind = "squint-safe" if safe else "squint"
    out = folder(build) / f"{name}.{kind}.onnx"
    if out.exists() and out.stat().st_mtime > model.stat().st_mtime:
        return out, ""
    how = (["--mode", "weight-only", "--weights", "int4"]
           if name in WEIGHT_ONLY else
           ["--preset", "squint", "--data", "random", "--limit", SAMPLES])
    made = subprocess.run(
        [squint, "quantize", model, "-o", out, "--no-compare",
         *(["--saturation-safe"] if safe else []), *map(str, how)],
        capture_output=True, text=True)
    if made.returncode != 0:
        return None, made.stderr.strip().splitlines()[-1]
    return out, ""


def peer_files(name):
    """Files that ONNX Runtime's quantizer made of the network, if any."""
    if not BENCH_DIR:
        return []
    path = pathlib.Path(BENCH_DIR) / f"models/{name}.ort-qdq-u8s8.onnx"
    return [path] if path.exists() else []


def named_sides(model, build):
    """The same image network with height and width of any size, "side"."""
    out = folder(build) / f"{model.stem}.sides.onnx"
    data = model.read_bytes()

    def edit_shape(shape):
        axis = -1

        def edit(number, content):
            nonlocal axis
            axis += number == 1
            side = number == 1 and axis in (2, 3)
            return symbolic_batch.field(2, b"side") if side else content
        return symbolic_batch.edited(shape, edit)

    def descend(path):
        def edit(number, content):
            if number != path[0]:
                return content
            if len(path) == 1:
                return edit_shape(content)
            return symbolic_batch.edited(content, descend(path[1:]))
        return edit

    def edit_graph(number, content):
        # What is inside has other sizes now, and is inferred again.
        if number == symbolic_batch.GRAPH_VALUE_INFO:
            return None
        if number == symbolic_batch.GRAPH_INPUT:
            # ValueInfoProto.type, TypeProto.tensor_type, .shape
            return symbolic_batch.edited(content, descend((2, 1, 2)))
        return content

    out.write_bytes(symbolic_batch.edited(
        data, lambda number, content:
        symbolic_batch.edited(content, edit_graph)
        if number == symbolic_batch.MODEL_GRAPH else content))
    return out


def waves(count, phase, size):
    return [size * math.sin(phase + 1.7 * i) for i in range(count)]


def transformer(build, layers=2, width=256, heads=4):
    """Encoder layers on x[1, length, width], of any length."""
    out = folder(build) / "transformer.onnx"
    if out.exists():
        return out
    t, node = tiny_onnx.tensor, tiny_onnx.node
    size = width // heads
    weights = [t("split", [4], [0, 0, heads, size], tiny_onnx.INT64),
               t("join", [3], [0, 0, width], tiny_onnx.INT64),
               t("root", [], [math.sqrt(size)]),
               t("one", [width], [1.0] * width),
               t("zero", [width], [0.0] * width)]
    nodes = []

    def add(kind, inputs, name, **attributes):
        nodes.append(node(kind, inputs, [name], **attributes))
        return name

    def linear(x, inner, outer, name):
        weights.append(t(f"{name}_w", [inner, outer],
                         waves(inner * outer, len(nodes), inner ** -0.5)))
        return add("MatMul", [x, f"{name}_w"], name)

    def head(x, name, perm):
        split = add("Reshape", [linear(x, width, width, name), "split"],
                    f"{name}_split")
        return add("Transpose", [split], f"{name}_head", perm=perm)

    def normalized(x, y, name):
        added = add("Add", [x, y], f"{name}_add")
        return add("LayerNormalization", [added, "one", "zero"], name)

    x = "x"
    for i in range(layers):
        q = head(x, f"q{i}", [0, 2, 1, 3])
        k = head(x, f"k{i}", [0, 2, 3, 1])
        v = head(x, f"v{i}", [0, 2, 1, 3])
        scores = add("Div", [add("MatMul", [q, k], f"qk{i}"), "root"], f"d{i}")
        shares = add("Softmax", [scores], f"s{i}")
        mixed = add("Transpose", [add("MatMul", [shares, v], f"av{i}")],
                    f"t{i}", perm=[0, 2, 1, 3])
        joined = add("Reshape", [mixed, "join"], f"j{i}")
        x = normalized(x, linear(joined, width, width, f"o{i}"), f"n{i}")
        inner = add("Relu", [linear(x, width, 4 * width, f"f{i}")], f"r{i}")
        x = normalized(x, linear(inner, 4 * width, width, f"g{i}"), f"m{i}")
    nodes.append(node("Identity", [x], ["y"]))
    out.write_bytes(tiny_onnx.model(
        nodes, weights, [tiny_onnx.value_info("x", [1, "length", width])],
        [tiny_onnx.value_info("y", [1, "length", width])]))
    return out
