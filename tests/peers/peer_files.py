"""The real models of ../shared/data as other quantizers write them: ONNX
Runtime's (static QDQ and QOperator, dynamic, MatMulNBits, and what its
optimizer leaves of them), NNCF's and AIMET's.

Makes WORK/STEM/RECIPE.onnx, WORK/STEM/sampleK.npz, and RECIPE.refused with
the tool's words where it fails. A recipe whose file is there is not made
again.
needs: numpy, Pillow, onnx, onnxruntime, onnx_ir; nncf, aimet-onnx (with
torch, which HQQ wants, too) for the recipes of these names: they may come
from another Python that works on the same folder.
usage: peer_files.py DATA WORK [--only PART_OF_RECIPE] [STEM ...]"""
import argparse
import copy
import logging
import os
import pathlib
import traceback
import warnings

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import (CalibrationDataReader, QuantFormat,
                                      QuantType, quantize_dynamic,
                                      quantize_static)
from onnxruntime.quantization.shape_inference import quant_pre_process

from real_samples import samples

CALIBRATION_SAMPLES = 6
CHECKED_SAMPLES = 2
LOWEST_OPSET = 13  # of per-channel QuantizeLinear

U8, S8, U16, S16, S4 = (QuantType.QUInt8, QuantType.QInt8, QuantType.QUInt16,
                        QuantType.QInt16, QuantType.QInt4)
QDQ, QOPERATOR = QuantFormat.QDQ, QuantFormat.QOperator


class Feeds(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


class Job:
    """One model: where its files go and what it is calibrated with."""

    def __init__(self, data, work, stem):
        self.source = data / "models" / f"{stem}.onnx"
        self.folder = work / stem
        self.folder.mkdir(parents=True, exist_ok=True)
        self.model = onnx.load(self.source)
        constants = {i.name for i in self.model.graph.initializer}
        names = [i.name for i in self.model.graph.input
                 if i.name not in constants]
        self.feeds = samples(data, stem, names, CALIBRATION_SAMPLES)
        for k, feed in enumerate(self.feeds[:CHECKED_SAMPLES]):
            np.savez(self.folder / f"sample{k}.npz", **feed)

    def path(self, recipe):
        return self.folder / f"{recipe}.onnx"

    def raised(self):
        """Opset 13 at least, and no initializer that is an input, too, as
        the tools want it."""
        opset = next(o.version for o in self.model.opset_import
                     if o.domain in ("", "ai.onnx"))
        if opset >= LOWEST_OPSET:
            return self.model
        raised = onnx.version_converter.convert_version(self.model,
                                                        LOWEST_OPSET)
        constants = {i.name for i in raised.graph.initializer}
        inputs = [i for i in raised.graph.input if i.name not in constants]
        del raised.graph.input[:]
        raised.graph.input.extend(inputs)
        return raised

    def prepared(self):
        """ONNX Runtime's own preprocessing, where it gets through."""
        path = self.path("pre")
        if not path.exists():
            raised = self.path("raised")
            onnx.save(self.raised(), raised)
            try:
                quant_pre_process(str(raised), str(path),
                                  skip_symbolic_shape=True)
            except Exception:  # of any kind: the tool's
                raised.rename(path)
            raised.unlink(missing_ok=True)
        return str(path)


def static(form, activations, weights, per_channel, **extra):
    def make(job, path):
        quantize_static(job.prepared(), str(path), Feeds(job.feeds),
                        quant_format=form, activation_type=activations,
                        weight_type=weights, per_channel=per_channel,
                        extra_options=extra)
    return make


def dynamic(weights, per_channel):
    def make(job, path):
        quantize_dynamic(job.prepared(), str(path), weight_type=weights,
                         per_channel=per_channel)
    return make


def blocks(algorithm="default", operators=("MatMul",), **config):
    def make(job, path):
        from onnxruntime.quantization import matmul_nbits_quantizer as nbits
        kind = {"default": nbits.DefaultWeightOnlyQuantConfig,
                "hqq": nbits.HQQWeightOnlyQuantConfig}[algorithm]
        if "Gather" in operators:
            config["quant_axes"] = (("MatMul", 0), ("Gather", 1))
        quantizer = nbits.MatMulNBitsQuantizer(
            onnx.load(job.source),
            algo_config=kind(op_types_to_quantize=operators, **config))
        quantizer.process()
        quantizer.model.save_model_to_file(str(path))
    return make


def optimized(recipe, everything=False, **entries):
    """What ONNX Runtime's optimizer leaves of another recipe's file."""
    def make(job, path):
        if not job.path(recipe).exists():
            return False
        level = onnxruntime.GraphOptimizationLevel
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = (
            level.ORT_ENABLE_ALL if everything else level.ORT_ENABLE_EXTENDED)
        options.optimized_model_filepath = str(path)
        options.log_severity_level = 4
        for key, value in entries.items():
            options.add_session_config_entry(f"session.{key}", value)
        onnxruntime.InferenceSession(str(job.path(recipe)), options,
                                     providers=["CPUExecutionProvider"])
        return True
    return make


def nncf_static(**options):
    def make(job, path):
        import nncf
        settings = {"subset_size": len(job.feeds)}
        if "preset" in options:
            settings["preset"] = nncf.QuantizationPreset[options["preset"]]
        if "model_type" in options:
            settings["model_type"] = nncf.ModelType[options["model_type"]]
        onnx.save(nncf.quantize(job.raised(), nncf.Dataset(job.feeds),
                                **settings), path)
    return make


def nncf_weights(mode, **options):
    def make(job, path):
        import nncf
        onnx.save(nncf.compress_weights(
            job.raised(), mode=nncf.CompressWeightsMode[mode], **options),
                  path)
    return make


def aimet(param="int8", activation="int8", config=None, blocks=None,
          **export):
    """AIMET's simulation, written with QuantizeLinear, DequantizeLinear."""
    def make(job, path):
        from aimet_onnx import quantsim
        settings = {}
        if config:
            folder = pathlib.Path(quantsim.__file__).parent
            settings["config_file"] = str(
                folder / "common/quantsim_config" / f"{config}.json")
        simulation = quantsim.QuantizationSimModel(
            copy.deepcopy(job.raised()), param_type=param,
            activation_type=activation, dummy_input=job.feeds[0], **settings)
        if blocks:
            quantsim.set_blockwise_quantization_for_weights(
                simulation, ("MatMul", "Gemm"), 4, True, blocks)
        simulation.compute_encodings(job.feeds)
        onnx.save(simulation.to_onnx_qdq(**export), path)
    return make


RECIPES = {
    "ort-qdq-u8s8-channel": static(QDQ, U8, S8, True),
    "ort-qdq-u8s8-tensor": static(QDQ, U8, S8, False),
    "ort-qdq-s8s8-channel": static(QDQ, S8, S8, True),
    "ort-qdq-s8s8-tensor": static(QDQ, S8, S8, False),
    "ort-qdq-u8u8-tensor": static(QDQ, U8, U8, False),
    "ort-qdq-u16s8-channel": static(QDQ, U16, S8, True),
    "ort-qdq-s16s16-tensor": static(QDQ, S16, S16, False),
    "ort-qdq-u8s4-channel": static(QDQ, U8, S4, True),
    "ort-qdq-u16u8-contrib": static(QDQ, U16, U8, False,
                                    UseQDQContribOps=True),
    "ort-qdq-symmetric": static(QDQ, S8, S8, True, ActivationSymmetric=True),
    "ort-qdq-weight-pairs": static(QDQ, U8, S8, True, AddQDQPairToWeight=True,
                                   DedicatedQDQPair=True),
    "ort-qdq-float-bias": static(QDQ, U8, S8, True, QuantizeBias=False,
                                 QDQKeepRemovableActivations=True),
    "ort-qoperator-u8s8-channel": static(QOPERATOR, U8, S8, True),
    "ort-qoperator-s8s8-tensor": static(QOPERATOR, S8, S8, False),
    "ort-qoperator-u8u8-tensor": static(QOPERATOR, U8, U8, False),
    "ort-dynamic-s8-channel": dynamic(S8, True),
    "ort-dynamic-u8-tensor": dynamic(U8, False),
    "ort-nbits4-symmetric": blocks(block_size=32, is_symmetric=True,
                                   accuracy_level=4),
    "ort-nbits4-asymmetric": blocks(block_size=32, is_symmetric=False),
    "ort-nbits4-qdq": blocks(block_size=32, is_symmetric=False,
                             quant_format=QDQ),
    "ort-nbits4-gather": blocks(block_size=32, is_symmetric=True,
                                operators=("MatMul", "Gather")),
    "ort-nbits4-hqq": blocks("hqq", block_size=32),
    "ort-nbits8-symmetric": blocks(block_size=64, is_symmetric=True, bits=8),
    "ort-nbits8-asymmetric": blocks(block_size=64, is_symmetric=False,
                                    bits=8),
    "ort-nbits2-asymmetric": blocks(block_size=32, is_symmetric=False,
                                    bits=2),
    "ort-opt-qdq-u8s8-channel": optimized("ort-qdq-u8s8-channel"),
    "ort-opt-qdq-u8u8-tensor": optimized("ort-qdq-u8u8-tensor"),
    "ort-opt-qdq-s8s8-tensor": optimized("ort-qdq-s8s8-tensor",
                                         qdqisint8allowed="1"),
    "ort-opt-qoperator-u8s8-channel": optimized("ort-qoperator-u8s8-channel"),
    "ort-opt-dynamic-s8-channel": optimized("ort-dynamic-s8-channel"),
    "ort-opt-nbits4-qdq": optimized("ort-nbits4-qdq"),
    "ort-all-qdq-u8s8-channel": optimized("ort-qdq-u8s8-channel", True),
    "nncf-default": nncf_static(),
    "nncf-mixed": nncf_static(preset="MIXED"),
    "nncf-transformer": nncf_static(model_type="TRANSFORMER"),
    "nncf-weights-int8-asymmetric": nncf_weights("INT8_ASYM"),
    "nncf-weights-int8-symmetric": nncf_weights("INT8_SYM"),
    "nncf-weights-int4-asymmetric": nncf_weights("INT4_ASYM", group_size=32,
                                                 ratio=1.0, all_layers=True),
    "nncf-weights-int4-symmetric": nncf_weights("INT4_SYM", group_size=32,
                                                ratio=1.0, all_layers=True),
    "aimet-int8": aimet(),
    "aimet-int8-stored": aimet(prequantize_constants=True,
                               export_int32_bias=True),
    "aimet-int8-signed": aimet(force_activation_as="signed",
                               prequantize_constants=True),
    "aimet-int8-channel": aimet(config="default_config_per_channel",
                                prequantize_constants=True,
                                export_int32_bias=True),
    "aimet-int8-htp": aimet(config="htp_quantsim_config_v81",
                            export_int32_bias=True),
    "aimet-w8a16": aimet(activation="int16", export_int32_bias=True),
    "aimet-w4a8": aimet(param="int4", prequantize_constants=True),
    "aimet-w4-blocks": aimet(blocks=32, prequantize_constants=True),
}


def run(job, recipe):
    path = job.path(recipe)
    refused = path.with_suffix(".refused")
    if path.exists() or refused.exists():
        return
    part = path.with_name(f"part.{os.getpid()}.onnx")
    try:
        if RECIPES[recipe](job, part) is not False:
            part.rename(path)
    except Exception as error:  # of any kind: the tool's
        refused.write_text(f"{type(error).__name__}: {error}\n"
                           f"{traceback.format_exc()}")
        print(job.folder.name, recipe, "refused:", repr(error)[:120],
              flush=True)
    part.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("stems", nargs="*")
    parser.add_argument("--only", default="")
    args = parser.parse_intermixed_args()
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    every = sorted(p.stem for p in (args.data / "models").glob("*.onnx"))
    for stem in args.stems or every:
        job = Job(args.data, args.work, stem)
        for recipe in RECIPES:
            if args.only in recipe:
                run(job, recipe)


if __name__ == "__main__":
    main()
