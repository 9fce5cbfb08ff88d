"""Lints of activations, from their outputs at inputs from -10,000 to 10,000."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from dcgan_kit.networks.constraints import CONSTRAINED
from dcgan_kit.networks.keras_internals import is_plain_model, layers_within
from dcgan_kit.networks.lint_rule import LintContext, Path, Results, lint_rule
from dcgan_kit.networks.network import Part
from dcgan_kit.networks.reparametrization import Reparametrization

_GRID = np.concatenate([-np.logspace(4, 0, 41), np.linspace(-1, 1, 21), np.logspace(0, 4, 41)]).astype("float32")
"""Inputs from -10,000 to 10,000 at which activations are examined."""


@lint_rule(
    "A generator that cannot reach the brightest pixel, or can overshoot it, cannot match the data "
    "(Radford et al. 2015, arXiv 1511.06434, scale images to the range of tanh).",
    lambda _: [("image", "range"), ("generator", "output")],
)
def output_range(context: LintContext) -> Results:
    activation = next((p for p in reversed(context.networks.generator.parts) if p.kind == "activation"), None)
    low, high = context.recipe.image.range
    path: Path = ("generator", "output", "activation")
    if activation is None or activation.block != "output":
        yield path, f"the output has no activation and is unbounded; the data lie in [{low:g}, {high:g}]"
        return
    response = _response(activation)
    if response is None:
        return
    least, most = float(response.min()), float(response.max())
    if not (math.isclose(least, low, abs_tol=1e-2) and math.isclose(most, high, abs_tol=1e-2)):
        reach = f"[{_bounded(least)}, {_bounded(most)}]"
        yield path, f"{activation.component} reaches {reach} and the data lie in [{low:g}, {high:g}]"


@lint_rule(
    "A unit whose activation is flat for every negative input gets no gradient there and can die; the discriminator "
    "passes its gradient on to the generator (Radford et al. 2015, section 3: leaky ReLU in the discriminator)."
)
def dying_units(context: LintContext) -> Results:
    for part in context.networks.discriminator.parts:
        response = _response(part) if part.kind == "activation" else None
        if response is not None and np.ptp(response[_GRID <= -1.0]) == 0.0 and np.ptp(response[_GRID >= 1.0]) > 0.0:
            yield part.path, f"{part.component} is flat for negative inputs; leaky_relu is not"


@lint_rule(
    "A hidden activation that saturates on both sides passes almost no gradient at large inputs, and the product over "
    "layers vanishes (Glorot, Bengio 2010)."
)
def saturating_activation(context: LintContext) -> Results:
    for _, part, _ in context.parts():
        hidden = part.kind == "activation" and part.block != "output"
        response = _response(part) if hidden else None
        if response is not None and _is_bounded(response):
            yield part.path, f"{part.component} in a hidden layer saturates on both sides"


@lint_rule(
    "Losses take logits of any size, and apply a sigmoid of their own where they need probabilities (Goodfellow et al. "
    "2014, arXiv 1406.2661, section 3, with D(x) = sigmoid of the logit). After a bounded activation D can never be "
    "certain, and its gradient vanishes twice."
)
def bounded_logit(context: LintContext) -> Results:
    network = context.networks.discriminator
    first = max(index for index, part in enumerate(network.parts) if part.kind == "head")
    for part in network.parts[first:]:
        own = [getattr(layer, "activation", None) for layer in layers_within(*part.layers)]
        responses = [_response(part)] if part.kind == "activation" else list(map(_output_at_grid, own))
        if any(response is not None and _is_bounded(response) for response in responses):
            yield part.path, f"{part.component} ends in a bounded activation; return the logit itself"


@lint_rule(
    "Without a non-linear activation between them, layers are together one linear map "
    "(Saxe et al. 2014, arXiv 1312.6120, section 1)."
)
def no_hidden_activation(context: LintContext) -> Results:
    for network in (context.networks.generator, context.networks.discriminator):
        activations = [part for part in network.parts if part.kind == "activation"]
        if network.role == "generator" and activations and activations[-1].block == "output":
            # It brings pixels into their range. D's activation before its head is a hidden one.
            activations.pop()
        others = (part for part in network.parts if part.kind != "activation")
        if all(_is_linear(part) for part in activations) and all(map(_of_linear_layers, others)):
            yield (network.role,), "no activation stands between the layers, or only linear ones"


LINEAR = (
    *CONSTRAINED,
    keras.layers.Add,
    keras.layers.AveragePooling2D,
    keras.layers.BatchNormalization,
    keras.layers.Concatenate,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.InputLayer,
    keras.layers.Reshape,
    keras.layers.UpSampling2D,
    keras.layers.ZeroPadding2D,
)
"""Layers that are linear maps of the features, if they have no activation of their own."""


def _of_linear_layers(part: Part) -> bool:
    """Return whether a part surely is a linear map: it consists of known layers, and none of them has an activation."""
    for layer in layers_within(*part.layers):
        if isinstance(layer, Reparametrization) or is_plain_model(layer):
            continue
        own = getattr(layer, "activation", None)
        if not isinstance(layer, LINEAR) or own not in (None, keras.activations.linear):
            return False
    return True


def _is_linear(part: Part) -> bool:
    """Return whether an activation is a straight line over ``_GRID``; False if it has weights."""
    response = _response(part)
    if response is None:
        return False
    near = np.abs(_GRID) <= 1.0
    slope, shift = np.polyfit(_GRID[near], response[near], 1)
    return bool(np.allclose(response, slope * _GRID + shift, rtol=1e-3, atol=1e-3))


def keeps_zero(part: Part) -> bool:
    """Return whether an activation maps 0 to 0; False if it has weights or cannot be applied."""
    response = _response(part)
    return response is not None and abs(float(np.interp(0.0, _GRID, response))) < 1e-6


def _is_bounded(response: Any) -> bool:
    """Return whether outputs at ``_GRID`` are flat at both ends."""
    return bool(max(np.ptp(response[_GRID <= -50.0]), np.ptp(response[_GRID >= 50.0])) < 1e-3)


def _output_at_grid(function: Any) -> Any:
    """Return the outputs of a layer's own activation at ``_GRID``, or None if it has none, or cannot be applied."""
    if function is None:
        return None
    try:
        return keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(_GRID[:, None]))).reshape(len(_GRID))
    except Exception:
        # An activation of a plugin may need more than one channel; then there is no advice about it.
        return None


def _response(part: Part) -> Any:
    """Return an activation's outputs at ``_GRID``, or None if it has weights or cannot be applied."""
    if any(layer.weights for layer in part.layers):
        return None
    inputs = np.broadcast_to(_GRID.reshape((-1,) + (1,) * len(part.input_shape)), (len(_GRID), *part.input_shape))
    result = keras.ops.convert_to_tensor(inputs[(slice(None), *([slice(0, 1)] * len(part.input_shape)))])
    try:
        for layer in part.layers:
            result = layer(result)
    except Exception:
        # A plugin's activation may need more than one channel; then there is no advice about it.
        return None
    return keras.ops.convert_to_numpy(result).reshape(len(_GRID))


def _bounded(value: float) -> str:
    return f"{value:g}" if abs(value) < 1000 else ("infinity" if value > 0 else "-infinity")
