"""The claims that are shipped: each is valid, and those that are exact have the verdicts of a calculation by hand."""

import json
from dataclasses import replace

import pytest

from dcgan_kit.api.claim_records import read_record
from dcgan_kit.api.claims import (
    claim_folder,
    claims_report,
    find_claim,
    list_claims,
    run_claim,
    scaled,
    verdict_so_far,
)
from dcgan_kit.api.study_plan import planned
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.studies.statistics import seeds_needed
from dcgan_kit.terminal.progress import Quiet

CLAIMS = list_claims()
MOST_RUNS = 40
MOST_RUNS_OF_ALL_MODELS = 90
"""Of the claim that ranks the published models."""


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_is_a_valid_study_with_enough_seeds(name, tmp_path):
    study = CLAIMS[name].study
    plan = planned(study, tmp_path, PluginSettings(builtins_only=True), lambda variants, home: {})
    compared = [one for one in study.claim.expect if one.relation in ("higher", "lower", "better")]
    assert not compared or study.seeds >= seeds_needed(len(compared))
    assert len(plan.runs) <= (MOST_RUNS_OF_ALL_MODELS if name == "published-models" else MOST_RUNS)
    assert study.claim.sentence.endswith(".")
    assert study.description.endswith(".")


@pytest.mark.parametrize(
    ("name", "verdict", "number", "means"),
    [
        ("padding-and-the-edge", "refuted", "discriminator.stage1.downsample/corner_use", [1 / 9, 4 / 9]),
        ("pooling-has-nothing-to-learn", "supported", "generator.stage1.upsample/parameters", [0, 0, 8192, 8192]),
    ],
)
def test_an_exact_claim_has_the_verdict_of_a_calculation(name, verdict, number, means, tmp_path):
    claim = find_claim(name)
    assert verdict_so_far(claim, tmp_path) == ""
    done = run_claim(claim, tmp_path, watcher=Quiet())
    assert done.verdict == verdict_so_far(claim, tmp_path) == verdict
    record = read_record(claim_folder(claim, tmp_path) / "claim.json")
    assert record == json.loads(json.dumps(done.record))
    assert set(record["machine"]) == {"processor", "cores", "dcgan_kit", "packages"}
    assert [one["numbers"][number]["mean"] for one in record["variants"]] == pytest.approx(means)
    assert len(record["plan"]) == 16
    assert not record["plan_changed"]
    assert done.study.missing == 0
    page = claims_report(tmp_path).read_text()
    assert f"| [{name}](#{name}) | {verdict} | {claim.claim.sentence} |" in page
    changed = run_claim(replace(claim, study=replace(claim.study, seeds=2)), tmp_path, watcher=Quiet()).record
    assert changed["plan_changed"]
    assert changed["first_plan"] == record["plan"] != changed["plan"]


def test_a_scaled_claim_is_trained_longer():
    claim = find_claim("beta1").study
    assert scaled(claim, 3, 2.0).budget.amount == 2 * claim.budget.amount
    assert scaled(claim, 3, 2.0).seeds == 3
    exact = find_claim("padding-and-the-edge").study
    assert scaled(exact, None, 2.0) == exact
    with pytest.raises(UserError, match="scale"):
        scaled(claim, None, 0.0)
    varied = scaled(find_claim("relu-dies").study, None, 2.0)
    assert varied.axes[1].values == ("2500", "5000")
    assert varied.axes[1].names == ("half way", "end")


def test_an_unknown_claim_is_refused(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'relu-dies'"):
        find_claim("relu-die")
    file = tmp_path / "study.yaml"
    file.write_text("version: 1\nbase: a\naxes: {training.loss: [hinge, wasserstein]}\nread: [fd]\n")
    with pytest.raises(UserError, match="has no section 'claim'"):
        find_claim(str(file))
