"""What a layer really raised, without what Keras and TensorFlow put around it."""

from __future__ import annotations

import re

_PLACE = re.compile(r' *File "[^"\n]*", line \d+, in [^\n]*\n[^\n]*\n')
_AROUND = (
    "in user code",
    "Graph execution error",
    "Detected at node",
    "Exception encountered",
    "Arguments received",
    "•",
    "[[",
)
"""How lines begin that tell where, and not what."""
_NOT_INFERRED = "Error encountered:"
"""After it Keras repeats what was raised while it tried a layer on symbols."""


def reason(error: BaseException) -> str:
    """Return the first line of what was raised."""
    kind = type(error).__name__
    message = re.sub(r"\x1b\[[0-9;]*m", "", str(getattr(error, "message", None) or error))
    message = message.rpartition(_NOT_INFERRED)[2].strip() or message
    lines = [line.strip().removeprefix(f"{kind}: ") for line in _PLACE.sub("", message).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(_AROUND)]
    return (told or lines or [kind])[0]
