"""Static advice about a valid recipe: what will probably train badly, and why. Each lint names its source.

Lints examine the symbolic networks, not the names of components. So they treat components of plugins like built-in
ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dcgan_kit.errors import Mark, Problem, RecipeError, counted, did_you_mean
from dcgan_kit.networks.builder import Network, Networks, Part
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.kernel_overlap import overlap_factor, stack_evenness
from dcgan_kit.networks.resampling import Window
from dcgan_kit.networks.summary import Summary, summarize, training_memory
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import ResolvedRecipe

Path = tuple[str | int, ...]
MEMORY_LIMIT = 16 * 2**30
"""Memory in bytes of a common workstation or graphics card."""
SMALL_BATCH = 16
"""Wu, He 2018 (arXiv 1803.08494), figure 1: the error of batch norm rises steeply below 16 images."""
SIZE_RATIO = 10.0
"""Eight of the ten published models in this kit stay within this ratio of parameters."""


@dataclass(frozen=True, order=True)
class Advice:
    """One result of a lint: the place, the name of the lint, and the message."""

    mark: Mark
    key: str
    lint: str
    message: str

    def __str__(self) -> str:
        return f"{self.mark}: {self.key}: {self.message} [{self.lint}]"


@dataclass(frozen=True)
class Lint:
    """One rule.

    Attributes:
        name: its name, by which a recipe silences it.
        why: the reason in one sentence, with its source.
        find: yields (path in the recipe, message) for each result.
        related: path of a result → paths of other keys that affect it. If an override set one of them, the result is
            reported there.
    """

    name: str
    why: str
    find: Callable[[LintContext], Iterator[tuple[Path, str]]]
    related: Callable[[Path], Sequence[Path]]


@dataclass(frozen=True)
class LintContext:
    """The input of lints: the recipe, its symbolic networks and their summaries."""

    recipe: ResolvedRecipe
    networks: Networks
    generator: Summary
    discriminator: Summary

    def parts(self) -> Iterator[tuple[Network, Part, Any]]:
        """Yield every part with its network and its trace."""
        for network, summary in (
            (self.networks.generator, self.generator),
            (self.networks.discriminator, self.discriminator),
        ):
            for part, row in zip(network.parts, summary.rows, strict=True):
                yield network, part, row.trace


LINTS: dict[str, Lint] = {}
"""Every lint by name."""


def lint(recipe: ResolvedRecipe, networks: Networks) -> tuple[Advice, ...]:
    """Return the advice of all lints that the recipe does not silence, sorted by place."""
    context = LintContext(recipe, networks, summarize(networks.generator), summarize(networks.discriminator))
    found = [
        Advice(recipe.mark(path, *rule.related(path)), dotted(path), rule.name, message)
        for rule in LINTS.values()
        if rule.name not in recipe.silence
        for path, message in rule.find(context)
    ]
    return tuple(sorted(set(found)))


def check_silence(recipe: ResolvedRecipe) -> None:
    """Check that every lint that the recipe silences exists.

    Raises:
        RecipeError: one of them does not exist.
    """
    problems = []
    for index, name in enumerate(recipe.silence):
        if name not in LINTS:
            path: Path = ("silence", index)
            problems.append(Problem(recipe.mark(path), dotted(path), f"no lint {name!r}.{did_you_mean(name, LINTS)}"))
    if problems:
        raise RecipeError(problems)


def _lint(
    why: str, related: Callable[[Path], Sequence[Path]] = lambda _: ()
) -> Callable[[Callable[[LintContext], Iterator[tuple[Path, str]]]], Callable[..., Any]]:
    def declare(find: Callable[[LintContext], Iterator[tuple[Path, str]]]) -> Callable[..., Any]:
        find.__doc__ = why
        LINTS[find.__name__] = Lint(find.__name__, why, find, related)
        return find

    return declare


@_lint(
    "A kernel that its stride does not divide touches some pixels more often than others, which draws checkerboards "
    "(Odena et al. 2016, distill.00003)."
)
def kernel_overlap(context: LintContext) -> Iterator[tuple[Path, str]]:
    for network, part, traced in context.parts():
        if part.kind == "projection":
            # A projection starts from one pixel, so nothing overlaps.
            continue
        for window in (o for o in traced.operations if isinstance(o, Window) and o.learned):
            factor = overlap_factor(window)
            if factor == 1.0:
                continue
            size, stride = _by(window.size), _by(window.stride)
            where = "in the image" if network.role == "generator" else "in the gradient that it sends back"
            if math.isinf(factor):
                yield part.path, f"kernel {size} with stride {stride} never touches some pixels {where}"
            else:
                message = (
                    f"kernel {size} with stride {stride} touches some pixels {factor:.4g} times as often as others"
                )
                yield part.path, f"{message} {where}; choose a kernel that the stride divides, or resize and convolve"


@_lint(
    "Uneven overlap multiplies from stage to stage; ones pushed through the whole generator show what reaches the "
    "image (Odena et al. 2016, distill.00003).",
    lambda _: [("generator",)],
)
def checkerboard_stack(context: LintContext) -> Iterator[tuple[Path, str]]:
    parts = zip(context.networks.generator.parts, context.generator.rows, strict=True)
    operations = [o for part, row in parts if part.kind != "projection" for o in row.trace.operations]
    ratio, deviation = stack_evenness(operations)
    if ratio > 1.0 + 1e-6:
        yield (
            ("generator", "output"),
            f"the whole stack weighs image pixels unevenly: most / least {ratio:.3g}, "
            f"deviation {100 * deviation:.3g} % along an axis",
        )


@_lint(
    "A generator that cannot reach the brightest pixel, or can overshoot it, cannot match the data "
    "(Radford et al. 2015, arXiv 1511.06434, scale images to the range of tanh).",
    lambda _: [("image", "range"), ("generator", "output")],
)
def output_range(context: LintContext) -> Iterator[tuple[Path, str]]:
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


@_lint(
    "Batch norm on the generator's output makes samples oscillate and training unstable "
    "(Radford et al. 2015, arXiv 1511.06434, section 3)."
)
def normalization_on_generator_output(context: LintContext) -> Iterator[tuple[Path, str]]:
    for part in context.networks.generator.parts:
        if part.kind == "normalization" and part.block == "output":
            yield part.path, f"{part.component} normalization on the generator's output"


@_lint(
    "Batch norm on the discriminator's input hides the statistics that tell real images from generated ones "
    "(Radford et al. 2015, arXiv 1511.06434, section 3)."
)
def normalization_on_discriminator_input(context: LintContext) -> Iterator[tuple[Path, str]]:
    for part in context.networks.discriminator.parts:
        if part.kind == "normalization" and part.block == "stage1":
            yield part.path, f"{part.component} normalization in the discriminator's first stage"


@_lint(
    "Batch norm subtracts the mean, and a bias before it with the mean: it costs parameters and does nothing "
    "(Ioffe, Szegedy 2015, arXiv 1502.03167, section 3.2).",
    lambda path: [(path[0], "bias"), (*path[:-1], "bias")],
)
def bias_before_batch_normalization(context: LintContext) -> Iterator[tuple[Path, str]]:
    for network in (context.networks.generator, context.networks.discriminator):
        for before, part in zip(network.parts, network.parts[1:], strict=False):
            biased = any(getattr(layer, "use_bias", False) for layer in layers_within(*before.layers))
            if biased and _batch_norms(part):
                yield before.path, f"a bias in {before.name} before batch normalization in {part.name}; set bias: false"


@_lint(
    "A batch-norm scale drawn around 0 silences or flips half of the features at the start; published models draw it "
    "around 1 (Radford et al. 2015, authors' code)."
)
def batch_scale_near_zero(context: LintContext) -> Iterator[tuple[Path, str]]:
    for _, part, _ in context.parts():
        for layer in _batch_norms(part):
            initializer = getattr(layer, "gamma_initializer", None)
            if layer.scale and initializer is not None:
                drawn = np.asarray(initializer((1024,), "float32"))
                if abs(float(drawn.mean())) < 0.1:
                    yield part.path, f"the scale starts with mean {drawn.mean():.2f} and deviation {drawn.std():.2f}"


@_lint(
    "Spectral normalization bounds how steep the discriminator is by the product over all its kernels: if it leaves "
    "one out, there is no bound (Miyato et al. 2018, arXiv 1802.05957, section 2.1)."
)
def unconstrained_kernel(context: LintContext) -> Iterator[tuple[Path, str]]:
    for _, part, _ in context.parts():
        if part.unconstrained:
            named = ", ".join(part.unconstrained)
            yield part.path, f"the block's constraint does not reach {named} in {part.component}"


@_lint(
    "Batch norm estimates mean and variance from the batch; below 16 images its error rises steeply "
    "(Wu, He 2018, arXiv 1803.08494)."
)
def small_batch(context: LintContext) -> Iterator[tuple[Path, str]]:
    batch = context.recipe.training.batch_size
    if batch < SMALL_BATCH and any(_batch_norms(part) for _, part, _ in context.parts()):
        few = counted(batch, "image")
        yield ("training", "batch_size"), f"{few} a batch for batch normalization; take {SMALL_BATCH} or more"


@_lint(
    "When one network is far larger it tends to win, and the other learns nothing more "
    "(eight of the ten published models shipped here stay within a factor of ten).",
    lambda _: [("discriminator",)],
)
def size_balance(context: LintContext) -> Iterator[tuple[Path, str]]:
    generator, discriminator = context.generator.trainable_parameters, context.discriminator.trainable_parameters
    if min(generator, discriminator) == 0:
        return
    ratio = generator / discriminator
    if not 1 / SIZE_RATIO <= ratio <= SIZE_RATIO:
        yield ("generator",), f"{generator:,} parameters against {discriminator:,} of the discriminator"


@_lint(
    "A discriminator that sums over patches smaller than the image judges texture, not composition "
    "(Isola et al. 2017, arXiv 1611.07004, section 4.4).",
    lambda _: [("image", "size"), ("discriminator",)],
)
def receptive_field(context: LintContext) -> Iterator[tuple[Path, str]]:
    image, field = context.recipe.image, context.discriminator.rows[-1].trace.seen_at_once
    if field is None:
        return
    # The area that the head sees at once, or the patches whose mean it receives.
    seen = max(field.widest[0], field.patch[0]), max(field.widest[1], field.patch[1])
    if seen[0] < image.height or seen[1] < image.width:
        patch = f"{seen[0]}x{seen[1]} of the image's {image.height}x{image.width} pixels"
        yield ("discriminator", "output", "head"), f"what the head judges are patches of {patch}"


@_lint(
    "Adam's default momentum 0.9 made adversarial training oscillate; 0.5 was stable "
    "(Radford et al. 2015, arXiv 1511.06434, section 4)."
)
def adam_momentum(context: LintContext) -> Iterator[tuple[Path, str]]:
    training = context.recipe.training
    for choice in (training.generator.optimizer, training.discriminator.optimizer):
        if choice.options.get("beta_1", 0.0) > 0.8:
            yield choice.path, f"beta_1 {choice.options['beta_1']:g} with an adversarial loss; 0.5 is usual"


@_lint(
    "A unit whose activation is flat for every negative input gets no gradient there and can die; the discriminator "
    "passes its gradient on to the generator (Radford et al. 2015, section 3: leaky ReLU in the discriminator)."
)
def dying_units(context: LintContext) -> Iterator[tuple[Path, str]]:
    for part in context.networks.discriminator.parts:
        response = _response(part) if part.kind == "activation" else None
        if response is not None and np.ptp(response[_GRID <= -1.0]) == 0.0 and np.ptp(response[_GRID >= 1.0]) > 0.0:
            yield part.path, f"{part.component} is flat for negative inputs; leaky_relu is not"


@_lint(
    "A hidden activation that saturates on both sides passes almost no gradient at large inputs, and the product over "
    "layers vanishes (Glorot, Bengio 2010)."
)
def saturating_activation(context: LintContext) -> Iterator[tuple[Path, str]]:
    for _, part, _ in context.parts():
        hidden = part.kind == "activation" and part.block != "output"
        response = _response(part) if hidden else None
        if response is not None and max(np.ptp(response[_GRID <= -50.0]), np.ptp(response[_GRID >= 50.0])) < 1e-3:
            yield part.path, f"{part.component} in a hidden layer saturates on both sides"


@_lint(
    "A recipe can ask for more memory than a machine has; this estimate comes before anything is allocated.",
    lambda _: [("image", "size"), ("generator",), ("discriminator",)],
)
def memory(context: LintContext) -> Iterator[tuple[Path, str]]:
    training = context.recipe.training
    needed = training_memory(context.networks, training.batch_size, training.ema > 0)
    if needed > MEMORY_LIMIT:
        yield ("training", "batch_size"), f"a training step needs about {needed / 2**30:.0f} GiB"


_GRID = np.concatenate([-np.logspace(4, 0, 41), np.linspace(-1, 1, 21), np.logspace(0, 4, 41)]).astype("float32")
"""Inputs from -10,000 to 10,000 at which activations are examined."""


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


def _batch_norms(part: Part) -> list[Any]:
    return [layer for layer in layers_within(*part.layers) if isinstance(layer, keras.layers.BatchNormalization)]


def _bounded(value: float) -> str:
    return f"{value:g}" if abs(value) < 1000 else ("infinity" if value > 0 else "-infinity")


def _by(sides: tuple[int, int]) -> str:
    return str(sides[0]) if sides[0] == sides[1] else f"{sides[0]}x{sides[1]}"
