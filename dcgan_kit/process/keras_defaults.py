"""What recipes take for granted in Keras, and ``keras.json`` or a program may have set otherwise."""

from __future__ import annotations

import keras

DEFAULTS: dict[str, object] = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
"""As Keras has them where nobody says otherwise."""


def set_keras_defaults() -> None:
    """Set them for this process: layers keep those that hold when they are made."""
    for name, value in DEFAULTS.items():
        getattr(keras.config, f"set_{name}")(value)
    keras.config.set_dtype_policy("float32")
