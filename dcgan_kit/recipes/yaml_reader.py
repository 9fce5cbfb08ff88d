"""Read YAML 1.2 text as nodes with places.

PyYAML reads YAML 1.1, in which ``1e-4`` is text, ``no`` is false and ``12:30`` is 750. It also lets a duplicate key
silently overwrite the first one. This reader uses only the events of PyYAML's parser. Scalars follow the core schema of
YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema). Duplicate keys are errors that name both places. Tags are
errors. Size, depth and aliases are limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from dcgan_kit.errors import Mark, Problem, RecipeError
from dcgan_kit.recipes.nodes import Node, Scalar, dotted
from dcgan_kit.recipes.yaml_scalars import DECIMAL, HEXADECIMAL, OCTAL, resolved

MAX_DEPTH = 50
MAX_NODES = 20_000
MAX_DIGITS = 200
"""Most digits of a whole number. A shorter number fits into a float, even a hexadecimal one."""

SURROGATE = re.compile("[\ud800-\udfff]")

_COMPLAINTS = {
    "mapping values are not allowed": "a ':' where no key can end; quote such text, or correct the indentation",
    "could not find expected ':'": "a ':' is missing after the key before this place",
    "expected the node content": "a key or a value is missing before this place",
    "expected '<document start>'": "the document ended before this place",
    "escape": "in double quotes a backslash begins an escape; double it, or use single quotes",
    "expected <block end>": "this does not fit the indentation of the lines above",
}
"""PyYAML's messages about frequent mistakes → messages that help a user."""

_OWN_ANCHOR = (Node(None, Mark("", 0, 0)), 0, 0)


class PartlyUnderstood(RecipeError):
    """A text has problems, but the rest of it could be read. So later problems can be reported together with these.

    Attributes:
        node: the part that could be read.
    """

    def __init__(self, problems: Iterable[Problem], node: Node) -> None:
        super().__init__(problems)
        self.node = node


def read_text(text: str, source: str) -> Node:
    """Read a recipe's text.

    Args:
        text: YAML text of one mapping.
        source: name of the text in messages.

    Raises:
        RecipeError: the text is not valid YAML for a recipe; the error has every problem with its place.
        PartlyUnderstood: a RecipeError with the part that could be read.
    """
    try:
        node = read_value(text, source)
    except PartlyUnderstood as error:
        if isinstance(error.node.value, dict):
            raise
        raise RecipeError(error.problems) from None
    if node.value is None:
        raise RecipeError([Problem(Mark(source, 1, 1), "", "the recipe is empty")])
    if not isinstance(node.value, dict):
        raise RecipeError([Problem(node.mark, "", "must be a mapping of keys to values")])
    return node


def read_value(text: str, source: str, line: int = 1, column: int = 1) -> Node:
    """Read one YAML value of any type. Its first character is at this line and column of the source."""
    return _Reader(source, line - 1, column - 1).read(text)


def read_argument(text: str, source: str, line: int, column: int) -> Node:
    """Read the value of an override.

    A value that begins with a bracket or a quote is YAML, without comments. Any other value is a single scalar, without
    the blanks around it: ``set #2``, ``*.png`` and ``a: b`` are text.

    Raises:
        PartlyUnderstood: a RecipeError with the part that could be read.
    """
    blanks = len(text) - len(text.lstrip(" \t"))
    text = text.strip(" \t")
    reader = _Reader(source, line - 1, column - 1 + blanks)
    return reader.read_uncommented(text) if text.startswith(("[", "{", '"', "'")) else reader.read_scalar(text)


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
        self.anchors: dict[str, tuple[Node, int, int]] = {}
        self.open: list[_Open] = []
        self.root: Node | None = None
        self.count = 0
        self.reached = self._place(0, 0)

    def read(self, text: str) -> Node:
        try:
            for event in yaml.parse(text, Loader=yaml.SafeLoader):
                self.reached = self._mark(event.end_mark)
                self._handle(event)
        except yaml.MarkedYAMLError as error:
            self._fail(*self._syntax(error))
        except yaml.reader.ReaderError as error:
            self._refuse_character(text, error.position)
        except (ValueError, OverflowError):
            # PyYAML passes the digits of \U escapes and of %YAML to chr and int without a check.
            self._fail(self.reached, "not YAML: an escape or a version after this place is too large a number")
        return self._result(self.root or Node(None, self._place(0, 0)))

    def read_uncommented(self, text: str) -> Node:
        """Read YAML, and report a comment as an error."""
        end = 0
        try:
            for token in yaml.scan(text, Loader=yaml.SafeLoader):
                blank, number, comment = text[end : token.start_mark.index].partition("#")
                if number:
                    message = (
                        "'#' would begin a comment here, and an override cannot have one; quote text that holds '#'"
                    )
                    place = self._place_in(text, end + len(blank))
                    self._fail(place, f"{message} (given: {number + comment!r})")
                end = token.end_mark.index
        except (yaml.YAMLError, ValueError, OverflowError):
            # The call below reports what is wrong.
            pass
        return self.read(text)

    def read_scalar(self, text: str) -> Node:
        """Read a text as one plain scalar, even if its characters have a special meaning in YAML."""
        try:
            yaml.reader.Reader(text)
        except yaml.reader.ReaderError as error:
            self._refuse_character(text, error.position)
        mark = self._place(0, 0)
        value = self._plain(text, mark)
        return self._result(Node(value, mark))

    def _result(self, root: Node) -> Node:
        if self.problems:
            raise PartlyUnderstood(self.problems, root)
        return root

    def _refuse_character(self, text: str, position: int) -> None:
        message = f"character U+{ord(text[position]):04X} is not allowed in YAML"
        self._fail(self._place_in(text, position), message)

    def _place_in(self, text: str, position: int) -> Mark:
        before = text[:position]
        return self._place(before.count("\n"), len(before) - before.rfind("\n") - 1)

    def _mark(self, mark: Any) -> Mark:
        return self._place(0, 0) if mark is None else self._place(mark.line, mark.column)

    def _place(self, line: int, column: int) -> Mark:
        offset = self.column_offset if line == 0 else 0
        return Mark(self.source, line + 1 + self.line_offset, column + 1 + offset)

    def _report(self, mark: Mark, message: str) -> None:
        self.problems.append(Problem(mark, dotted(self._path()), message))

    def _path(self) -> tuple[str | int, ...]:
        """Return the path of the value that is being read."""
        path: list[str | int] = []
        for current in self.open:
            if isinstance(current.node.value, list):
                path.append(len(current.node.value))
            elif current.key is not None:
                path.append(current.key[0])
        return tuple(path)

    def _fail(self, mark: Mark, message: str) -> None:
        raise RecipeError([*self.problems, Problem(mark, "", message)])

    def _handle(self, event: yaml.Event) -> None:
        mark = self._mark(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            self._fail(mark, "a recipe is one document; a second begins here")
        tag = getattr(event, "tag", None)
        if tag:
            shown = tag.replace("tag:yaml.org,2002:", "!!", 1)
            self._report(mark, f"tags are not allowed in a recipe (given: {shown!r})")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            if self._awaits_key():
                self._fail(mark, "a key must be text")
            if len(self.open) >= MAX_DEPTH:
                self._fail(mark, f"nested more than {MAX_DEPTH} deep")
            node = Node({} if isinstance(event, yaml.MappingStartEvent) else [], mark)
            if event.anchor:
                self.anchors[event.anchor] = _OWN_ANCHOR
            self.open.append(_Open(node, event.anchor))
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            done = self.open.pop()
            self._add(done.node, done.anchor)
        elif isinstance(event, yaml.ScalarEvent):
            if self._awaits_key():
                self._key(self._text(event.value, mark), mark)
                if event.anchor:
                    self.anchors[event.anchor] = (Node(event.value, mark), 1, 0)
            else:
                self._add(Node(self._scalar(event, mark), mark), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", mark)

    def _awaits_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].node.value, dict) and self.open[-1].key is None

    def _key(self, key: str, mark: Mark) -> None:
        current = self.open[-1]
        current.key = (key, mark)
        if key in current.seen:
            first = current.seen[key]
            self._report(mark, f"is given twice; first at {first.line}:{first.column}")
        elif not key:
            self.problems.append(Problem(mark, dotted(self._path()[:-1]), "a key is empty"))
        elif key == "<<":
            self._report(
                mark, "YAML 1.2 has no merge key; write the keys out, or let recipes share them with 'extends'"
            )
        current.seen.setdefault(key, mark)

    def _alias(self, anchor: str, mark: Mark) -> None:
        if self._awaits_key():
            self._fail(mark, "a key must be text")
        node, size, depth = self.anchors.get(anchor, (Node(None, mark), 1, 0))
        if anchor not in self.anchors:
            self._report(mark, f"alias *{anchor} has no anchor &{anchor} before it")
        elif self.anchors[anchor] is _OWN_ANCHOR:
            self._fail(mark, f"alias *{anchor} is inside the value of its own anchor &{anchor}")
        if len(self.open) + depth > MAX_DEPTH:
            self._fail(mark, f"nested more than {MAX_DEPTH} deep, aliases counted in full")
        self._count(size - 1, mark)
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        self._count(1, node.mark)
        if anchor:
            self.anchors[anchor] = (node, *extent(node))
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif isinstance(parent.node.value, dict) and parent.key is not None:
            key, mark = parent.key
            if key and key != "<<":
                parent.node.value.setdefault(key, replace(node, key_mark=mark))
            parent.key = None

    def _count(self, more: int, mark: Mark) -> None:
        self.count += more
        if self.count > MAX_NODES:
            self._fail(mark, f"the recipe has more than {MAX_NODES} values, aliases counted in full")

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> Scalar:
        text: str = event.value
        return self._text(text, mark) if event.style else self._plain(text, mark)

    def _plain(self, text: str, mark: Mark) -> Scalar:
        if len(text) > MAX_DIGITS and any(number.fullmatch(text) for number in (DECIMAL, OCTAL, HEXADECIMAL)):
            self._report(mark, f"a whole number has at most {MAX_DIGITS} digits (given: {len(text)})")
            return 0
        return resolved(text)

    def _text(self, text: str, mark: Mark) -> str:
        """Join surrogate pairs, which JSON writes as two escapes. Report a single surrogate: it cannot be printed."""
        if not SURROGATE.search(text):
            return text
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        alone = SURROGATE.search(joined)
        if alone:
            self._report(mark, f"\\u{ord(alone[0]):04x} is half a character")
        return SURROGATE.sub("?", joined)

    def _syntax(self, error: yaml.MarkedYAMLError) -> tuple[Mark, str]:
        """Return the place of PyYAML's error, and a message that users understand."""
        problem, context, mark = error.problem or "", error.context or "", self._mark(error.problem_mark)
        began = self._mark(error.context_mark)
        if "found character '\\t'" in problem:
            return mark, "a tab; indent with spaces"
        if "quoted scalar" in context and "unexpected end" in problem:
            return began, "not YAML: this quote is never closed"
        if "flow" in context and problem.startswith("expected ','"):
            bracket = "{" if "mapping" in context else "["
            expected, _, got = problem.partition(", but got ")
            if "end" in got:
                return began, f"not YAML: this {bracket!r} is never closed"
            return mark, f"not YAML: {expected} within the {bracket!r} of {began.line}:{began.column}"
        if "scanning an alias" in context or "scanning an anchor" in context:
            return began, f"not YAML: text that begins with {'*' if 'alias' in context else '&'!r} must be quoted"
        if "that cannot start any token" in problem:
            return mark, f"not YAML: text that begins with {problem.split(' ')[2]} must be quoted"
        for complaint, message in _COMPLAINTS.items():
            if complaint in problem:
                return mark, f"not YAML: {message}"
        return mark, " ".join(part for part in ("not YAML:", problem or "cannot be read", context) if part)


def extent(node: Node) -> tuple[int, int]:
    """Return the number of values in a node, including itself, and how deep they are nested."""
    children: Iterable[Node] = ()
    if isinstance(node.value, dict):
        children = node.value.values()
    elif isinstance(node.value, list):
        children = node.value
    else:
        return 1, 0
    extents = [extent(child) for child in children]
    return 1 + sum(size for size, _ in extents), 1 + max((depth for _, depth in extents), default=0)
