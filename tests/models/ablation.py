#!/usr/bin/env python3
"""Each method alone, and each left out, on real models: what it is worth.

usage: ablation.py SQUINT DATA UNPACKED LOG [--model STEM:TASK ...]
                   [--row NAME ...] [--fit] [--slow] [--main]
                   [--sqnr] [--compared N] [--threads N]
       ablation.py --table LOG

DATA has eval.py and models/, UNPACKED what unpack.py made of it. Every row is
a set of flags of `squint quantize`; the file that comes out is run by `squint
eval` on the evaluation split, on integers, and compared with the float network
on its first samples (SQNR; --sqnr: that alone). What `squint eval` has no
metric for goes through compare.py, which needs onnxruntime. Beside each change
stand two standard errors of it over the samples, by a paired bootstrap where
the metric is no mean. LOG has a line of JSON for each row, and a row that it
has is not measured again; --table shows it.

With --fit, evaluation data are not touched: ranges come from the first half
of the calibration split, and the figure is the SQNR (dB) on the second half.
That is what defaults are chosen by. --slow adds the rows that descend; --main
measures the few recipes that users choose among, on every model.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
MODELS = ["tiny_vww_mobilenet:vww", "resnet20_cifar10_rawexport:cifar10",
          "ppocrv4_det:ocrdet", "efficientnet_lite0:imagenet224",
          "minilm_l6_v5539:sts"]
BY_COMPARE = ("ocrdet", "face")  # tasks whose metric is compare.py's
# Of each other metric: the class of compare.py that has its formula, and what
# that calls the scores which `squint eval` gives for single samples.
SCORES = {"mse": ("Reconstruction", "mse"), "auc": ("VoiceActivity", "score"),
          "spearman": ("Similarity", "cosine"),
          "perplexity": ("LanguageModel", "loss")}
METHODS = ["attention-scores", "hadamard", "smooth-quant", "equalization",
           "bias-absorption", "weight-scales", "weight-rounding",
           "bias-correction"]
ITERATIONS = "200"  # of rows that descend


# Of what each task counts flips.
FLIPS_OF = {"auc": ("score",), "F1": ("boxes",), "pixelF1": ("mask",)}


def only(*on):
    """Flags for these methods and no other."""
    off = [m for m in METHODS if m not in on]
    return ((["--enable", *on] if on else []) +
            (["--disable", *off] if off else []))


RECONSTRUCT = ["--reconstruct", "--iterations", ITERATIONS]
RECIPES = {"W8A8": [], "W8A8 per tensor": ["--per-tensor"],
           "W4A8": ["--weights", "int4"]}


def rows_of(recipe, flags):
    def everything_but(method):
        return only(*[m for m in METHODS if m != method])
    rows = {"default": [], "no method": only()}
    rows |= {f"{m} alone": only(m) for m in METHODS}
    rows["all"] = only(*METHODS)
    rows |= {f"all but {m}": everything_but(m) for m in METHODS}
    return {f"{recipe}, {name}": flags + more for name, more in rows.items()}


def slow_rows_of(recipe, flags):
    rows = {"reconstruct alone": only(), "all and reconstruct": only(*METHODS),
            "default and reconstruct": []}
    return {f"{recipe}, {name}": flags + more + RECONSTRUCT
            for name, more in rows.items()}


def joined(rows_of_recipe):
    return {name: flags for recipe, flags_of in RECIPES.items()
            for name, flags in rows_of_recipe(recipe, flags_of).items()}


ROWS = joined(rows_of) | {
    "W6A8, default": ["--weights", "int6"],
    "W6A8, no method": ["--weights", "int6"] + only(),
    "W4A8, default, edges too": ["--weights", "int4", "--edges-as-others"],
    "W8A8, default and weight-rounding": ["--enable", "weight-rounding"],
    "W8A8, default and hadamard": ["--enable", "hadamard"],
    "W4A8, default and hadamard": ["--weights", "int4", "--enable",
                                   "hadamard"],
    "W8A16, default": ["--activations", "uint16"],
    "W4A4, default": ["--weights", "int4", "--activations", "uint4"],
    "data-free": [],
    "data-free, raw pixels": ["--preprocess", "raw"],
}
SLOW_ROWS = joined(slow_rows_of)
MAIN_ROWS = ["W8A8, default", "W8A8, default and weight-rounding",
             "data-free", "W4A8, default", "W4A8, default and reconstruct"]


def load_compare():
    spec = importlib.util.spec_from_file_location("compare",
                                                  HERE / "compare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COMPARE = load_compare()


def call(*command):
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip().splitlines()[-1])
    return json.loads(run.stdout)


def digest_without_metadata(path):
    """Of the top level fields of an ONNX file but metadata_props (14), which
    hold the recipe: equal where two recipes give the same network."""
    data, at, digest = path.read_bytes(), 0, hashlib.sha256()

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        start, key = at, varint()
        length = varint()
        at += length if key & 7 == 2 else 0
        if key >> 3 != 14:
            digest.update(data[start:at])
    return digest.hexdigest()


class Case:
    """One model with its data, and the float network's figures."""

    def __init__(self, args, stem, task):
        self.squint, self.fit = args.squint, args.fit
        self.sqnr, self.limit = args.sqnr, ["--limit", str(args.compared)]
        self.threads = ["--threads", str(args.threads), "--json"]
        self.model = args.data / "models" / f"{stem}.onnx"
        self.data, self.task = args.data, args.unpacked / task
        self.known = {}  # by digest of the network
        self.samples = None
        if not args.fit and not args.sqnr:
            self.float = self.evaluate(self.model)

    def evaluate(self, model):
        """The metric's name and value, and `samples`: scores of each sample
        by name, as compare.py's tasks have them."""
        if self.task.name in BY_COMPARE:
            return self.evaluate_by_compare(model)
        found = call(self.squint, "eval", str(model), "--data",
                     str(self.task / "eval.json"), *self.threads)
        scores = np.array(found["per_sample"])
        if found["metric"] == "top1":
            return found | {"samples": {"right": scores}}
        name, key = SCORES[found["metric"]]
        task = getattr(COMPARE, name)()
        samples = {key: scores} | self.labels(task)
        every = task.metric(samples, np.arange(len(scores)))
        if abs(every - found["value"]) > 1e-5 * abs(every):
            raise RuntimeError(f"{found['metric']} is {found['value']}, but "
                               f"{every} by its single samples")
        return found | {"task": task, "samples": samples}

    def evaluate_by_compare(self, model):
        task = COMPARE.task_of(self.task.name)
        found = COMPARE.measure(COMPARE.load_eval(str(self.data)),
                                self.task.name, str(model))
        return {"metric": task.key, "value": COMPARE.metric_of(task, found),
                "task": task, "samples": COMPARE.samples_of(found)}

    def labels(self, task):
        if isinstance(task, COMPARE.Similarity):
            return {"label": np.load(self.task / "eval_y.npy")}
        if isinstance(task, COMPARE.VoiceActivity):
            clips = sorted((self.task / "eval").glob("*.npz"))
            return {"label": np.array([int(np.load(c)["y"]) for c in clips])}
        return {}

    def compared(self, model, split, *samples):
        found = call(self.squint, "compare", str(self.model), str(model),
                     "--data", str(self.task / f"{split}.json"), *samples,
                     *self.threads)
        values = [o["sqnr"] for o in found["outputs"]]
        return None if None in values else round(min(values), 2)

    def quantize(self, row, out):
        flags = (ROWS | SLOW_ROWS)[row]
        cal = ["--data", str(self.task / "cal.json")]
        if row.startswith("data-free"):
            cal = ["--no-data"]
        elif self.fit:
            cal += ["--samples", f"0:{self.calibration_samples() // 2}"]
        call(self.squint, "quantize", str(self.model), *cal, *flags, "-o",
             str(out), "--no-compare", *self.threads)

    def calibration_samples(self):
        if self.samples is None:
            found = call(self.squint, "compare", str(self.model),
                         str(self.model), "--data",
                         str(self.task / "cal.json"), *self.threads)
            self.samples = int(found["samples"])
        return self.samples

    def figures(self, row):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "q.onnx"
            start = time.monotonic()
            self.quantize(row, out)
            seconds = round(time.monotonic() - start, 1)
            digest = digest_without_metadata(out)
            if digest not in self.known:
                self.known[digest] = self.measured(out)
            return self.known[digest] | {"network": digest[:12],
                                         "quantize_seconds": seconds}

    def measured(self, out):
        if self.fit:
            n = self.calibration_samples()
            return {"sqnr": self.compared(out, "cal", "--samples",
                                          f"{n // 2}:{n}")}
        figures = {}
        if not self.sqnr:
            figures = self.against_float(self.evaluate(out))
        figures["sqnr"] = self.compared(out, "eval", *self.limit)
        figures["bytes"] = os.path.getsize(out)
        return figures

    def against_float(self, found):
        """The metric, its change, two paired standard errors, and flips."""
        scale = 100 if found["value"] <= 1 else 1
        figures = {"value": found["value"] * scale,
                   "change": (found["value"] - self.float["value"]) * scale}
        a, b = self.float["samples"], found["samples"]
        if found["metric"] == "top1":
            changes = b["right"] - a["right"]
            figures["error"] = 2 * scale * changes.std() / len(changes)**0.5
            figures["flips"] = int(np.count_nonzero(changes))
            return figures
        task = found["task"]
        figures["error"] = 2 * scale * float(COMPARE.paired_error(task, a, b))
        if set(a) >= set(FLIPS_OF.get(task.key, ("none",))):
            figures["flips"] = task.flips(a, b)
        return figures


def text_of(entry):
    if "failed" in entry:
        return entry["failed"]
    text = ""
    if "value" in entry:
        error = f" ±{entry['error']:.1f}" if "error" in entry else ""
        flips = f" {entry['flips']}f" if "flips" in entry else ""
        text = f"{entry['value']:.2f} ({entry['change']:+.2f}{error}){flips}, "
    sqnr = entry["sqnr"]
    return text + ("inf" if sqnr is None else f"{sqnr:.1f}") + " dB"


def read_log(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def print_table(path):
    """Rows by models; the row's words come from the log, in its order."""
    cells, models, rows = {}, [], []
    for entry in read_log(path):
        models += [entry["model"]] * (entry["model"] not in models)
        rows += [entry["row"]] * (entry["row"] not in rows)
        cells[entry["row"], entry["model"]] = text_of(entry)
    print("| | " + " | ".join(models) + " |\n" + "|---" * (len(models) + 1) +
          "|")
    for row in rows:
        print(f"| {row} | " +
              " | ".join(cells.get((row, m), "") for m in models) + " |")


def every_model(data):
    listing = json.loads((data / "models.json").read_text())
    return [f"{pathlib.Path(m['file']).stem}:{m['task']}" for m in listing]


def measure(args):
    rows = ROWS | (SLOW_ROWS if args.slow else {})
    models = args.model or MODELS
    if args.main:
        rows, models = MAIN_ROWS, args.model or every_model(args.data)
    done = {(entry["model"], entry["row"]) for entry in read_log(args.log)}
    for model in models:
        stem, task = model.split(":")
        wanted = [r for r in args.row or rows if (stem, r) not in done]
        case = Case(args, stem, task) if wanted else None
        for row in wanted:
            entry = {"model": stem, "row": row}
            try:
                entry |= case.figures(row)
            except RuntimeError as error:
                entry["failed"] = str(error)
            with args.log.open("a") as log:
                log.write(json.dumps(entry) + "\n")
            print(f"| {stem} | {row} | {text_of(entry)} |", flush=True)


def main():
    if sys.argv[1:2] == ["--table"]:
        print_table(pathlib.Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("squint")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("unpacked", type=pathlib.Path)
    parser.add_argument("log", type=pathlib.Path)
    parser.add_argument("--model", action="append")
    parser.add_argument("--row", action="append")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--main", action="store_true")
    parser.add_argument("--sqnr", action="store_true")
    parser.add_argument("--compared", type=int, default=64)
    parser.add_argument("--threads", type=int, default=0)
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
