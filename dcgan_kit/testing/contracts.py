"""One check for each kind of component. It tests what ``KINDS`` requires in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from pydantic import ValidationError

from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.components.kinds import KINDS, Shape
from dcgan_kit.data.loading import broken_contract
from dcgan_kit.networks.part_builder import as_layers
from dcgan_kit.testing.complaints import built, require, require_returned
from dcgan_kit.testing.layers import check_layers, check_numbers, check_saving, model_of, site, xla_cases
from dcgan_kit.testing.probes import check_probe
from dcgan_kit.testing.scores import check_extractor, check_score
from dcgan_kit.testing.training import (
    check_augmentation,
    check_class_loss,
    check_latent,
    check_loss,
    check_optimizer,
    check_penalty,
    check_schedule,
)
from dcgan_kit.testing.training_cases import SHAPES, TRAINING_CASES
from dcgan_kit.testing.variations import variations
from dcgan_kit.testing.xla import Case, require_same_in_xla

_MAPS: tuple[Shape, ...] = ((8, 8, 16), (4, 6, 16))
_SHAPES: dict[str, tuple[Shape, ...]] = {
    "activation": (*_MAPS, (12,)),
    "normalization": _MAPS,
    "convolution": _MAPS,
    "downsample": _MAPS,
    "upsample": _MAPS,
    "attention": _MAPS,
    "conditioning": _MAPS,
    "regularizer": _MAPS,
    "projection": ((10,),),
    "head": _MAPS,
}
"""Typical input shapes of components, by kind."""
_ODD: Shape = (5, 7, 16)
"""A map with odd sides, which a component may refuse by a ValueError."""
_FILTERS = (16, 8)
"""Output channels: as many as the input has, and fewer."""
_OF_FILTERS = ("convolution", "downsample", "upsample", "projection")
"""Kinds whose output depends on the number of filters."""
ABILITIES = ("xla", "mixed_precision", "input_gradient")
"""Abilities that a component may lack, if its author says so."""


def check_component(
    component: Component, *, shapes: Sequence[Shape] | None = None, without: Sequence[str] = (), **options: Any
) -> None:
    """Check that a component keeps the contract of its kind.

    A component of a network is built with typical input shapes. Its layers must:

    * be new layer objects at each call, and keep the shape rule of the kind;
    * return finite numbers, for any number of images;
    * pass gradients to their input and to each weight;
    * have the same initial weights each time they are built for the same place;
    * give the same results eagerly and in a ``tf.function``;
    * compiled by XLA, give the same results and gradients up to rounding, also gradients of gradients;
    * compute in mixed precision;
    * have no variable that Keras does not know;
    * give the same results after saving and loading.

    A component of another kind must return what ``KINDS[kind].returns`` says. The result is checked in the same ways.

    Without ``shapes`` and ``options``, XLA must also agree at odd sizes, and with each other choice of each option.

    Args:
        component: the component that ``@component`` returned.
        shapes: input shapes without the batch dimension; default: typical shapes for the kind. For the kinds ``data``,
            ``penalty``, ``augmentation``, ``extractor`` and ``score``: shapes of images.
        without: abilities that the component lacks: ``"xla"`` (a component that says ``without_xla`` need not be told),
            ``"mixed_precision"`` (recipes that use it need ``training.precision: float32``) or ``"input_gradient"``
            (its layers do not depend on their input, so nothing before them learns).
        options: options of the component, if its defaults do not suit the test.

    Raises:
        AssertionError: the component breaks the contract; the message names the component and the problem.
        ValueError: ``without`` contains any other name.
    """
    unknown = set(without) - set(ABILITIES)
    if unknown:
        raise ValueError(f"without must name some of {', '.join(ABILITIES)}. Received: {', '.join(sorted(unknown))}")
    lacking = {*without, *(["xla"] if component.without_xla else [])}
    try:
        validated = dict(component.options(**options))
    except ValidationError as error:
        raise AssertionError(f"{component}: its options are not valid: {error}") from error
    # A test that asks for a place or an option asks for no others.
    varied = shapes is None and all(component.options.model_fields[name].is_required() for name in options)
    if KINDS[component.kind].shape_rule is None:
        _CHECKS[component.kind](component, validated, shapes, "xla" not in lacking)
        if "xla" not in lacking:
            require_same_in_xla(list(_cases_of_training(component, validated, shapes, varied)))
        return
    for place, shape in enumerate(shapes or _SHAPES[component.kind]):
        for filters in _FILTERS if component.kind in _OF_FILTERS else _FILTERS[:1]:
            # The slow checks do not depend on the number of filters, and hardly on the shape, so they run once.
            thorough = filters == _FILTERS[0]
            once = thorough and place == 0
            check_layers(
                component,
                validated,
                shape,
                filters,
                thorough,
                mixed_precision=once and "mixed_precision" not in lacking,
                input_gradient="input_gradient" not in lacking,
            )
    if "xla" not in lacking:
        require_same_in_xla(list(_cases_of_layers(component, validated, shapes, varied)))


def _cases_of_layers(
    component: Component, options: dict[str, Any], shapes: Sequence[Shape] | None, varied: bool
) -> Iterator[Case]:
    """Yield a component at each shape, and if ``varied``, with each other way to compute in at the first shape."""
    usual = shapes or _SHAPES[component.kind]
    for shape in usual:
        yield from _cases_at(component, options, shape, "")
    if shapes is None and usual is _MAPS:
        yield from _cases_at(component, options, _ODD, "", may_refuse=True)
    for given, others in variations(component, options) if varied else ():
        yield from _cases_at(component, others, usual[0], f", {given}", may_refuse=True)


def _cases_of_training(
    component: Component, options: dict[str, Any], shapes: Sequence[Shape] | None, varied: bool
) -> Iterator[Case]:
    """Yield what training does with a component, and if ``varied``, with each other way to compute."""
    if component.kind not in TRAINING_CASES:
        return
    context = (-1.0, 1.0) if component.kind == "penalty" else None
    for given, others in [("", options), *(variations(component, options) if varied else ())]:
        where = f"{component}, {given}" if given else str(component)
        try:
            made = component.build(context, others)
        except ValueError:
            if given:
                continue
            raise
        sizes = shapes or SHAPES
        yield from TRAINING_CASES[component.kind](made, where, sizes[:1] if given else sizes)


def _cases_at(
    component: Component, options: dict[str, Any], shape: Shape, given: str, may_refuse: bool = False
) -> list[Case]:
    where = f"{component} at {shape}{given}"
    try:
        layers = component.build(site(shape, _FILTERS[0]), options)
    except ValueError:
        if may_refuse:
            return []
        raise
    return xla_cases(as_layers(layers) or [], shape, where)


def _check_constraint(component: Component, options: dict[str, Any], _: Any, xla: bool) -> None:
    wrap = built(component, site((8, 8, 16), 1), options, str(component))
    require_returned(component, wrap, wrap is None or callable(wrap))
    if wrap is None:
        return
    cases: list[Case] = []
    for layer, shape in (
        (keras.layers.Conv2D(8, 3, name="conv"), (8, 8, 16)),
        (keras.layers.Conv2DTranspose(8, 4, strides=2, name="conv"), (8, 8, 16)),
        (keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="conv"), (8, 8, 4)),
        (keras.layers.SeparableConv2D(8, 3, name="conv"), (8, 8, 4)),
        (keras.layers.Dense(8, name="dense"), (12,)),
    ):
        where = f"{component} of a {type(layer).__name__}"
        free = layer.compute_output_shape((None, *shape))
        held = wrap(layer)
        require(isinstance(held, keras.Layer), f"{where}: must give a keras.Layer. Received: {held!r:.200}")
        model = model_of([held], shape, where)
        require(tuple(model.output_shape) == tuple(free), f"{where}: must not change the shape")
        check_numbers(model, shape, where)
        check_saving(model, shape, where)
        if xla:
            cases += xla_cases([held], shape, where)
    require_same_in_xla(cases)


def _check_initializer(component: Component, options: dict[str, Any], *_: Any) -> None:
    first, again = (built(component, 1, options, str(component)) for _ in range(2))
    require_returned(component, first, isinstance(first, keras.initializers.Initializer))
    for shape in ((3, 3, 4, 8), (12, 8)):
        drawn = np.asarray(first(shape, "float32"))
        require(drawn.shape == shape, f"{component}: must draw {shape}. Received: {drawn.shape}")
        require(bool(np.isfinite(drawn).all()), f"{component}: must draw finite numbers")
        same = np.array_equal(drawn, np.asarray(again(shape, "float32")))
        require(same, f"{component}: must draw the same for the same seed")


def _check_data(component: Component, options: dict[str, Any], shapes: Sequence[Shape] | None, _: bool) -> None:
    for height, width, channels in shapes or ((28, 28, 1),):
        spec = ImageSpec(height, width, channels)
        complaint = broken_contract(built(component, spec, options, str(component)), spec)
        require(not complaint, f"{component}: must return dcgan_kit.Images {complaint}")


_CHECKS: dict[str, Callable[[Component, dict[str, Any], Sequence[Shape] | None, bool], None]] = {
    "constraint": _check_constraint,
    "initializer": _check_initializer,
    "latent": check_latent,
    "loss": check_loss,
    "class_loss": check_class_loss,
    "penalty": check_penalty,
    "augmentation": check_augmentation,
    "optimizer": check_optimizer,
    "schedule": check_schedule,
    "probe": check_probe,
    "data": _check_data,
    "extractor": check_extractor,
    "score": check_score,
}
