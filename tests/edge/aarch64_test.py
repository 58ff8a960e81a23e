"""What was built for 64-bit Arm, in an emulator, beside the same on the host:
the command's integer operators and emitted C give the same bytes on every CPU.
The unit tests run by themselves (`make test-aarch64`).

Networks are those of SQUINT_SHARED (see edge_test.py), and the example in this
repository where there is none.
usage: aarch64_test.py SQUINT EDGE_VECTORS AARCH64_SQUINT WORK_FOLDER [TEST...]
(numpy)"""
import os
import pathlib
import sys
import unittest

import numpy as np

import edge_test as edge

EXAMPLE = edge.HERE.parent.parent / "examples/fashion_mnist/fashion_mnist.onnx"
COMPILER = "aarch64-linux-gnu-gcc"
EMULATOR = "qemu-aarch64"
# The first one with the dot product extension.
CPUS = ("max", "cortex-a72")
# Depthwise and pointwise convolutions, and a residual network.
NETWORKS = ("tiny_vww_mobilenet", "tiny_ic_resnet8")
SAMPLES = 20
ARM_SQUINT = None


def has_networks():
    return (edge.SHARED / "data/models.json").exists()


def on_arm(cpu, *command, isa="", **options):
    return edge.run(EMULATOR, *command,
                    env=dict(os.environ, QEMU_CPU=cpu, SQUINT_ISA=isa),
                    **options)


class Aarch64(unittest.TestCase):
    @staticmethod
    def images():
        path = edge.WORK / "images.npy"
        np.save(path,
                np.random.default_rng(3).random((4, 1, 28, 28), np.float32))
        return path

    def equal_outputs(self, model, inputs):
        """The host's output is that of every CPU and instruction set."""
        def output(command, name):
            path = edge.WORK / f"{name}.npy"
            command("run", model, "--input", inputs, "--output", path)
            return np.load(path)

        def host(*arguments):
            edge.run(edge.SQUINT, *arguments)
        expected = output(host, "host")
        self.assertGreater(len(np.unique(expected)), 1)
        ways = [(cpu, "") for cpu in CPUS] + [(CPUS[0], "neon")]
        for cpu, isa in ways:
            def arm(*arguments, cpu=cpu, isa=isa):
                on_arm(cpu, ARM_SQUINT, *arguments, isa=isa)
            np.testing.assert_array_equal(output(arm, f"{cpu}{isa}"), expected,
                                          f"{model} {cpu} {isa}")

    def test_integer_operators_give_the_bytes_of_the_host(self):
        for preset in ("squint", "edge"):
            model = edge.WORK / f"example_{preset}.onnx"
            edge.run(edge.SQUINT, "quantize", EXAMPLE, "--data", "random",
                     "--samples", "0:20", "--preset", preset, "-o", model)
            self.equal_outputs(model, self.images())

    def test_networks_give_the_bytes_of_the_host(self):
        if not has_networks():
            self.skipTest(f"no {edge.SHARED / 'data/models.json'}")
        for stem in NETWORKS:
            task, shape, _ = edge.NETWORKS[stem]
            model = edge.WORK / f"{stem}_squint.onnx"
            edge.run(edge.SQUINT, "quantize",
                     edge.SHARED / f"data/models/{stem}.onnx", "--data",
                     edge.data(task, "cal"), "--preset", "squint", "-o", model)
            dims = [2, *map(int, shape.split("=")[1].split(",")[1:])]
            x = edge.WORK / "x.npy"
            np.save(x, np.random.default_rng(4).random(dims, np.float32))
            self.equal_outputs(model, x)

    def test_what_is_quantized_there_gives_the_same_bytes_here(self):
        model = edge.WORK / "made_on_arm.onnx"
        on_arm(CPUS[0], ARM_SQUINT, "quantize", EXAMPLE, "--data", "random",
               "--samples", "0:20", "--preset", "squint", "-o", model)
        self.equal_outputs(model, self.images())

    def test_emitted_c_gives_the_bytes_of_fixed_point_arithmetic(self):
        if not has_networks():
            self.skipTest(f"no {edge.SHARED / 'data/models.json'}")
        for stem, (task, _, _) in edge.NETWORKS.items():
            out, quantized = edge.emit(stem)
            edge.run(edge.VECTORS, quantized, edge.data(task, "eval"), out,
                     SAMPLES)
            for level in ("-O0", "-O3"):
                program = out / "vectors_aarch64"
                edge.run(COMPILER, *edge.FLAGS, level, "-I", out,
                         *edge.port_macros(out), edge.HERE / "run_vectors.c",
                         out / "model.c", out / "weights.c", "-o", program)
                for cpu in CPUS:
                    self.assertIn(f"{SAMPLES} samples, 0 bytes differ",
                                  on_arm(cpu, program, cwd=out))


if __name__ == "__main__":
    edge.SQUINT, edge.VECTORS, ARM_SQUINT = map(os.path.abspath, sys.argv[1:4])
    edge.WORK = pathlib.Path(sys.argv[4]).absolute()
    edge.WORK.mkdir(parents=True, exist_ok=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[5:], verbosity=2)
