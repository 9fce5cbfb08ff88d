"""docs/plugin-contracts.md lists what the objects that plugins get and return really have."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import dcgan_kit
from dcgan_kit.components.contracts import probe, score, training

PAGE = (Path(__file__).parents[2] / "docs" / "plugin-contracts.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([A-Z]\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


def members(owner):
    """Yield each public attribute and method of a class, methods with their parameters."""
    annotated = [name for name in getattr(owner, "__annotations__", {}) if not name.startswith("_")]
    own = [field.name for field in fields(owner)] if is_dataclass(owner) else annotated
    yield from own
    for name, value in vars(owner).items():
        # The default of a field may be a function, and is no method.
        if name.startswith("_") or name in own:
            continue
        if isinstance(value, property):
            yield name
        elif inspect.isfunction(value):
            yield f"{name}{_parameters(value)}"


def _parameters(function):
    signature = inspect.signature(function)
    own = [p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name != "self"]
    return str(signature.replace(parameters=own, return_annotation=signature.empty))


@pytest.mark.parametrize("name", SECTIONS)
def test_each_attribute_and_method_has_a_row(name):
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", SECTIONS[name], re.MULTILINE)
    assert sorted(member for member, _ in rows) == sorted(members(getattr(dcgan_kit, name)))
    assert all(text.strip() for _, text in rows)


def test_each_public_type_of_a_contract_has_a_section():
    declared = {
        name
        for module in (probe, score, training)
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and name in dcgan_kit.__all__
    }
    assert {"ProbeContext", "ScoreInputs"} <= declared
    assert sorted({*declared, "Site", "Kernel"} - set(SECTIONS)) == []
