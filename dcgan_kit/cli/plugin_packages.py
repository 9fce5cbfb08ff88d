"""The commands ``plugins new`` and ``plugins check``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from dcgan_kit.cli.options import json_option, plugin_options, plugin_settings
from dcgan_kit.terminal.console import facts, note

BROKEN = 1
"""Exit status if the plugin breaks a contract."""

KINDS = (
    "activation", "normalization", "convolution", "downsample", "upsample", "projection", "head", "attention",
    "regularizer", "conditioning", "constraint", "initializer", "latent", "loss", "class_loss", "penalty",
    "augmentation", "optimizer", "schedule", "probe", "extractor", "score", "data", "callbacks",
)  # fmt: skip
"""What a package can offer. Help shows it, and is printed without loading plugins."""


@click.command("new")
@click.argument("name")
@click.option(
    "--kind", "kinds", multiple=True, default=("activation",), show_default=True, metavar="KIND",
    help=f"What the package offers; may be repeated: {', '.join(KINDS)}; or all of them: all.",
)  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), metavar="DIR", help="The new folder.  [default: NAME]")
def new_plugin(name: str, kinds: tuple[str, ...], output: Path | None) -> None:
    """Write the package of a new plugin, with an example of each KIND that works, tests, a recipe and a study.

    \b
    dcgan-kit plugins new dcgan-cats
    dcgan-kit plugins new dcgan-cats --kind loss --kind probe --output ~/code/dcgan-cats
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit import api
    from dcgan_kit.api.plugin_package import EVERYTHING

    folder = api.new_plugin(name, EVERYTHING if "all" in kinds else kinds, output)
    quoted = shlex.quote(str(folder))
    note(f"{folder}: written. Next:")
    for line in (f"cd {quoted}", "pip install --editable '.[test]'", "python -m pytest"):
        note(f"  {line}")


@click.command("check")
@click.argument("plugin", metavar="NAME|FILE")
@click.argument("options", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--component", metavar="KIND/NAME", help="Check only this component, with the options KEY=VALUE.")
@click.option(
    "--without", multiple=True, metavar="ABILITY",
    help="The component lacks this: xla, mixed_precision or input_gradient; may be repeated.",
)  # fmt: skip
@json_option
@plugin_options
def check_plugin(
    plugin: str, options: tuple[str, ...], component: str | None, without: tuple[str, ...], as_json: bool
) -> None:
    """Check that a plugin loads, and that its components keep the contracts of their kinds.

    NAME is a plugin or an installed distribution. FILE is a file of a plugin, a folder of such files, or the folder of
    a package. The exit status is 1 if the plugin breaks a contract.

    \b
    dcgan-kit plugins check activation
    dcgan-kit plugins check upsample --component upsample/resize_conv interpolation=bicubic --without xla
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit import api
    from dcgan_kit.errors import counted, printable

    found = api.check_plugin(plugin, *options, component=component, without=without, settings=plugin_settings())
    if as_json:
        checks = [{"subject": one.subject, "status": one.status, "message": one.message} for one in found.checks]
        facts({"plugins": list(found.plugins), "passed": found.passed, "checks": checks})
    else:
        for check in found.checks:
            click.echo(printable(str(check)))
    broken, unchecked = len(found.of("broken")), len(found.of("unchecked"))
    aside = f"; {unchecked} not checked" if unchecked else ""
    note(f"{plugin}: {counted(len(found.checks) - unchecked, 'check')}, {broken or 'none'} broken{aside}")
    if broken:
        sys.exit(BROKEN)
