"""What ONNX Runtime makes of a quantized file: checks it with the ONNX
checker, loads it, and lists the operators that are left after its extended
optimization, the float Conv, Gemm, MatMul and Add among them by name.
needs: onnx, onnxruntime.   usage: fusion.py MODEL.onnx..."""
import collections
import pathlib
import sys
import tempfile

import onnx
import onnxruntime

SHOULD_FUSE = ("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul",
               "FusedMatMul", "Add")


def optimized(path):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "optimized.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = (
            onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED)
        options.optimized_model_filepath = str(out)
        options.log_severity_level = 3
        onnxruntime.InferenceSession(str(path), options,
                                     providers=["CPUExecutionProvider"])
        return onnx.load(str(out))


def main(paths):
    for path in paths:
        onnx.checker.check_model(path, full_check=True)
        graph = optimized(path).graph
        counts = collections.Counter(n.op_type for n in graph.node)
        print(pathlib.Path(path).name)
        print("  ", ", ".join(f"{k} {v}" for k, v in sorted(counts.items())))
        for node in graph.node:
            if node.op_type in SHOULD_FUSE:
                print("   float", node.op_type, node.name or node.output[0])


main(sys.argv[1:])
