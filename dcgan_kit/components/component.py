"""``@component`` turns a factory function into a component that a recipe can name."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from dcgan_kit.components.contracts.stored import StoredImages
from dcgan_kit.components.guard import guarded
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.option_types import Slot
from dcgan_kit.errors import did_you_mean

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_YAML_WORDS = frozenset({"true", "false", "null"})
_NEVER_IN_XLA = frozenset({"data", "extractor", "initializer", "probe", "score"})
"""Kinds whose components run outside the training step."""


class OptionsModel(BaseModel):
    """The options of one component: strict types, no unknown options, and validated defaults."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Component:
    """A building block that a recipe can name: a kind, a name, a factory with its options, and an owner.

    Attributes:
        kind: name of the kind whose contract the component follows.
        name: its name in recipes.
        factory: the decorated function.
        owner: name of the plugin that offers it; empty until a plugin is loaded.
        distribution: name and version of the installed distribution that the plugin belongs to, or empty.
        check: for kind ``data`` only: takes the factory's options and raises DataError if the images cannot be there.
            It runs before TensorFlow starts. None: no such check.
        stored: for kind ``data`` only: takes the factory's options and returns ``StoredImages``, the images before they
            get a recipe's size. None: they are known at a recipe's size only.
        without_xla: why training may not compile it with XLA; empty if it may.
    """

    kind: str
    name: str
    factory: Callable[..., Any]
    owner: str = ""
    distribution: str = ""
    check: Callable[..., None] | None = None
    stored: Callable[..., StoredImages] | None = None
    without_xla: str = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the factory."""
        return self.factory(*args, **kwargs)

    def __str__(self) -> str:
        return f"{self.kind} {self.owner}/{self.name}" if self.owner else f"{self.kind} {self.name}"

    @property
    def label(self) -> str:
        """Name of the component in error messages, with the distribution if there is one."""
        return f"{self} ({self.distribution})" if self.distribution else str(self)

    @property
    def package(self) -> str:
        """The top-level package, or module, that declares the component."""
        return self.factory.__module__.partition(".")[0]

    @property
    def documentation(self) -> str:
        """The factory's docstring, unindented, with Markdown's single backticks around code."""
        return (inspect.getdoc(self.factory) or "").replace("``", "`")

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.partition("\n")[0].strip()

    @cached_property
    def options(self) -> type[OptionsModel]:
        """The model of the options: one field for each keyword-only parameter of the factory."""
        fields: dict[str, Any] = {}
        for parameter in _keyword_only(self.factory):
            annotation = _evaluated(parameter.annotation, self.factory)
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[parameter.name] = (annotation, default)
        title = "".join(part.capitalize() for part in self.name.split("_"))
        return create_model(f"{title}Options", __base__=OptionsModel, **fields)

    def check_options(self) -> None:
        """Evaluate the annotations of all options and validate their defaults.

        Raises:
            TypeError: an annotation cannot be evaluated, or does not allow its default.
        """
        with guarded(self, "reading the annotations of its options", TypeError, passing=()):
            options = self.options
        try:
            options()
        except ValidationError as error:
            for wrong in error.errors(include_url=False):
                if wrong["type"] != "missing":
                    where = ".".join(map(str, wrong["loc"]))
                    raise TypeError(f"{self}: default of option {where!r}: {wrong['msg']}") from error
        for name, field in options.model_fields.items():
            if name in self.nested and field.default is not None:
                raise TypeError(f"{self}: default of option {name!r} must be None, as it is a component")

    @cached_property
    def nested(self) -> Mapping[str, str]:
        """Options that are components themselves: option → kind."""
        found = {}
        for name, field in self.options.model_fields.items():
            for entry in field.metadata:
                if isinstance(entry, Slot):
                    found[name] = entry.kind
        return found

    @property
    def takes_context(self) -> bool:
        """Whether the factory has a positional parameter, which receives what ``KINDS[kind].argument`` describes."""
        return any(
            parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            for parameter in inspect.signature(self.factory).parameters.values()
        )

    def build(self, context: Any, options: Mapping[str, Any]) -> Any:
        """Call the factory with the context, if it takes one, and the options."""
        return self.factory(context, **options) if self.takes_context else self.factory(**options)

    def owned_by(self, owner: str, distribution: str = "") -> Component:
        """Return the same component with the names of the plugin and the distribution that offer it."""
        return replace(self, owner=owner, distribution=distribution)


def component(
    kind: str,
    *,
    name: str | None = None,
    check: Callable[..., None] | None = None,
    stored: Callable[..., StoredImages] | None = None,
    without_xla: str = "",
) -> Callable[[Callable[..., Any]], Component]:
    """Declare a factory function as a component.

    The factory takes at most one positional argument, which the builder supplies (see ``KINDS[kind].argument``). Its
    keyword-only arguments are the options that a recipe may set. Their annotations give the allowed types and ranges.

    Args:
        kind: one of ``KINDS``.
        name: the name in recipes; default: the function's name.
        check: for kind ``data`` only: takes the factory's options and raises DataError if the images cannot be there.
            It runs before TensorFlow starts, and must be fast.
        stored: for kind ``data`` only: takes the factory's options and returns ``StoredImages``, the images before they
            get a recipe's size. ``data inspect`` and ``recipes new`` read them.
        without_xla: for a component of networks or of the training step that XLA cannot compile or computes wrongly:
            why, as the end of a sentence, such as ``"it calls Python"``. Recipes with it train without XLA.

    Raises:
        TypeError: the declaration breaks a rule; the message names the rule.
    """
    if kind not in KINDS:
        raise TypeError(f"unknown kind of component {kind!r}.{did_you_mean(kind, KINDS)}")
    if check is not None and kind != "data":
        raise TypeError(f"'check' is for components of kind 'data', whose images may be missing. Received: {kind!r}")

    if stored is not None and kind != "data":
        raise TypeError(f"'stored' is for components of kind 'data', which read images. Received: {kind!r}")
    if without_xla and kind in _NEVER_IN_XLA:
        raise TypeError(f"'without_xla' is for components that the training step computes. Received: {kind!r}")

    def declare(factory: Callable[..., Any]) -> Component:
        declared = Component(
            kind, name or factory.__name__, factory, check=check, stored=stored, without_xla=without_xla
        )
        _check_declaration(declared)
        return declared

    return declare


def _check_declaration(declared: Component) -> None:
    where = f"@component({declared.kind!r}) {declared.name!r}"
    if not _NAME.fullmatch(declared.name) or keyword.iskeyword(declared.name) or declared.name in _YAML_WORDS:
        raise TypeError(f"{where}: a name is lower case letters, digits and underscores, and no Python or YAML keyword")
    parameters = inspect.signature(declared.factory).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) > 1:
        extra = ", ".join(p.name for p in positional[1:])
        raise TypeError(f"{where}: one positional argument at most; make options keyword-only with '*': {extra}")
    if positional and not KINDS[declared.kind].argument:
        raise TypeError(f"{where}: a factory of this kind takes no positional argument: {positional[0].name}")
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        raise TypeError(f"{where}: *args and **kwargs hide options; name each")
    options = _keyword_only(declared.factory)
    for parameter in options:
        if parameter.annotation is inspect.Parameter.empty:
            raise TypeError(f"{where}: option {parameter.name!r} has no annotation")
        if parameter.name == "use" or parameter.name.startswith(("_", "model_")) or hasattr(BaseModel, parameter.name):
            raise TypeError(f"{where}: option {parameter.name!r} is a reserved name")
    for required in KINDS[declared.kind].required_options:
        if required not in {p.name for p in options}:
            raise TypeError(f"{where}: every {declared.kind} must have an option {required!r}")


def _keyword_only(factory: Callable[..., Any]) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(factory).parameters.values() if p.kind is p.KEYWORD_ONLY]


def _evaluated(annotation: Any, factory: Callable[..., Any]) -> Any:
    # Evaluate only annotations of options: a return annotation may name keras, which listings must not import.
    if isinstance(annotation, str):
        return eval(annotation, factory.__globals__)
    return annotation
