"""Activation functions that stock Keras has no name for."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="dcgan_kit")
def gelu_tanh(x: Any) -> Any:
    """Return x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.  (B, ...) → (B, ...).

    Hendrycks, Gimpel 2016, arXiv 1606.08415, section 2
    """
    return keras.activations.gelu(x, approximate=True)
