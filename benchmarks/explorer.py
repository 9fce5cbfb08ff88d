"""Time the explorer from a slider to the screen.

    python benchmarks/explorer.py [RUN|FILE|RECIPE] [--rounds 5]

Serves the page as ``dcgan-kit explore`` does, in a process of its own, opens it in a headless Chromium, and drags the
first slider by mouse events. Each event of the slider is timed until the picture that contains it is on the canvas and
the frame after it has begun. Beside it stands an empty round trip: the page asks for an address that there is not, and
the server checks the token and says so. Medians and 95th percentiles of all rounds, in milliseconds.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fixtures"))
from chromium import Browser

MOVES = 120
"""Mouse moves of a round."""
WATCH = """
(() => {
  const slider = document.getElementById('direction-0'), picture = document.getElementById('picture');
  let waiting = [], drawn = [];
  window.times = [];
  slider.addEventListener('input', event => waiting.push(event.timeStamp), true);
  const before = window.fetch;
  // What a request takes along: all events so far.
  window.fetch = (address, ...rest) => {
    if (String(address).startsWith('images')) { drawn = waiting; waiting = []; }
    return before(address, ...rest);
  };
  picture.addEventListener('painted', () => {
    const contained = drawn;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.times.push(...contained.map(start => performance.now() - start));
      channel.port2.postMessage(null);
    });
  });
})()
"""
EMPTY = """
(async () => {
  const times = [];
  for (let i = 0; i < 50; i++) {
    const start = performance.now();
    await (await fetch('nothing')).arrayBuffer();
    times.push(performance.now() - start);
  }
  return times;
})()
"""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default="lecture-fashion28")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    command = [str(Path(sys.executable).with_name("dcgan-kit")), "explore", given.source]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server,
        tempfile.TemporaryDirectory() as profile,
    ):
        browser = None
        try:
            address = _address(server)
            browser = Browser(profile)
            shown, empty = _measured(browser, address, given.rounds)
        finally:
            if browser is not None:
                browser.close()
            server.terminate()
    print(f"{'':22}{'median':>8}{'95 %':>8}{'number':>8}")
    for name, values in (("slider to screen, ms", shown), ("empty round trip, ms", empty)):
        print(f"{name:22}{np.median(values):8.1f}{np.percentile(values, 95):8.1f}{len(values):8}")


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    for line in server.stderr:
        if found := re.search(r"http://127\S+", line):
            return found[0]
    raise SystemExit("the server did not start")


def _measured(browser: Browser, address: str, rounds: int) -> tuple[list[float], list[float]]:
    browser.do("Emulation.setDeviceMetricsOverride", width=1200, height=900, deviceScaleFactor=1, mobile=False)
    browser.do("Page.navigate", url=address)
    while browser.evaluate("document.body?.dataset.ready") != "yes":
        time.sleep(0.1)
    browser.evaluate(WATCH)
    left, top, width, height = browser.evaluate(
        "(() => { const slider = document.getElementById('direction-0'); slider.scrollIntoView({block: 'center'});"
        " const box = slider.getBoundingClientRect(); return [box.left, box.top, box.width, box.height]; })()"
    )
    shown: list[float] = []
    empty: list[float] = []
    for _ in range(rounds):
        _mouse(browser, "mousePressed", left + width / 2, top + height / 2)
        for move in range(MOVES):
            far = 0.45 * np.sin(2 * np.pi * move / MOVES)
            _mouse(browser, "mouseMoved", left + width * (0.5 + far), top + height / 2)
        _mouse(browser, "mouseReleased", left + width / 2, top + height / 2)
        time.sleep(1)
        shown += browser.evaluate("window.times.splice(0)")
        answer = browser.do("Runtime.evaluate", expression=EMPTY, awaitPromise=True, returnByValue=True)
        empty += answer["result"]["value"]
    return shown, empty


def _mouse(browser: Browser, kind: str, x: float, y: float) -> None:
    browser.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


if __name__ == "__main__":
    main()
