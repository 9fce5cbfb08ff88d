from __future__ import annotations

import pytest

import dcgan_kit
from dcgan_kit.data import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""
    clock = {"now": 1000.0}
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock["now"])
    return clock


def test_without_a_listener_nothing_happens():
    dcgan_kit.report_progress(1, 2)
    with progress.reporting_to(None):
        dcgan_kit.report_progress(1, 2)


def test_what_is_quick_is_not_reported(clock):
    reported = []
    with progress.reporting_to(lambda *report: reported.append(report)):
        for done in range(1, 101):
            clock["now"] += 0.019
            dcgan_kit.report_progress(done, 100)
    assert reported == []


def test_what_takes_longer_is_reported_now_and_then_and_to_its_end(clock):
    reported = []
    with progress.reporting_to(lambda *report: reported.append(report)):
        for done in range(1, 51):
            clock["now"] += 0.1
            dcgan_kit.report_progress(done, 50)
    assert reported[0][0] in (20, 21)
    assert len(reported) in range(10, 14)
    assert reported[-1] == (50, 50)


def test_a_listener_hears_its_own_block_alone(clock):
    reported = []
    with progress.reporting_to(lambda *report: reported.append("outer")):
        clock["now"] += 3
        with progress.reporting_to(lambda *report: reported.append("inner")):
            clock["now"] += 3
            dcgan_kit.report_progress(1, 2)
        dcgan_kit.report_progress(1, 2)
    dcgan_kit.report_progress(2, 2)
    assert reported == ["inner", "outer"]
