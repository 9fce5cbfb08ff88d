"""The protocol of a number: everything that it depends on, except the evaluated images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from dcgan_kit.errors import UserError


@dataclass(frozen=True)
class Protocol:
    """How a number was computed. Two numbers are comparable if their protocols are equal.

    Attributes:
        options: options of the score that differ from their defaults, e.g. ``k=5``; empty if there are none.
        extractor: name and key of the extractor, e.g. ``fashion_classifier@1a2b3c4d``; empty if only pixels count.
        images: height, width and channels, e.g. ``28x28x1``, plus ``resized`` if images were resized for this
            evaluation.
        samples: number of evaluated images.
        references: number of real images in the reference.
        split: the reference is ``val``: held out of training; ``train``: not held out; ``real``: no training is known.
        fingerprint: hex digits of a hash of the reference pixels, and of the training pixels if the score uses them.
    """

    options: str
    extractor: str
    images: str
    samples: int
    references: int
    split: str
    fingerprint: str

    @property
    def extractor_name(self) -> str:
        """The name of the extractor without its key; empty if only pixels count."""
        return self.extractor.partition("@")[0]

    def name(self, number: str) -> str:
        """Return the full name, e.g. ``fd[fashion_classifier@1a2b3c4d,28x28x1,n=1600,val=800@5e6f7a8b]``."""
        parts = (
            self.options,
            self.extractor,
            self.images,
            f"n={self.samples}",
            f"{self.split}={self.references}@{self.fingerprint}",
        )
        return f"{number}[{','.join(part for part in parts if part)}]"

    def as_data(self) -> dict[str, Any]:
        """Return the fields as a mapping for JSON."""
        return asdict(self)

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> Protocol:
        """Return the protocol from a mapping that ``as_data`` returned.

        Raises:
            KeyError: a field is missing.
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
    """Check that two numbers have the same protocol.

    Raises:
        UserError: the protocols differ; the message names every difference.
    """
    differences = [
        f"{meaning}: {getattr(one, name) or 'defaults'} and {getattr(other, name) or 'defaults'}"
        for name, meaning in _MEANINGS.items()
        if getattr(one, name) != getattr(other, name)
    ]
    if differences:
        raise UserError(
            f"{one.name(number)} and {other.name(number)} cannot be compared, because their protocols differ: "
            f"{'; '.join(differences)}. Compute both with the same protocol"
        )
