"""The shipped recipes: every YAML file of this folder, by its name."""

from pathlib import Path

from dcgan_kit import hookimpl


@hookimpl
def dcgan_kit_recipes() -> dict[str, Path]:
    """Return name → file."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))}
