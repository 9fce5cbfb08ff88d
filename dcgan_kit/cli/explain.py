"""The command ``explain``: worked examples of components."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.options import json_option, plugin_options, plugin_settings
from dcgan_kit.terminal.console import facts, note

if TYPE_CHECKING:
    from dcgan_kit.api.results import Explanation


@click.command()
@click.argument("component", metavar="COMPONENT")
@click.argument("options", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--input", "given", metavar="NUMBERS", help='The input of the example: "[[1, 4], [0, 2]]".')
@click.option("--kernel", metavar="NUMBERS", help='The kernel of a convolution: "[[2, 2], [1, 1]]".')
@click.option(
    "--beside", metavar="COMPONENT", multiple=True,
    help="Work the same example through another component of the kind: a name, or {use: NAME, KEY: VALUE}.",
)  # fmt: skip
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="Draw the example: .png, .svg, .gif (its steps one by one) or .html (a page with its steps).",
)  # fmt: skip
@json_option
@plugin_options
def explain(
    component: str,
    options: tuple[str, ...],
    given: str | None,
    kernel: str | None,
    beside: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Work an example through COMPONENT, with the layers that a recipe would use.

    \b
    dcgan-kit explain max_pool
    dcgan-kit explain leaky_relu negative_slope=0.2 --beside relu --output curves.png
    dcgan-kit explain transposed_conv stride=1 padding=valid --input "[[1,4],[0,2]]" --kernel "[[2,2],[1,1]]"
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit import api
    from dcgan_kit.api.worked_examples import explain_beside
    from dcgan_kit.errors import printable

    settings = plugin_settings()
    numbers, taps = _numbers("--input", given), _numbers("--kernel", kernel)
    every = explain_beside(component, options, beside, input=numbers, kernel=taps, settings=settings)
    if output is not None:
        api.draw_explanation(every, output)
    if as_json:
        facts([_as_json(one) for one in every] if beside else _as_json(every[0]))
        return
    click.echo("\n\n".join(printable(str(one)) for one in every))
    if output is not None:
        note(f"drawn: {output}")
    elif any(one.has_pictures for one in every):
        note("the example has pictures too: --output FILE.png draws them")


def _numbers(option: str, text: str | None) -> Any:
    if text is None:
        return None
    from dcgan_kit.api.worked_examples import numbers_from

    return numbers_from(option, text)


def _as_json(one: Explanation) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "owner": one.owner,
        "options": dict(one.options),
        "steps": [step.text for step in one.steps],
        "sentences": list(one.sentences),
        **one.facts,
    }
