"""The command as people use it: what it prints, what it writes, its exit
codes, and what it does with bad input.  usage: command_line_test.py SQUINT"""
import hashlib
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import tiny_onnx

SQUINT = None
ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "examples/fashion_mnist/fashion_mnist.onnx"
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
TRAIN = DATA / "train-images-idx3-ubyte.gz"
TEST = DATA / "t10k-images-idx3-ubyte.gz"


def squint(*arguments, **options):
    return subprocess.run([SQUINT, *map(str, arguments)], text=True,
                          capture_output=True, timeout=600, **options)


def write_npy(path, shape, values):
    """float32, C order."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    data = struct.pack(f"<{len(values)}f", *values)
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) +
                     header.encode() + data)


def images(path, count=24, bad=None):
    """Smooth made-up images, or with one element replaced by `bad`."""
    values = [((i * 37 + s * 11) % 256) / 255.0
              for s in range(count) for i in range(784)]
    if bad is not None:
        values[1000] = bad
    write_npy(path, (count, 1, 28, 28), values)
    return path


def waves(count, phase, size=0.5):
    return [size * math.sin(phase + 1.7 * i) for i in range(count)]


def recurrent_model(path, features=16, hidden=40):
    """[n, 12, 16] -> LSTM over the steps -> GRU both ways -> [n, 5]."""
    t, node = tiny_onnx.tensor, tiny_onnx.node
    lstm, gru = 4 * hidden, 3 * hidden
    weights = [
        t("lw", [1, lstm, features], waves(lstm * features, 1)),
        t("lr", [1, lstm, hidden], waves(lstm * hidden, 2)),
        t("lb", [1, 2 * lstm], waves(2 * lstm, 3)),
        t("gw", [2, gru, hidden], waves(2 * gru * hidden, 4)),
        t("gr", [2, gru, hidden], waves(2 * gru * hidden, 5)),
        t("axis", [1], [1], tiny_onnx.INT64),
        t("flat", [2], [-1, 2 * hidden], tiny_onnx.INT64),
        t("ow", [2 * hidden, 5], waves(10 * hidden, 6))]
    nodes = [
        node("Transpose", ["x"], ["xt"], perm=[1, 0, 2]),
        node("LSTM", ["xt", "lw", "lr", "lb"], ["ly", "lh"],
             hidden_size=hidden),
        node("Squeeze", ["ly", "axis"], ["l"]),
        node("GRU", ["l", "gw", "gr"], ["gy", "gh"], hidden_size=hidden,
             direction="bidirectional"),
        node("Transpose", ["gh"], ["gt"], perm=[1, 0, 2]),
        node("Reshape", ["gt", "flat"], ["state"]),
        node("MatMul", ["state", "ow"], ["y"])]
    path.write_bytes(tiny_onnx.model(
        nodes, weights, [tiny_onnx.value_info("x", ["n", 12, features])],
        [tiny_onnx.value_info("y", ["n", 5])]))
    return path


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = images(self.folder / "x.npy")

    def quantize(self, *extra, output="q.onnx"):
        path = self.folder / output
        result = squint("quantize", MODEL, "--data", self.data, "-o", path,
                        "--json", *extra)
        self.assertEqual(result.returncode, 0, result.stderr)
        return path, json.loads(result.stdout)

    def fails(self, *arguments, code=1):
        result = squint(*arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertNotIn("defect", result.stderr)
        return result.stderr

    # ---- the main job

    def test_quantize_reports_sizes_and_what_it_compared(self):
        path, summary = self.quantize()
        self.assertEqual(summary["quantized_bytes"], path.stat().st_size)
        self.assertEqual(summary["float_bytes"], MODEL.stat().st_size)
        self.assertLess(summary["quantized_weight_bytes"],
                        0.26 * summary["float_weight_bytes"])
        self.assertEqual(summary["compared_samples"], 2)
        self.assertEqual(summary["calibration_samples"], 22)
        self.assertFalse(summary["compared_on_calibration"])

    def test_the_same_command_gives_the_same_bytes_on_any_thread_count(self):
        digests = set()
        for name, threads in (("a", 1), ("b", 2), ("c", 2)):
            path, _ = self.quantize("--threads", threads, output=name)
            digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
        self.assertEqual(len(digests), 1)

    def test_merged_shards_equal_the_single_run(self):
        tables = {}
        for name, samples in (("all", "0:24"), ("a", "0:9"), ("b", "9:24")):
            tables[name] = self.folder / f"{name}.json"
            result = squint("calibrate", MODEL, "--data", self.data, "--all",
                            "--samples", samples, "-o", tables[name])
            self.assertEqual(result.returncode, 0, result.stderr)
        for order in (("a", "b"), ("b", "a")):
            merged = self.folder / "merged.json"
            result = squint("calibrate", "--merge", *[tables[n] for n in order],
                            "-o", merged)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(merged.read_bytes(), tables["all"].read_bytes())
        self.fails("calibrate", "--merge", tables["a"], tables["all"],
                   "-o", self.folder / "twice.json")

    def test_quantize_takes_a_calibration_table(self):
        table = self.folder / "t.json"
        squint("calibrate", MODEL, "--data", self.data, "-o", table)
        path, _ = self.quantize("--calibration", table, output="a")
        direct, _ = self.quantize(output="b")
        self.assertEqual(path.read_bytes(), direct.read_bytes())

    def test_modes_and_types_write_files_that_run(self):
        for extra in (["--mode", "dynamic"], ["--mode", "weight-only"],
                      ["--mode", "weight-only", "--weights", "int4"],
                      ["--mode", "weight-only", "--weights", "float16"],
                      ["--mode", "weight-only", "--weights", "bfloat16"],
                      ["--preset", "arm"], ["--preset", "tensorrt"],
                      ["--preset", "squint"], ["--preset", "edge"],
                      ["--activations", "uint16"], ["--activations", "int16"],
                      ["--weights", "uint8"], ["--weights", "int16"],
                      ["--per-tensor"], ["--saturation-safe"]):
            with self.subTest(extra):
                path, summary = self.quantize(*extra)
                self.assertGreater(summary["sqnr"], 8.0, extra)
                result = squint("compare", MODEL, path, "--data", self.data,
                                "--limit", 2, "--json")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertGreater(json.loads(result.stdout)["agreement"], 0.4)

    def test_recurrent_networks_in_every_mode(self):
        model = recurrent_model(self.folder / "rnn.onnx")
        data = self.folder / "sequences.npy"
        write_npy(data, (24, 12, 16), waves(24 * 12 * 16, 0, 2.0))
        # The least SQNR, and the largest share of the float file.
        cases = ((["--mode", "weight-only"], 25, 0.34),
                 (["--mode", "weight-only", "--weights", "int4"], 1, 0.24),
                 (["--mode", "dynamic"], 20, 0.34),
                 (["--preset", "x86"], 25, 0.34),
                 (["--preset", "squint"], 18, 0.42),
                 (["--preset", "edge"], 18, 0.42))
        for extra, sqnr, share in cases:
            with self.subTest(extra=extra):
                out = self.folder / "rnn.int8.onnx"
                result = squint("quantize", model, "--data", data, "-o", out,
                                "--json", *extra)
                self.assertEqual(result.returncode, 0, result.stderr)
                summary = json.loads(result.stdout)
                self.assertGreater(summary["sqnr"], sqnr)
                self.assertLess(out.stat().st_size,
                                share * model.stat().st_size)
                result = squint("compare", model, out, "--data", data,
                                "--json")
                self.assertEqual(result.returncode, 0, result.stderr)

    def test_few_bits_beside_integer_activations(self):
        for weights, share in (("int4", 0.2), ("int6", 0.26)):
            path, summary = self.quantize("--weights", weights, output=weights)
            self.assertLess(summary["quantized_weight_bytes"],
                            share * summary["float_weight_bytes"])
            self.assertGreater(summary["sqnr"], 8)
            result = squint("run", path, "--input", self.data, "--output",
                            self.folder / "y.npy")
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(any("6 bits" in note for note in summary["notes"]))
        nodes = json.loads(squint("inspect", path, "--nodes",
                                  "--json").stdout)["nodes"]
        bits = [w["bits"] for node in nodes for w in node.get("weights", [])]
        self.assertEqual(set(bits[1:-1]), {6})
        self.assertEqual((bits[0], bits[-1]), (8, 8))
        self.assertIn("weights int8 of 6 bits",
                      squint("inspect", path, "--nodes").stdout)

    def test_activations_of_4_bits_are_simulated_and_said_to_be(self):
        _, eight = self.quantize("--weights", "int4", output="w4a8")
        path, four = self.quantize("--weights", "int4", "--activations",
                                   "uint4", output="w4a4")
        self.assertLess(four["sqnr"], eight["sqnr"] - 3)
        self.assertTrue(any("simulates uint4" in note
                            for note in four["notes"]))
        result = squint("run", path, "--input", self.data, "--output",
                        self.folder / "y.npy")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_budget_is_met_or_ends_with_code_3_and_the_best(self):
        budget = ("quantize", MODEL, "--data", self.data, "--weights", "int4",
                  "--metric", "agreement", "--json")
        path = self.folder / "budget.onnx"
        result = squint(*budget, "--max-drop", "5%", "-o", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(json.loads(result.stdout)["budget_met"])
        record = json.loads(
            (self.folder / "budget.onnx.trials.json").read_text())
        self.assertGreaterEqual(max(t["metric"] for t in record["trials"]),
                                0.95)
        self.assertIn("ranking", record)
        kept = path.read_bytes()
        result = squint(*budget, "--max-drop", "5%", "--time-budget", "1e-9s",
                        "-o", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(path.read_bytes(), kept)
        (self.folder / "foreign.onnx.trials.json").write_text('{"my": "file"}')
        self.assertIn("trials", self.fails(
            *budget, "--max-drop", "5%", "-o", self.folder / "foreign.onnx"))
        missed = self.folder / "missed.onnx"
        result = squint(*budget, "--max-drop", "0", "--time-budget", "1e-9s",
                        "-o", missed)
        if not json.loads(result.stdout)["budget_met"]:
            self.assertEqual(result.returncode, 3, result.stderr)
        self.assertTrue(missed.exists())
        self.assertIn("a drop is", self.fails(
            *budget, "--max-drop", "much", "-o", path))

    def test_outputs_that_cannot_be_written_are_told_before_the_work(self):
        for output in (self.folder / "nowhere" / "y.onnx", self.folder):
            self.assertIn("cannot write there", self.fails(
                "quantize", MODEL, "--data", self.data, "-o", output))

    def test_options_that_would_do_nothing_are_refused(self):
        self.assertIn("--reconstruct", self.fails(
            "quantize", MODEL, "--data", self.data, "--iterations", "5", "-o",
            self.folder / "y.onnx"))
        for command in (("run", MODEL, "--input", self.data),
                        ("eval", MODEL, "--data", self.data)):
            self.assertIn("is a float model", self.fails(
                *command, "--arithmetic", "fixed"))

    def test_bf16_keeps_accuracy_and_knows_its_runs(self):
        def top1(*options):
            result = squint("eval", MODEL, "--data", TEST, "--limit", 1000,
                            "--json", *options)
            self.assertEqual(result.returncode, 0, result.stderr)
            return json.loads(result.stdout)["value"]
        self.assertLess(abs(top1("--float", "bf16") - top1()), 0.01)
        self.assertIn("bfloat16 is for runs by float kernels", self.fails(
            "run", MODEL, "--input", self.data, "--float", "bf16",
            "--reference"))

    def test_reconstruction_needs_data(self):
        path = self.folder / "tuned.onnx"
        result = squint("quantize", MODEL, "--data", self.data, "--weights",
                        "int4", "--reconstruct", "--iterations", "20", "-o",
                        path, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("--data", self.fails(
            "quantize", MODEL, "--no-data", "--data", self.data,
            "--reconstruct", "-o", path))

    def test_without_data(self):
        path = self.folder / "free.onnx"
        result = squint("quantize", MODEL, "--no-data", "-o", path, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        summary = json.loads(result.stdout)
        self.assertTrue(summary["data_free"])
        self.assertIn("BatchNormalization", " ".join(summary["notes"]))
        self.assertNotIn("compared_samples", summary)
        self.assertIn(b"none: data-free", path.read_bytes())
        self.assertIn(b'"smooth-quant":false', path.read_bytes())
        compared = squint("compare", MODEL, path, "--data", self.data, "--json")
        self.assertGreater(json.loads(compared.stdout)["outputs"][0]["sqnr"], 8)
        error = self.fails("quantize", MODEL, "--no-data", "--data", self.data,
                           "-o", path)
        self.assertIn("--no-data does without samples", error)
        self.assertIn("--no-data", self.fails("quantize", MODEL, "-o", path))

    def test_without_data_methods_are_the_users(self):
        path = self.folder / "smooth.onnx"
        result = squint("quantize", MODEL, "--no-data", "--enable",
                        "smooth-quant", "-o", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b'"smooth-quant":true', path.read_bytes())

    def test_integer_inputs_and_outputs(self):
        for io in ("int8", "uint8"):
            path, _ = self.quantize("--io", io)
            result = squint("inspect", path)
            self.assertIn(f"input  image {io}[batch,1,28,28]", result.stdout)

    def test_run_writes_arrays_and_the_reference_agrees(self):
        path, _ = self.quantize()
        one = images(self.folder / "one.npy", count=1)
        outputs = []
        for flag in ([], ["--reference"]):
            out = self.folder / "y.npy"
            result = squint("run", path, "--input", one, "--output", out,
                            *flag)
            self.assertEqual(result.returncode, 0, result.stderr)
            outputs.append(struct.unpack("<10f", out.read_bytes()[-40:]))
        largest = max(abs(v) for v in outputs[0])
        for a, b in zip(*outputs):
            self.assertAlmostEqual(a, b, delta=0.05 * largest)

    @unittest.skipUnless(TEST.exists(), "skipped: no dataset-fashion-mnist")
    def test_every_instruction_set_gives_the_same_integers(self):
        model, _ = self.quantize("--preset", "squint")
        one = images(self.folder / "one.npy", count=1)
        seen = {}
        for isa in ("generic", "sse4", "avx2", "avxvnni", "avx512",
                    "avx512vnni", "avx512bf16", ""):
            out = self.folder / f"isa_{isa}.npy"
            result = squint("run", model, "--input", one, "--output", out,
                            env={**os.environ, "SQUINT_ISA": isa})
            if result.returncode != 0:
                self.assertIn(f"this CPU has no {isa}", result.stderr)
            else:
                seen[isa] = out.read_bytes()
        self.assertIn("", seen)
        self.assertEqual(len(set(seen.values())), 1, list(seen))
        result = squint("run", model, "--input", one,
                        env={**os.environ, "SQUINT_ISA": "mmx"})
        self.assertEqual(result.returncode, 1)
        self.assertIn("instruction set 'mmx'", result.stderr)

    def test_accuracy_on_real_images(self):
        path = self.folder / "q.onnx"
        result = squint("quantize", MODEL, "--data", TRAIN, "--samples",
                        "0:300", "-o", path)
        self.assertEqual(result.returncode, 0, result.stderr)
        values = []
        for model in (MODEL, path):
            result = squint("eval", model, "--data", TEST, "--metric", "top1",
                            "--limit", 2000, "--json")
            self.assertEqual(result.returncode, 0, result.stderr)
            summary = json.loads(result.stdout)
            self.assertEqual((summary["metric"], summary["samples"]),
                             ("top1", 2000))
            values.append(summary["value"])
        self.assertGreater(values[0], 0.9)
        self.assertLess(values[0] - values[1], 0.01)

    def test_inspect_and_ops_know_what_there_is(self):
        result = squint("inspect", MODEL, "--nodes", "--json")
        summary = json.loads(result.stdout)
        self.assertEqual(summary["operators"]["Conv"], 10)
        self.assertFalse(summary["quantized"])
        self.assertIn("operator  Conv ", squint("ops").stdout)
        json.loads(squint("ops", "--json").stdout)

    # ---- convert

    def convert(self, model, *extra, name="c.onnx"):
        path = self.folder / name
        result = squint("convert", model, "-o", path, "--json", *extra)
        self.assertEqual(result.returncode, 0, result.stderr)
        return path, json.loads(result.stdout)

    def answer(self, model, *flags):
        out = self.folder / "y.npy"
        one = images(self.folder / "one.npy", count=1)
        result = squint("run", model, "--input", one, "--output", out, *flags)
        self.assertEqual(result.returncode, 0, result.stderr)
        return out.read_bytes()

    def test_inspect_forecasts_the_sizes_that_are_asked_for(self):
        def products(*sizes):
            result = squint("inspect", MODEL, "--forecast", "--json", *sizes)
            self.assertEqual(result.returncode, 0, result.stderr)
            nodes = json.loads(result.stdout)["forecast"]["nodes"]
            return sum(node["macs"] for node in nodes)
        self.assertEqual(products("--batch", 4), 4 * products())
        result = squint("inspect", MODEL, "--forecast", "--dim", "no=3")
        self.assertEqual(result.returncode, 1)
        self.assertIn("'no'", result.stderr)

    def test_inspect_forecasts_float_models(self):
        result = squint("inspect", MODEL, "--forecast", "--preset", "squint",
                        "--json")
        forecast = json.loads(result.stdout)["forecast"]
        for kind in ("float_ms", "int8_ms"):
            self.assertGreater(forecast[kind], 0)
            self.assertAlmostEqual(
                forecast[kind], sum(n[kind] for n in forecast["nodes"]))
        self.assertEqual(forecast["unknown"], 0)
        self.assertTrue(any(n["integer"] for n in forecast["nodes"]))

    def test_convert_changes_activations_and_no_number(self):
        arm, _ = self.quantize("--preset", "arm")
        path, summary = self.convert(arm, "--activations", "uint8")
        self.assertEqual(summary["notes"], [])
        self.assertEqual(summary["bytes"], path.stat().st_size)
        self.assertNotEqual(path.read_bytes(), arm.read_bytes())
        back, _ = self.convert(path, "--activations", "int8", name="b.onnx")
        for flags in ([], ["--reference"]):
            expected = self.answer(arm, *flags)
            self.assertEqual(self.answer(path, *flags), expected)
            self.assertEqual(self.answer(back, *flags), expected)

    def test_convert_writes_the_opset_asked_for(self):
        quantized, _ = self.quantize()
        for opset, ir in ((13, 7), (17, 8), (25, 13)):
            path, summary = self.convert(quantized, "--opset", opset)
            self.assertEqual((summary["opset"], summary["ir_version"]),
                             (opset, ir))
            self.assertEqual(self.answer(path), self.answer(quantized))
        wide, _ = self.quantize("--activations", "int16", output="w.onnx")
        message = self.fails("convert", wide, "--opset", 20, "-o",
                             self.folder / "old.onnx")
        self.assertIn("cannot be written in opset 20", message)
        self.assertFalse((self.folder / "old.onnx").exists())

    def test_convert_packs_weights_out_and_in(self):
        def weights():
            return [p for p in self.folder.iterdir() if ".data" in p.name]

        out, _ = self.convert(MODEL, "--external-data", name="o.onnx")
        self.assertEqual(len(weights()), 1)
        self.assertLess(out.stat().st_size, 0.2 * MODEL.stat().st_size)
        kept, _ = self.convert(out, name="k.onnx")
        self.assertEqual(len(weights()), 2)
        packed, _ = self.convert(kept, "--no-external-data", name="p.onnx")
        self.assertEqual(len(weights()), 2)
        for path in (out, kept, packed):
            self.assertEqual(self.answer(path), self.answer(MODEL))

    def test_convert_refuses_what_it_does_not_know(self):
        for extra in (["--activations", "int4"], ["--format", "qoperator"],
                      ["--opset", "99"]):
            self.fails("convert", MODEL, "-o", self.folder / "n.onnx", *extra)
        self.fails("convert", MODEL, "-o", self.folder / "n.onnx",
                   "--external-data", "1", "--no-external-data", code=2)

    # ---- bad input: a clear error, exit code 1, nothing half-written

    def test_wrong_usage_is_exit_code_2(self):
        self.fails("quantize", code=2)
        self.fails("no-such-command", code=2)

    def test_bad_models(self):
        whole = MODEL.read_bytes()
        for name, content in (("empty", b""), ("truncated", whole[:5000]),
                              ("noise", bytes(range(256)) * 8)):
            with self.subTest(name):
                bad = self.folder / f"{name}.onnx"
                bad.write_bytes(content)
                error = self.fails("quantize", bad, "--data", self.data,
                                   "-o", self.folder / "out.onnx")
                self.assertIn(str(bad), error)
        self.fails("inspect", self.folder)
        self.fails("inspect", self.folder / "missing.onnx")

    def test_bad_data(self):
        out = self.folder / "out.onnx"
        nan = images(self.folder / "nan.npy", bad=float("nan"))
        inf = images(self.folder / "inf.npy", bad=float("inf"))
        shape = self.folder / "shape.npy"
        write_npy(shape, (2, 3, 28, 28), [0.0] * (2 * 3 * 784))
        empty = self.folder / "empty"
        empty.mkdir()
        for data in (nan, inf, shape, empty, self.folder / "missing.npy"):
            with self.subTest(data):
                self.fails("quantize", MODEL, "--data", data, "-o", out)
                self.assertFalse(out.exists())
        self.fails("quantize", MODEL, "-o", out)
        self.fails("eval", MODEL, "--data", self.data, "--metric", "topp")

    def test_bad_recipes(self):
        out = self.folder / "out.onnx"
        recipe = self.folder / "r.json"
        recipe.write_text('{"exclude_nodes": ["no such node"]}')
        error = self.fails("quantize", MODEL, "--data", self.data, "-o", out,
                           "--recipe", recipe)
        self.assertIn("no such node", error)
        self.fails("quantize", MODEL, "--data", self.data, "-o", out,
                   "--preset", "abacus", code=2)
        self.fails("quantize", MODEL, "--data", self.data, "-o", out,
                   "--limit", -3, code=2)
        self.fails("quantize", MODEL, "--data", self.data, "-o", out,
                   "--mode", "dynamic", "--weights", "int4")

    def test_quantizing_twice_is_refused(self):
        path, _ = self.quantize()
        error = self.fails("quantize", path, "--data", self.data,
                           "-o", self.folder / "twice.onnx")
        self.assertIn("already", error)

    def test_outputs_that_cannot_be_written_leave_nothing(self):
        before = sorted(os.listdir(self.folder))
        self.fails("quantize", MODEL, "--data", self.data, "-o", self.folder)
        self.fails("quantize", MODEL, "--data", self.data,
                   "-o", self.folder / "no/such/folder.onnx")
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_a_full_disk_loses_nothing(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk],
            capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("skipped: cannot mount a small tmpfs")
        try:
            out = disk / "q.onnx"
            out.write_text("the file before")
            self.fails("quantize", MODEL, "--data", self.data, "-o", out)
            self.assertEqual(os.listdir(disk), ["q.onnx"])
            self.assertEqual(out.read_text(), "the file before")
        finally:
            subprocess.run(["umount", disk], check=True)


if __name__ == "__main__":
    SQUINT = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
