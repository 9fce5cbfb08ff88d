"""The lint of layers whose inside is not seen: layers that hold layers or kernels, and are no models of Keras."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dcgan_kit.networks.constraints import CONSTRAINED, described, has_kernel
from dcgan_kit.networks.fused_forward import may_be_fused
from dcgan_kit.networks.keras_internals import layers_within, sublayers
from dcgan_kit.networks.lint_rule import LintContext, Results, lint_rule
from dcgan_kit.networks.model_calls import taken_apart
from dcgan_kit.networks.network import Network, Part
from dcgan_kit.networks.reparametrization import Reparametrization
from dcgan_kit.recipes.resolved import ResolvedRecipe


@lint_rule(
    "Constraints and fused operations take a functional or sequential model of Keras apart, but no layer of another "
    "class that holds layers; return a model or a list of layers to let them in (docs/plugins.md, Layers of your own)."
)
def opaque_layer(context: LintContext) -> Results:
    for network in (context.networks.generator, context.networks.discriminator):
        for part in network.parts:
            for layer in taken_apart(part.layers):
                unseen = "; ".join(_unseen(context.recipe, network, part, layer))
                if unseen:
                    place = f"{network.role}.{part.name.replace('_', '.', 1)}"
                    named = f"{part.kind} {part.owner}/{part.component}" if part.owner else part.component
                    yield part.path, f"{place}: the inside of {described(layer)} of {named} is not seen: {unseen}"


def _unseen(recipe: ResolvedRecipe, network: Network, part: Part, layer: Any) -> Iterator[str]:
    """Yield what is not seen inside a layer; nothing if the layer is open."""
    # A forward pass and other code read the wrapped layer of a reparametrization.
    if isinstance(layer, Reparametrization):
        return
    everything = layers_within(layer)
    if sublayers(layer):
        out = [inner for inner in everything if described(inner) in part.unconstrained]
        if out:
            yield f"the block's constraint does not reach {_names(out)}"
        unfused = [inner for inner in everything[1:] if may_be_fused(inner)]
        if recipe.training.fuse and unfused:
            yield f"no fused operation takes {_names(unfused)}"
    free = [inner for inner in everything if not isinstance(inner, CONSTRAINED) and has_kernel(inner)]
    if getattr(recipe.training, network.role).orthogonal > 0 and free:
        yield f"orthogonal leaves the kernel of {_names(free)} as it is"
    if sublayers(layer):
        yield "probes see only what it returns"


def _names(layers: Sequence[Any]) -> str:
    return ", ".join(described(layer) for layer in layers)
