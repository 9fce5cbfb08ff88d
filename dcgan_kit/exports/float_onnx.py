"""A generator as ONNX whose images are the numbers of the network, for programs that draw them themselves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from dcgan_kit.exports.formats import FORMATS
from dcgan_kit.exports.image_model import IMAGE, LATENT
from dcgan_kit.exports.replacements import REPLACEMENTS, replaced

CLASSES = "classes"
"""Name of the input that takes one-hot classes."""


def float_onnx(generator: Any) -> bytes:
    """Return a generator as ONNX: {latent: (B, size), classes: one-hot (B, K)} → {image: (B, H, W, C)}, all float32.

    The input ``classes`` exists only if the generator takes classes.

    Args:
        generator: the Keras model.

    Raises:
        UserError: a package is missing, or the converter does not know an operation of the network.
    """
    FORMATS["onnx"].require_modules()
    inputs = {
        name: keras.Input(tensor.shape[1:], name=name, dtype="float32")
        for name, tensor in zip((LATENT, CLASSES), generator.inputs, strict=False)
    }
    fed = list(inputs.values())
    image = replaced(generator, REPLACEMENTS["onnx"])(fed if len(fed) > 1 else fed[0], training=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.onnx"
        FORMATS["onnx"].convert(keras.Model(inputs, {IMAGE: ops.cast(image, "float32")}, name="generator"), path)
        return path.read_bytes()


def greatest_difference(model: bytes, generator: Any, latent: Any, classes: Any = None) -> float:
    """Return the greatest difference between the images of the ONNX model and those of the generator.

    Args:
        model: what ``float_onnx`` returned.
        generator: the Keras model.
        latent: float32 (N, size).
        classes: one-hot, float32 (N, K); None if the generator takes no classes.
    """
    import onnxruntime

    fed = {LATENT: latent} if classes is None else {LATENT: latent, CLASSES: classes}
    (images,) = onnxruntime.InferenceSession(model).run([IMAGE], fed)
    expected = generator(latent if classes is None else [latent, classes], training=False)
    return float(np.abs(images - np.asarray(expected, np.float32)).max())
