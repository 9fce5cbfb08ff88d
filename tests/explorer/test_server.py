"""The server's answers, over real connections: the pictures of the API, and refusals that say why."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image, ImageSequence

from dcgan_kit.errors import UserError
from dcgan_kit.explorer.application import LARGEST_PICTURE
from dcgan_kit.explorer.exploration import MILLISECONDS

PATHS = ("/", "/explorer.js", "/explorer.css", "/facts", "/latents", "/directions", "/networks.svg")
NEWEST = {"source": 1, "version": "newest"}


def latent_of(run, count, seed=0):
    return run.latent_vectors(count, seed=seed).astype("<f4")


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_answered_without_the_token(path, client):
    answer = client.ask("GET", path)
    assert (answer.status, b"token" in answer.content) == (403, True)
    assert client.ask("GET", path, headers={"cookie": client.cookie, "host": "evil.example"}).status == 403
    assert "set-cookie" not in {name.lower() for name, _ in answer.getheaders()}


def test_a_post_of_another_page_is_refused(client):
    headers = {"cookie": client.cookie, "origin": "http://evil.example"}
    assert client.ask("POST", "/images?source=1&version=newest", b"", headers).status == 403


@pytest.mark.parametrize("path", PATHS[:4])
def test_every_answer_forbids_what_is_elsewhere(path, client):
    answer = client.get(path)
    assert answer.status == 200
    policy = dict(part.strip().split(" ", 1) for part in answer.getheader("content-security-policy").split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert answer.getheader("referrer-policy") == "no-referrer"
    assert answer.getheader("access-control-allow-origin") is None
    assert "uvicorn" not in (answer.getheader("server") or "")


def test_facts(client, classed_run):
    second, first = json.loads(client.get("/facts").content)["sources"]
    assert [version["key"] for version in first["versions"]][:2] == ["newest", "newest-raw"]
    assert "step 4" in first["versions"][0]["text"]
    assert any(version["text"] == "step 2" for version in first["versions"])
    assert (first["classes"], second["classes"]) == (["0", "1", "2"], [])
    assert (first["latent"], first["height"], second["width"]) == (4, 8, 28)
    assert second["versions"][0]["text"] == "step 10,000, moving average"
    assert first["deviation"] == pytest.approx(1.0, abs=0.05)


def test_pictures_are_those_of_the_api(client, classed_run, shipped):
    latent = latent_of(classed_run, 5, seed=3)
    assert client.get("/latents", source=1, count=5, seed=3).content == latent.tobytes()
    for parameters, more in ((NEWEST, {}), ({"source": 1, "version": "newest-raw"}, {"raw": True})):
        shown = client.post("/images", latent.tobytes(), **parameters, label=2).content
        rgba = np.frombuffer(shown, np.uint8).reshape(5, 8, 8, 4)
        np.testing.assert_array_equal(rgba[..., :1], classed_run.images(latent, label=2, **more))
        assert (rgba[..., 3] == 255).all()
    turn = np.frombuffer(client.post("/images", latent.tobytes(), **NEWEST, label="turn").content, np.uint8)
    np.testing.assert_array_equal(turn.reshape(5, 8, 8, 4)[..., :1], classed_run.images(latent))
    latent = latent_of(shipped, 1)
    alone = client.post("/images", latent.tobytes(), source=0, version="only").content
    np.testing.assert_array_equal(np.frombuffer(alone, np.uint8).reshape(1, 28, 28, 4)[..., :1], shipped.images(latent))


def test_an_older_checkpoint_draws_another_picture(client, classed_run):
    latent = latent_of(classed_run, 4).tobytes()
    older = next(v for v in json.loads(client.get("/facts").content)["sources"][1]["versions"] if v["text"] == "step 2")
    pictures = [
        client.post("/images", latent, source=1, version=key, label=0).content for key in ("newest", older["key"])
    ]
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize(
    ("body", "parameters", "problem"),
    [
        (b"123", NEWEST, "float32 numbers"),
        (b"", NEWEST, "float32 numbers"),
        (np.full(4, np.nan, "<f4").tobytes(), NEWEST, "finite"),
        (bytes(16), {**NEWEST, "label": 3}, "classes 0 to 2"),
        (bytes(16), {**NEWEST, "label": "all"}, "whole number"),
        (bytes(16), {**NEWEST, "source": 7}, "source"),
        (bytes(16), {**NEWEST, "version": "../../etc"}, "has no generator"),
        (bytes(16 * 257), NEWEST, "1 to 256 vectors"),
    ],
)
def test_a_wrong_request_says_why(body, parameters, problem, client):
    answer = client.post("/images", body, **parameters)
    assert answer.status == 400
    assert problem in json.loads(answer.content)["problem"]


def test_neighbours(client, classed_run):
    latent = latent_of(classed_run, 1)
    found = json.loads(client.post("/neighbours", latent.tobytes(), **NEWEST, label=1).content)
    picture = classed_run.images(latent, label=1)[0].astype(float)
    training = classed_run.training_images
    distances = np.sqrt(((training.batch(np.arange(len(training))) - picture) ** 2).mean(axis=(1, 2, 3)))
    np.testing.assert_allclose([near["distance"] for near in found["neighbours"]], np.sort(distances)[:6], rtol=1e-6)
    assert found["usual"] > 0
    assert found["compared"] == "300 training images"


def test_stages(client, classed_run):
    latent = latent_of(classed_run, 1).tobytes()
    found = json.loads(client.post("/stages", latent, **NEWEST, label=1).content)
    assert [stage["name"] for stage in found["generator"]] == ["input", "output"]
    assert found["generator"][0]["shape"] == "4x4x4"
    assert {each["name"] for stage in found["generator"] for each in stage["activations"]} == {"relu", "tanh"}
    assert np.isfinite(found["logit"])
    alone = json.loads(client.post("/stages", latent_of_shipped(client), source=0, version="only").content)
    assert "without its discriminator" in alone["missing"]
    assert alone["discriminator"] == []


def latent_of_shipped(client):
    return client.get("/latents", source=0, count=1, seed=0).content


def test_directions_of_both(client):
    for parameters, size in ((NEWEST, 4), ({"source": 0, "version": "only"}, 32)):
        found = json.loads(client.get("/directions", **parameters).content)
        vectors = np.array(found["vectors"])
        assert vectors.shape == (min(8, size), size)
        np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(vectors)), atol=1e-5)
        assert found["shares"] == sorted(found["shares"], reverse=True)


def test_files(client, classed_run):
    latent = latent_of(classed_run, 6)
    picture = client.post("/file", latent[:1].tobytes(), **NEWEST, label=0, kind="picture")
    assert picture.getheader("content-type") == "image/png"
    pixels = np.asarray(Image.open(io.BytesIO(picture.content)))
    np.testing.assert_array_equal(pixels[..., None], classed_run.images(latent[:1], label=0)[0])
    grid = Image.open(
        io.BytesIO(client.post("/file", latent.tobytes(), **NEWEST, label=0, kind="grid", columns=3).content)
    )
    assert grid.width * 2 == grid.height * 3
    walk = Image.open(
        io.BytesIO(client.post("/file", latent[:3].tobytes(), **NEWEST, label=0, kind="walk", steps=5).content)
    )
    # Pillow joins frames that are equal.
    shown = sum(frame.info["duration"] for frame in ImageSequence.Iterator(walk))
    assert (walk.format, shown) == ("GIF", 3 * 5 * MILLISECONDS)
    for kind, more in (("exe", {}), ("grid", {"columns": 4}), ("walk", {"steps": 1})):
        assert client.post("/file", latent.tobytes(), **NEWEST, label=0, kind=kind, **more).status == 400


def test_drawing(client):
    answer = client.get("/networks.svg", source=0)
    assert answer.getheader("content-type") == "image/svg+xml"
    assert b"lecture-fashion28" in answer.content


def test_a_search_streams_what_it_finds(client, classed_run):
    pixels = classed_run.images(latent_of(classed_run, 1, seed=9), label=2)[0, :, :, 0]
    answer = client.post("/invert", png(pixels), **NEWEST, label="turn", steps=40)
    lines = [json.loads(line) for line in answer.content.splitlines()]
    assert [line["step"] for line in lines] == [0, 10, 20, 30, 40]
    # Networks of four steps draw nearly the same for all vectors; the shipped generator shows what a search can do.
    assert lines[-1]["error"] <= lines[0]["nearest"] <= lines[0]["usual"]
    errors = [line["error"] for line in lines]
    assert errors == sorted(errors, reverse=True)
    shown = client.post(
        "/images", np.float32(lines[-1]["latent"]).tobytes(), **NEWEST, label=lines[-1]["label"]
    ).content
    difference = np.frombuffer(shown, np.uint8).reshape(8, 8, 4)[..., 0].astype(float) - pixels
    assert np.sqrt((difference**2).mean()) == pytest.approx(lines[-1]["error"])


@pytest.mark.parametrize(
    ("content", "problem"), [(b"no picture", "not an image"), (bytes(LARGEST_PICTURE + 1), "10 MiB"), (b"", "empty")]
)
def test_what_is_no_picture_is_refused_and_the_next_search_runs(content, problem, client):
    answer = client.post("/invert", content, **NEWEST, label=0, steps=1)
    assert answer.status == 400
    assert problem in json.loads(answer.content)["problem"]
    assert client.post("/invert", png(np.zeros((9, 12), np.uint8)), **NEWEST, label=0, steps=1).status == 200


def test_images_that_cannot_be_read_are_a_sentence(client, classed_run, monkeypatch):
    from dcgan_kit.errors import DataError
    from dcgan_kit.explorer.exploration import Exploration, Which
    from dcgan_kit.explorer.source import Source

    source = Source(classed_run, "classed")

    def missing():
        raise DataError("shades.npz: there is no such file")

    monkeypatch.setattr(source, "images", missing)
    with pytest.raises(DataError, match="no such file"):
        Exploration([source]).neighbours(Which(0, "newest", 0), latent_of(classed_run, 1))
    assert source.class_names == ("0", "1", "2")


def test_a_generator_with_nan_is_no_error_of_the_server(classed_run):
    from dcgan_kit.explorer.exploration import Exploration, Which
    from dcgan_kit.explorer.source import Source

    source, which = Source(classed_run, "classed"), Which(0, "newest", 0)
    model = source.networks("newest").generator.model
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    exploration, latent = Exploration([source]), latent_of(classed_run, 1)
    found = json.loads(json.dumps(exploration.stages(which, latent), allow_nan=False))
    assert [stage["range"] for stage in found["generator"]] == [None, None]
    assert [stage["maps"] for stage in found["generator"]] == [None, None]
    assert {each["flat"] for stage in found["generator"] for each in stage["activations"]} == {None}
    assert found["logit"] is None
    with pytest.raises(UserError, match="gradients of this generator are NaN"):
        exploration.directions(which)
    search, _ = exploration.inversion(which, png(np.zeros((8, 8), np.uint8)), 10, 0)
    assert np.isfinite(search.advance().latent).all()
