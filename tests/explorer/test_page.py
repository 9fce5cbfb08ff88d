"""The page in a real Chromium: by mouse, by keyboard, narrow, in both schemes, and without a network."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from axe import VIEWS, needs_axe, violations
from chromium import CHROMIUM, CONTRAST, Browser
from PIL import Image

from dcgan_kit.runs.latent_space import slerp

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")

SECONDS = 60
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35}


class Page(Browser):
    """The explorer in a browser."""

    def show(self, address, width=1200, dark=False):
        self.events.clear()
        self.size(width)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", media="", features=[scheme])
        self.do("Page.navigate", url=address)
        self.wait("document.body?.dataset.ready === 'yes'")

    def size(self, width):
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)

    def wait(self, condition):
        ends = time.monotonic() + SECONDS
        while not self.evaluate(condition):
            assert time.monotonic() < ends, (condition, self.evaluate("document.body.innerText"))
            time.sleep(0.02)

    def key(self, key):
        text = {"Enter": "\r", " ": " "}.get(key)
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.do("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key], **more)

    def tab_to(self, target):
        for _ in range(80):
            if self.evaluate(f"!!document.activeElement.{target}"):
                return
            self.key("Tab")
        raise AssertionError(f"Tab does not lead to {target}")

    def place(self, name):
        box = f"const box = document.getElementById('{name}').getBoundingClientRect();"
        return self.evaluate(
            f"(() => {{ document.getElementById('{name}').scrollIntoView({{block: 'center'}}); {box}"
            " return [box.left, box.top, box.width, box.height]; })()"
        )

    def mouse(self, kind, x, y):
        self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, selector="#picture"):
        """The pixels of a canvas, uint8 (H, W, 4)."""
        height, width, *values = self.evaluate(
            f"(() => {{ const c = document.querySelector('{selector}');"
            " return [c.height, c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]; })()"
        )
        return np.array(values, np.uint8).reshape(height, width, 4)

    def until_painted(self, images):
        """Wait until the picture is the one of the API, uint8 (1, H, W, 1)."""
        ends = time.monotonic() + SECONDS
        while not np.array_equal(self.picture()[..., :1], images[0]):
            assert time.monotonic() < ends, "another picture"
            time.sleep(0.02)

    def problems(self):
        thrown = [event["exceptionDetails"] for event in self.of("Runtime.exceptionThrown")]
        return thrown + [event["entry"] for event in self.of("Log.entryAdded") if event["entry"]["level"] == "error"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    page = Page(tmp_path_factory.mktemp("profile"))
    yield page
    page.close()


@pytest.fixture
def shown(page, client):
    page.show(client.address)
    yield page
    assert page.problems() == []
    asked = [event["request"]["url"] for event in page.of("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith((f"http://{client.host}/", "data:", "blob:"))] == []
    assert len(asked) > 5


def test_it_begins_with_the_first_sample_and_hides_the_token(shown, shipped, client):
    shown.until_painted(shipped.sample(1, seed=0))
    assert shown.evaluate("location.href") == f"http://{client.host}/"
    assert shown.evaluate("document.title") == "shipped: explore a generator"
    np.testing.assert_array_equal(
        shown.picture("#grid button:nth-child(9) canvas")[..., :1], shipped.sample(9, seed=0)[8]
    )


def test_a_dragged_slider_moves_the_picture(shown, shipped, client):
    left, top, width, height = shown.place("direction-1")
    before = shown.picture()
    shown.mouse("mousePressed", left + width / 2, top + height / 2)
    for step in range(1, 9):
        shown.mouse("mouseMoved", left + width / 2 + step * width / 24, top + height / 2)
    shown.mouse("mouseReleased", left + width / 2 + width / 3, top + height / 2)
    amount = shown.evaluate("Number(document.getElementById('direction-1').value)")
    assert 1.5 < amount < 3.5
    facts = json.loads(client.get("/facts").content)["sources"][0]
    direction = json.loads(client.get("/directions", source=0, version="only").content)["vectors"][1]
    latent = shipped.latent_vectors(1, seed=0) + amount * facts["deviation"] * np.array(direction)
    shown.until_painted(shipped.images(latent))
    assert not np.array_equal(shown.picture(), before)
    assert f"+{amount:.2f} σ" == shown.evaluate("document.getElementById('direction-1-value').textContent")
    shown.evaluate("document.getElementById('reset').click()")
    shown.until_painted(shipped.sample(1, seed=0))


def test_the_keyboard_alone_chooses_and_moves(shown, shipped):
    shown.tab_to("closest('#grid')")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        shown.key(key)
    # Eight in a row: 0 → 1 → 2 → 10 → 9.
    shown.key("Enter")
    shown.until_painted(shipped.sample(10, seed=0)[9:])
    assert shown.evaluate("document.getElementById('status').textContent") == "Sample 10 from seed 0."
    assert shown.evaluate("document.activeElement.ariaPressed") == "true"
    shown.key("End")
    shown.key(" ")
    shown.until_painted(shipped.sample(24, seed=0)[23:])
    shown.tab_to("matches('#coordinate')")
    shown.tab_to("matches('#value')")
    shown.key("Home")
    latent = shipped.latent_vectors(24, seed=0)[23:].copy()
    latent[0, 0] = -4
    shown.until_painted(shipped.images(latent))
    assert shown.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2


def test_truncation(shown, shipped):
    shown.evaluate(
        "(() => { const t = document.getElementById('truncation'); t.value = 0.5; t.dispatchEvent(new Event('input')); })()"
    )
    shown.until_painted(shipped.images(shipped.latent_vectors(1, seed=0) * np.float32(0.5)))


def test_a_walk_goes_on_great_circles_and_plays(shown, shipped):
    shown.evaluate(
        "(() => { const p = document.getElementById('position'); p.value = 1.5; p.dispatchEvent(new Event('input')); })()"
    )
    first, second = shipped.latent_vectors(3, seed=0)[1:].astype(np.float64)
    between = shipped.images(slerp(first, second, [0.5]))[0].astype(int)
    ends = time.monotonic() + SECONDS
    # The page computes with numbers of another precision.
    while np.abs(shown.picture()[..., :1] - between).max() > 1:
        assert time.monotonic() < ends
        time.sleep(0.02)
    shown.evaluate("document.getElementById('play').click()")
    shown.wait("Number(document.getElementById('position').value) !== 1.5")
    assert shown.evaluate("document.getElementById('play').ariaPressed") == "true"
    shown.evaluate("document.getElementById('play').click()")
    assert shown.evaluate("document.getElementById('play').textContent") == "Play"
    shown.evaluate("document.getElementById('add').click()")
    shown.wait("document.querySelectorAll('#stops button').length === 4")


def test_neighbours_stages_and_the_drawing(shown):
    for name in ("neighbours", "stages", "drawing"):
        shown.evaluate(f"document.getElementById('{name}-open').open = true")
    shown.wait("document.querySelectorAll('#neighbours figure').length === 6")
    assert "3,200 training images" in shown.evaluate("document.getElementById('neighbours-lead').textContent")
    shown.wait("document.querySelectorAll('.stage img').length === 4")
    text = shown.evaluate("document.getElementById('stages').innerText")
    assert "stage1 14x14x64" in text
    assert "% of the units have almost no gradient" in text
    assert "without its discriminator" in text
    shown.wait("document.getElementById('drawing').naturalWidth > 300")
    before = shown.evaluate("document.querySelector('#neighbours figcaption').textContent")
    shown.evaluate("document.querySelectorAll('#grid button')[5].click()")
    shown.wait(f"document.querySelector('#neighbours figcaption').textContent !== {before!r}")


def test_which_latent_vector_makes_a_picture(shown, shipped, tmp_path):
    file = tmp_path / "target.png"
    target = shipped.sample(1, seed=77)[0]
    Image.fromarray(target[:, :, 0]).save(file)
    root = shown.do("DOM.getDocument")["root"]["nodeId"]
    node = shown.do("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    shown.do("DOM.setFileInputFiles", files=[str(file)], nodeId=node)
    shown.evaluate("document.getElementById('steps').value = 60")
    shown.evaluate("document.getElementById('search').click()")
    shown.wait("document.getElementById('status').textContent.startsWith('The search is done')")
    said = shown.evaluate("document.getElementById('errors').textContent.match(/[0-9.]+/)[0]")
    shown.wait("document.getElementById('target').naturalWidth === 28")
    ends = time.monotonic() + SECONDS
    while True:
        difference = shown.picture()[..., :1].astype(float) - target
        if abs(np.sqrt((difference**2).mean()) - float(said)) < 0.1:
            break
        assert time.monotonic() < ends
        time.sleep(0.02)
    assert float(said) < 30


def test_another_run_its_classes_and_both_side_by_side(shown, classed_run):
    shown.evaluate(
        "(() => { const g = document.getElementById('generator'); g.value = '1|newest'; g.dispatchEvent(new Event('change')); })()"
    )
    shown.until_painted(classed_run.images(classed_run.latent_vectors(1, seed=0), label=0))
    assert shown.evaluate("document.getElementById('class').options.length") == 3
    shown.evaluate("document.querySelectorAll('#grid button')[2].click()")
    assert shown.evaluate("document.getElementById('class').value") == "2"
    latent = classed_run.latent_vectors(3, seed=0)[2:]
    shown.until_painted(classed_run.images(latent, label=2))
    shown.evaluate("[0, 1, 2].forEach(index => document.getElementById(`beside-${index}`).click())")
    shown.wait("document.querySelectorAll('#others canvas:not([hidden])').length === 2")
    shown.wait("document.querySelector('#other-2 canvas').width === 8")
    assert "latent vectors of 32 numbers, not 4" in shown.evaluate("document.getElementById('other-0').textContent")
    raw = classed_run.images(latent, label=2, raw=True)
    ends = time.monotonic() + SECONDS
    while not np.array_equal(shown.picture("#other-2 canvas")[..., :1], raw[0]):
        assert time.monotonic() < ends
        time.sleep(0.02)


HOLD = """
(part => {
  const real = window.fetch;
  window.held = [];
  window.fetch = async (address, more) => {
    const answer = await real(address, more);
    if (address.includes(part)) await new Promise(done => window.held.push(done));
    return answer;
  };
})
"""
"""Keep the server's answers at addresses with this part, until a test lets them go."""
SET = (
    "((id, value) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event('change')); })"
)


def let_go(page):
    """Let the answers go, and give the page time to do wrong."""
    page.evaluate("new Promise(done => { window.held.forEach(go => go()); setTimeout(done, 500); })")


def test_a_late_answer_of_an_old_seed_is_dropped(shown, shipped):
    shown.evaluate(f"{HOLD}('seed=5&')")
    shown.evaluate(f"{SET}('seed', 5)")
    shown.wait("window.held.length === 1")
    # What the grid shows keeps its name.
    shown.evaluate("document.querySelectorAll('#grid button')[1].click()")
    assert shown.evaluate("document.getElementById('status').textContent") == "Sample 2 from seed 0."
    shown.evaluate(f"document.querySelector('#grid button').id = 'old'; {SET}('seed', 6)")
    shown.wait("!document.getElementById('old')")
    let_go(shown)
    sixth = shipped.sample(3, seed=6)[2]
    np.testing.assert_array_equal(shown.picture("#grid button:nth-child(3) canvas")[..., :1], sixth)
    shown.evaluate("document.querySelectorAll('#grid button')[2].click()")
    shown.until_painted([sixth])
    assert shown.evaluate("document.getElementById('status').textContent") == "Sample 3 from seed 6."


def test_a_late_answer_of_another_generator_is_dropped(shown, shipped):
    shown.evaluate(f"{HOLD}('latents?source=1')")
    shown.evaluate(f"{SET}('generator', '1|newest')")
    shown.wait("window.held.length === 1")
    # Until it is there, everything belongs to the generator before.
    shown.evaluate("document.querySelectorAll('#grid button')[4].click()")
    shown.until_painted(shipped.sample(5, seed=0)[4:])
    shown.evaluate(f"document.querySelector('#grid button').id = 'old'; {SET}('generator', '0|only')")
    shown.wait("!document.getElementById('old')")
    let_go(shown)
    assert shown.evaluate("document.getElementById('title').textContent") == "shipped"
    assert shown.picture("#grid canvas").shape == (28, 28, 4)
    assert not shown.evaluate("document.getElementById('status').classList.contains('ill')")
    shown.until_painted(shipped.sample(5, seed=0)[4:])


def test_another_generator_ends_the_search(shown, classed_run, tmp_path):
    file = tmp_path / "target.png"
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(file)
    root = shown.do("DOM.getDocument")["root"]["nodeId"]
    node = shown.do("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    shown.do("DOM.setFileInputFiles", files=[str(file)], nodeId=node)
    shown.evaluate("document.getElementById('steps').value = 5000")
    shown.evaluate("document.getElementById('search').click()")
    shown.wait("document.getElementById('progress').value > 0")
    shown.evaluate(f"{SET}('generator', '1|newest')")
    shown.wait("!document.getElementById('search').disabled")
    said = "The search was stopped, because another generator was chosen."
    assert shown.evaluate("document.getElementById('status').textContent") == said
    shown.until_painted(classed_run.images(classed_run.latent_vectors(1, seed=0), label=0))


def test_values_that_are_not_finite_are_said(shown):
    stage = {
        "name": "stage1", "shape": "4x4x2", "range": None, "maps": None, "shown": 0, "channels": 2,
        "activations": [{"name": "relu", "flat": None, "silent": 0, "channels": 2}],
    }  # fmt: skip
    answer = json.dumps({"generator": [stage], "discriminator": [], "logit": None})
    shown.evaluate(
        "(real => { window.fetch = (address, more) => address.startsWith('stages')"
        f" ? Promise.resolve(Response.json({answer})) : real(address, more); }})(window.fetch)"
    )
    shown.evaluate("document.getElementById('stages-open').open = true")
    shown.wait("document.querySelectorAll('#stages .missing').length === 3")
    text = shown.evaluate("document.getElementById('stages').innerText")
    assert "Some of its values are NaN" in text
    assert "relu: some of its inputs or gradients are NaN" in text
    assert "Its logit for this picture is NaN" in text


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_and_everything_fits_at_400_pixels(dark, page, client):
    page.show(client.address, width=400, dark=dark)
    for name in ("neighbours", "stages", "drawing"):
        page.evaluate(f"document.getElementById('{name}-open').open = true")
    page.evaluate("document.getElementById('beside-1').click()")
    page.wait(
        "document.querySelectorAll('.stage').length > 2 && document.querySelectorAll('#neighbours figure').length > 5"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    least, what = page.evaluate(CONTRAST)
    assert least >= 4.5, what
    page.size(1200)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_every_control_has_a_name(shown):
    shown.do("Accessibility.enable")
    nodes = shown.do("Accessibility.getFullAXTree")["nodes"]
    shown.do("Accessibility.disable")
    controls = [node for node in nodes if not node["ignored"] and node["role"]["value"] in ROLES]
    assert len(controls) > 60
    assert [node for node in controls if not node.get("name", {}).get("value")] == []
    slider = next(node for node in controls if node["name"]["value"].startswith("Direction 1, "))
    assert slider["role"]["value"] == "slider"
    spoken = shown.evaluate("document.getElementById('direction-0').getAttribute('aria-valuetext')")
    assert spoken == "0.00 standard deviations"


ROLES = (
    "button",
    "slider",
    "spinbutton",
    "combobox",
    "checkbox",
    "image",
    "DisclosureTriangle",
    "progressbar",
    "canvas",
)


@needs_axe
@pytest.mark.parametrize(("width", "dark"), VIEWS)
def test_axe_finds_nothing_serious(width, dark, page, client):
    page.show(client.address, width, dark)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert violations(page) == []
