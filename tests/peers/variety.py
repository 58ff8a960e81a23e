"""Models of other people: each .onnx under the given folders is run in float,
quantized with the default recipe and run again, all against ONNX Runtime, and
a markdown table tells how it went.

The name of a folder is the origin of the models in it. Samples for NAME.onnx
come from NAME.npz beside it (arrays named as the inputs, the first axis counts
samples), else they are noise, for which `inputs.json` may say what a model
expects where its file does not:
  {"model.onnx": {"x": {"dims": [1, 3, 48, 320]},
                  "ids": {"dims": [1, 16], "low": 1, "high": 1000},
                  "rate": {"value": 16000}}}
A float input may also have "scale", the standard deviation of its noise, and
"positive" for its absolute value. One entry "*" serves all models. The last two
samples are for measuring, the others for calibration.

needs: numpy, onnx, onnxruntime.
usage: variety.py SQUINT FOLDER... [--only PART] [--no-peer] [--json ROWS]
       variety.py --table ROWS... [--out TABLE.md]   (rows measured before)
"""
import argparse
import json
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time
import zlib

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
from onnxruntime import quantization
from onnxruntime.quantization import shape_inference

NOISE_SAMPLES, TEST_SAMPLES = 10, 2
FLOAT_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64,
               "tensor(float16)": np.float16}
INTEGER_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32,
                 "tensor(uint8)": np.uint8, "tensor(int8)": np.int8,
                 "tensor(int16)": np.int16}
# More small models of one origin share a row.
ROWS_OF_ONE_ORIGIN = 20


class NotRun(Exception):
    """Why ONNX Runtime or this script cannot judge a model."""


def peer_session(model, exact):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # int8 weights saturate on machines without VNNI otherwise.
    options.add_session_config_entry("session.x64quantprecision",
                                     "1" if exact else "0")
    return onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"])


def upgraded(path):
    """The same network in an opset that ONNX Runtime implements."""
    model = onnx.load(path)
    opset = next(o.version for o in model.opset_import if o.domain == "")
    if opset >= 13:
        raise NotRun("ONNX Runtime does not run it")
    return onnx.version_converter.convert_version(
        model, 13).SerializeToString()


def session_of(path):
    """As it is; where ONNX Runtime's exact option fails (it takes no weight
    that two nodes share) without it; and where the opset is too old for it,
    upgraded."""
    first = None
    for model, exact in ((str, True), (str, False), (upgraded, True)):
        try:
            return peer_session(model(path), exact)
        except Exception as error:
            first = first or error
    raise NotRun(f"ONNX Runtime: {first}") from first


# ---- samples ---------------------------------------------------------------

def fixed(dims):
    """Axes without a size: one sample, 224 pixels, 16 steps."""
    return [d if isinstance(d, int) and d > 0 else
            1 if axis == 0 else 224 if len(dims) == 4 else 16
            for axis, d in enumerate(dims)]


def smooth(random, dims):
    """Noise of image-like spectrum over the two longest neighbouring axes."""
    first = 1 if dims[1] >= dims[3] else 2
    coarse = list(dims)
    for axis in (first, first + 1):
        coarse[axis] = max(2, -(-dims[axis] // 16))
    field = random.normal(size=coarse)
    for axis in (first, first + 1):
        at = np.linspace(0, coarse[axis] - 1, dims[axis])
        low = np.minimum(at.astype(int), coarse[axis] - 2)
        part = (at - low).reshape([-1 if a == axis else 1
                                   for a in range(len(dims))])
        field = (np.take(field, low, axis) * (1 - part) +
                 np.take(field, low + 1, axis) * part)
    return field + 0.1 * random.normal(size=dims)


def one_input(random, argument, hint):
    dims = hint.get("dims", fixed(argument.shape))
    if argument.type in FLOAT_TYPES:
        dtype = FLOAT_TYPES[argument.type]
        if "value" in hint:
            return np.full(dims, hint["value"], dtype)
        picture = len(dims) == 4 and sorted(dims)[-2] >= 32
        noise = smooth(random, dims) if picture else random.normal(size=dims)
        noise = noise * hint.get("scale", 1)
        return (np.abs(noise) if "positive" in hint else noise).astype(dtype)
    if argument.type == "tensor(bool)":
        return random.random(dims) < 0.5
    if argument.type not in INTEGER_TYPES:
        raise NotRun(f"an input of type {argument.type}")
    dtype = INTEGER_TYPES[argument.type]
    if "value" in hint or "mask" in argument.name:
        return np.full(dims, hint.get("value", 1), dtype)
    return random.integers(hint.get("low", 0), hint.get("high", 2),
                           dims).astype(dtype)


def samples_of(path, session):
    stored = path.with_suffix(".npz")
    if stored.exists():
        with np.load(stored) as archive:
            arrays = {a.name: archive[a.name] for a in session.get_inputs()}
        return [{name: np.asarray(array[i]) for name, array in arrays.items()}
                for i in range(min(len(a) for a in arrays.values()))]
    hints = {}
    if (path.parent / "inputs.json").exists():
        everything = json.loads((path.parent / "inputs.json").read_text())
        hints = {**everything.get("*", {}), **everything.get(path.name, {})}
    random = np.random.default_rng(zlib.crc32(path.name.encode()))
    return [{a.name: one_input(random, a, hints.get(a.name, {}))
             for a in session.get_inputs()}
            for _ in range(NOISE_SAMPLES)]


# ---- numbers ---------------------------------------------------------------

def error_of(ours, theirs):
    """max |a - b| / max(1, max |b|) over all outputs."""
    worst = 0.0
    for a, b in zip(ours, theirs, strict=True):
        if a.shape != b.shape:
            raise ValueError(f"shape {a.shape}, ONNX Runtime has {b.shape}")
        a, b = a.astype(np.float64), b.astype(np.float64)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        if same.all():
            continue
        difference = np.abs(a - b)[~same]
        finite = np.abs(b[np.isfinite(b)])
        worst = max(worst, float(np.nan_to_num(difference, nan=np.inf).max())
                    / max(1.0, float(finite.max(initial=0))))
    return worst


def sqnr_of(quantized, reference):
    """dB over the float outputs of all samples, at most 200."""
    signal = noise = 0.0
    for ours, theirs in zip(quantized, reference):
        for a, b in zip(ours, theirs):
            if b.dtype.kind != "f":
                continue
            if a.shape != b.shape:
                return None
            signal += float((b.astype(np.float64) ** 2).sum())
            noise += float(((a.astype(np.float64) - b) ** 2).sum())
    if signal == 0 or not np.isfinite(noise):
        return None
    return min(200.0, 10 * np.log10(signal / max(noise, signal * 1e-20)))


# ---- Squint ----------------------------------------------------------------

def squint(*arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True,
                          text=True, errors="replace", check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(lines[-1] if lines else
                           f"exit code {done.returncode}")
    return done.stdout


def children_seconds():
    """Processor time of all child processes so far: the load that others put
    on the machine does not count."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_float(program, path, folder, feed, outputs):
    np.savez(folder / "x.npz", **feed)
    target = folder / "y.npz"
    squint(program, "run", path, "--input", folder / "x.npz", "--output",
           target, "--threads", 1)
    with np.load(target) as archive:
        return [archive[name] for name in outputs]


def quantize(program, path, folder, samples, row):
    data = folder / "data.npz"
    np.savez(data, **{name: np.stack([s[name] for s in samples])
                      for name in samples[0]})
    out = folder / "squint.onnx"
    before = children_seconds()
    text = squint(program, "quantize", path, "--data", data, "-o", out,
                  "--no-compare", "--threads", 1, "--json")
    row["seconds"] = children_seconds() - before
    summary = json.loads(text)
    row["integer"] = summary["integer_nodes"]
    row["float"] = summary["float_nodes"]
    row["bytes"] = [summary["float_bytes"], summary["quantized_bytes"]]
    row["samples"] = summary["calibration_samples"]
    row["notes"] = summary["notes"]
    return out


# ---- ONNX Runtime's own quantizer ------------------------------------------

class Reader(quantization.CalibrationDataReader):
    def __init__(self, samples):
        self.left = iter(samples)

    def get_next(self):
        return next(self.left, None)


def quantize_by_peer(path, folder, samples):
    prepared, out = folder / "prepared.onnx", folder / "peer.onnx"
    shape_inference.quant_pre_process(str(path), str(prepared),
                                      skip_symbolic_shape=True)
    quantization.quantize_static(
        str(prepared), str(out), Reader(samples), per_channel=True,
        quant_format=quantization.QuantFormat.QDQ,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8)
    return out


# ---- one model -------------------------------------------------------------

def run_all(session, samples):
    return [session.run(None, s) for s in samples]


def seconds_of(session, sample):
    start = time.process_time()
    session.run(None, sample)
    return time.process_time() - start


def describe(path, row):
    model = onnx.load(path, load_external_data=False)
    row["nodes"] = len(model.graph.node)
    row["opset"] = next((o.version for o in model.opset_import
                         if o.domain in ("", "ai.onnx")), None)


def measure_quantized(program, path, folder, samples, reference, row, peer):
    train, test = samples[:-TEST_SAMPLES], samples[-TEST_SAMPLES:]
    out = quantize(program, path, folder, train, row)
    row["sqnr"] = sqnr_of(run_all(session_of(out), test), reference)
    if not peer:
        return
    try:
        theirs = quantize_by_peer(path, folder, train)
        row["peer_sqnr"] = sqnr_of(run_all(session_of(theirs), test), reference)
    except Exception as error:  # whatever another tool trips over
        row["peer"] = str(error).strip().splitlines()[-1][:200]


def measure(program, path, peer=True):
    row = {"model": path.stem, "origin": path.parent.name}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        try:
            describe(path, row)
            session = session_of(path)
            samples = samples_of(path, session)
            test = samples[-TEST_SAMPLES:]
            try:
                reference = run_all(session, test)
            except Exception as error:
                raise NotRun(f"ONNX Runtime: {error}") from error
            row["peer_seconds"] = min(seconds_of(session, s) for s in test)
            ours = run_float(program, path, folder, test[0],
                             [o.name for o in session.get_outputs()])
            row["error"] = error_of(ours, reference[0])
            measure_quantized(program, path, folder, samples, reference, row,
                              peer)
        except NotRun as error:
            row["not_run"] = str(error)
        except Exception as error:
            row["refused"] = str(error)
    return row


# ---- the table -------------------------------------------------------------

def decibel(value):
    return "-" if value is None else f"{value:.1f}"


def cells(row):
    result = "not run by ONNX Runtime" if "not_run" in row else "refused"
    if "is quantized already" in row.get("refused", ""):
        result = "integers already"
    if "sqnr" in row:
        result = f"{row['integer']} of {row['integer'] + row['float']}"
    error = f"{row['error']:.1g}" if "error" in row else "-"
    return [row["model"], row["origin"], str(row.get("nodes", "-")),
            str(row.get("opset", "-")), error, result,
            decibel(row.get("sqnr")), decibel(row.get("peer_sqnr"))]


def shares_a_row(rows):
    """Many models of one origin that are single operators."""
    few = [r for r in rows if r.get("nodes", 0) <= 5]
    return len(rows) > ROWS_OF_ONE_ORIGIN and len(few) == len(rows)


def shared_row(origin, rows):
    done = [r for r in rows if "sqnr" in r]
    changed = [r["sqnr"] for r in done if r["integer"] and
               r["sqnr"] is not None]
    peers = [r["peer_sqnr"] for r in done if r["integer"] and
             r.get("peer_sqnr") is not None]
    median = np.median(changed) if changed else None
    return [f"{len(rows)} models", origin,
            str(sum(r.get("nodes", 0) for r in rows)),
            "/".join(sorted({str(r.get("opset")) for r in rows})),
            f"{max((r.get('error', 0) for r in rows), default=0):.1g}",
            f"{len(done)} run again, {len(changed)} with integers, "
            f"{sum('refused' in r for r in rows)} refused",
            decibel(median), decibel(np.median(peers) if peers else None)]


HEAD = ["model", "origin", "nodes", "opset", "float error", "integer nodes",
        "SQNR dB", "ORT's"]


def table_of(rows):
    origins = {}
    for row in rows:
        origins.setdefault(row["origin"], []).append(row)
    lines = [HEAD, ["---"] * len(HEAD)]
    for origin in sorted(origins):
        group = origins[origin]
        if shares_a_row(group):
            lines.append(shared_row(origin, group))
            continue
        lines += [cells(r) for r in sorted(group, key=lambda r: r["model"])]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def message_of(row):
    """Why a model has no result, without paths."""
    text = row.get("refused") or row["not_run"]
    if text.startswith("ONNX Runtime:"):
        return "ONNX Runtime does not run it"
    text = text.removeprefix("squint: ").strip().splitlines()[0]
    return re.sub(r"\S*/[^:]*\.onnx: ", "", text)


def messages_of(rows):
    """One line for each different message (names in quotes apart)."""
    groups = {}
    for row in rows:
        if "refused" in row or "not_run" in row:
            text = message_of(row)
            key = row["origin"], re.sub(r"'[^']*'|node of \S*", "", text)
            groups.setdefault(key, []).append((row["model"], text))
    lines = []
    for (origin, _), group in sorted(groups.items()):
        names = ", ".join(name for name, _ in group[:3])
        more = f" and {len(group) - 3} more" if len(group) > 3 else ""
        lines.append(f"- {origin}: {names}{more}: `{group[0][1][:300]}`\n")
    return "".join(lines)


def line_of(row):
    """One line while measuring; '!' marks what to look at."""
    marks = []
    if row.get("error", 0) > 1e-4:
        marks.append("error")
    runs = row.get("samples", 0) * row.get("peer_seconds", 0)
    if row.get("seconds", 0) > 5 * runs + 1:
        marks.append("quantized in %.1f s, ONNX Runtime runs the samples in "
                     "%.1f s" % (row["seconds"], runs))
    ours, theirs = row.get("sqnr"), row.get("peer_sqnr")
    if ours is not None and theirs is not None and ours < theirs - 0.5:
        marks.append("below the peer")
    if row.get("bytes") and row["bytes"][1] > 1.1 * row["bytes"][0] + 10000:
        marks.append("grew from %d to %d bytes" % tuple(row["bytes"]))
    marks += [row[key] for key in ("refused", "not_run") if key in row]
    return " | ".join(cells(row)) + (f" ! {'; '.join(marks)}" if marks else "")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arguments", nargs="+", metavar="SQUINT FOLDER")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    if args.table:
        latest = {}
        for file in args.arguments:
            for line in pathlib.Path(file).read_text().splitlines():
                row = json.loads(line)
                latest[row["origin"], row["model"]] = row
        rows = list(latest.values())
    else:
        program, *folders = args.arguments
        rows = []
        for path in sorted(p for f in folders
                           for p in pathlib.Path(f).rglob("*.onnx")):
            if args.only not in str(path):
                continue
            rows.append(measure(program, path, not args.no_peer))
            print(line_of(rows[-1]), flush=True)
            if args.json:
                with args.json.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    text = table_of(rows) + "\n" + messages_of(rows)
    if args.out:
        args.out.write_text(text)
    elif args.table:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
