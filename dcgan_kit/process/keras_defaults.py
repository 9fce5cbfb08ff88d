"""Settings of Keras that recipes rely on; ``keras.json`` or a program may have changed them."""

from __future__ import annotations

import keras

DEFAULTS: dict[str, object] = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
"""The default values of Keras."""


def set_keras_defaults() -> None:
    """Set them for this process. A layer keeps the settings from when it was made."""
    for name, value in DEFAULTS.items():
        getattr(keras.config, f"set_{name}")(value)
    keras.config.set_dtype_policy("float32")
