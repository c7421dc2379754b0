"""Reads the text of a library file (YAML or JSON) into plain data, and knows the line of each value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from wxtag.errors import InputError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 40
MAX_VALUES = 200_000
"""Aliases count as often as they are used: a file that grows beyond this by them is not a library."""

Step = str | int


class _Loader(yaml.SafeLoader):
    """Scalars as in YAML 1.2 and JSON: `on` is text, 12:30 is text, 0123 is text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


for _tag, _pattern in (
    ("bool", r"true|false|True|False"),
    ("int", r"-?(?:0|[1-9][0-9]*)"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"),
    ("null", r"null|~|"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), None)


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong with a file, and where; lines and columns begin with 1."""

    line: int
    column: int
    path: str
    text: str

    def __str__(self) -> str:
        path = f"{self.path}: " if self.path else ""
        return f"line {self.line}, column {self.column}: {path}{self.text}"


@dataclass
class Document:
    """The plain data of a file, and its nodes for finding places."""

    data: Any
    root: yaml.Node
    faults: list[Fault] = field(default_factory=list)

    def place(self, steps: Sequence[Step], of_key: bool = False) -> tuple[int, int, str]:
        """(line, column, path) of a value. Steps that the data does not have (the names of models between
        real ones) are passed over. A block's place is its key's, as is that of a faulty key."""
        node, mark, path = self.root, self.root.start_mark, ""
        for number, step in enumerate(steps):
            last = number == len(steps) - 1
            if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node, path = node.value[step], f"{path}[{step}]"
                mark = node.start_mark
            elif isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in node.value if pair[0].value == step), None)
                if pair is not None:
                    key, node = pair
                    mark = key.start_mark
                    if isinstance(node, yaml.ScalarNode) and not (last and of_key):
                        mark = node.start_mark
                    path = f"{path}.{step}" if path else str(step)
        return mark.line + 1, mark.column + 1, path

    def fault(self, steps: Sequence[Step], text: str, of_key: bool = False) -> Fault:
        return Fault(*self.place(steps, of_key), text)


def read(text: str) -> Document:
    """Raises InputError when there is no data to be had from the text; lesser faults are in the document."""
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        raise InputError(f"the file has {size} bytes: at most {MAX_BYTES} are taken")
    if text.lstrip().startswith(("{", "[")):
        text = text.replace("\t", " ")  # JSON may be indented with tabs, YAML may not
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise refused([Fault(line, column, "", f"not YAML or JSON: {said}")]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise refused([Fault(line, 1, "", "a character that text cannot have")]) from error
    except RecursionError as error:
        raise refused([Fault(1, 1, "", f"nested deeper than {MAX_DEPTH} levels")]) from error
    if root is None:
        raise refused([Fault(1, 1, "", "the file is empty: expected version, groups")])
    document = Document(None, root)
    try:
        document.data = _Builder(document).value(root, (), 0)
    except _TooMuch as error:
        raise refused([document.fault((), str(error))]) from error
    return document


def refused(faults: Sequence[Fault]) -> InputError:
    """The error that names every fault, in the order of the lines."""
    lines = [str(fault) for fault in sorted(set(faults))]
    count = f"{len(lines)} faults" if len(lines) > 1 else "1 fault"
    return InputError(f"the library file has {count}; nothing was changed:\n" + "\n".join(lines), lines)


class _TooMuch(Exception):
    """The data would be deeper or larger than any library."""


class _Builder:
    """Makes plain data of nodes, noting what YAML allows and a library does not."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0

    def value(self, node: yaml.Node, steps: tuple[Step, ...], depth: int) -> Any:
        self.count += 1
        if depth > MAX_DEPTH:
            raise _TooMuch(f"nested deeper than {MAX_DEPTH} levels")
        if self.count > MAX_VALUES:
            raise _TooMuch(f"more than {MAX_VALUES} values, counting what aliases repeat")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, steps, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, (*steps, n), depth + 1) for n, one in enumerate(node.value)]
        return self._scalar(node, steps)

    def _mapping(self, node: yaml.MappingNode, steps: tuple[Step, ...], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            mark = key_node.start_mark
            if not isinstance(key_node, yaml.ScalarNode):
                self._note(mark, steps, "a field's name must be text")
                continue
            key = str(key_node.value)
            if key in found:
                self._note(mark, steps, f"duplicate field {key!r} (first in line {lines[key]})")
                continue
            lines[key] = mark.line + 1
            found[key] = self.value(value_node, (*steps, key), depth + 1)
        return found

    def _scalar(self, node: yaml.Node, steps: tuple[Step, ...]) -> Any:
        text, tag = str(node.value), node.tag.removeprefix("tag:yaml.org,2002:")
        try:
            if tag == "int":
                return int(text)
            if tag == "float":
                return float(text)
        except ValueError:
            tag = "?"
        if tag == "bool":
            return text.lower() == "true"
        if tag == "null":
            return None
        if tag != "str":
            self._note(
                node.start_mark, steps, f"{node.tag} is not taken here: expected plain text or a number"
            )
            return text
        try:
            # JSON writes characters beyond the first plane as two escapes.
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._note(node.start_mark, steps, "half a character (a lone surrogate)")
            return "?"

    def _note(self, mark: yaml.Mark, steps: tuple[Step, ...], text: str) -> None:
        path = self.document.place(steps)[2]
        self.document.faults.append(Fault(mark.line + 1, mark.column + 1, path, text))
