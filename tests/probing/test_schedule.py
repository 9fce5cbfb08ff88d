"""Probes along a training: who is asked when, what is remembered, and whose failure is reported."""

from __future__ import annotations

import json
import math

import pytest

from dcgan_kit import ComponentError, Finding, Probe, SecondReading, component
from dcgan_kit.probing.health_line import health_line, not_finite
from dcgan_kit.probing.probe_run import NamedProbe, ProbeFailed, build_probes, by_default
from dcgan_kit.probing.schedule import ProbeWatch
from dcgan_kit.runs.observer_memory import as_text, from_text


def named(name, owner="strange", **answers):
    """A probe of functions."""

    def factory():
        """Say something.  context → numbers."""

    factory.__name__ = name
    return NamedProbe(component("probe")(factory).owned_by(owner), Probe(**answers))


def ill(readings, first):
    if readings["generator/size"] < 2.0:
        return []
    return [Finding("sickness", "generator.stage2.activation", "31 % sick channels", 0.31, 0.0, "rest")]


@pytest.fixture
def watch(specimen):
    """Return a function (*probes) -> (ProbeWatch every 10 steps and all at 40, a function step -> Inspection)."""

    def watch(*probes):
        batch = specimen()
        made = ProbeWatch(batch.session, batch.images, probes, 10, 40)

        def inspect(step):
            batch.session.state.step.assign(step)
            assert made.due(step)
            return made.inspect(step)

        return made, inspect

    return watch


def test_cheap_probes_are_asked_often_dear_ones_at_evaluations_all_at_step_0(watch):
    cheap = named("cheap", measure=lambda context: {"generator/step": context.step})
    dear = named("dear", measure=lambda context: {"discriminator/step": context.step}, cheap=False)
    made, inspect = watch(cheap, dear)
    assert [step for step in range(45) if made.due(step)] == [0, 10, 20, 30, 40]
    assert inspect(0).scalars == {"generator/step": 0.0, "discriminator/step": 0.0}
    assert inspect(10).scalars == {"generator/step": 10.0}
    assert inspect(40).scalars == {"generator/step": 40.0, "discriminator/step": 40.0}
    assert made.first == {"strange/cheap": {"generator/step": 0.0}, "strange/dear": {"discriminator/step": 0.0}}


def test_no_probes_no_looks(watch):
    made, _ = watch()
    assert not any(made.due(step) for step in range(100))


def test_a_second_look_follows_some_steps_later(watch):
    later = SecondReading(
        3, lambda context: context.step, lambda kept, context: {"generator/moved": context.step - kept}
    )
    made, inspect = watch(named("moves", second=later, cheap=False))
    inspect(0)
    assert [step for step in range(1, 44) if made.due(step)] == [3, 40, 43]
    assert inspect(3).scalars == {"generator/moved": 3.0}
    # Training went back to a checkpoint before the second inspection, and meets the first again.
    inspect(40), inspect(40)
    found = inspect(43)
    assert found.scalars == {"generator/moved": 3.0}
    assert found.notes == ()


def test_a_watch_that_recalls_goes_on_as_one_that_was_never_stopped(watch):
    """Also when it was stopped between a first inspection and the second, and between two inspections that find the same."""
    later = SecondReading(
        3, lambda context: {"at": context.step}, lambda kept, now: {"generator/moved": now.step - kept["at"]}
    )
    probes = (
        named("moves", second=later),
        named("doctor", measure=lambda context: {"generator/size": 3.0}, diagnose=ill),
    )
    straight, inspect = watch(*probes)
    inspections = {step: inspect(step) for step in (0, 3, 10)}
    stopped, look_again = watch(*probes)
    look_again(0), look_again(3), look_again(10)
    gone_on, inspect_resumed = watch(*probes)
    gone_on.recall(from_text(as_text(stopped.memory())))
    assert inspections[3].scalars == {"generator/moved": 3.0}
    assert [inspect_resumed(step) for step in (13, 20)] == [inspect(step) for step in (13, 20)]
    assert as_text(gone_on.memory()) == as_text(straight.memory())


def test_a_probe_that_failed_stays_left_out_where_training_goes_on(watch):
    probes = (named("odd", measure=fails), named("well", measure=lambda context: {"generator/well": 1.0}))
    stopped, inspect = watch(*probes)
    assert inspect(0).notes
    gone_on, inspect_resumed = watch(*probes)
    gone_on.recall(from_text(as_text(stopped.memory())))
    assert inspect_resumed(10).notes == ()


def test_what_a_checkpoint_cannot_hold_is_no_memory(watch, monkeypatch):
    _, inspect = watch(named("keeper", second=SecondReading(3, lambda context: object(), fails)))
    (reported,) = inspect(0).notes
    assert reported.startswith(
        "probe strange/keeper: remember must return numbers, texts, arrays, or lists and mappings"
    )
    monkeypatch.setattr("dcgan_kit.probing.schedule.MAX_MEMORY_BYTES", 2**20)
    _, inspect = watch(named("hoarder", second=SecondReading(3, lambda context: "x" * 2**21, fails)))
    (reported,) = inspect(0).notes
    assert "the memories of probes take 2 MiB; a checkpoint holds at most 1 MiB of them" in reported


def test_an_illness_is_told_at_once_and_lasts_from_the_second_look_on(watch):
    sizes = iter([1.0, 1.0, 3.0, 3.0, 1.0, 3.0])
    _, inspect = watch(named("doctor", measure=lambda context: {"generator/size": next(sizes)}, diagnose=ill))
    reported = [inspect(step) for step in (0, 10, 20, 30, 40, 50)]
    assert [len(one.findings) for one in reported] == [0, 0, 1, 1, 0, 1]
    assert [len(one.lasting) for one in reported] == [0, 0, 0, 1, 0, 0]
    assert reported[1].health == "health: 1 probe finds nothing wrong"
    assert reported[2].health == "health: generator stage 2: 31 % sick channels"


def test_numbers_that_are_not_finite_are_told_and_are_no_scalars(watch):
    sizes = iter([1.0, 2.0, float("nan"), float("inf")])
    _, inspect = watch(named("size", measure=lambda context: {"generator.input.projection/size": next(sizes)}))
    inspect(0), inspect(10)
    found = inspect(20)
    assert found.scalars == {}
    assert [finding.disease for finding in found.findings] == ["not finite"]
    assert found.health == "health: generator input: size not finite"
    assert inspect(30).lasting


def fails(*_):
    raise KeyError("level 3")


class Unreadable(dict):
    """What cannot even be looked at."""

    def items(self):
        raise OSError("gone")

    def __repr__(self):
        raise OSError("gone")


def finding(**fields):
    reported = {
        "disease": "d",
        "where": "generator",
        "observation": "t",
        "value": 1.0,
        "baseline": 0.0,
        "advice": "rest",
    }
    return Finding(**{**reported, **fields})


@pytest.mark.parametrize(
    ("answers", "reported"),
    [
        ({"measure": fails}, "probe strange/odd: measure failed: KeyError: 'level 3'"),
        ({"measure": lambda context: [1.0]}, "probe strange/odd must return numbers by 'place/name', and gave [1.0]"),
        ({"measure": lambda context: {"size": 1.0}}, "must return numbers by 'place/name', and gave {'size': 1.0}"),
        ({"measure": lambda context: {"generator/size": "1"}}, "and gave {'generator/size': '1'}"),
        ({"measure": lambda context: {"generator/well": 2.0}}, "another probe already returned 'generator/well'"),
        ({"diagnose": fails}, "failed: KeyError: 'level 3'"),
        ({"diagnose": lambda readings, first: ["sick"]}, "must return dcgan_kit.Findings, and gave ('sick',)"),
        ({"second": SecondReading(10, fails, fails)}, "failed: KeyError: 'level 3'"),
        ({"second": SecondReading(10, lambda context: 1, fails)}, "failed: KeyError: 'level 3'"),
    ],
)
def test_a_broken_probe_is_told_with_its_owner_and_left_out(watch, answers, reported):
    well = named("well", measure=lambda context: {"generator/well": 1.0})
    _, inspect = watch(well, named("odd", **answers))
    inspections = [inspect(step) for step in (0, 10, 20)]
    notes = [note for one in inspections for note in one.notes]
    assert len(notes) == 1
    assert notes[0].startswith("probe strange/odd")
    assert reported in notes[0]
    assert all(one.scalars["generator/well"] == 1.0 for one in inspections)
    # Nobody who failed counts as someone who found nothing.
    assert inspections[-1].health == "health: 1 probe finds nothing wrong; 1 probe failed, so problems may be hidden"
    assert not any("2 probes" in one.health for one in inspections if one.notes)


BROKEN = [
    ({"measure": lambda context: None}, "must return numbers by 'place/name', and gave None"),
    ({"measure": lambda context: {"generator/size": [1.0]}}, "and gave {'generator/size': [1.0]}"),
    ({"measure": lambda context: {"generator/size": 1j}}, "and gave {'generator/size': 1j}"),
    ({"measure": lambda context: {3: 1.0}}, "and gave {3: 1.0}"),
    ({"measure": lambda context: {"generator/size": 10**400}}, "failed: OverflowError"),
    ({"measure": lambda context: Unreadable(a=1)}, "failed: OSError: gone"),
    (
        {"measure": lambda context: [Unreadable()]},
        "must return numbers by 'place/name', and gave an object of list",
    ),
    ({"measure": lambda context: exit(0)}, "failed: SystemExit"),
    ({"diagnose": lambda readings, first: None}, "failed: TypeError"),
    (
        {"diagnose": lambda readings, first: [finding(observation=None)]},
        "a Finding's observation must be text, and it gave Finding(",
    ),
    ({"diagnose": lambda readings, first: [finding(where=7)]}, "a Finding's where must be text"),
    ({"diagnose": lambda readings, first: [finding(value="much")]}, "a Finding's value must be a number"),
    (
        {"second": SecondReading(10, lambda context: 1, lambda kept, context: None)},
        "must return numbers by 'place/name'",
    ),
]


@pytest.mark.parametrize(("answers", "reported"), BROKEN)
def test_garbage_is_told_by_name_whatever_it_is(answers, reported):
    odd = named("odd", **answers)

    def ask():
        return odd.measure(None), odd.diagnose({}, {}), odd.compare(None, None)

    with pytest.raises(ProbeFailed, match=r"^probe strange/odd") as failure:
        ask()
    assert reported in str(failure.value)


def test_a_watch_begins_at_step_0(specimen):
    batch = specimen()
    batch.session.state.step.assign(5)
    with pytest.raises(RuntimeError, match="before restoring a checkpoint"):
        ProbeWatch(batch.session, batch.images, (), 10, 40)


def test_what_is_no_probe_is_refused_with_its_owner():
    @component("probe")
    def nothing():
        """Return nothing.  context → nothing."""

    with pytest.raises(ComponentError, match=r"^probe strange/nothing must return a Probe: .* and gave None"):
        build_probes([by_default(nothing.owned_by("strange"))])

    @component("probe")
    def picky(*, size: int):
        """Need a size.  context → nothing."""

    with pytest.raises(ComponentError, match=r"probe strange/picky has options without a default"):
        by_default(picky.owned_by("strange"))


def test_a_line_of_health_counts_who_has_looked():
    assert health_line([], 0) == "health: unknown: no probe gave a reading"
    assert health_line([], 0, 2) == "health: unknown: no probe gave a reading; 2 probes failed"
    assert health_line([], 1, 1) == "health: 1 probe finds nothing wrong; 1 probe failed, so problems may be hidden"
    ill = [Finding("d", "generator", "pale", 1.0, 0.0, "rest")]
    assert health_line(ill, 3, 2) == "health: generator: pale; 2 probes failed, so problems may be hidden"


def test_who_gives_no_number_has_not_looked(watch):
    _, inspect = watch(
        named("well", measure=lambda context: {"generator/well": 1.0}), named("silent", measure=lambda _: {})
    )
    assert inspect(0).health == "health: 1 probe finds nothing wrong"


def test_a_line_of_health_names_three_and_counts_the_others():
    findings = [Finding("d", f"generator.stage{n}.activation", f"{n} % ill", n, 0.0, "rest") for n in range(5)]
    line = health_line(findings, 7)
    assert (
        line == "health: generator stage 0: 0 % ill; generator stage 1: 1 % ill; generator stage 2: 2 % ill; and 2 more"
    )
    assert str(Finding("d", "samples", "collapse", 0.0, 1.0, "rest")) == "samples: collapse"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_finding_of_a_number_that_is_not_finite_can_be_written(value):
    (finding,) = not_finite({"generator.stage1.activation/dead": value})
    written = json.loads(json.dumps(finding.as_data(), allow_nan=False))
    assert (written["value"], written["baseline"]) == (None, 0.0)
    assert written["observation"] == finding.observation
