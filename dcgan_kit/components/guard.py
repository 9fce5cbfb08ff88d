"""Run third-party code and turn its errors into one line: whose code failed, what it did, and where.

    activation acme/wavy (acme-layers 1.2): its factory failed: KeyError: 'level 3' (/…/acme/layers.py:12)

Components and hooks come from plugins, and may raise anything, even ``SystemExit``. Ctrl-C is not caught.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from dcgan_kit.components.error_reason import reason
from dcgan_kit.errors import ComponentError, UserError

MOST_CHARACTERS = 400
"""Longer messages are cut: a message of TensorFlow may contain a whole graph."""


class CodeOwner(Protocol):
    """The owner of the code that runs: a ``Component``, a ``Plugin``, or an ``Author``."""

    @property
    def label(self) -> str:
        """Name of the owner, with the distribution and its version if they are known."""

    @property
    def package(self) -> str:
        """The package or module that contains the code."""


@dataclass(frozen=True)
class Author:
    """A ``CodeOwner`` that is neither a component nor a plugin. Without a package, the line names no file."""

    label: str
    package: str = ""


@contextmanager
def guarded(
    owner: CodeOwner,
    doing: str,
    raises: Callable[[str], Exception] = ComponentError,
    passing: tuple[type[BaseException], ...] = (UserError,),
    refusing: Callable[[str], Exception] | None = None,
    hint: str = "",
) -> Iterator[None]:
    """Run an owner's code and replace the errors that it raises.

    Args:
        owner: the owner of the code.
        doing: name of the code in the line, such as ``"its factory"``.
        raises: makes the new error from the line.
        passing: errors that are not replaced.
        refusing: if given, a ValueError with a message counts as the owner's rejection of its input, not as a failure.
            It becomes this error, without type and place.
        hint: a sentence on what to do about a failure; it is added to the line.

    Raises:
        Exception: the error that ``raises`` or ``refusing`` makes.
    """
    try:
        yield
    except passing:
        raise
    except (Exception, SystemExit) as error:
        if refusing is not None and isinstance(error, ValueError) and str(error):
            raise refusing(f"{owner.label}: {reason(error)}") from error
        line = failure(owner, doing, error)
        raise raises(f"{line.rstrip('.')}. {hint}" if hint else line) from error


def failure(owner: CodeOwner, doing: str, error: BaseException) -> str:
    """Return the line that describes a failure of an owner's code."""
    return f"{owner.label}: {doing} failed: {described(error, owner.package)}"


def described(error: BaseException, package: str = "") -> str:
    """Return ``Type: message (file:line)``.

    Args:
        error: the error.
        package: the place is the innermost line of this package in the traceback. There is no place if the package is
            empty or not in the traceback.
    """
    kind, text, place = type(error).__name__, _text(error), _place(error, package)
    return f"{kind}{f': {text}' if text else ''}{f' ({place})' if place else ''}"


def _text(error: BaseException) -> str:
    try:
        text = str(error.msg) if isinstance(error, SyntaxError) else reason(error)
    except Exception:
        # An exception of third-party code may even fail to convert to text.
        return ""
    if text == type(error).__name__:
        return ""
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} …"


def _place(error: BaseException, package: str) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    if not package:
        return ""
    own = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        # Code that eval() runs has a file name in angle brackets.
        if _within(frame.f_globals.get("__name__"), package) and not frame.f_code.co_filename.startswith("<")
    ]
    return own[-1] if own else ""


def _within(module: object, package: str) -> bool:
    return isinstance(module, str) and (module == package or module.startswith(f"{package}."))
