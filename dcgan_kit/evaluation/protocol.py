"""The name of a number: everything that it depends on besides the images that are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from dcgan_kit.errors import UserError


@dataclass(frozen=True)
class Protocol:
    """How a number was measured. Two numbers compare if all of it is equal.

    Attributes:
        options: the score's options that are not at their defaults, ``k=5``; empty: all are.
        extractor: name and key of the extractor, ``fashion_classifier@1a2b3c4d``; empty: only pixels count.
        images: height, width and channels, ``28x28x1``, and ``resized`` where they were brought to it for the purpose.
        samples: how many images were judged.
        references: how many real ones they were compared with.
        split: ``val``: held out of training; ``train``: not held out; ``real``: given without a training.
        fingerprint: of the pixels of the reference, and of the training images where these count, hex digits.
    """

    options: str
    extractor: str
    images: str
    samples: int
    references: int
    split: str
    fingerprint: str

    def name(self, number: str) -> str:
        """Return the full name: ``fd[fashion_classifier@1a2b3c4d,28x28x1,n=1600,val=800@5e6f7a8b]``."""
        parts = (
            self.options,
            self.extractor,
            self.images,
            f"n={self.samples}",
            f"{self.split}={self.references}@{self.fingerprint}",
        )
        return f"{number}[{','.join(part for part in parts if part)}]"

    def as_data(self) -> dict[str, Any]:
        """Return what JSON can write."""
        return asdict(self)

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> Protocol:
        """Return what ``as_data`` wrote.

        Raises:
            KeyError: something is missing.
        """
        return Protocol(**{field.name: data[field.name] for field in fields(Protocol)})


_MEANINGS = {
    "options": "options of the score",
    "extractor": "extractor",
    "images": "images",
    "samples": "number of samples",
    "references": "number of real images",
    "split": "real images",
    "fingerprint": "pixels of the real images",
}


def require_comparable(number: str, one: Protocol, other: Protocol) -> None:
    """Refuse to compare two numbers that were not measured alike.

    Raises:
        UserError: they were not; the message names every difference.
    """
    differences = [
        f"{meaning}: {getattr(one, name) or 'defaults'} and {getattr(other, name) or 'defaults'}"
        for name, meaning in _MEANINGS.items()
        if getattr(one, name) != getattr(other, name)
    ]
    if differences:
        raise UserError(
            f"{one.name(number)} and {other.name(number)} cannot be compared, as they were not measured alike: "
            f"{'; '.join(differences)}. Measure one as the other was"
        )
