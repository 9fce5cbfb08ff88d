"""The first line of an error, without the text that Keras and TensorFlow add around it."""

from __future__ import annotations

import re

_PLACE = re.compile(r' *File "[^"\n]*", line \d+, in [^\n]*\n(?! *File )[^\n]*\n?')
_PLACES = re.compile(r'^ *File "[^"\n]*", line \d+, in .*$', re.MULTILINE)
_CARETS = re.compile(r"^[ ~^]+$", re.MULTILINE)
_MARKS = re.compile(
    r" compatible with node \{\{node [^}]*\}\}|(?<=\))\{\{node [^}]*\}\}|\{\{function_node [^}]*\}\} ?| ?\[Op:[^\]]*\]"
)
_NODE = re.compile(r"\{\{node ([^}]*)\}\}")
_REFUSED = re.compile(r"Detected unsupported operations when trying to compile graph \S+ on \S+: ")
_AROUND = (
    "in user code",
    "Graph execution error",
    "Detected at node",
    "Exception encountered",
    "Arguments received",
    "Traceback (most recent",
    "The op is created at",
    "tf2xla conversion failed",
    "<stack traces unavailable>",
    "•",
    "[[",
)
"""Beginnings of lines that say where the error was raised, not what it is."""
_NOT_INFERRED = "Error encountered:"
"""Keras repeats the original error after this text when it fails to infer a layer's output shape."""


def reason(error: BaseException) -> str:
    """Return the first line of the error's own message."""
    kind = type(error).__name__
    message = re.sub(r"\x1b\[[0-9;]*m", "", str(getattr(error, "message", None) or error))
    message = message.rpartition(_NOT_INFERRED)[2].strip() or message
    # TensorFlow prints the place where an operation was created, sometimes with its line of code below.
    message = _CARETS.sub("", _PLACES.sub("", _PLACE.sub("", message)))
    message = _REFUSED.sub("XLA has no ", _NODE.sub(r"\1", _MARKS.sub("", message)))
    lines = [line.strip().removeprefix(f"{kind}: ") for line in message.splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(_AROUND)]
    return (own or lines or [kind])[0]
