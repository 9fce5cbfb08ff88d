"""The command ``invert``."""

from __future__ import annotations

from pathlib import Path

import click

from dcgan_kit.cli.options import json_option, plugin_options, plugin_settings
from dcgan_kit.cli.sample import CLASS_NUMBER
from dcgan_kit.terminal.console import facts, note


@click.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="RUN|FILE|RECIPE")
@click.argument("picture", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="A file: .png, the picture beside the generator's; .npz, arrays of the latent vector and the images.  "
    "[default: both, PICTURE-inverted.png and PICTURE-inverted.npz, in this folder; neither may exist]",
)  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(1, 5000), default=300, show_default=True, help="Number of optimizer steps."
)
@click.option(
    "--class", "label", type=CLASS_NUMBER, metavar="NUMBER",
    help="Search in this class only, from 0.  [default: all classes, if the recipe has classes]",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed of the starts.")
@click.option("--best", is_flag=True, help="Use the best checkpoint, which the run keeps for good.")
@click.option("--raw", is_flag=True, help="Use the generator itself, not its moving average.")
@json_option
@plugin_options
def invert(
    source: Path,
    picture: Path,
    output: Path | None,
    steps: int,
    label: int | None,
    seed: int,
    best: bool,
    raw: bool,
    as_json: bool,
) -> None:
    """Search for the latent vector with which a trained generator makes a PICTURE.

    The generator is that of a RUN folder, of a generator FILE, or one that comes with a RECIPE. The picture is cropped
    or padded to the shape of the generator's images as the recipe's data would be, and resized.

    \b
    dcgan-kit invert runs/lecture-fashion28 shoe.png
    dcgan-kit invert lecture-fashion28 shoe.png --output shoe.npz --steps 1000
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit.api import open_generator
    from dcgan_kit.api.inversion import inversion_files, write_inversion
    from dcgan_kit.api.sample_files import require_apart

    files = inversion_files(picture, output)
    opened = open_generator(source, settings=plugin_settings())
    for file in files:
        require_apart(file, opened.path)
    found = opened.invert(picture, steps=steps, seed=seed, label=label, raw=raw, best=best)
    for file in files:
        write_inversion(found, file)
    if as_json:
        facts({"error": found.error, "nearest": found.nearest, "usual": found.usual, "class": found.label,
               "files": [*map(str, files)]})  # fmt: skip
        return
    in_class = "" if found.label is None else f", class {found.label}"
    note(
        f"{picture}: error {found.error:.1f} of 255 grey levels{in_class}. The nearest of 1,000 random samples is "
        f"{found.nearest:.1f} away, a usual one {found.usual:.1f}"
    )
    note(f"written: {', '.join(map(str, files))}")
