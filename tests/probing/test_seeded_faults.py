"""Mistakes that are put into a healthy recipe on purpose are named, and healthy recipes raise no alarm.

``seeded_faults/faults.yaml`` has the mistakes. ``python tests/fixtures/seeded_faults.py`` writes what docs/health.md says.
"""

from __future__ import annotations

import json

import pytest
import seeded_faults

FAULTS, HEALTHY = seeded_faults.table()["faults"], seeded_faults.table()["healthy"]


@pytest.fixture(scope="module")
def found():
    """What `check` and the probes report for every fault and every healthy recipe."""
    return seeded_faults.examine()


@pytest.fixture(scope="module")
def documented():
    """The results that docs/health.md shows."""
    return json.loads(seeded_faults.RESULTS.read_text(encoding="utf-8"))


def test_there_are_thirty_faults_and_ten_healthy_recipes():
    assert len(FAULTS) == 30
    assert len(HEALTHY) == 10
    changes = [json.dumps(fault["change"]) for fault in FAULTS.values()]
    assert len(set(changes)) == 30


@pytest.mark.slow
def test_at_least_27_of_30_faults_are_named(found):
    unseen = [name for name, signs in seeded_faults.named(found["faults"]).items() if not signs]
    assert len(unseen) <= 3, unseen


@pytest.mark.slow
def test_at_most_one_of_ten_healthy_runs_has_a_false_alarm(found):
    alarms = {name: signs for name, signs in found["healthy"].items() if signs}
    assert len(alarms) <= 1, alarms


@pytest.mark.slow
def test_the_documentation_shows_what_names_each_fault(found, documented):
    assert seeded_faults.named(documented["faults"]) == seeded_faults.named(found["faults"])


def test_the_documentation_counts_every_fault_and_every_healthy_run(documented):
    assert list(documented["faults"]) == list(FAULTS)
    assert list(documented["healthy"]) == list(HEALTHY)
