"""A short form of scripts/fuzz.py: some inputs of each target, the same ones each time."""

import importlib.util
import sys
import time
from pathlib import Path

import pytest

PATH = Path(__file__).parent.parent / "scripts" / "fuzz.py"
NUMBERS = {"recipes": 60, "overrides": 150, "TF_CONFIG": 300, "manifests": 60, "archives": 60}
spec = importlib.util.spec_from_file_location("fuzz", PATH)
fuzz = importlib.util.module_from_spec(spec)
sys.modules["fuzz"] = fuzz
spec.loader.exec_module(fuzz)


@pytest.mark.parametrize("name", NUMBERS)
def test_what_nobody_would_write_is_read_or_refused(name, tmp_path):
    known = fuzz.targets(tmp_path)
    assert set(known) == set(NUMBERS)
    target = known[name]()
    found = [fuzz.tried(name, target, 1, number) for number in range(NUMBERS[name])]
    assert [finding for finding in found if finding is not None] == []


@pytest.mark.parametrize(
    ("read", "what"),
    [
        (lambda _: 1 / 0, "ZeroDivisionError"),
        (lambda _: sys.exit(1), "SystemExit"),
        (lambda _: "\udcff".encode(), "UnicodeEncodeError"),
        (lambda _: next(iter(())), "StopIteration"),
    ],
)
def test_anything_else_is_a_finding_that_can_be_replayed(read, what):
    target = fuzz.Target(lambda draw: draw.random(), read)
    first, again = (fuzz.tried("x", target, 3, 7) for _ in range(2))
    assert what in first.problem
    assert first == again
    assert first.content != fuzz.tried("x", target, 3, 8).content


def count(_):
    while True:
        pass


@pytest.mark.parametrize(("limit", "read"), [("SECONDS", count), ("WAITING_SECONDS", lambda _: time.sleep(60))])
def test_what_takes_too_long_is_a_finding(limit, read, monkeypatch):
    monkeypatch.setattr(fuzz, limit, 0.2)
    assert "takes more than" in fuzz.tried("x", fuzz.Target(lambda draw: 0, read), 0, 0).problem
