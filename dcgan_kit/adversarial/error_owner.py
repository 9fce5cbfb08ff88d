"""Finds the component and plugin whose layer raised an exception inside a network."""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Iterator

import keras

from dcgan_kit.components.guard import described, failure
from dcgan_kit.errors import ComponentError, UserError
from dcgan_kit.networks.error_message import refused_by_xla
from dcgan_kit.networks.network import Network, Networks, Part

WITHOUT_XLA = ". training.xla=off trains without XLA"


@contextlib.contextmanager
def blaming(networks: Networks, third_party: frozenset[str]) -> Iterator[None]:
    """Turn a failure inside a third-party layer into an error that names its plugin.

    Args:
        networks: the networks whose layers may fail.
        third_party: names of third-party plugins; the exception of a built-in layer is our bug and passes unchanged.

    Raises:
        ComponentError: a third-party layer failed.
        UserError: XLA cannot compile something.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        # Third-party code may raise anything; all other exceptions are raised again unchanged.
        for network in (networks.generator, networks.discriminator):
            part = _failing(network, error)
            if part is not None and part.owner in third_party:
                hint = WITHOUT_XLA if refused_by_xla(error) else ""
                message = failure(part.author, f"{part.name} of the {network.role}", error)
                raise ComponentError(f"{message}{hint}", part.path) from error
        if refused_by_xla(error):
            raise UserError(f"training.xla: {described(error)}{WITHOUT_XLA}") from error
        raise


def _failing(network: Network, error: BaseException) -> Part | None:
    """Find the part whose layer failed: from the traceback, or inside a compiled step from the error's message."""
    deepest = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for name in ("self", "layer"):
            found = frame.f_locals.get(name)
            if isinstance(found, keras.Layer):
                deepest = next((p for p in network.parts if any(found is layer for layer in p.layers)), deepest)
    if deepest is not None:
        return deepest
    text = str(error)
    named = [(layer.name, part) for part in network.parts for layer in part.layers]
    # Longest name first: stage1_activation is a prefix of stage1_activation_2, and TensorFlow adds such numbers too.
    for name, part in sorted(named, key=lambda item: -len(item[0])):
        if re.search(rf"{network.role}\w*/{re.escape(name)}(_\d+)?/", text):
            return part
    return None
