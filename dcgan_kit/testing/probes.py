"""The check of probes: each probe runs on two small pairs of networks and must not change them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from dcgan_kit.adversarial.session import Session
from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.probe import Probe
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.probing.context import FixedBatch
from dcgan_kit.probing.probe_run import NamedProbe, ProbeFailed
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.testing.complaints import built, finite, require, require_returned

_SMALL = (
    "generator.input.filters=4",
    "generator.stages.0.filters=4",
    "generator.stages.1.filters=4",
    "discriminator.stages.0.filters=4",
    "discriminator.stages.1.filters=4",
    "discriminator.stages.2.filters=4",
    "latent.size=4",
    "training.batch_size=8",
    "training.precision=float32",
    "distribute.strategy=one_device",
)
_PAIRS = {
    "the default recipe's networks, made small": _SMALL,
    "networks for colour, without batch norm": (
        *_SMALL,
        "image.channels=3",
        "image.size=[16, 24]",
        "generator.input.projection.size=[4, 6]",
        "generator.normalization=none",
        "generator.upsample=resize_conv",
        "generator.activation=tanh",
        "discriminator.normalization=layer",
        "discriminator.output.head=average_pool_dense",
        "training.loss=wasserstein",
        "training.discriminator_passes=concatenated",
        "training.ema=0",
    ),
}


def check_probe(component: Component, options: dict[str, Any], *_: Any) -> None:
    """Check that a probe returns the same finite numbers twice, returns valid findings, and changes no variable."""
    made = built(component, None, options, str(component))
    require_returned(component, made, isinstance(made, Probe))
    probe = NamedProbe(component, made)
    for pair in _PAIRS:
        where = f"{component}, of {pair}"
        batch = _batch(pair)
        before = batch.session.state.values()
        try:
            readings, again = ({**probe.measure(s), **probe.compare(probe.remember(s), s)} for s in _contexts(batch))
            probe.diagnose(readings, readings)
        except ProbeFailed as failure:
            raise AssertionError(f"{where}: {failure}") from failure
        require(finite(list(readings.values())), f"{where}: must give finite numbers. Received: {readings!r:.200}")
        require(readings == again, f"{where}: must give the same numbers for the same networks")
        after = batch.session.state.values()
        changed = [name for name, value in before.items() if not np.array_equal(value, after[name])]
        require(not changed, f"{where}: must change nothing, and changed {', '.join(changed[:3])}")


def _contexts(batch: FixedBatch) -> tuple[Any, Any]:
    return batch.context(), batch.context()


@lru_cache(maxsize=len(_PAIRS))
def _batch(pair: str) -> FixedBatch:
    recipe = load_recipe("lecture-fashion28", _PAIRS[pair], PluginSettings(builtins_only=True)).recipe
    pixels = np.random.default_rng(0).integers(0, 256, (32, *recipe.image.shape), np.uint8)
    return FixedBatch(Session.create(recipe), Images(pixels))
