"""squint bench: the protocol of its workers, what its tables and its JSON
hold, other engines beside it, and bad input. Nothing here looks at how long
something took.   usage: bench_test.py SQUINT"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import tiny_onnx
from command_line_test import MODEL, images

SQUINT = None

# A stand-in for a peer's package: as much of it as the worker uses.
PEER = """
import os, signal, numpy
__version__ = "9.8.7-build"
class SessionOptions:
    pass
class InferenceSession:
    def __init__(self, model, options, providers):
        if "{fault}" == "refuse":
            raise RuntimeError("cannot load\\nthis model")
        self.runs = 0
        assert options.intra_op_num_threads in (1, 2)
    def run(self, outputs, inputs):
        self.runs += 1
        if "{fault}" == "crash" and self.runs > 4:
            os.kill(os.getpid(), signal.SIGSEGV)
        (name, array), = inputs.items()
        assert (name, array.dtype) == ("image", numpy.float32)
        return [numpy.zeros((len(array), 10), "float32")]
"""


def bench(*arguments, **options):
    return subprocess.run([SQUINT, "bench", *map(str, arguments)], text=True,
                          capture_output=True, timeout=300, **options)


def sequence_model(path):
    """ids[n, s] -> rows of a table of 9 -> [n, s, 4] x [4, 3]."""
    t, node = tiny_onnx.tensor, tiny_onnx.node
    path.write_bytes(tiny_onnx.model(
        [node("Gather", ["table", "ids"], ["rows"]),
         node("MatMul", ["rows", "w"], ["y"])],
        [t("table", [9, 4], [0.1 * i for i in range(36)]),
         t("w", [4, 3], [1.0] * 12)],
        [tiny_onnx.value_info("ids", ["n", "s"], tiny_onnx.INT64)],
        [tiny_onnx.value_info("y", ["n", "s", 3])]))
    return path


def unknown_operator(path):
    path.write_bytes(tiny_onnx.model(
        [tiny_onnx.node("Unheard", ["x"], ["y"])], [],
        [tiny_onnx.value_info("x", [1, 2])],
        [tiny_onnx.value_info("y", [1, 2])]))
    return path


class Bench(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def measured(self, *arguments, **options):
        result = bench(*arguments, "--rounds", 2, "--seconds", 0.01, "--json",
                       **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def fails(self, *arguments, code=1, **options):
        result = bench(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertNotIn("defect", result.stderr)
        return result.stderr

    def peer(self, fault=""):
        """The environment of a Python that has the stand-in."""
        (self.folder / "onnxruntime.py").write_text(
            PEER.replace("{fault}", fault))
        return {"env": {**os.environ, "PYTHONPATH": str(self.folder)}}

    # ---- workers

    def test_a_worker_answers_line_by_line(self):
        result = bench("--worker", MODEL, "--threads", 1, input="0\n0.01\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        first, *turns = map(json.loads, result.stdout.splitlines())
        self.assertEqual(list(first), ["load", "first", "base", "rss", "peak",
                                       "shape", "std"])
        self.assertEqual(first["shape"], [1, 10])
        self.assertGreater(first["std"], 0)
        self.assertGreaterEqual(first["peak"], first["rss"])
        self.assertGreater(first["rss"], first["base"])
        self.assertEqual(len(turns), 2)
        self.assertEqual(len(turns[0]), 3)  # three runs at least
        for seconds in sum(turns, []):
            self.assertGreater(seconds, 0)

    def test_a_worker_refuses_what_is_no_number(self):
        result = bench("--worker", MODEL, "--threads", 1, input="soon\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("'soon' is no number of seconds", result.stderr)

    def test_every_execution_runs(self):
        path = self.folder / "q.onnx"
        subprocess.run([SQUINT, "quantize", MODEL, "--data",
                        images(self.folder / "x.npy"), "-o", path],
                       check=True, capture_output=True)
        spreads = []
        for flags in ([], ["--simulated"], ["--reference"]):
            result = bench("--worker", path, "--threads", 1, *flags, input="")
            self.assertEqual(result.returncode, 0, result.stderr)
            spreads.append(json.loads(result.stdout)["std"])
        self.assertLess(max(spreads), 1.1 * min(spreads))

    # ---- tables

    def test_every_model_and_number_of_threads_has_a_row(self):
        model = sequence_model(self.folder / "ids.onnx")
        summary = self.measured(MODEL, model, "--threads", "1,2")
        self.assertEqual(
            [(r["model"], r["threads"]) for r in summary["rows"]],
            [(str(m), t) for t in (1, 2) for m in (MODEL, model)])
        self.assertNotIn("profiles", summary)
        for row in summary["rows"]:
            self.assertLessEqual(row["best"], row["seconds"])
            self.assertLessEqual(row["low"], row["seconds"])
            self.assertLessEqual(row["seconds"], row["high"])
            self.assertAlmostEqual(row["samples_per_second"] * row["seconds"],
                                   1)
            size = pathlib.Path(row["model"]).stat().st_size
            self.assertEqual(row["file_bytes"], size)
        self.assertEqual(summary["rows"][0]["speed"], 1)

    def test_the_table_names_machine_engines_and_models(self):
        result = bench(MODEL, "--threads", 1, "--rounds", 1, "--seconds", 0)
        self.assertEqual(result.returncode, 0, result.stderr)
        head, engines = result.stdout.splitlines()[:2]
        self.assertIn("CPUs", head)
        self.assertTrue(engines.startswith("squint "))
        self.assertIn("\nfashion_mnist.onnx ", result.stdout)

    def test_sizes_and_inputs_are_those_asked_for(self):
        model = sequence_model(self.folder / "ids.onnx")
        result = bench("--worker", model, "--batch", 3, "--dim", "s=5",
                       "--threads", 1, input="")
        self.assertEqual(json.loads(result.stdout)["shape"], [3, 5, 3])
        result = bench("--worker", model, "--dim", "ids[1]=7", "--threads", 1,
                       input="")
        self.assertEqual(json.loads(result.stdout)["shape"], [1, 7, 3])
        data = images(self.folder / "x.npy", count=6)
        summary = self.measured(MODEL, "--threads", 1, "--input", data)
        row = summary["rows"][0]
        self.assertAlmostEqual(row["samples_per_second"] * row["seconds"], 6)

    def test_json_goes_to_a_file_or_stands_for_the_tables(self):
        out = self.folder / "out.json"
        few = ("--threads", 1, "--rounds", 1, "--seconds", 0)
        result = bench("--json", out, MODEL, *few)
        self.assertIn("threads 1", result.stdout)
        self.assertEqual(len(json.loads(out.read_text())["rows"]), 1)
        for arguments in (["--json", MODEL], [MODEL, "--json", "-"]):
            before = MODEL.read_bytes()
            result = bench(*arguments, *few)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(len(json.loads(result.stdout)["rows"]), 1)
            self.assertEqual(MODEL.read_bytes(), before)

    # ---- profile

    def test_a_profile_has_every_node_and_operator(self):
        model = sequence_model(self.folder / "ids.onnx")
        sized = ["--batch", 2, "--dim", "s=5"]
        profile, other = (
            self.measured(m, "--threads", 1, "--profile", *sizes)["profiles"][0]
            for m, sizes in ((model, sized), (MODEL, [])))
        self.assertEqual({n["op_type"] for n in profile["nodes"]},
                         {"Gather", "MatMul"})
        for each in (profile, other):
            for rows in (each["nodes"], each["operators"]):
                self.assertAlmostEqual(sum(r["share"] for r in rows), 1)
            self.assertEqual(sum(r["macs"] for r in each["nodes"]),
                             sum(r["macs"] for r in each["operators"]))
            self.assertEqual(sum(r["nodes"] for r in each["operators"]),
                             len(each["nodes"]))
            for peak in ("float_macs", "integer_macs", "bytes"):
                self.assertGreater(each[peak + "_per_second"], 0)
            self.assertGreater(each["arena_lower_bound"], 0)
            self.assertGreaterEqual(each["arena_bytes"],
                                    each["arena_lower_bound"])
        self.assertEqual(sum(n["macs"] for n in profile["nodes"]),
                         2 * 5 * 4 * 3)
        self.assertEqual(sum(o["nodes"] for o in other["operators"]
                             if o["name"].startswith("Conv")), 10)

    def test_a_profile_is_printed_beside_the_peaks(self):
        result = bench(MODEL, "--threads", 1, "--rounds", 1, "--seconds", 0,
                       "--profile")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("\npeaks: float ", result.stdout)
        self.assertIn("\nresults in an arena of ", result.stdout)
        self.assertIn("\nGlobalAveragePool ", result.stdout)
        self.assertIn("no profile",
                      self.fails(MODEL, "--profile", "--reference"))

    # ---- peers

    def test_peers_stand_beside_squint(self):
        summary = self.measured(MODEL, "--threads", "1,2", "--peers",
                                "onnxruntime", "--python", sys.executable,
                                **self.peer())
        self.assertEqual(summary["peers"], {"onnxruntime": "9.8.7"})
        self.assertEqual([(r["engine"], r["threads"]) for r in summary["rows"]],
                         [(e, t) for t in (1, 2)
                          for e in ("squint", "onnxruntime")])
        for own, peer in zip(summary["rows"][::2], summary["rows"][1::2]):
            self.assertEqual(peer["speed"], 1)
            self.assertAlmostEqual(own["speed"] * own["seconds"],
                                   peer["seconds"])

    def test_a_peer_that_fails_is_told_and_the_rest_is_shown(self):
        for fault, said in (("refuse", "this model"), ("crash", "signal 11")):
            with self.subTest(fault):
                result = bench(MODEL, "--threads", 1, "--rounds", 2,
                               "--seconds", 0, "--peers", "onnxruntime",
                               "--python", sys.executable, **self.peer(fault))
                self.assertEqual(result.returncode, 1)
                self.assertIn("onnxruntime on", result.stderr)
                self.assertIn(said, result.stderr)
                self.assertRegex(result.stdout, r"squint +\d+\.\d")
                self.assertRegex(result.stdout, "onnxruntime +failed")

    def test_a_peer_or_python_that_is_missing(self):
        empty = {"env": {**os.environ, "PYTHONPATH": str(self.folder)}}
        (self.folder / "onnxruntime.py").write_text("import no_such_thing")
        message = self.fails(MODEL, "--peers", "onnxruntime", "--python",
                             sys.executable, **empty)
        self.assertIn("this Python has no onnxruntime", message)
        message = self.fails(MODEL, "--peers", "openvino", "--python",
                             "no-such-python")
        self.assertIn("cannot start 'no-such-python'", message)
        self.fails(MODEL, "--peers", "abacus", code=2)

    # ---- bad input

    def test_wrong_usage_is_exit_code_2(self):
        self.fails(code=2)
        for extra in (["--threads", 0], ["--threads", 1000000],
                      ["--threads", "one"], ["--rounds", 0],
                      ["--seconds", -1], ["--batch", 0], ["--dim", "n"],
                      ["--dim", "=4"], ["--dim", "n=many"]):
            with self.subTest(extra):
                self.fails(MODEL, *extra, code=2)
        self.fails("--worker", MODEL, "--threads", "1,2", code=2)

    def test_models_that_cannot_run_are_named(self):
        bad = unknown_operator(self.folder / "bad.onnx")
        result = bench(bad, MODEL, "--threads", 1, "--rounds", 1, "--seconds",
                       0, "--profile")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Unheard", result.stderr)
        self.assertRegex(result.stdout, r"fashion_mnist.onnx +squint +\d")
        self.assertIn("missing.onnx", self.fails(self.folder / "missing.onnx"))
        self.assertIn("missing.onnx",
                      self.fails("--worker", self.folder / "missing.onnx"))

    def test_sizes_that_no_input_has(self):
        model = sequence_model(self.folder / "ids.onnx")
        message = self.fails(model, "--dim", "batch=2")
        self.assertIn("no input has a dimension 'batch'; there are n, s",
                      message)
        self.assertIn("not positive", self.fails(model, "--dim", "n=0"))
        self.assertIn("fixed", self.fails(MODEL, "--dim", "image[1]=3"))
        self.fails(model, "--batch", 10 ** 15)

    def test_inputs_that_do_not_fit(self):
        wrong = images(self.folder / "x.npy", count=1)
        model = sequence_model(self.folder / "ids.onnx")
        self.fails(model, "--input", wrong, "--threads", 1, "--rounds", 1)
        self.fails(MODEL, "--input", self.folder / "missing.npy")

    def test_nothing_is_left_among_temporary_files(self):
        temporary = self.folder / "tmp"
        temporary.mkdir()
        bench(MODEL, "--threads", 1, "--rounds", 1, "--seconds", 0,
              env={**os.environ, "TMPDIR": str(temporary)})
        self.assertEqual(list(temporary.iterdir()), [])


if __name__ == "__main__":
    SQUINT = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
