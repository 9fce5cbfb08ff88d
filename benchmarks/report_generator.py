"""Time a report that samples by itself, and compare its samples with those of Keras.

    python benchmarks/report_generator.py RUN RUNTIME [--rounds 5]

RUNTIME is the folder in which ``npm install onnxruntime-web`` was run. Writes the report, opens it from its file in a
headless Chromium, starts the generator, and makes samples one by one: a warm-up of 30, then 200 in each round.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import dcgan_kit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "fixtures"))
from chromium import Browser

COMPARED = 64
STARTED = """
new Promise(done => {
  document.getElementById('generator-start').click();
  const look = setInterval(() => {
    const text = document.getElementById('generator-state').textContent;
    if (/^(computed|This)/.test(text)) { clearInterval(look); done(text); }
  }, 10);
})
"""
TIMED = """
(async (count, size, classes) => {
  const generator = document.getElementById('generator'), times = [];
  for (let i = 0; i < count; i++) {
    const latent = Array.from({length: size}, () => 2 * Math.random() - 1), label = new Array(classes).fill(0);
    if (classes) label[i % classes] = 1;
    const before = performance.now();
    await generator.sample(latent, label);
    times.push(performance.now() - before);
  }
  return times;
})
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("runtime", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    run = dcgan_kit.open_run(asked.run)
    size, classes = run.resolved.latent_size, run.resolved.classes or 0
    with tempfile.TemporaryDirectory() as folder:
        file = dcgan_kit.report([asked.run], Path(folder) / "report.html", generator=asked.runtime)
        browser = Browser(Path(folder) / "profile")
        try:
            browser.open(file)
            before = time.perf_counter()
            state = browser.evaluate(STARTED)
            print(f"page: {file.stat().st_size / 1e6:.1f} MB; started in {time.perf_counter() - before:.1f} s: {state}")
            browser.evaluate(f"{TIMED}(30, {size}, {classes})")
            for _ in range(asked.rounds):
                times = browser.evaluate(f"{TIMED}(200, {size}, {classes})")
                print(f"a sample: median {np.median(times):.1f} ms, 95th percentile {np.percentile(times, 95):.1f} ms")
            latent = run.latent_vectors(COMPARED, seed=1)
            one_hot = np.eye(classes, dtype=np.float32)[np.arange(COMPARED) % classes] if classes else np.zeros((0,))
            sampled = browser.evaluate(
                "document.getElementById('generator')"
                f".sample({latent.ravel().tolist()}, {one_hot.ravel().tolist()}).then(values => [...values])"
            )
        finally:
            browser.close()
    fed = [latent, one_hot] if classes else latent
    expected = run.generator()(fed, training=False).numpy()
    difference = np.abs(np.reshape(sampled, expected.shape) - expected).max()
    print(f"greatest difference from Keras in {COMPARED} samples: {difference:.1e}")


if __name__ == "__main__":
    main()
