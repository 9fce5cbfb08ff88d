"""A layer that runs with a function of its kernel in place of the kernel: what a constraint wraps around it.

class Doubled(dcgan_kit.Reparametrization):
    def effective(self, kernel):
        return 2.0 * kernel.variable.value
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers

from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.kernels import Kernel, kernels_of

Shape = tuple[int | None, ...]


class Reparametrization(layers.Wrapper):  # type: ignore[misc]
    """Runs a layer with the effective form of each of its kernels, in training and outside it.

    The stored kernel stays what the optimizer moves. Gradients flow through ``effective`` to it. A subclass defines
    ``effective``; if it keeps variables of its own, it may also define ``build`` and ``after_update``. ``effective``
    sees the stored numbers, in any precision; the wrapped layer casts the result to its own.

    Args:
        layer: a convolution (also transposed, depthwise, separable or grouped), a dense layer or an embedding. It
            keeps its class, its variables and its precision.
        dtype: precision of variables that the subclass adds.
    """

    def __init__(self, layer: Any, *, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(layer, dtype=keras.dtype_policies.get(dtype).variable_dtype, **kwargs)
        # The wrapped layer casts its input.
        self.autocast = False

    @property
    def dtype_policy(self) -> Any:
        """A policy that computes in the type of the variables."""
        return layers.Wrapper.dtype_policy.fget(self)

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        layers.Wrapper.dtype_policy.fset(self, keras.dtype_policies.get(policy).variable_dtype)

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """The kernels of the wrapped layer, once it is built."""
        return kernels_of(self.layer)

    def effective(self, kernel: Kernel) -> Any:
        """Return the tensor that takes the place of a kernel, with the kernel's shape."""
        raise NotImplementedError(f"{type(self).__name__} must define effective(kernel)")

    def after_update(self) -> None:
        """Update the layer's own variables; training calls this once after each update of the layer's network.

        It runs on each replica. So give such variables ``aggregation="only_first_replica"``, and compute them from
        nothing but variables.
        """

    @contextmanager
    def reparametrized(self) -> Iterator[Any]:
        """Let every reader of the wrapped layer's kernels read their effective form; yield the wrapped layer.

        Inside this context no layer can update a variable.
        """
        # A surrounding scope of this kind would be hidden, so the other variables keep the values that they have in it.
        mapping = [(variable, variable.value) for variable in self.layer.variables]
        mapping += [(kernel.variable, self.effective(kernel)) for kernel in self.kernels]
        with keras.StatelessScope(mapping, initialize_variables=False):
            yield self.layer

    def call(self, inputs: Any) -> Any:
        """Apply the layer in its effective form. Shapes are those of the layer."""
        with self.reparametrized() as layer:
            return layer(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the output shape of the wrapped layer."""
        return self.layer.compute_output_shape(input_shape)  # type: ignore[no-any-return]

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic output of the wrapped layer."""
        return self.layer.compute_output_spec(*args, **kwargs)


def updated_after(model: Any) -> list[Any]:
    """Return the layers of a model, at any depth, that have a method ``after_update``, each once."""
    return [*dict.fromkeys(layer for layer in layers_within(model) if hasattr(layer, "after_update"))]
