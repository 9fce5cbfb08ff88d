"""Third-party code under guard: what it raises becomes one line that says whose it is, what it did and where.

    activation acme/wavy (acme-layers 1.2): its factory failed: KeyError: 'level 3' (/…/acme/layers.py:12)

Components and hooks come from plugins, and may raise anything, also ``SystemExit``. Ctrl-C passes.
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
"""Of a message that is shown: TensorFlow's may hold a whole graph."""


class CodeOwner(Protocol):
    """Whose code runs: a ``Component``, a ``Plugin``, or an ``Author``."""

    @property
    def label(self) -> str:
        """Who, with the distribution and its version where they are known."""

    @property
    def package(self) -> str:
        """The package, or the module, that holds the code."""


@dataclass(frozen=True)
class Author:
    """A ``CodeOwner`` that is neither a component nor a plugin; without a package no place is said."""

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
    """Run code of an owner.

    Args:
        owner: whose code it is.
        doing: what it does, ``"its factory"``.
        raises: makes the error that is raised instead of what the code raised.
        passing: errors that are raised as they are.
        refusing: where given, a ValueError with a text is what the owner says of what it was given, and no failure:
            it becomes this error, without its type and place.
        hint: what to do about a failure, added to the line.

    Raises:
        Exception: what ``raises`` or ``refusing`` makes of the line.
    """
    try:
        yield
    except passing:
        raise
    except (Exception, SystemExit) as error:
        if refusing is not None and isinstance(error, ValueError) and str(error):
            raise refusing(f"{owner.label}: {reason(error)}") from error
        raise raises(f"{failure(owner, doing, error)}{hint}") from error


def failure(owner: CodeOwner, doing: str, error: BaseException) -> str:
    """Return the line about what code of an owner raised."""
    return f"{owner.label}: {doing} failed: {described(error, owner.package)}"


def described(error: BaseException, package: str = "") -> str:
    """Return ``Type: message (file:line)``.

    Args:
        error: what was raised.
        package: where in its code the error came from is said; where it did not, or empty: no place is.
    """
    kind, text, place = type(error).__name__, _text(error), _place(error, package)
    return f"{kind}{f': {text}' if text else ''}{f' ({place})' if place else ''}"


def _text(error: BaseException) -> str:
    try:
        text = str(error.msg) if isinstance(error, SyntaxError) else reason(error)
    except Exception:
        # A stranger's exception need not even be able to say what it is.
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
        # What eval() runs has a name in brackets for a file.
        if _within(frame.f_globals.get("__name__"), package) and not frame.f_code.co_filename.startswith("<")
    ]
    return own[-1] if own else ""


def _within(module: object, package: str) -> bool:
    return isinstance(module, str) and (module == package or module.startswith(f"{package}."))
