"""The commands ``components``, ``plugins``, ``recipes`` and ``schema``. They need no TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.options import (
    json_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    recipe_argument,
)
from dcgan_kit.terminal.console import facts, note, say, table

if TYPE_CHECKING:
    from dcgan_kit.api.results import Plugin


@click.group()
def components() -> None:
    """List and show the components that recipes can use.

    \b
    dcgan-kit components list
    dcgan-kit components show resize_conv
    """  # noqa: D301


@components.command("list")
@click.option("--kind", metavar="KIND", help="Only components of this kind.")
@json_option
@plugin_options
def list_components(kind: str | None, as_json: bool) -> None:
    """List every component of the installed plugins.

    \b
    dcgan-kit components list --kind activation
    """  # noqa: D301
    from dcgan_kit import api

    found = api.list_components(kind, settings=plugin_settings())
    if as_json:
        facts([{"kind": c.kind, "name": c.name, "owner": c.owner, "summary": c.summary} for c in found])
        return
    table(("kind", "name", "plugin", "what it does"), [(c.kind, c.name, c.owner, c.summary) for c in found])


@components.command("show")
@click.argument("name")
@json_option
@plugin_options
def show_component(name: str, as_json: bool) -> None:
    """Show one component: NAME, KIND/NAME or PLUGIN/NAME.

    \b
    dcgan-kit components show upsample/transposed_conv
    """  # noqa: D301
    from dcgan_kit import api
    from dcgan_kit.api.catalogue import component_options, kind_summary

    found = api.find_components(name, settings=plugin_settings())
    if as_json:
        facts(
            [
                {
                    "kind": c.kind,
                    "name": c.name,
                    "owner": c.owner,
                    "documentation": c.documentation,
                    "options": component_options(c),
                }
                for c in found
            ]
        )
        return
    for component in found:
        click.echo(f"{component.kind} {component.name}, of plugin {component.owner}\n")
        # The part "Raises" is for callers of the factory, not for authors of recipes.
        for paragraph in component.documentation.partition("\n\nRaises:")[0].split("\n\n"):
            lines = paragraph.split("\n")
            laid_out = any(line.startswith((" ", "-", "*", "|")) for line in lines)
            say(f"{paragraph if laid_out else ' '.join(lines)}\n")
        options = component_options(component, as_text=True)
        if options:
            columns = ("option", "type", "default", "meaning")
            table(columns, [(o["name"], o["type"], o["default"], o["description"]) for o in options])
        else:
            click.echo("It has no options.\n")
        say(f"A component of kind {component.kind}: {kind_summary(component.kind)}\n")


@click.group()
def plugins() -> None:
    """List and show plugins, which provide components and recipes.

    \b
    dcgan-kit plugins list
    """  # noqa: D301


@plugins.command("list")
@json_option
@plugin_options
def list_plugins(as_json: bool) -> None:
    """List every plugin that was found: loaded, blocked or broken.

    \b
    dcgan-kit plugins list
    dcgan-kit plugins list --plugins-dir my_plugins
    """  # noqa: D301
    from dcgan_kit import api

    found = api.list_plugins(settings=plugin_settings())
    if as_json:
        facts([_plugin_facts(plugin) for plugin in found])
        return
    rows = [
        (p.name, p.origin, p.distribution or (p.file if p.origin == "folder" else ""), len(p.components),
         len(p.recipes),
         p.status if not p.error else f"{p.status}: {p.error}")
        for p in found
    ]  # fmt: skip
    table(("plugin", "origin", "from", "components", "recipes", "status"), rows, right=("components", "recipes"))


@plugins.command("show")
@click.argument("name")
@json_option
@plugin_options
def show_plugin(name: str, as_json: bool) -> None:
    """Show one plugin with its components and recipes.

    \b
    dcgan-kit plugins show activation
    """  # noqa: D301
    from dcgan_kit import api

    plugin = api.find_plugin(name, settings=plugin_settings())
    if as_json:
        facts(_plugin_facts(plugin))
        return
    click.echo(f"{plugin.name}: {plugin.origin}, {plugin.status}")
    for label, value in (("from", plugin.distribution), ("file", plugin.file), ("error", plugin.error)):
        if value:
            click.echo(f"  {label}: {value}")
    if plugin.components:
        table(("kind", "name", "what it does"), [(c.kind, c.name, c.summary) for c in plugin.components])
    for recipe, path in plugin.recipes.items():
        click.echo(f"  recipe {recipe}: {path}")
    for study, path in plugin.studies.items():
        click.echo(f"  study {study}: {path}")
    if plugin.callbacks is not None:
        click.echo("  callbacks: yes")


def _plugin_facts(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "origin": plugin.origin,
        "distribution": plugin.distribution,
        "file": plugin.file,
        "status": plugin.status,
        "error": plugin.error,
        "components": [f"{c.kind}/{c.name}" for c in plugin.components],
        "recipes": {name: str(path) for name, path in plugin.recipes.items()},
        "studies": {name: str(path) for name, path in plugin.studies.items()},
        "callbacks": plugin.callbacks is not None,
    }


@click.group()
def recipes() -> None:
    """List, show and copy named recipes.

    \b
    dcgan-kit recipes list
    dcgan-kit recipes copy lecture-fashion28 mine.yaml
    """  # noqa: D301


@recipes.command("list")
@json_option
@plugin_options
def list_recipes(as_json: bool) -> None:
    """List every named recipe.

    \b
    dcgan-kit recipes list
    """  # noqa: D301
    from dcgan_kit.api.catalogue import described_recipes

    found = described_recipes(settings=plugin_settings())
    if as_json:
        facts([{"name": name, "file": str(path), "description": text} for name, (path, text) in found.items()])
        return
    table(("recipe", "what it is"), [(name, text) for name, (_, text) in found.items()])


@recipes.command("show")
@recipe_argument
@overrides_argument
@click.option("--resolved", is_flag=True, help="Print it with its parents, overrides and all defaults.")
@plugin_options
def show_recipe(recipe: str, overrides: tuple[str, ...], resolved: bool) -> None:
    """Print the text of RECIPE.

    \b
    dcgan-kit recipes show lecture-fashion28
    dcgan-kit recipes show lecture-fashion28 --resolved
    """  # noqa: D301
    from dcgan_kit import api

    if not resolved and not overrides:
        click.echo(api.recipe_text(recipe, settings=plugin_settings()), nl=False)
        return
    click.echo(api.load_recipe(recipe, *overrides, settings=plugin_settings()).as_yaml(), nl=False)


@recipes.command("copy")
@recipe_argument
@click.argument("target", required=False, type=click.Path(path_type=Path))
@plugin_options
def copy_recipe(recipe: str, target: Path | None) -> None:
    """Copy RECIPE to TARGET, a file or a folder, so that you can edit it. Also writes the schema for editors.

    \b
    dcgan-kit recipes copy lecture-fashion28 mine.yaml
    """  # noqa: D301
    from dcgan_kit import api

    copy, schema_file = api.copy_recipe(recipe, target, settings=plugin_settings())
    note(f"{copy}: a copy of {recipe}; {schema_file} helps editors with it")


@recipes.command("new")
@click.argument("target")
@click.option(
    "--data", "source", required=True, metavar="SOURCE", help="A file or folder of images; see `data inspect`."
)
@click.option("--size", metavar="HxW", help="Size of the images: 64, 48x96 or 64x64x3.  [default: the one that fits]")
@click.option(
    "--conditional/--unconditional", default=None,
    help="With classes, or without.  [default: with, if there are 2 to 1,000 of at least 50 images]",
)  # fmt: skip
@plugin_options
def new_recipe(target: str, source: str, size: str | None, conditional: bool | None) -> None:
    """Write TARGET, a recipe that fits the images of SOURCE, with a reason beside each choice.

    \b
    dcgan-kit recipes new faces --data ~/faces
    dcgan-kit recipes new wide.yaml --data ~/wide --size 48x96
    dcgan-kit recipes new birds --data "{use: images, path: ~/birds, fit: pad}" --unconditional
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit.api.fitting_recipe import fitting_recipe

    made = fitting_recipe(target, source, size=size, conditional=conditional, settings=plugin_settings())
    file = made.recipe.source
    for sentence in made.advice:
        if sentence != made.stops:
            note(f"note: {sentence}")
    if made.stops:
        note(f"written: {file}, but training will stop: {made.stops}")
        return
    note(f"written: {file}, checked. Read its comments, then:\n  dcgan-kit check {file}\n  dcgan-kit train {file}")


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to a file instead."
)
@plugin_options
def schema(output: Path | None) -> None:
    """Print the JSON Schema of recipes for editors. It includes the installed components.

    \b
    dcgan-kit schema --output recipe.schema.json
    """  # noqa: D301
    from dcgan_kit import api

    if output is None:
        click.echo(api.recipe_schema(settings=plugin_settings()), nl=False)
        return
    api.write_recipe_schema(output, settings=plugin_settings())
    note(f"{output}: written")
