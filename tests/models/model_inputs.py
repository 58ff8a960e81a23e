"""Made-up inputs of the models of ../shared/data, eight samples each: input
name -> array. Not of the recurrent voice detector, whose first dimension is
a sequence."""
import numpy as np

SAMPLES = 8
RANDOM = np.random.default_rng(3)


def reals(*shape, scale=1.0):
    return (scale * RANDOM.normal(size=(SAMPLES, *shape))).astype(np.float32)


def pixels(*shape):
    return RANDOM.integers(0, 256, (SAMPLES, *shape)).astype(np.float32)


def tokens(vocabulary, length):
    return RANDOM.integers(1, vocabulary, (SAMPLES, length))


INPUTS = {
    "arm_kws_gru_m": lambda: {"mfcc": reals(49, 10, scale=10)},
    "arm_kws_lstm_s": lambda: {"mfcc": reals(49, 10, scale=10)},
    "chargpt": lambda: {"input_ids": tokens(65, 24)},
    "efficientnet_lite0": lambda: {"input": reals(3, 224, 224)},
    "fashion_mnist": lambda: {"image": pixels(1, 28, 28) / 255},
    "minilm_l6_v5539": lambda: {
        "input_ids": tokens(5539, 12),
        "attention_mask": np.ones((SAMPLES, 12), np.int64)},
    "mnist_cntk": lambda: {"Input3": pixels(1, 28, 28)},
    "ppocr_cls": lambda: {"x": reals(3, 48, 192, scale=0.5)},
    "ppocrv4_det": lambda: {"x": reals(3, 96, 64)},
    "resnet20_cifar10_rawexport": lambda: {"input": reals(3, 32, 32)},
    "resnet20_cifar10jpg": lambda: {"input": reals(3, 32, 32)},
    "tiny_ad_fcae": lambda: {"input_1": reals(640, scale=10)},
    "tiny_ic_resnet8": lambda: {"input_1": pixels(32, 32, 3)},
    "tiny_kws_dscnn": lambda: {"input_1": reals(49, 10, 1, scale=10)},
    "tiny_vww_mobilenet": lambda: {"input_1": pixels(96, 96, 3) / 255},
    "ultraface_rfb320": lambda: {"input": reals(3, 240, 320, scale=0.5)},
}
