from __future__ import annotations

from dataclasses import replace

import pytest

from dcgan_kit import UserError
from dcgan_kit.evaluation.protocol import Protocol, require_comparable

PROTOCOL = Protocol("", "fashion_classifier@1a2b3c4d", "28x28x1", 2000, 800, "val", "5e6f7a8b")


def test_the_name_holds_all_that_a_number_depends_on():
    assert PROTOCOL.name("fd") == "fd[fashion_classifier@1a2b3c4d,28x28x1,n=2000,val=800@5e6f7a8b]"
    assert replace(PROTOCOL, options="k=5", extractor="").name("x") == "x[k=5,28x28x1,n=2000,val=800@5e6f7a8b]"


def test_it_survives_json():
    assert Protocol.from_data(PROTOCOL.as_data()) == PROTOCOL


def test_equal_ones_compare():
    require_comparable("fd", PROTOCOL, replace(PROTOCOL))


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"samples": 500}, "number of samples: 2000 and 500"),
        ({"extractor": "inception_v3@00"}, "extractor: fashion_classifier@1a2b3c4d and inception_v3@00"),
        ({"options": "k=9"}, "options of the score: defaults and k=9"),
        (
            {"split": "train", "fingerprint": "00"},
            "real images: val and train; pixels of the real images: 5e6f7a8b and 00",
        ),
        (
            {"references": 9, "images": "28x28x1 resized"},
            "images: 28x28x1 and 28x28x1 resized; number of real images: 800",
        ),
    ],
)
def test_unlike_ones_are_refused_with_every_difference(changes, reported):
    with pytest.raises(UserError, match="cannot be compared, because their protocols differ") as caught:
        require_comparable("fd", PROTOCOL, replace(PROTOCOL, **changes))
    assert reported in str(caught.value)
    assert "fd[" in str(caught.value)
