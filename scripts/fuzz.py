"""Fuzz test with damaged inputs: recipes, overrides, TF_CONFIG, run folders, archives of images.

Usage: python scripts/fuzz.py [--seconds N] [--seed S] [--only recipes,overrides] [--target T --number N]

The seed, the target and a number determine each input. An input is a finding if it does not end in success or a
``UserError``, or if it takes more than 10 seconds of processor time, 5 minutes in all, or 1 GiB. The script prints each
finding with the options that replay it. The exit status is 1 if there is a finding. ``--seconds`` is processor time, so
that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import UserError, counted
from dcgan_kit.recipes.extends import extended
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.recipes.nodes import Node
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.recipe_file import read_file
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.resolver import resolve
from dcgan_kit.recipes.yaml_reader import PartlyUnderstood, read_text
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml, flattened

SECONDS = 10.0
"""Longest processor time of one input."""
WAITING_SECONDS = 300.0
"""Longest time of one input by the clock, because waiting takes no processor time."""
BYTES = 2**30
MOST_SHOWN = 600
Random = random.Random

NASTY: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 0.7, -0.0, 1e400, -1e400, float("nan"), 10**30, -(10**30), 2**31, 2**63),
    *("", " ", "0", "x" * 5000, "\0", "\ud800", "é", "🙂", "../../x", "/dev/zero", "\n", "\x1b[31m"),
    *([], {}, [[]], [None], {"": 0}, {"use": None}, {"use": {}}, [[[[[[[[1]]]]]]]]),
)
TOKENS = (
    *("{", "}", "[", "]", ":", ": ", ",", "- ", "\n", "\t", "  ", "#", " #", "&a ", "*a", "!!int ", "'", '"', "|", ">"),
    *("? ", "---\n", "...\n", "%", "@", "`", "~", "null", "<<: ", "use: ", "extends: dcgan\n", "extends: .\n"),
    *("1e400", "-1", "0x", "0o8", ".nan", ".inf", "9" * 300, "true", "none", "batch", "r1", "[" * 60, "{a: " * 60),
    *("\\u0000", "\\ud800", "\\U0011ffff", "\ufeff", "\u2028", "\x85", "\x00", "é🙂", "data: {use: npz, path: x}\n"),
)


@dataclass(frozen=True)
class Target:
    """A reader of untrusted input.

    Attributes:
        make: random generator → an input; its repr shows its content.
        read: reads an input.
    """

    make: Callable[[Random], Any]
    read: Callable[[Any], None]


@dataclass(frozen=True)
class Finding:
    """An input that the reader handled wrongly."""

    target: str
    number: int
    problem: str
    content: str


def targets(folder: Path) -> dict[str, Callable[[], Target]]:
    """Return a function that makes each target, by name. Targets can write files into the folder."""
    return {
        "recipes": lambda: _recipes(folder),
        "overrides": _overrides,
        "TF_CONFIG": _tf_config,
        "manifests": lambda: _manifests(folder),
        "archives": lambda: _archives(folder),
    }


def tried(name: str, target: Target, seed: int, number: int) -> Finding | None:
    """Try one input of a target. Return a finding, or None if all is well."""
    content = target.make(Random(f"{seed}/{name}/{number}"))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    problem = ""
    try:
        with _limited(), warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            target.read(content)
    except UserError as error:
        try:
            str(error)
        except Exception:
            problem = traceback.format_exc()
    except _TooLong:
        problem = f"takes more than {SECONDS:g} seconds of a processor, or {WAITING_SECONDS:g} in all"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        problem = traceback.format_exc()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    if not problem and grown > BYTES:
        problem = f"takes {grown / 2**20:,.0f} MiB in {time.monotonic() - started:.1f} s"
    return Finding(name, number, problem, repr(content)[:MOST_SHOWN]) if problem else None


class _TooLong(BaseException):
    pass


@contextmanager
def _limited() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise _TooLong

    clocks = (
        (signal.SIGPROF, signal.ITIMER_PROF, SECONDS),
        (signal.SIGALRM, signal.ITIMER_REAL, WAITING_SECONDS),
    )
    before = [signal.signal(number, ring) for number, _, _ in clocks]
    for _, clock, seconds in clocks:
        signal.setitimer(clock, seconds)
    try:
        yield
    finally:
        for (number, clock, _), handler in zip(clocks, before, strict=True):
            signal.setitimer(clock, 0)
            signal.signal(number, handler)


def mutated_text(draw: Random, text: str) -> str:
    """Return a text in which a few pieces are cut, doubled, moved or replaced."""
    for _ in range(draw.randint(1, 6)):
        first = draw.randrange(len(text) + 1)
        last = min(len(text), first + draw.choice((0, 1, 3, 10, 40)))
        piece = draw.choice(
            (draw.choice(TOKENS), "", text[first:last] * 2, text[last : last + 30], chr(draw.randrange(0x3000)))
        )
        text = text[:first] + piece + text[last:]
    return text


def mutated_bytes(draw: Random, content: bytes) -> bytes:
    """Return a copy in which a few bytes are changed, cut or doubled."""
    data = bytearray(content)
    for _ in range(draw.randint(1, 6)):
        if not data:
            break
        first = draw.randrange(len(data))
        last = min(len(data), first + draw.choice((1, 1, 2, 4, 8, 64)))
        piece = draw.choice(
            (bytes([draw.randrange(256)]) * (last - first), b"", bytes(data[first:last]) * 2, b"\xff" * 8, b"\0" * 8)
        )
        data[first:last] = piece
    return bytes(data)


def mutated_data(draw: Random, data: Any) -> Any:
    """Return nested data in which one value or key is replaced, dropped, or put one level deeper."""
    if isinstance(data, (dict, list)) and data and draw.random() < 0.85:
        keys = list(data) if isinstance(data, dict) else list(range(len(data)))
        key = draw.choice(keys)
        copy = dict(data) if isinstance(data, dict) else list(data)
        chance = draw.random()
        if chance < 0.1:
            del copy[key]  # type: ignore[arg-type]
        elif chance < 0.15 and isinstance(copy, dict):
            copy[str(draw.choice(NASTY))] = copy.pop(key)
        else:
            copy[key] = mutated_data(draw, data[key])  # type: ignore[index]
        return copy
    return draw.choice((*NASTY, [data], {"use": data}, data if not isinstance(data, str) else data * 2))


def _recipes(folder: Path) -> Target:
    texts = [path.read_text() for path in load_builtins().recipes.values()]
    settings = PluginSettings(builtins_only=True)
    file = folder / "recipe.yaml"

    def make(draw: Random) -> bytes:
        text = draw.choice(texts)
        chance = draw.random()
        if chance < 0.2:
            return mutated_bytes(draw, text.encode())
        if chance < 0.4:
            data = read_text(text, "shipped").data()
            for _ in range(draw.randint(1, 3)):
                data = mutated_data(draw, data)
            return json.dumps(data).encode()
        return mutated_text(draw, text).encode("utf-8", "surrogatepass")

    def read(content: bytes) -> None:
        file.write_bytes(content)
        if content[:1] < b"$":
            # The complete loading is slow, so it runs only for some inputs.
            load_recipe(str(file), (), settings)
        recipe = known.resolved(lambda: read_file(file))
        written = as_yaml(as_data(recipe))
        assert as_yaml(as_data(known.resolved(lambda: read_text(written, "written")))) == written

    known = _Known()
    return Target(make, read)


class _Known:
    """The built-in plugins and their recipes, which are read only once."""

    def __init__(self) -> None:
        self.plugins = load_builtins()
        self.parents = {name: read_file(path) for name, path in self.plugins.recipes.items()}

    def parent(self, reference: str, _: str) -> Node:
        if reference not in self.parents:
            raise UserError(f"unknown recipe {reference!r}")
        return self.parents[reference]

    def resolved(self, read: Callable[[], Node], overrides: Sequence[str] = ()) -> ResolvedRecipe:
        node = _understood(read)
        node = extended(node, self.parent)
        return resolve(_understood(lambda: overridden(node, overrides)), self.plugins, "fuzzed")


def _understood(read: Callable[[], Node]) -> Node:
    """Return the readable part of a recipe. Loading also continues with it, to report all problems at once."""
    try:
        return read()
    except PartlyUnderstood as error:
        str(error)
        return error.node


def _overrides() -> Target:
    settings = PluginSettings(builtins_only=True)
    names = sorted(load_builtins().recipes.keys() - {"dcgan"})
    keys = sorted({key for name in names for key in flattened(as_data(load_recipe(name, (), settings).recipe))})

    def override(draw: Random) -> str:
        parts = draw.choice(keys).split(".")
        chance = draw.random()
        if chance < 0.3:
            parts = parts[: draw.randint(1, len(parts))]
        elif chance < 0.4:
            parts[draw.randrange(len(parts))] = draw.choice(
                ("", "0", "-1", "99", "use", "x", "٣", "\ud800", "extends", "a=b")
            )
        elif chance < 0.45:
            parts = parts * draw.randint(2, 60)
        value = draw.choice(
            (
                lambda: draw.choice(TOKENS),
                lambda: json.dumps(mutated_data(draw, draw.choice(NASTY))),
                lambda: mutated_text(draw, "{use: adam, learning_rate: 2.0e-4}"),
                lambda: mutated_text(draw, "[relu, {use: batch}]"),
                lambda: str(draw.choice(NASTY)),
                lambda: "[" * 70 + "]" * 70,
                lambda: draw.choice(
                    ("none", "batch", "adam", "r1", "hinge", "1", "0.5", "64", "npz", "[8, 8]", "{}", "[]")
                ),
            )
        )()
        text = f"{'.'.join(parts)}={value}"
        return mutated_text(draw, text) if draw.random() < 0.1 else text

    def make(draw: Random) -> tuple[str, list[str]]:
        return draw.choice(names), [override(draw) for _ in range(draw.randint(1, 3))]

    known = _Known()

    def read(case: tuple[str, list[str]]) -> None:
        known.resolved(lambda: known.parents[case[0]], case[1])

    return Target(make, read)


def _tf_config() -> Target:
    from dcgan_kit.distributed.cluster import cluster_of_environment

    hosts = ["127.0.0.1:2222", "127.0.0.1:2223"]
    whole = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": 0}}

    def make(draw: Random) -> str:
        data = whole
        for _ in range(draw.randint(1, 3)):
            data = mutated_data(draw, data)
        text = json.dumps(data)
        return mutated_text(draw, text) if draw.random() < 0.3 else text

    def read(text: str) -> None:
        before = os.environ.get("TF_CONFIG")
        try:
            os.environ["TF_CONFIG"] = text.replace("\0", "")
            cluster_of_environment()
        finally:
            os.environ.pop("TF_CONFIG", None)
            if before is not None:
                os.environ["TF_CONFIG"] = before

    return Target(make, lambda text: read(text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")))


def _manifests(folder: Path) -> Target:
    from dcgan_kit.reports.facts import read_facts
    from dcgan_kit.runs.best_checkpoint import best_so_far
    from dcgan_kit.runs.environment import choice_so_far, environment_of
    from dcgan_kit.runs.run_folder import RunFolder

    run = RunFolder(folder / "run")
    recipe = load_recipe("tiny-fashion28", (), PluginSettings(builtins_only=True)).recipe
    entry = {"file": "step-000000020.npz", "step": 20, "bytes": 100, "sha256": "0" * 64}
    newer = {**entry, "file": "step-000000040.npz", "step": 40}
    best = {"entry": {**entry, "file": f"best-{entry['file']}"}, "metric": "fd", "value": 1.5, "measured": ""}
    plugin = {"name": "loss", "origin": "built-in", "distribution": "", "file": "", "status": "loaded", "error": ""}
    line = {"step": 1, "generator_loss": 0.7, "discriminator_loss": 1.4, "images_per_second": 100.0}
    whole: dict[str, Any] = {
        "checkpoints/manifest.json": {"version": 1, "checkpoints": [entry, newer], "best": best},
        "environment.json": {
            "precision": "float32",
            "xla": False,
            "images": 64,
            "pixels": "0badcafe",
            "plugins": [plugin],
        },
        "metrics.jsonl": [line, {**line, "step": 2}],
        "findings.jsonl": [{"step": 1, "network": "generator", "disease": "dead units", "told": "x", "probe": "units"}],
        "recipe.yaml": as_data(recipe),
    }

    _write(run.path, whole, {})
    assert best_so_far(run), "the manifest must be one before it is changed"

    def make(draw: Random) -> dict[str, bytes]:
        name = draw.choice(list(whole))
        data = whole[name]
        for _ in range(draw.randint(1, 3)):
            data = mutated_data(draw, data)
        content = _text_of(name, data).encode("utf-8", "surrogatepass")
        return {name: mutated_bytes(draw, content) if draw.random() < 0.3 else content}

    def read(files: dict[str, bytes]) -> None:
        _write(run.path, whole, files)
        environment_of(run.path)
        choice_so_far(run.path)
        for reader in (lambda: read_facts(run.path, "run"), lambda: best_so_far(run)):
            try:
                reader()
            except UserError:
                # An error in one reader must not skip the others.
                continue

    return Target(make, read)


def _text_of(name: str, data: Any) -> str:
    lines = name.endswith("jsonl") and isinstance(data, list)
    return "".join(json.dumps(item) + "\n" for item in data) if lines else json.dumps(data)


def _write(run: Path, whole: dict[str, Any], files: dict[str, bytes]) -> None:
    for name, data in whole.items():
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files.get(name, _text_of(name, data).encode()))


def _archives(folder: Path) -> Target:
    pixels = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 8, 8)
    whole = {"npz": _npz(pixels), "npy": _npy(pixels), "image_zip": _zip(pixels), "tfrecord": _example(pixels[0])}
    suffixes = {"npz": "npz", "npy": "npy", "image_zip": "zip", "tfrecord": "tfrecord"}
    settings = PluginSettings(builtins_only=True)
    choices = {}
    for kind, suffix in suffixes.items():
        file = folder / f"images.{suffix}"
        overrides = ["image.size=8", f"data={json.dumps({'use': kind, 'path': str(file)})}"]
        recipe = load_recipe("tiny-fashion28", overrides, settings).recipe
        choices[kind] = (file, recipe)

    def make(draw: Random) -> tuple[str, bytes]:
        kind = draw.choice(list(whole))
        return kind, mutated_bytes(draw, whole[kind])

    def read(case: tuple[str, bytes]) -> None:
        from dcgan_kit.data.loading import load_images

        kind, content = case
        file, recipe = choices[kind]
        if kind == "tfrecord":
            # A record has a checksum; readers reject a record with a wrong checksum, so write a correct one.
            import tensorflow as tf

            with tf.io.TFRecordWriter(str(file)) as writer:
                writer.write(content)
        else:
            file.write_bytes(content)
        load_images(recipe)

    return Target(make, read)


def _npz(pixels: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, x=pixels, y=np.zeros(len(pixels), np.int64))
    return stream.getvalue()


def _npy(pixels: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, pixels)
    return stream.getvalue()


def _zip(pixels: Any) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for index, image in enumerate(pixels):
            archive.writestr(f"{index}.png", _png(image))
    return stream.getvalue()


def _png(image: Any) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def _example(image: Any) -> bytes:
    import tensorflow as tf

    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[_png(image)]))
    example = tf.train.Example(features=tf.train.Features(feature={"image": feature}))
    content: bytes = example.SerializeToString()
    return content


def main() -> int:
    """Try inputs until the time is over; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="processor time of all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="targets, separated by commas")
    parser.add_argument("--target", help="replay: the target")
    parser.add_argument("--number", type=int, help="replay: the number of the input")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = targets(Path(folder))
        names = (
            [arguments.target]
            if arguments.target
            else [name for name in arguments.only.split(",") if name] or list(known)
        )
        if not set(names) <= set(known):
            parser.error(f"targets are {', '.join(known)}")
        found = 0
        for name in names:
            target, number = known[name](), 0
            end = time.process_time() + arguments.seconds / len(names)
            numbers = [arguments.number] if arguments.number is not None else None
            while (numbers is None and time.process_time() < end) or (numbers is not None and number < len(numbers)):
                finding = tried(name, target, arguments.seed, numbers[number] if numbers else number)
                number += 1
                if finding is not None:
                    found += 1
                    replay = f"--seed {arguments.seed} --target {name} --number {finding.number}"
                    print(f"{name} ({replay}): {finding.problem}\n  given: {finding.content}", flush=True)
            print(f"{name}: {number:,} inputs", file=sys.stderr, flush=True)
    print(counted(found, "finding"), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
