"""Real models on real labelled data: every float model reproduces its metric,
is quantized with nothing but --data, and keeps the metric.

The data is found by SQUINT_SHARED, or beside the repository as ../shared;
without it everything is skipped, and says so.
usage: real_models_test.py SQUINT WORK_FOLDER [--all]    (numpy)"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get("SQUINT_SHARED") or
                      HERE.parent.parent.parent / "shared")
SQUINT = WORK = None
# Small enough for every run; --all takes the rest, too.
QUICK = {"tiny_ic_resnet8", "tiny_vww_mobilenet", "tiny_kws_dscnn",
         "tiny_ad_fcae", "mnist_cntk", "ppocr_cls", "silero_vad_16k_sequence"}
# The name of each task's figure in models.json, where Squint has the metric,
# and the loss that is allowed: a point, 5% of an error, 1% of a perplexity.
METRICS = {"recon_mse": ("mse", lambda f, q: q <= 1.05 * f),
           "perplexity": ("perplexity", lambda f, q: q <= 1.01 * f),
           "top1": ("top1", lambda f, q: q >= f - 0.01),
           "spearman": ("spearman", lambda f, q: q >= f - 0.01),
           "auc": ("auc", lambda f, q: q >= f - 0.01)}
JPEG_TASKS = {"imagenet224", "cifar10", "cifar10_tiny", "face"}


def squint(*arguments):
    result = subprocess.run([SQUINT, *map(str, arguments), "--json"],
                            text=True, capture_output=True, timeout=3600)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return json.loads(result.stdout)


def data(task, split):
    path = WORK / task / f"{split}.json"
    if not path.exists():
        subprocess.run([sys.executable, HERE / "unpack.py", SHARED / "data",
                        WORK, task], check=True, stdout=subprocess.DEVNULL)
    return path


class RealModels(unittest.TestCase):
    def check(self, entry):
        model = SHARED / "data/models" / entry["file"]
        task = entry["task"]
        known = [k for k in METRICS if k in entry["float"]]
        out = WORK / f"{model.stem}.int8.onnx"
        summary = squint("quantize", model, "--data", data(task, "cal"),
                         "-o", out)
        self.assertGreater(summary["integer_nodes"], 0)
        self.assertLess(summary["quantized_bytes"], summary["float_bytes"])
        if not known:
            return
        metric, holds = METRICS[known[0]]
        expected = entry["float"][known[0]]
        values = [squint("eval", m, "--data", data(task, "eval"),
                         "--metric", metric)["value"] for m in (model, out)]
        # JPEGs go through Squint's own decoding.
        tolerance = 0.003 if task in JPEG_TASKS else 0.0005
        self.assertAlmostEqual(values[0], expected,
                               delta=tolerance * max(1, abs(expected)))
        print(f"{model.stem}: {metric} float {values[0]:.5f}, "
              f"int8 {values[1]:.5f}", flush=True)
        self.assertTrue(holds(values[0], values[1]), values)


# Attention blocks that the exporters wrote out, and how many are causal.
ATTENTION = {"minilm_l6_v5539": (6, 0), "chargpt": (4, 4),
             "resnet20_cifar10jpg": (0, 0)}


class Patterns(unittest.TestCase):
    def check(self, stem):
        found = squint("inspect", SHARED / "data/models" / f"{stem}.onnx")
        self.assertEqual((found["attention_patterns"],
                          found["causal_attention_patterns"]),
                         ATTENTION[stem])


def add_tests(everything):
    listing = SHARED / "data/models.json"
    if not listing.exists():
        print(f"real models: skipped, no {listing}")
        return
    for stem in ATTENTION:
        setattr(Patterns, f"test_attention_{stem}",
                lambda self, stem=stem: self.check(stem))
    for entry in json.loads(listing.read_text()):
        stem = pathlib.Path(entry["file"]).stem
        if everything or stem in QUICK:
            setattr(RealModels, f"test_{stem}",
                    lambda self, entry=entry: self.check(entry))


if __name__ == "__main__":
    add_tests("--all" in sys.argv)
    SQUINT = os.path.abspath(sys.argv[1])
    WORK = pathlib.Path(sys.argv[2])
    WORK.mkdir(parents=True, exist_ok=True)
    unittest.main(argv=sys.argv[:1], verbosity=2)
