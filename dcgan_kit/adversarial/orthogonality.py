"""Orthogonal regularization: the filters of each kernel are to be perpendicular to each other."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import layers

from dcgan_kit.adversarial.generated_images import weight_tape
from dcgan_kit.networks.constraints import CONSTRAINED
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.kernels import Kernel, kernels_of


def regularized_kernels(model: Any) -> list[Kernel]:
    """Return the kernels of a model's convolutions and dense layers, at any depth, each once.

    An embedding is left out, as the authors of the method leave out their embedding of classes.
    """
    found = [layer for layer in layers_within(model) if isinstance(layer, CONSTRAINED)]
    kernels = [kernel for layer in found if not isinstance(layer, layers.Embedding) for kernel in kernels_of(layer)]
    return list({id(kernel.variable): kernel for kernel in kernels}.values())


def overlap(kernel: Kernel) -> Any:
    """Return the sum of the squared inner products of different filters: ‖WᵀW ∘ (1 - I)‖²_F, a scalar.

    W has a column for each filter; ``Kernel.matrices`` says what it is for each type of layer. Filters of different
    groups of a convolution see different channels, so only those of one group are compared.

    Brock et al. 2018, arXiv 1809.11096, equation 3
    """
    matrices = kernel.matrices()
    products = tf.matmul(matrices, matrices, transpose_a=True)
    return tf.reduce_sum(tf.square(products * (1.0 - tf.eye(products.shape[-1]))))


def overlap_gradients(kernels: list[Kernel], weights: list[Any]) -> list[Any]:
    """Return the gradient of the kernels' summed overlap with respect to each weight; None for other weights."""
    with weight_tape(weights) as tape:
        total = sum(map(overlap, kernels), tf.zeros(()))
    gradients: list[Any] = tape.gradient(total, weights)
    return gradients
