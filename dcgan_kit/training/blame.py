"""Whose layer failed: an exception from inside a network, told with the component and the plugin it came from."""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Iterator

import keras

from dcgan_kit.errors import ComponentError
from dcgan_kit.networks.building import Network, Networks, Part


@contextlib.contextmanager
def blaming(networks: Networks, strangers: frozenset[str]) -> Iterator[None]:
    """Turn a failure inside a stranger's layer into an error that names its owner.

    Args:
        networks: whose layers may fail.
        strangers: names of the plugins that are not built in; a failure of a built-in layer is our fault and escapes.

    Raises:
        ComponentError: a stranger's layer failed.
    """
    try:
        yield
    except Exception as error:
        # A stranger's layer may raise anything; what is not theirs is raised again as it is.
        for network in (networks.generator, networks.discriminator):
            part = _failing(network, error)
            if part is not None and part.owner in strangers:
                reason = _reason(error)
                message = (
                    f"{part.kind} {part.owner}/{part.component} ({part.name} of the {network.role}) failed: {reason}"
                )
                raise ComponentError(message) from error
        raise


def _failing(network: Network, error: Exception) -> Part | None:
    """Find the part whose layer is on the stack, or, for an error inside a compiled step, named in its message."""
    deepest = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        owner = frame.f_locals.get("self")
        if isinstance(owner, keras.Layer):
            deepest = next((p for p in network.parts if any(owner is layer for layer in p.layers)), deepest)
    if deepest is not None:
        return deepest
    text = str(error)
    for part in network.parts:
        if any(re.search(rf"{network.role}[\w]*/{re.escape(layer.name)}(_\d+)?/", text) for layer in part.layers):
            return part
    return None


def _reason(error: Exception) -> str:
    message = getattr(error, "message", None) or str(error)
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", str(message)).splitlines() if line.strip()]
    told = [
        line
        for line in lines
        if not line.startswith(("Exception encountered", "Arguments received", "•", "in user code"))
    ]
    return f"{type(error).__name__}: {(told or lines or ['no message'])[0]}"
