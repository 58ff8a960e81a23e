"""Another engine as a worker of squint bench: the same lines in and out as
`squint bench --worker`.  usage:
  ENGINE                            one line of JSON: {"version": ...}
  ENGINE MODEL THREADS INPUTS       INPUTS: JSON, [[name, file.npy], ...]
"""
import json
import sys
import time

RUNS_TO_WARM = 2
FEWEST_RUNS = 3


class OnnxRuntime:
    package = "onnxruntime"

    def load(self, model, threads, inputs):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"])
        self.inputs = inputs

    def run(self):
        return self.session.run(None, self.inputs)[0]


class OpenVino:
    package = "openvino"

    def load(self, model, threads, inputs):
        import openvino
        core = openvino.Core()
        network = core.read_model(model)
        if any(i.get_partial_shape().is_dynamic for i in network.inputs):
            network.reshape({n: list(a.shape) for n, a in inputs.items()})
        # Real numbers as float32: its default is bfloat16 where there is one.
        compiled = core.compile_model(network, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32"})
        self.request = compiled.create_infer_request()
        for each in compiled.inputs:
            name = next(n for n in each.get_names() if n in inputs)
            self.request.set_tensor(each, openvino.Tensor(inputs[name]))

    def run(self):
        self.request.infer()
        return self.request.get_output_tensor(0).data


ENGINES = {e.package: e for e in (OnnxRuntime, OpenVino)}


def mebibytes(key):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
    return 0


def timed(run):
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def run_for(engine, seconds):
    runs = []
    start = time.perf_counter()
    while True:
        runs.append(timed(engine.run)[0])
        over = time.perf_counter() - start >= seconds
        if over and len(runs) >= FEWEST_RUNS:
            return runs


def serve(engine, model, threads, inputs):
    import numpy
    arrays = {name: numpy.load(file) for name, file in inputs}
    base = mebibytes("VmRSS")
    load, _ = timed(lambda: engine.load(model, threads, arrays))
    first, output = timed(engine.run)
    output = numpy.array(output)
    for _ in range(RUNS_TO_WARM):
        engine.run()
    spread = float(numpy.asarray(output, "float64").std())
    print(json.dumps({
        "load": load, "first": first, "base": base, "rss": mebibytes("VmRSS"),
        "peak": mebibytes("VmHWM"), "shape": list(output.shape),
        "std": spread if spread == spread else None}), flush=True)
    for line in sys.stdin:
        print(json.dumps(run_for(engine, float(line))), flush=True)


def main(name, *job):
    try:
        module = __import__(name)
        if not job:
            version = module.__version__.split("-")[0]  # without the build
            print(json.dumps({"version": version}), flush=True)
            return
        model, threads, inputs = job
        serve(ENGINES[name](), model, int(threads), json.loads(inputs))
    except KeyboardInterrupt:
        sys.exit(1)
    except ImportError as error:
        sys.exit(f"this Python has no {name}: {error}")
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {str(error).strip()}")


main(*sys.argv[1:])
