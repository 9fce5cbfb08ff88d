from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest

from dcgan_kit import Gathering, Images
from dcgan_kit.evaluation.features import gatherings_of
from dcgan_kit.evaluation.reference_cache import fingerprint, real_summaries


@pytest.fixture
def summarized(scores, counting):
    """Return a function (images, *score names, key=...) -> (summaries by gathering's name, images seen, notes)."""

    def summarized(images, *names, key="k0"):
        extractor, notes = counting(key), []
        found = real_summaries(
            images, fingerprint(images), extractor.chosen, gatherings_of(scores(*names)), notes.append
        )
        return {gathering.name: summary for gathering, summary in found.items()}, extractor.seen, notes

    return summarized


def test_a_fingerprint_is_of_the_pixels_alone(images):
    some = images(40)
    assert fingerprint(some) == fingerprint(Images(some.pixels.copy()))
    assert fingerprint(some) == fingerprint(Images(some.pixels[::-1], indices=np.arange(40)[::-1]))
    changed = some.pixels.copy()
    changed[39, 7, 7, 0] ^= 1
    reshaped = Images(some.pixels.reshape(40, 4, 16, 1))
    assert len({fingerprint(x) for x in (some, images(39), Images(changed), reshaped)}) == 4


def test_what_was_made_once_is_read_again(images, summarized, cache):
    some = images(60)
    first, seen, _ = summarized(some, "frechet", "kid", "precision_recall", "spectrum")
    assert (set(first), seen) == ({"moments", "features", "power"}, 60)
    assert len(list(cache.iterdir())) == 3
    again, seen, notes = summarized(some, "frechet", "kid", "precision_recall", "spectrum")
    assert (seen, notes) == (0, [])
    for name, summary in first.items():
        for part, array in summary.items():
            np.testing.assert_array_equal(array, again[name][part])


def test_another_extractor_or_another_pixel_is_another_summary(images, summarized):
    summarized(images(60), "frechet", "spectrum")
    assert summarized(images(60), "frechet", "spectrum", key="k1")[1] == 60
    assert summarized(images(60, seed=1), "frechet")[1] == 60
    # Pixels alone do not depend on the extractor.
    assert summarized(images(60), "spectrum", key="k2")[1] == 0


def test_only_what_is_missing_is_made(images, summarized):
    summarized(images(60), "frechet")
    found, seen, _ = summarized(images(60), "frechet", "kid")
    assert (set(found), seen) == ({"moments", "features"}, 60)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "replaced"])
def test_a_damaged_file_is_told_and_made_anew(images, summarized, cache, damage):
    whole, _, _ = summarized(images(60), "kid")
    (file,) = cache.iterdir()
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    file.write_bytes({"cut": content[:-40], "flipped": content, "emptied": b"", "replaced": b"PK no archive"}[damage])
    found, seen, notes = summarized(images(60), "kid")
    np.testing.assert_array_equal(found["features"]["features"], whole["features"]["features"])
    assert seen == 60
    assert "is damaged, so it is computed again" in notes[0]
    assert summarized(images(60), "kid")[1:] == (0, [])


def test_a_pickle_is_never_read(images, summarized, cache):
    summarized(images(60), "kid")
    (file,) = cache.iterdir()
    with file.open("wb") as stream:
        np.savez(stream, features=np.array([print], dtype=object))
    assert "computed again (ValueError)" in summarized(images(60), "kid")[2][0]


def test_a_cache_that_cannot_be_written_is_told_and_done_without(images, summarized, cache, monkeypatch):
    (cache / "file").write_bytes(b"")
    monkeypatch.setenv("DCGAN_KIT_CACHE", str(cache / "file"))
    found, seen, notes = summarized(images(60), "kid")
    assert seen == 60
    assert found["features"]["features"].shape == (60, 8)
    assert any("cannot be written" in line and "DCGAN_KIT_CACHE" in line for line in notes)


ACCUMULATOR = """
import numpy as np

from dcgan_kit import Gathering


class Mean:
    def __init__(self):
        self.total = 0.0

    def add(self, pixels, described):
        self.total += pixels.mean()

    def summary(self):
        return {"mean": np.array(self.total)}
"""


def test_a_mended_accumulator_makes_its_summaries_anew(images, counting, cache, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    some, extractor = images(60), counting("k0")

    def mean(code):
        (tmp_path / "accumulated.py").write_text(code)
        sys.modules.pop("accumulated", None)
        module = importlib.import_module("accumulated")
        gathering = Gathering("mean", module.Mean, "pixels")
        (found,) = real_summaries(
            some, fingerprint(some), extractor.chosen, {gathering: extractor.chosen.component}, print
        ).values()
        return float(found["mean"]), len(list(cache.iterdir()))

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    first, files = mean(ACCUMULATOR)
    assert (mean(ACCUMULATOR), files) == ((first, 1), 1)
    mended = ACCUMULATOR.replace("pixels.mean()", "2.0 * pixels.mean()")
    assert mean(mended) == (pytest.approx(2.0 * first), 2)


def test_what_an_accumulator_without_a_file_makes_is_not_kept(images, counting, cache):
    some, extractor, space = images(60), counting("k0"), {"__name__": "nowhere"}
    exec(ACCUMULATOR, space)
    gathering = Gathering("mean", space["Mean"], "pixels")
    for _ in range(2):
        real_summaries(some, fingerprint(some), extractor.chosen, {gathering: extractor.chosen.component}, print)
    assert not cache.exists() or not list(cache.iterdir())
