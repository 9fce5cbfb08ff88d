"""YAML 1.2 text → nodes with places.

PyYAML reads YAML 1.1, in which ``1e-4`` is text, ``no`` is false and ``12:30`` is 750, and lets an equal key
overwrite silently. Here its parser supplies events only; scalars follow the core schema of YAML 1.2
(https://yaml.org/spec/1.2.2/#103-core-schema), equal keys are refused with both places, tags are refused, and size,
depth and aliases are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from dcgan_kit.errors import Mark, Problem, RecipeError, UserError
from dcgan_kit.recipes.nodes import Node, Scalar

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
MAX_NODES = 20_000

NULL = re.compile(r"null|Null|NULL|~|")
TRUE = re.compile(r"true|True|TRUE")
FALSE = re.compile(r"false|False|FALSE")
DECIMAL = re.compile(r"[-+]?[0-9]+")
OCTAL = re.compile(r"0o[0-7]+")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
INFINITY = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
NOT_A_NUMBER = re.compile(r"\.(?:nan|NaN|NAN)")
# Python refuses to read longer integers by default, since that takes quadratic time.
MAX_DIGITS = 400


def read_file(path: Path, shown: str | None = None) -> Node:
    """Read a recipe file.

    Args:
        path: the file.
        shown: how messages call it; default: the path as given.

    Raises:
        RecipeError: the text is not YAML that a recipe may be; every problem with its place.
        UserError: the file is missing, unreadable, a folder, too large, or no text.
    """
    name = shown or str(path)
    return read_text(read_bounded(path, name), name)


def read_bounded(path: Path, name: str) -> str:
    """Return the text of a file that should be a recipe; see ``read_file`` for what it raises."""
    try:
        if path.is_dir():
            raise UserError(f"{name}: is a folder, not a recipe file")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{name}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(raw) > MAX_BYTES:
        raise UserError(f"{name}: is larger than {MAX_BYTES} bytes, which no recipe is")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: is not UTF-8 text (byte {error.start} is 0x{raw[error.start]:02x})") from error


def read_text(text: str, source: str) -> Node:
    """Read a recipe's text; see ``read_file``."""
    node = read_value(text, source)
    if node.value is None:
        raise RecipeError([Problem(Mark(source, 1, 1), "", "the recipe is empty")])
    if not isinstance(node.value, dict):
        raise RecipeError([Problem(node.mark, "", "a recipe is a mapping of keys to values")])
    return node


def read_value(text: str, source: str, line: int = 1, column: int = 1) -> Node:
    """Read any one YAML value, whose first character stands at line and column of the source."""
    return _Reader(source, line - 1, column - 1).read(text)


@dataclass
class _Open:
    """A mapping or list that is being read."""

    node: Node
    anchor: str | None
    key: tuple[str, Mark] | None = None
    seen: dict[str, Mark] = field(default_factory=dict)


class _Reader:
    def __init__(self, source: str, line_offset: int, column_offset: int) -> None:
        self.source = source
        self.line_offset = line_offset
        self.column_offset = column_offset
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.open: list[_Open] = []
        self.root: Node | None = None
        self.count = 0

    def read(self, text: str) -> Node:
        try:
            for event in yaml.parse(text, Loader=yaml.SafeLoader):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            self._fail(self._mark(error.problem_mark or error.context_mark), _syntax_message(error))
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            mark = Mark(self.source, before.count("\n") + 1, len(before) - before.rfind("\n"))
            code = error.character if isinstance(error.character, int) else ord(error.character)
            self._fail(mark, f"character U+{code:04X} is not allowed in YAML")
        if self.problems:
            raise RecipeError(self.problems)
        return self.root or Node(None, Mark(self.source, 1 + self.line_offset, 1 + self.column_offset))

    def _mark(self, mark: yaml.Mark | None) -> Mark:
        if mark is None:
            return Mark(self.source, 1 + self.line_offset, 1 + self.column_offset)
        column = mark.column + (self.column_offset if mark.line == 0 else 0)
        return Mark(self.source, mark.line + 1 + self.line_offset, column + 1)

    def _fail(self, mark: Mark, message: str) -> None:
        raise RecipeError([*self.problems, Problem(mark, "", message)])

    def _take(self, event: yaml.Event) -> None:
        mark = self._mark(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._fail(mark, "a recipe is one document; a second begins here")
        if getattr(event, "tag", None) and not isinstance(event, yaml.AliasEvent):
            self._fail(mark, f"tags such as {event.tag!r} are not allowed in a recipe")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if self._awaits_key():
                self._fail(mark, "a key must be text")
            if len(self.open) >= MAX_DEPTH:
                self._fail(mark, f"nested more than {MAX_DEPTH} deep")
            node = Node({} if isinstance(event, yaml.MappingStartEvent) else [], mark)
            self.open.append(_Open(node, event.anchor))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = self.open.pop()
            self._add(done.node, done.anchor)
        elif isinstance(event, yaml.ScalarEvent):
            if self._awaits_key():
                self._key(event.value, mark)
            else:
                value = event.value if event.style else self._scalar(event.value, mark)
                self._add(Node(value, mark), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, mark)

    def _awaits_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].node.value, dict) and self.open[-1].key is None

    def _key(self, key: str, mark: Mark) -> None:
        current = self.open[-1]
        current.key = (key, mark)
        if key in current.seen:
            first = current.seen[key]
            self.problems.append(Problem(mark, key, f"is given twice; first at {first.line}:{first.column}"))
        current.seen.setdefault(key, mark)

    def _alias(self, anchor: str, mark: Mark) -> None:
        if self._awaits_key():
            self._fail(mark, "a key must be text")
        if anchor not in self.anchors:
            self._fail(mark, f"alias *{anchor} has no anchor &{anchor} before it")
        node, size = self.anchors[anchor]
        self._count(size - 1, mark)
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        self._count(1, node.mark)
        if anchor:
            self.anchors[anchor] = (node, _size(node))
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif isinstance(parent.node.value, dict) and parent.key is not None:
            key, mark = parent.key
            parent.node.value.setdefault(key, replace(node, key_mark=mark))
            parent.key = None

    def _count(self, more: int, mark: Mark) -> None:
        self.count += more
        if self.count > MAX_NODES:
            self._fail(mark, f"the recipe has more than {MAX_NODES} values, aliases counted in full")

    def _scalar(self, text: str, mark: Mark) -> Scalar:
        if len(text) > MAX_DIGITS and (DECIMAL.fullmatch(text) or OCTAL.fullmatch(text) or HEXADECIMAL.fullmatch(text)):
            self._fail(mark, f"a number of {len(text)} digits")
        return resolved(text)


def resolved(text: str) -> Scalar:
    """Return what a plain scalar means in the core schema of YAML 1.2."""
    if NULL.fullmatch(text):
        return None
    if TRUE.fullmatch(text) or FALSE.fullmatch(text):
        return bool(TRUE.fullmatch(text))
    if DECIMAL.fullmatch(text):
        return int(text)
    if OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if FLOAT.fullmatch(text):
        return float(text)
    if INFINITY.fullmatch(text) or NOT_A_NUMBER.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text


def _size(node: Node) -> int:
    if isinstance(node.value, dict):
        return 1 + sum(map(_size, node.value.values()))
    if isinstance(node.value, list):
        return 1 + sum(map(_size, node.value))
    return 1


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "is not YAML"
    if "found character '\\t'" in problem:
        return "a tab; indent with spaces"
    context = f" {error.context}" if error.context else ""
    return f"not YAML: {problem}{context}"
