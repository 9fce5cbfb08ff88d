"""What is to be measured, by name."""

from __future__ import annotations

from dataclasses import dataclass

from dcgan_kit.components.registry import Registry
from dcgan_kit.evaluation.selection import choice_of


@dataclass(frozen=True)
class Request:
    """Which scores are asked for.

    Attributes:
        scores: ``NAME`` or ``NAME:option=value``; None: all that the images and the extractor allow.
        extractor: likewise; None: chosen by the images.
        samples: how many images are judged; None: as many as the floor can be measured with.
    """

    scores: tuple[str, ...] | None = None
    extractor: str | None = None
    samples: int | None = None

    def named(self) -> list[tuple[str, str]]:
        """Return every component that is named: its kind, and its text."""
        return [*(("score", text) for text in self.scores or ()), *(("extractor", e) for e in [self.extractor] if e)]

    def only_names(self, registry: Registry) -> bool:
        """Whether a registry has all that is named."""
        known = {kind: set(registry.names(kind)) for kind in ("score", "extractor")}
        return all(text.partition(":")[0] in known[kind] for kind, text in self.named())

    def require_known(self, registry: Registry) -> None:
        """Refuse names and options that do not exist; needs no TensorFlow.

        Raises:
            UserError: there is no such score or extractor, or not with these options.
        """
        for kind, text in self.named():
            choice_of(kind, text, registry)
