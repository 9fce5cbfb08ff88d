"""A report that samples by itself: the generator and its runtime inside one page."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from axe import AXE, violations
from chromium import CHROMIUM, Browser
from npm_packages import INSTALL, npm_package

import dcgan_kit
from dcgan_kit.api.embedded_generator import MOST_DIFFERENCE
from dcgan_kit.errors import UserError
from dcgan_kit.reports.browser_runtime import BINARY, MODULE, read_runtime
from dcgan_kit.reports.embedded_generator import LARGEST_PAGE, packed, require_size

BUILTINS = dcgan_kit.PluginSettings(builtins_only=True)
RUNTIME = npm_package("onnxruntime-web")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or RUNTIME is None, reason=f"there is no chromium, or no onnxruntime-web: {INSTALL}"
)


def fake_runtime(folder, name="onnxruntime-web", version="1.30.0", files=(MODULE, BINARY)):
    """Write what npm would install, with other contents."""
    package = folder / "node_modules" / "onnxruntime-web"
    (package / "dist").mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"name": name, "version": version}))
    for file in files:
        (package / "dist" / file).write_bytes(b"</script>")
    return folder


@pytest.fixture(scope="module")
def classed_run(classed_file, tmp_path_factory):
    """A run with classes, whose names are hostile."""
    # Large weights make bright and dark pixels without a long training.
    generator = {"initializer": {"use": "normal", "stddev": 0.7}}
    recipe = dcgan_kit.load_recipe(classed_file, settings=BUILTINS, generator=generator)
    run = dcgan_kit.train(recipe, tmp_path_factory.mktemp("classed") / "run", watcher=dcgan_kit.Quiet())
    file = run.path / "environment.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "class_names": ["dark <b>", 5, "</script>"]}))
    return run


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


STARTED = """
new Promise((done, failed) => {
  document.getElementById('generator-start').click();
  const look = setInterval(() => {
    const text = document.getElementById('generator-state').textContent;
    if (text.startsWith('computed')) { clearInterval(look); done(); }
    if (text.startsWith('This browser')) { clearInterval(look); failed(text); }
  }, 20);
})
"""
PIXELS = (
    "[...document.querySelector('canvas').getContext('2d').getImageData(0, 0, 8, 8).data].filter((_, i) => i % 4 === 0)"
)


def painted(browser, change):
    """Return the pixels of the canvas after a change that ends in a new picture."""
    state = "document.getElementById('generator-state')"
    browser.evaluate(
        f"new Promise(done => {{ {state}.textContent = ''; {change}; const look = setInterval(() => {{"
        f" if ({state}.textContent) {{ clearInterval(look); setTimeout(done, 50); }} }}, 5); }})"
    )
    return np.array(browser.evaluate(PIXELS)).reshape(8, 8)


@needs_browser
def test_the_page_samples_what_keras_samples(browser, classed_run, tmp_path):
    file = dcgan_kit.report([classed_run.path], tmp_path / "page.html", generator=RUNTIME, settings=BUILTINS)
    assert file.stat().st_size < LARGEST_PAGE
    browser.open(file)
    browser.evaluate(STARTED)

    addresses = [one["request"]["url"].partition(":")[0] for one in browser.of("Network.requestWillBeSent")]
    assert set(addresses) <= {"file", "blob", "data"}
    for event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
        assert browser.of(event) == []
    if AXE is not None:
        assert violations(browser) == []

    latent = classed_run.latent_vectors(16)
    classes = np.eye(3, dtype=np.float32)[np.arange(16) % 3]
    made = browser.evaluate(
        "document.getElementById('generator')"
        f".sample({latent.ravel().tolist()}, {classes.ravel().tolist()}).then(v => [...v])"
    )
    expected = classed_run.generator()([latent, classes], training=False).numpy()
    assert expected.std() > 0.3
    assert np.abs(np.reshape(made, expected.shape) - expected).max() <= MOST_DIFFERENCE

    def image(number, label, share=1.0):
        images = classed_run.images(share * classed_run.latent_vectors(256)[[number]], label=label)
        return images[0, :, :, 0].astype(int)

    # A rounding at the middle between two grey levels may go either way.
    first = np.array(browser.evaluate(PIXELS)).reshape(8, 8)
    assert np.abs(first - image(0, 0)).max() <= 1
    event = "dispatchEvent(new Event('input'))"
    found = painted(browser, f"(s => {{ s.value = 2; s.{event}; }})(document.getElementById('generator-class'))")
    assert np.abs(found - image(0, 2)).max() <= 1
    assert np.abs(found - first).max() > 9
    found = painted(browser, f"(s => {{ s.value = 200; s.{event}; }})(document.getElementById('generator-vector'))")
    assert np.abs(found - image(200, 2)).max() <= 1
    found = painted(browser, f"(s => {{ s.value = 0; s.{event}; }})(document.getElementById('generator-truncation'))")
    assert np.abs(found - image(200, 2, 0.0)).max() <= 1


@pytest.fixture(scope="module")
def page(classed_run, tmp_path_factory):
    """The text of a page with another program in place of the runtime."""
    pytest.importorskip("tf2onnx", reason="ONNX needs pip install 'dcgan-kit[export]'")
    folder = tmp_path_factory.mktemp("page")
    fake_runtime(folder)
    file = dcgan_kit.report([classed_run.path], folder / "page.html", generator=folder, settings=BUILTINS)
    return file.read_text()


FAILING_RUNTIME = """
export const env = { wasm: {} };
export class Tensor {}
const run = async () => {
  if (window.exhausted) throw new Error("no memory left");
  return { image: { data: new Float32Array(64) } };
};
export const InferenceSession = { create: async () => ({ run }) };
"""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")
def test_an_error_of_a_sample_is_shown_and_the_next_sample_is_drawn(page, browser, tmp_path):
    empty, failing = (packed(content) for content in (b"</script>", FAILING_RUNTIME.encode()))
    file = tmp_path / "page.html"
    file.write_text(re.sub(f'(id="runtime-module">){re.escape(empty)}<', rf"\g<1>{failing}<", page))
    browser.open(file)
    state = "document.getElementById('generator-state')"

    def said(exhausted, change):
        return browser.evaluate(
            f"new Promise(done => {{ window.exhausted = {exhausted}; {state}.textContent = ''; {change};"
            f" const look = setInterval(() => {{ const text = {state}.textContent;"
            " if (text && !text.startsWith('starting')) { clearInterval(look); done(text); } }, 5); })"
        )

    start = "document.getElementById('generator-start').click()"
    assert said("true", start) == "This browser cannot start the generator: Error: no memory left"
    assert said("false", start).startswith("computed in")
    event = "dispatchEvent(new Event('input'))"
    changes = [f"document.getElementById('generator-{name}').{event}" for name in ("vector", "truncation", "class")]
    changes += ["document.getElementById('generator-next').click()", f"document.querySelector('.coordinate').{event}"]
    for change in changes:
        assert said("true", change) == "This browser cannot compute the sample: Error: no memory left"
        assert said("false", change).startswith("computed in")
    assert browser.of("Runtime.exceptionThrown") == []


def test_only_a_page_with_a_generator_may_start_programs(page, classed_run, tmp_path):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert re.search(r"script-src ('sha256-[^']+' ){2}blob: 'wasm-unsafe-eval';", policy)
    file = dcgan_kit.report([classed_run.path], tmp_path / "plain.html", quick=True, settings=BUILTINS)
    assert "wasm" not in file.read_text()


def test_names_of_classes_and_the_runtime_are_no_markup(page):
    assert page.count("</script>") == page.count("<script") == 6
    assert "0 dark &lt;b&gt;</option>" in page
    assert "2 &lt;/script&gt;</option>" in page


def test_the_page_says_what_is_embedded_and_under_which_license(page):
    assert "ONNX Runtime Web 1.30.0, Copyright (c) Microsoft Corporation, MIT License" in page
    assert "Permission is hereby granted" in page
    assert "difference from Keras" in page
    assert "SHA-256 of ort-wasm-simd-threaded.wasm" in page


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (None, "holds no onnxruntime-web; `npm install 'onnxruntime-web@^1.24'` puts it into"),
        ({"name": "left-pad"}, "this is the package 'left-pad', not onnxruntime-web"),
        ({"version": "1.22.0"}, "1.22.0 is not from 1.24 up to 1.x"),
        ({"version": "2.0.0"}, "2.0.0 is not from 1.24 up to 1.x"),
        ({"version": "new"}, "is not the package.json of onnxruntime-web"),
        ({"version": 1}, "is not the package.json of onnxruntime-web"),
        ({"files": [MODULE]}, f"{BINARY}: is not there"),
    ],
)
def test_a_runtime_that_cannot_be_used_is_told_with_what_to_do(facts, message, classed_run, tmp_path):
    if facts is not None:
        fake_runtime(tmp_path, **facts)
    with pytest.raises(UserError, match=re.escape(message)):
        dcgan_kit.report([classed_run.path], tmp_path / "page.html", generator=tmp_path, settings=BUILTINS)
    assert not (tmp_path / "page.html").exists()


def test_a_folder_of_the_package_itself_will_do(tmp_path):
    fake_runtime(tmp_path)
    assert read_runtime(tmp_path / "node_modules" / "onnxruntime-web").version == "1.30.0"


def test_one_run_that_is_restored_has_a_generator(classed_run, tmp_path):
    with pytest.raises(UserError, match=r"of one run\. Received: 2 runs"):
        dcgan_kit.report([classed_run.path, tmp_path], tmp_path / "a.html", generator=tmp_path)
    with pytest.raises(UserError, match=r"generator \(--generator\): cannot be embedded with quick \(--quick\)"):
        dcgan_kit.report([classed_run.path], tmp_path / "a.html", generator=tmp_path, quick=True)


def test_a_page_that_is_too_large_is_refused():
    from dcgan_kit.reports.embedded_generator import EmbeddedGenerator

    large = EmbeddedGenerator(bytes(9 * 10**6), None, None, (64, 64, 3), (-1.0, 1.0), (), 1, 0.0)
    require_size(bytes(LARGEST_PAGE), large)
    with pytest.raises(UserError, match=r"would have 16\.0 MB, more than 15 MB; the generator alone has 9\.0 MB"):
        require_size(bytes(16 * 10**6), large)
