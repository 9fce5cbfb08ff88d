"""The names of the requested scores and extractor, and the size of images."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.components.registry import Registry
from dcgan_kit.evaluation.selection import choice_of


@dataclass(frozen=True)
class Request:
    """A request for scores.

    Attributes:
        scores: ``NAME`` or ``NAME:option=value``; None: all scores that the images and the extractor allow.
        extractor: ``NAME`` or ``NAME:option=value``; None: chosen by the images.
        samples: number of images to evaluate; None: the default number.
        class_scores: the scores of each class, as ``scores``; None: the default ones if ``scores`` is None,
            else none.
        judges: whether several unlike judges look at the images too; None: if neither ``scores`` nor ``extractor``
            is given.
    """

    scores: tuple[str, ...] | None = None
    extractor: str | None = None
    samples: int | None = None
    class_scores: tuple[str, ...] | None = None
    judges: bool | None = None

    @property
    def asks_judges(self) -> bool:
        """Whether several judges are to look at the images."""
        return self.scores is None and self.extractor is None if self.judges is None else self.judges

    def named(self) -> list[tuple[str, str]]:
        """Return every named component as (kind, text)."""
        scores = (*(self.scores or ()), *(self.class_scores or ()))
        return [*(("score", text) for text in scores), *(("extractor", e) for e in [self.extractor] if e)]

    def only_names(self, registry: Registry) -> bool:
        """Whether a registry has all named components."""
        known = {kind: set(registry.names(kind)) for kind in ("score", "extractor")}
        return all(text.partition(":")[0] in known[kind] for kind, text in self.named())

    def require_known(self, registry: Registry) -> None:
        """Check that all names and options exist. Needs no TensorFlow.

        Raises:
            UserError: there is no such score or extractor, or it does not take these options.
        """
        for kind, text in self.named():
            choice_of(kind, text, registry)


def size_of(text: str) -> ImageSpec | None:
    """Return the size that a text ``HxWxC`` gives, with sides of 1 to 9999 pixels and 1 to 4 channels; else None."""
    match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})x([1-4])", text)
    return None if match is None else ImageSpec(*map(int, match.groups()))
