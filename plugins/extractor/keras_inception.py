"""Keras' InceptionV3 with weights from a local file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dcgan_kit import DataError, Features, open_regular

WEIGHTS = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
ADDRESS = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{WEIGHTS}"
HDF5 = b"\x89HDF\r\n\x1a\n"
LARGEST = 2**30
"""Largest size of the weights file in bytes. Keras' file has 96 million."""
SIDE = 299
HEX_DIGITS = 8
BATCH = 32
"""Images per forward pass, which needs about 10 MB of memory per image."""


def weights_file(path: str | None) -> Path:
    """Return the weights file: ``path``, or the file in Keras' download folder.

    Raises:
        DataError: the file does not exist.
    """
    if path is not None:
        file = Path(path).expanduser()
    else:
        file = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models" / WEIGHTS
    if not file.is_file():
        raise DataError(f"no file {file}: put the ImageNet weights there ({ADDRESS}), or name another with 'path'")
    return file


def _digest(file: Path) -> str:
    """Return a hash of the file's content, in hex digits.

    Raises:
        OSError: it is not an ordinary file, or cannot be read.
        ValueError: it is not an HDF5 file, or is too large.
    """
    with open_regular(file) as stream:
        if stream.read(len(HDF5)) != HDF5:
            raise ValueError("it is no HDF5 file")
        if os.fstat(stream.fileno()).st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 2**20} MiB")
        stream.seek(0)
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describing(file: Path, shape: tuple[int, int, int]) -> tuple[Callable[[Any], Features], str]:
    """Return the function from pixels (N, *shape) to 2048 features and 1000 probabilities, and its key.

    Raises:
        DataError: the file does not contain these weights.
    """
    import keras
    import tensorflow as tf

    try:
        digest = _digest(file)
        network = keras.applications.InceptionV3(weights=None)
        network.load_weights(file)
    except Exception as error:  # h5py and Keras raise many types of errors for a file with other content.
        raise DataError(f"{file}: holds no weights of Keras' InceptionV3 with its 1000 classes: {error}") from error
    model = keras.Model(network.input, [network.get_layer("avg_pool").output, network.output])

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, *shape), tf.uint8)])
    def described(pixels: Any) -> Any:
        images = tf.cast(pixels, tf.float32)
        if shape[2] == 1:
            images = tf.image.grayscale_to_rgb(images)
        images = tf.image.resize(images, (SIDE, SIDE), "bicubic", antialias=True)
        return model(tf.clip_by_value(images, 0.0, 255.0) / 127.5 - 1.0, training=False)

    def describe(pixels: Any) -> Features:
        parts = [described(tf.constant(pixels[i : i + BATCH])) for i in range(0, len(pixels), BATCH)]
        features, probabilities = (tf.concat(outputs, axis=0).numpy() for outputs in zip(*parts, strict=True))
        return Features(features, probabilities)

    return describe, f"{digest[:HEX_DIGITS]}-bicubic{SIDE}"
