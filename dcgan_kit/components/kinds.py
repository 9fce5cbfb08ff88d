"""The kinds of component and their contracts: what a factory receives, what it returns, and which shapes it keeps.

Shapes are written without the batch dimension: ``(H, W, C)`` for maps, ``(N,)`` for vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Shape = tuple[int, ...]
ShapeRule = Callable[[Shape, Shape, int], str | None]


@dataclass(frozen=True)
class Kind:
    """The contract of one kind.

    Attributes:
        name: its name in recipes and plugins.
        summary: one sentence for listings.
        argument: what a factory may take as its one positional argument; empty if it takes none.
        returns: what a factory must return.
        required_options: options that every component of the kind must declare.
        shape_rule: ``(input shape, output shape, filters) -> error message or None``, for kinds that return layers.
    """

    name: str
    summary: str
    argument: str
    returns: str
    required_options: tuple[str, ...] = ()
    shape_rule: ShapeRule | None = None


_LAYERS = "a keras.Layer, or a sequence of them to be applied in order (empty: nothing to apply)"


def _same_shape(before: Shape, after: Shape, filters: int) -> str | None:
    return None if after == before else "must keep the shape of its input"


def _regularizer_shape(before: Shape, after: Shape, filters: int) -> str | None:
    kept = after[:-1] == before[:-1] and after[-1] >= before[-1]
    return None if kept else "must keep height and width and may only add channels"


def _conditioning_shape(before: Shape, after: Shape, filters: int) -> str | None:
    kept = after[:-1] == before[:-1] and after[-1] >= before[-1]
    return None if kept else "must keep height and width and may only add channels"


def _map_to_map(before: Shape, after: Shape, filters: int) -> str | None:
    if len(after) != 3:
        return "must return a map (H, W, C)"
    if after[2] not in (before[2], filters):
        return f"must return its input's {before[2]} channels or the {filters} requested"
    return None


def _convolution_shape(before: Shape, after: Shape, filters: int) -> str | None:
    if len(after) != 3 or after[2] != filters:
        return f"must return a map (H, W, {filters})"
    return None


def _downsample_shape(before: Shape, after: Shape, filters: int) -> str | None:
    problem = _map_to_map(before, after, filters)
    if problem is None and (after[0] > before[0] or after[1] > before[1]):
        return "must not return a map larger than its input"
    return problem


def _upsample_shape(before: Shape, after: Shape, filters: int) -> str | None:
    problem = _map_to_map(before, after, filters)
    if problem is None and (after[0] < before[0] or after[1] < before[1]):
        return "must not return a map smaller than its input"
    return problem


def _projection_shape(before: Shape, after: Shape, filters: int) -> str | None:
    if len(after) != 3 or after[2] != filters:
        return f"must return a map (H, W, {filters})"
    return None


def _head_shape(before: Shape, after: Shape, filters: int) -> str | None:
    # ``filters`` is the number of classes, or 0.
    if after == (1,) or (filters and after in ((1 + filters,), (2 + filters,))):
        return None
    classes = f", or also one per class, ({1 + filters},), and one for generated images, ({2 + filters},)"
    classes = classes if filters else ""
    return f"must return one logit per image, shape (1,){classes}"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("activation", "A differentiable, non-linear function of each unit.", "Site", _LAYERS, (), _same_shape),
        Kind("normalization", "Centres and scales features; learns scale and shift.", "Site", _LAYERS, (), _same_shape),
        Kind(
            "convolution", "Convolves at stride 1 to the requested channels.", "Site", _LAYERS, (), _convolution_shape
        ),
        Kind("downsample", "Makes a map smaller, or keeps its size.", "Site", _LAYERS, (), _downsample_shape),
        Kind("upsample", "Makes a map larger, or keeps its size.", "Site", _LAYERS, (), _upsample_shape),
        Kind("projection", "Turns the latent vector into the first map.", "Site", _LAYERS, (), _projection_shape),
        Kind("head", "Turns the last map into one logit.", "Site", _LAYERS, (), _head_shape),
        Kind("attention", "Lets each pixel or channel look at the whole map.", "Site", _LAYERS, (), _same_shape),
        Kind("regularizer", "Disturbs or enriches features in training.", "Site", _LAYERS, (), _regularizer_shape),
        Kind(
            "conditioning",
            "Tells the features of an image its class.",
            "Site",
            _LAYERS,
            (),
            _conditioning_shape,
        ),
        Kind(
            "constraint",
            "Constrains the weights of the block's convolutions, dense layers and embeddings.",
            "Site",
            "a function from a keras.Layer with a kernel to the layer to use in its place, or None: no constraint",
        ),
        Kind("initializer", "Draws first weights.", "seed: int", "a keras.initializers.Initializer"),
        Kind(
            "latent",
            "The distribution that latent vectors are drawn from.",
            "",
            "a function (count: int, seed: int32 tensor of shape (2,)) -> float32 tensor (count, size)",
            ("size",),
        ),
        Kind(
            "loss",
            "What generator and discriminator minimize.",
            "",
            "an AdversarialLoss: two functions (real_logits, fake_logits, random) -> scalar",
        ),
        Kind(
            "class_loss",
            "What both networks minimize so that an auxiliary classifier finds the right class.",
            "",
            "a ClassLoss: two functions of class logits and one-hot classes -> scalar",
        ),
        Kind(
            "penalty",
            "What the discriminator minimizes besides its loss.",
            "value range: what the darkest and the brightest pixel are for the networks",
            "a Penalty: a function (discriminator, real, fake, random) -> scalar, and how often",
        ),
        Kind(
            "augmentation",
            "A random, differentiable change of all images that the discriminator sees.",
            "",
            "an Augmentation: a function (images, probability, random) -> images, and its state",
        ),
        Kind("optimizer", "How gradients move weights.", "", "a keras.optimizers.Optimizer"),
        Kind(
            "schedule",
            "How the learning rate changes with the step.",
            "",
            "a function (step: float32 scalar tensor, steps: int) -> factor of the learning rate",
        ),
        Kind(
            "probe",
            "Measures what happens inside the two networks.",
            "",
            "a Probe: a function of a ProbeContext -> numbers by place, and what they are a sign of",
        ),
        Kind(
            "extractor",
            "Describes images by features, in which scores compare them.",
            "Images: the real training images, from which it may learn",
            "an Extractor: a function from uint8 pixels (N, H, W, C) to Features, and a key",
        ),
        Kind(
            "score",
            "Judges generated images by comparing them with real ones.",
            "",
            "a Score: what it keeps of images, a function from ScoreInputs to numbers, and which way each improves",
        ),
        Kind("data", "Where images come from.", "ImageSpec", "Images: uint8 pixels (N, H, W, C), labels or None"),
    )
}
"""Every kind by name."""
