"""Layers whose kernel is reparametrized."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from dcgan_kit import Kernel, Reparametrization


@keras.saving.register_keras_serializable(package="dcgan_kit")
class SpectralNormalization(Reparametrization):
    """Divides each kernel W of a layer by an estimate of its largest singular value.

    The estimate is σ = uᵀWv. The vectors u and v are variables, and constants for gradients. ``after_update`` moves
    them by power iteration: v = unit(Wᵀu), u = unit(Wv). Here W has one row for each column that ``Kernel.matrices``
    returns; each of its blocks has its own vectors, and the largest σ counts.

    Args:
        layer: a convolution (also depthwise, separable, grouped or transposed), a dense layer or an embedding.
        power_iterations: int ≥ 1, power iterations for each update, and before the first one.
        epsilon: float > 0, smallest length that a vector is divided by.
        seed: int, determines the first u.
    """

    def __init__(
        self, layer: Any, power_iterations: int = 1, epsilon: float = 1e-12, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations, self.epsilon, self.seed = power_iterations, epsilon, seed

    def build(self, input_shape: Any = None) -> None:
        """Build the layer, and draw the first u of each kernel; one round of power iteration makes it fit."""
        super().build(input_shape)
        self.vectors = [self._new_vectors(kernel) for kernel in self.kernels]

    def _new_vectors(self, kernel: Kernel) -> tuple[Any, Any]:
        blocks, rows, columns = kernel.matrix_shape

        def first(index: int) -> Any:
            drawn = keras.initializers.RandomNormal(stddev=1.0, seed=self.seed + kernel.number)
            u = self._unit(drawn((blocks, columns), "float32"))
            return self._iterated(kernel, u, ops.zeros((blocks, rows), "float32"))[index]

        u, v = (
            self.add_weight(
                name=f"vector_{letter}_{kernel.number}" if kernel.number else f"vector_{letter}",
                shape=(blocks, side),
                initializer=lambda shape, dtype, index=index: first(index),
                dtype="float32",
                autocast=False,
                trainable=False,
                # Every replica computes the same, so the first one is enough.
                aggregation="only_first_replica",
            )
            for index, (letter, side) in enumerate((("u", columns), ("v", rows)))
        )
        return u, v

    def effective(self, kernel: Kernel) -> Any:
        """Return W / σ, computed in float32. A kernel of zeros stays zero."""
        u, v = self.vectors[kernel.number]
        left = ops.einsum("brc,br->bc", kernel.matrices(), v.value)
        sigma = ops.max(ops.sum(left * u.value, axis=-1))
        value = kernel.variable.value
        return value / ops.cast(ops.where(sigma > 0.0, sigma, 1.0), value.dtype)

    def after_update(self) -> None:
        """Move u and v by power iteration on the new kernel."""
        for kernel, (u, v) in zip(self.kernels, self.vectors, strict=True):
            new_u, new_v = self._iterated(kernel, u.value, v.value)
            u.assign(new_u)
            v.assign(new_v)

    def _iterated(self, kernel: Kernel, u: Any, v: Any) -> tuple[Any, Any]:
        matrices = kernel.matrices()
        for _ in range(self.power_iterations):
            v = _unless_zero(self._unit(ops.einsum("brc,bc->br", matrices, u)), v)
            u = _unless_zero(self._unit(ops.einsum("brc,br->bc", matrices, v)), u)
        return u, v

    def _unit(self, vectors: Any) -> Any:
        """Scale vectors to length 1; zero vectors stay zero.  (blocks, N) → (blocks, N)."""
        length = ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True))
        return vectors / ops.maximum(length, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        own = {"power_iterations": self.power_iterations, "epsilon": self.epsilon, "seed": self.seed}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="dcgan_kit")
class EqualizedKernel(Reparametrization):
    """Multiplies each kernel of a layer by gain / √fan_in, where fan_in is the number of weights of one filter.

    Args:
        layer: a convolution (also depthwise, separable, grouped or transposed), a dense layer or an embedding.
        gain: float > 0.
    """

    def __init__(self, layer: Any, gain: float = 2.0**0.5, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.gain = gain

    def effective(self, kernel: Kernel) -> Any:
        """Return W · gain / √fan_in."""
        return kernel.variable.value * (self.gain / kernel.fan_in**0.5)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "gain": self.gain}


@keras.saving.register_keras_serializable(package="dcgan_kit")
class WeightStandardization(Reparametrization):
    """Subtracts their mean from the weights of each filter, and divides them by their standard deviation.

    Args:
        layer: a convolution (also depthwise, separable, grouped or transposed), a dense layer or an embedding.
        epsilon: float > 0, added to the variance.
    """

    def __init__(self, layer: Any, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.epsilon = epsilon

    def effective(self, kernel: Kernel) -> Any:
        """Return (W - mean) / √(variance + epsilon), over the weights of each filter."""
        value = kernel.variable.value
        centred = value - ops.mean(value, axis=kernel.filter_axes, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=kernel.filter_axes, keepdims=True)
        return centred * ops.rsqrt(variance + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "epsilon": self.epsilon}


def _unless_zero(new: Any, old: Any) -> Any:
    # A block of zeros has no singular direction. Its old vectors stay, or it could never get one.
    return ops.where(ops.any(new != 0.0, axis=-1, keepdims=True), new, old)
