"""``dcgan-kit probe``: on a recipe before it is trained, on a run, by name, for people and for programs."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from dcgan_kit.errors import UserError

SMALL = ("training.steps=4", "training.batch_size=4", "training.sample_grid=[2, 2]", "training.log_every=1")
STRANGER = """
from dcgan_kit import Probe, component, hookimpl


@component("probe")
def answer():
    \"\"\"Know the answer.  context → 42.\"\"\"
    return Probe(lambda context: {"generator/answer": 42.0})


@component("probe")
def broken():
    \"\"\"Break.  context → nothing.\"\"\"
    return Probe(lambda context: {}["nothing"])


@component("probe")
def silent():
    \"\"\"Say nothing.  context → nothing.\"\"\"
    return Probe(lambda context: {})


@hookimpl
def dcgan_kit_components():
    return [answer, broken, silent]
"""


@pytest.fixture
def probe(command, monkeypatch, tmp_path):
    """Return a function (*arguments, status=0) -> the result of ``dcgan-kit probe`` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, status=0: command("probe", *arguments, status=status)


def test_every_probe_on_a_recipe_that_was_never_trained(probe, tmp_path):
    found = json.loads(probe("tiny-fashion28", *SMALL, "--json").stdout)
    assert found["step"] == 0
    assert found["failed"] == []
    assert found["readings"] == found["first"]
    readings = {key: value for numbers in found["readings"].values() for key, value in numbers.items()}
    assert readings["generator.stage1.upsample/overlap"] == 1.0
    assert readings["generator/drift"] > 0.0
    assert readings["generator.stage1.activation/dead"] == 0.0
    assert not list(tmp_path.iterdir()), "it writes nothing"


def test_a_run_beside_its_beginning(probe, command, tmp_path):
    command("train", "tiny-fashion28", *SMALL, "--run", tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    reported = probe(tmp_path / "run", "--probes", "contest,units").stdout
    assert "Step 4; in brackets: the same at step 0." in reported
    assert "contest: See who is ahead, by the discriminator's logits." in reported
    assert "health: " in reported
    assert sorted(tmp_path.rglob("*")) == before
    assert "keeps no best checkpoint" in probe(tmp_path / "run", "--best", status=2).stderr


def test_the_recipes_options_are_those_of_its_probes(probe):
    asked = ("tiny-fashion28", *SMALL, "--probes", "checkerboard,overlap", "--json")
    of = {}
    for override in (
        "training.probing.probes=[{use: checkerboard, periods: [2]}]",
        "training.probing.probes=[overlap]",
    ):
        readings = json.loads(probe(*asked, override).stdout)["readings"]
        of[override] = {key.rpartition("/")[2] for numbers in readings.values() for key in numbers}
    first, second = of.values()
    assert ("checkerboard_2" in first, "checkerboard_4" in first) == (True, False)
    assert {"checkerboard_2", "checkerboard_4", "overlap"} <= second


def test_options_of_the_command_go_before_the_recipes(probe):
    recipe = "training.probing.probes=[{use: units, dormant_below: 0.0001}]"
    most = {}
    for asked in ("units", "units:dormant_below=1.0"):
        (readings,) = json.loads(probe("tiny-fashion28", *SMALL, recipe, "--probes", asked, "--json").stdout)[
            "readings"
        ].values()
        most[asked] = max(value for key, value in readings.items() if key.endswith("/dormant"))
    assert most["units"] == 0.0 < most["units:dormant_below=1.0"]


def test_a_strangers_probe_by_name_and_one_that_breaks(probe, tmp_path):
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "answers.py").write_text(STRANGER)
    strange = ("--plugins-dir", tmp_path / "strange")
    result = probe("tiny-fashion28", *SMALL, "--probes", "answer,broken,overlap,silent", *strange, status=2)
    assert "42" in result.stdout
    assert "probe answers/broken: measure failed: KeyError: 'nothing'" in result.stderr
    assert "health: 2 probes find nothing wrong; 1 probe failed, so problems may be hidden" in result.stdout
    assert "no readings from: answers/silent" in result.stderr
    found = json.loads(probe("tiny-fashion28", *SMALL, "--probes", "broken", "--json", *strange, status=2).stdout)
    place = tmp_path / "strange" / "answers.py"
    assert found["failed"] == [f"probe answers/broken: measure failed: KeyError: 'nothing' ({place}:14)"]
    alone = probe("tiny-fashion28", *SMALL, "--probes", "broken", *strange, status=2).stdout
    assert "health: unknown: no probe gave a reading; 1 probe failed" in alone
    assert "nothing wrong" not in alone


@pytest.mark.parametrize("which", ["broken", "silent"])
def test_a_recipe_whose_probe_breaks_trains_and_says_that_its_health_is_unknown(which, command, tmp_path):
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "answers.py").write_text(STRANGER)
    asked = (*SMALL, f"training.probing.probes=[{which}]", "training.evaluation.scores=[]", "--run", tmp_path / "run")
    reported = command("train", "tiny-fashion28", *asked, "--plugins-dir", tmp_path / "strange").stderr
    failed = which == "broken"
    assert reported.count("probe answers/broken: measure failed: KeyError: 'nothing'") == failed
    unknown = "health: unknown: no probe gave a reading" + ("; 1 probe failed" if failed else "")
    assert f"step 0: {unknown}\n" in reported
    assert f"step 4: {unknown}\n" in reported
    assert "nothing wrong" not in reported


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (("tiny-fashion28", "--probes", "unit"), "unknown probe 'unit'. Did you mean 'units'?"),
        (("tiny-fashion28", "--probes", "units:dead=2"), "units:dead=2: no option 'dead'. Did you mean"),
        (("tiny-fashion28", "--probes", "units,contest,probe/units"), "--probes: units is named twice"),
        (("tiny-fashion28", "--best"), "tiny-fashion28: is no run folder"),
        (("tiny-fashon28",), "Did you mean 'tiny-fashion28'?"),
    ],
)
def test_what_is_wrong_is_told(probe, arguments, reported):
    assert reported in probe(*arguments, status=2).stderr


@pytest.mark.parametrize(
    ("names", "everything"), [("units", False), ("units:dormant_below=0.1,contest", False), ("mine", True)]
)
def test_strangers_are_loaded_for_a_probe_that_no_builtin_has(names, everything, monkeypatch):
    from dcgan_kit.api import probe
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.components.plugin_loader import load_builtins

    builtins = load_builtins()
    loaded = []
    monkeypatch.setattr(probe, "everything", lambda settings: loaded.append(True) or builtins)
    with suppress(UserError):
        probe._choices(names.split(","), builtins, PluginSettings(), ())
    assert bool(loaded) == everything
