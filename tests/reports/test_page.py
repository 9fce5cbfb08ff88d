"""One page that needs nothing else, whatever the run folders hold."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from dcgan_kit.reports.comparisons import CheckpointAnalysis
from dcgan_kit.reports.facts import read_facts
from dcgan_kit.reports.page import code, page

SECTIONS = ["summary", "samples", "curves", "scores", "health", "spectra", "overlaps", "neighbours", "evaluation",
            "recipe", "environment"]  # fmt: skip


class Reader(HTMLParser):
    """Keeps what a page holds: elements with attributes, and its text outside of styles."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self._style = [], "", False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.text += " "
        self._style = tag == "style"

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        self.text += "" if self._style else data

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self):
        return " ".join(self.text.split())


@pytest.fixture
def written():
    """Return a function (*folders, analyses) -> the page about them, read."""

    def written(*folders, analyses=None):
        html = page([read_facts(folder, folder.name) for folder in folders], analyses or {})
        return Reader(html)

    return written


def test_sections_in_order_one_heading_each(written, run):
    found = written(run)
    assert [section["id"] for section in found.of("section")] == SECTIONS
    assert len(found.of("h1")) == 1
    assert len(found.of("h2")) == len(SECTIONS)
    assert [link["href"] for link in found.of("a")] == ["#content", *(f"#{name}" for name in SECTIONS)]


def test_it_asks_for_nothing(written, run, analyses):
    html = page([read_facts(run, "garments")], analyses)
    # The one script is the page's own: the policy allows it by its sum.
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    html = html.replace(f"<script>{script}</script>", "")
    assert not re.search(r"<script|@import|javascript:|srcset|<iframe|<object|<embed|<form| on\w+=", html)
    assert not re.search(r"fetch|XMLHttpRequest|WebSocket|import|innerHTML|eval", script)
    for address in re.findall(r'(?:src|href)="([^"]*)"', html):
        assert address.startswith(("data:image/png;base64,", "#")), address[:60]
    for address in re.findall(r"url\(([^)]*)\)", html):
        assert address.startswith("#"), address
    (policy,) = [meta["content"] for meta in Reader(html).of("meta") if "http-equiv" in meta]
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    assert policy.startswith(
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; "
    )


def test_a_page_without_pictures_allows_no_script(run):
    shutil.rmtree(run / "samples")
    html = page([read_facts(run, "garments")], {})
    assert "<script" not in html
    assert "script-src 'none';" in html


def test_summary_and_scores_stand_beside_their_floor(written, run, score_key):
    words = written(run).words
    assert "40 of 40, not finished" in words
    assert "20 at step 40; lowest 20 at step 40; real images get 2.5" in words
    assert "health generator stage 1 activation: 40 % dead channels (step 40)" in words
    assert f"{score_key}; lower is better" in words


def test_the_summary_of_a_run_without_scores_has_those_of_its_evaluation(written, run, lines):
    assert "fd, evaluated" not in written(run).words
    lines(run / "metrics.jsonl", [{"step": 1, "generator_loss": 1}])
    assert "fd, evaluated 20; real images get 2.5" in written(run).words


def test_readings_are_charts_by_question_network_and_slot(written, run, lines):
    blocks = ("input", "stage1", "stage2.1")
    places = [f"generator.{block}.{slot}" for block in blocks for slot in ("activation", "activation_2")]
    numbers = [
        {
            "step": s,
            **{f"{place}/dead": s / 9 for place in places},
            "samples/spread": s,
            "data/spread": 1,
            "a.b.c/same": 3,
        }
        for s in (0, 1)
    ]
    lines(run / "metrics.jsonl", numbers)
    (run / "speed.jsonl").unlink()
    html = page([read_facts(run, "garments")], {})
    titles = re.findall(r"<title id=[^>]*>([^<]*)", html)
    assert titles == ["dead: generator activation", "spread"]
    for name in ("input", "input 2", "stage 1", "stage 1 2", "stage 2.1", "stage 2.1 2", "samples", "data"):
        assert f">{name}</text>" in html
    assert "Readings that never changed question value where same 3 a b c" in Reader(html).words


def test_findings_say_what_to_try(written, run, lines):
    lines(
        run / "findings.jsonl", [{**json.loads((run / "findings.jsonl").read_text()), "step": s} for s in (0, 20, 40)]
    )
    words = written(run).words
    assert (
        "0 to 40, 3 times generator stage 1 activation: 40 % dead channels 0.4 (0) leaky_relu instead of relu" in words
    )


@pytest.mark.parametrize(
    ("found", "read", "reported"),
    [
        # All probes are asked at 0, 1000, 2000; cheap ones at every 100; a second look is at 1010.
        ([], [0, 1000], "nothing wrong at step 1,000."),
        ([0], [0, 1000, 1010, 1100], "nothing wrong at step 1,000 or since, up to 1,100."),
        ([1000], [0, 1000, 1010, 1100], "generator stage 1 activation: 40 % dead channels (step 1,000)."),
        ([1000, 1200], [0, 1000, 1200, 1300], "generator stage 1 activation: 40 % dead channels (step 1,200)."),
        ([1000], [0, 1000, 2000, 2010], "nothing wrong at step 2,000 or since, up to 2,010."),
    ],
)
def test_what_was_found_is_told_until_all_probes_are_asked_again(
    found, read, reported, written, make_run, tmp_path, lines
):
    run = make_run(tmp_path / "ill", "training.evaluation.every=1000")
    one = json.loads((run / "findings.jsonl").read_text())
    lines(run / "findings.jsonl", [{**one, "step": step} for step in found])
    lines(run / "metrics.jsonl", [{"step": step, "samples/spread": 0.8} for step in read])
    assert f"ill: {reported}" in written(run).words


@pytest.mark.parametrize(
    ("read", "reported"),
    [
        ([0, 1000, 2000], "ill: nothing wrong at step 2,000; failed: strange/odd."),
        ([], "ill: unknown; failed: strange/odd."),
    ],
)
def test_a_probe_that_failed_once_is_told_to_the_end(read, reported, written, make_run, tmp_path, lines):
    from dcgan_kit.probing.health_line import failure

    run = make_run(tmp_path / "ill", "training.evaluation.every=1000")
    record = failure("strange/odd", "probe strange/odd failed: KeyError: 'level 3'").as_data()
    lines(run / "findings.jsonl", [{"step": 0, **record}])
    lines(run / "metrics.jsonl", [{"step": step, "samples/spread": 0.8} for step in read] or [{"step": 0}])
    page = written(run)
    assert reported in page.words
    assert "probe strange/odd failed: KeyError: 'level 3'" in page.words


def test_evaluation_says_how_it_was_measured(written, run):
    words = written(run).words
    assert "garments: scores of run runs/garments, step 40" in words
    assert "fd 20 2.5 lower is better" in words
    assert "extractor fashion_classifier@1a2b3c4d" in words
    assert "features by fashion_classifier" in words


def test_what_each_judge_found_is_a_table(written, run):
    fd, kid, spectrum = (
        {"number": name, "value": 0.5, "floor": floor, "better": "lower"}
        for name, floor in (("fd", 0.2), ("kid", 0.1), ("spectrum_db", 0.0))
    )
    band = {"number": "high_band_db", "value": -0.5, "floor": 0.1, "better": "floor"}
    evaluation = json.loads((run / "evaluation.json").read_text())
    judges = [
        {"judge": "random_convolution", "sees": "textures", "numbers": [fd, kid]},
        {"judge": "spectrum", "sees": "frequencies", "numbers": [spectrum, band]},
    ]
    (run / "evaluation.json").write_text(json.dumps({**evaluation, "judges": judges}))
    words = written(run).words
    assert "garments: judges judge number samples real images times real" in words
    assert (
        "random_convolution: textures fd 0.5 0.2 2.5 random_convolution: textures kid 0.5 0.1 spectrum: frequencies"
        in words
    )
    assert "spectrum: frequencies spectrum_db 0.5 0 spectrum: frequencies high_band_db -0.5 0.1" in words


def test_scores_of_each_class_are_a_table_with_intervals(written, run):
    accuracy = {"class_accuracy": 0.9, "class_accuracy_low": 0.8, "class_accuracy_high": 0.95}
    numbers = [{"number": "kid", "value": 0.5, "floor": 0.01, "better": "lower"}]
    for name, value in accuracy.items():
        better = "floor" if name == "class_accuracy" else "neither"
        numbers.append({"number": name, "value": value, "floor": value / 2, "better": better})
    dress = {"class": 3, "name": "Dress", "samples": 162, "references": 76, "numbers": numbers}
    bag = {"class": 8, "name": "", "samples": 4, "references": 2, "numbers": []}
    evaluation = json.loads((run / "evaluation.json").read_text())
    (run / "evaluation.json").write_text(json.dumps({**evaluation, "classes": [dress, bag]}))
    words = written(run).words
    assert "garments: scores of each class, with 95 % intervals in brackets" in words
    assert "class samples reference kid kid, real class_accuracy class_accuracy, real" in words
    assert "3 Dress 162 76 0.5 0.01 0.9 (0.80 to 0.95) 0.45 (0.40 to 0.47)" in words
    assert "8 4 2 – – – –" in words


def test_each_row_of_a_grid_says_its_class(written, make_run, tmp_path):
    run = make_run(tmp_path / "classes")
    text = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(text.replace("condition: null", "condition: {classes: 3, generated: data}"))
    assert "0 1 step 0" in written(run).words, "without names, there are the numbers"
    facts = json.loads((run / "environment.json").read_text())
    (run / "environment.json").write_text(json.dumps({**facts, "class_names": ["dark <b>", 7, "bright"]}))
    found = written(run)
    assert "0 dark <b> 1 step 0" in found.words
    assert found.of("b") == []
    (run / "environment.json").write_text(json.dumps({**facts, "class_names": 5}))
    assert "0 1 step 0" in written(run).words


def test_pictures_say_what_is_seen_and_are_at_most_twelve_a_generator(written, run, grid):
    for step in range(100, 4000, 100):
        grid(run / "samples" / f"step-{step:06d}.png", 9)
    found = written(run)
    alts = [image["alt"] for image in found.of("img")]
    averaged = [alt for alt in alts if alt.startswith("samples")]
    assert len(averaged) == 12
    assert averaged[0] == "samples of garments after 0 steps"
    assert averaged[-1] == "samples of garments after 3,900 steps"
    assert "12 of 42 grids, evenly chosen" in found.words


def test_long_metrics_are_thinned_and_it_says_so(written, run, lines):
    lines(run / "metrics.jsonl", [{"step": step, "generator_loss": step % 7, "a": 1} for step in range(1, 20_001)])
    html = page([read_facts(run, "garments")], {})
    assert "Of 20,000 lines of metrics, 400 evenly chosen ones are drawn" in " ".join(Reader(html).text.split())
    assert len(html) < 500_000


def test_what_is_missing_is_told_with_what_brings_it(written, tmp_path, recipe_text):
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(recipe_text())
    found = written(folder)
    assert [section["id"] for section in found.of("section")] == SECTIONS
    for reported in (
        "training.evaluation.scores",
        "training.sample_every",
        "training.log_every",
        "training.probing.probes",
        "--quick",
        "dcgan-kit evaluate",
        "dcgan-kit probe",
        "environment.json",
    ):
        assert reported in found.words
    assert found.of("svg") == []


def test_what_looking_found(written, run, analyses):
    found = written(run, analyses=analyses)
    assert "stage1_upsample: uneven by 4" in found.words
    assert "half of 256 samples are within 25 of a training image" in found.words
    assert "half of the training images to each other within 37.5" in found.words
    assert "training, 12.3" in found.words
    assert "training images of garments" in [image["alt"] for image in found.of("img")]
    assert found.words.count("garments: samples of the checkpoint at step 40.") == 2


def test_an_older_checkpoint_than_the_newest_is_told_beside_what_it_shows(written, run, analyses):
    notes = ("checkpoint 40 is damaged",)
    words = written(run, analyses={"garments": replace(analyses["garments"], step=20, notes=notes)}).words
    assert words.count("garments: samples of the checkpoint at step 20. garments: checkpoint 40 is damaged") == 2


def test_what_looking_could_not_do_is_told(written, run):
    found = written(run, analyses={"garments": CheckpointAnalysis(notes=("the data are <gone>",))})
    assert found.words.count("garments: the data are <gone>") == 2


def test_several_runs_side_by_side(written, make_run, tmp_path):
    one, two = make_run(tmp_path / "one"), make_run(tmp_path / "two", "generator.upsample=resize_conv")
    found = written(one, two)
    words = found.words
    assert "one, two" in words
    assert "keys differ" in words
    assert "generator.stages.0.upsample.use upsample/transposed_conv upsample/resize_conv" in words
    # A chart of each number, with a line of each run.
    assert "Losses: generator" in words
    assert "Losses: discriminator" in words
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_scores_that_were_measured_otherwise_are_in_charts_of_their_own(written, make_run, tmp_path, lines):
    folders = [make_run(tmp_path / name) for name in ("one", "two")]
    for folder, samples in zip(folders, (100, 200), strict=True):
        lines(folder / "metrics.jsonl", [{"step": 1, f"fd[x,n={samples}]": 3.0}])
        (folder / "speed.jsonl").unlink()
    found = written(*folders)
    assert found.words.count("fd[x,n=100]") == found.words.count("fd[x,n=200]")
    assert len([figure for figure in found.of("svg")]) == 2


@pytest.mark.parametrize(
    ("better", "reported"),
    [
        ("lower", "lowest 1 at step 2; "),
        ("higher", "highest 9 at step 1; "),
        ("floor", "nearest 4 at step 3; "),
        ("neither", ""),
    ],
)
def test_the_best_value_is_best_in_the_scores_own_way(better, reported, written, run, lines):
    key = "s[n=3]"
    lines(run / "metrics.jsonl", [{"step": s, key: v, f"floor/{key}": 5.0} for s, v in ((1, 9), (2, 1), (3, 4))])
    (run / "evaluation.json").write_text(json.dumps({"numbers": [{"name": key, "number": "s", "better": better}]}))
    assert f" s 4 at step 3; {reported}real images get 5 " in written(run).words


def test_the_recipe_says_which_way_its_best_is_where_nothing_else_does(written, make_run, tmp_path, lines):
    best = "training.best={metric: fd, mode: highest}"
    run = make_run(tmp_path / "best", "training.evaluation.scores=[frechet]", best)
    (run / "evaluation.json").unlink()
    lines(run / "metrics.jsonl", [{"step": step, "fd[x,n=3]": value} for step, value in ((1, 9), (2, 1), (3, 4))])
    assert " fd 4 at step 3; highest 9 at step 1; no floor known " in written(run).words


def test_a_page_with_as_many_pictures_as_there_can_be_stays_small(run):
    random = np.random.default_rng(0)
    for step in range(0, 1300, 100):
        for raw in ("", "-raw"):
            Image.fromarray(random.integers(0, 256, (512, 512, 3), np.uint8)).save(
                run / "samples" / f"step-{step:06d}{raw}.png"
            )
    html = page([read_facts(run, "garments")], {})
    assert Reader(html).of("img")[-1]["alt"].startswith("raw samples of garments after 1,200 steps")
    assert len(html) < 5_000_000


HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x00'\"{{7*7}}{%x%}$\\x$"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a `b` c", "a <code>b</code> c"),
        ("`<b>` &", "<code>&lt;b&gt;</code> &amp;"),
        ("a ` <b>", "a ` &lt;b&gt;"),
        ("`{0}`{1}", "<code>{0}</code>{1}"),
    ],
)
def test_backticks_are_code_and_nothing_else(text, html):
    assert code(text) == html


def test_hostile_texts_are_text(written, run, lines):
    text = HOSTILE.replace("\x00", "")
    recipe = (run / "recipe.yaml").read_text().replace("description: ", f"description: {json.dumps(text)} #", 1)
    (run / "recipe.yaml").write_text(recipe)
    (run / "environment.json").write_text(
        json.dumps({HOSTILE: HOSTILE, "devices": [HOSTILE], "plugins": [{"origin": HOSTILE}]})
    )
    numbers = [
        {"step": s, HOSTILE: 1, f"fd[{HOSTILE}": 2, f"a.{HOSTILE}/{HOSTILE}": 3, "generator_loss": s} for s in (1, 2)
    ]
    lines(run / "metrics.jsonl", numbers)
    lines(run / "findings.jsonl", [dict.fromkeys(("disease", "where", "observation", "advice"), HOSTILE) | {"step": 2}])
    (run / "evaluation.json").write_text(
        json.dumps({"numbers": [dict.fromkeys(("name", "number", "better"), HOSTILE)]})
    )
    found = written(run)
    assert len(found.of("script")) == 1, "the page's own"
    assert all(image["src"].startswith("data:") for image in found.of("img"))
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    assert [section["id"] for section in found.of("section")] == SECTIONS
    assert "{{7*7}}" in found.text
    assert "\u202e" not in found.text.replace((run / "recipe.yaml").read_text(), "")


def test_a_run_of_broken_files_is_still_a_page(written, run):
    for name in ("recipe.yaml", "environment.json", "evaluation.json", "metrics.jsonl", "findings.jsonl"):
        (run / name).write_bytes(b"\xff\x00{[" * 10)
    for file in (run / "samples").iterdir():
        file.write_bytes(b"\x89PNG\r\n")
    found = written(run)
    assert [section["id"] for section in found.of("section")] == SECTIONS
    assert "is no PNG that can be read" in found.words
