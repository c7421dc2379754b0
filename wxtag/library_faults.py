"""Finds everything that is wrong with a library file, and says it so that a person can mend it."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wxtag.library_file import ChannelIn, GroupIn, LibraryIn, TagIn
from wxtag.library_text import Document, Fault, Step, read, refused
from wxtag.tags.rules import COMBINATIONS, CONDITIONS, FAMILIES

WARN_LENGTH, WARN_GROUPS, WARN_TAGS = 15, 100, 100
"""Beyond these WeCom's own console no longer shows or takes everything."""


def checked(text: str) -> tuple[LibraryIn, list[str]]:
    """The library in a file, and warnings. Raises InputError with every fault and its line."""
    document = read(text)
    faults = list(document.faults)
    library = None
    try:
        library = LibraryIn.model_validate(document.data)
    except ValidationError as error:
        faults += [_fault(document, one) for one in error.errors()]
    faults += _doubles(document)
    if faults or library is None:
        raise refused(faults)
    return library, list(_warnings(document, library))


def _fault(document: Document, error: ErrorDetails) -> Fault:
    steps: tuple[Step, ...] = tuple(error["loc"])
    kind, found = error["type"], error["input"]
    if kind == "union_tag_invalid" and isinstance(found, dict) and "kind" in found:
        line, column, _ = document.place((*steps, "kind"))
        return Fault(line, column, document.place(steps)[2], _unknown_kind(found["kind"], "family" in steps))
    if kind == "extra_forbidden":
        return document.fault(steps, _unknown_field(str(steps[-1])), of_key=True)
    if kind == "missing":
        return document.fault(steps[:-1], f"{steps[-1]} is missing")
    return document.fault(steps, _said(kind, error, found))


def _said(kind: str, error: ErrorDetails, found: Any) -> str:
    shown = _shown(found)
    expected = {
        "string_type": "text" + (" (put it in quotes)" if isinstance(found, int | float) else ""),
        "int_type": "a whole number",
        "bool_type": "true or false",
        "list_type": "a list",
        "dict_type": "fields",
        "model_type": "fields",
        "model_attributes_type": "fields",
        "union_tag_not_found": "all, any, not, or a condition with its kind",
    }.get(kind)
    if expected is not None:
        return f"expected {expected}, found {shown}"
    context = error.get("ctx", {})
    if kind == "literal_error":
        return f"expected {context['expected']}, found {shown}"
    if kind == "string_too_long":
        return f"{len(found)} characters: at most {context['max_length']} are taken"
    if kind == "string_too_short":
        return "this text is empty"
    if kind in ("too_short", "too_long"):
        return f"a list of {context['actual_length']}: expected {_limits(kind, context)}"
    if kind == "string_pattern_mismatch":
        return f"expected a colour like #07C160, found {shown}"
    if kind in ("greater_than_equal", "less_than_equal"):
        word = "at least" if kind == "greater_than_equal" else "at most"
        return f"expected {word} {context.get('ge', context.get('le'))}, found {shown}"
    return error["msg"]


def _limits(kind: str, context: Mapping[str, Any]) -> str:
    return f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"the fields {', '.join(value)}" if value else "nothing"
    if isinstance(value, list):
        return "a list"
    words = {"True": "true", "False": "false", "None": "nothing"}
    text = words.get(repr(value), repr(value))
    return text if len(text) <= 60 else text[:57] + "…"


def _unknown_kind(kind: Any, in_family: bool) -> str:
    known, other = (FAMILIES, CONDITIONS) if in_family else (CONDITIONS, FAMILIES)
    if kind in other:
        where = "rules, not families" if in_family else "families, not rules"
        return f"the kind {kind!r} is for {where}: expected {', '.join(known)}"
    near = difflib.get_close_matches(str(kind), known, n=1, cutoff=0.5)
    hint = f" (did you mean {near[0]}?)" if near else f": expected {', '.join(known)}"
    return f"unknown kind {kind!r}{hint}"


def _unknown_field(name: str) -> str:
    models: list[type[BaseModel]] = [LibraryIn, GroupIn, TagIn, ChannelIn]
    models += [*COMBINATIONS.values(), *CONDITIONS.values(), *FAMILIES.values()]
    known = {field.alias or key for model in models for key, field in model.model_fields.items()}
    near = difflib.get_close_matches(name, sorted(known - {name}), n=1, cutoff=0.7)
    return f"unknown field {name!r}" + (f" (did you mean {near[0]}?)" if near else "")


def _doubles(document: Document) -> Iterator[Fault]:
    """What only the whole file shows; looked for in plain data, so that it is found beside other faults."""
    groups = _list(document.data, "groups")
    yield from _same(document, "group", [(("groups", n, "path"), one.get("path")) for n, one in groups])
    for n, group in groups:
        tags = [(("groups", n, "tags", m, "name"), tag.get("name")) for m, tag in _list(group, "tags")]
        yield from _same(document, "tag", tags)
        if "family" in group and "tags" in group:
            yield document.fault(
                ("groups", n, "tags"), "a group has either tags or a family that makes them, not both"
            )
        elif "family" not in group and "tags" not in group:
            yield document.fault(("groups", n), "a group needs tags, or a family that makes them")
    channels = _list(document.data, "channels")
    yield from _same(document, "channel", [(("channels", n, "name"), one.get("name")) for n, one in channels])
    values = [
        (("channels", n, "values", m), str(value))
        for n, channel in channels
        for m, value in enumerate(channel.get("values") or [])
        if isinstance(channel.get("values"), list)
    ]
    yield from _same(document, "channel value", values)


def _same(document: Document, what: str, named: Iterable[tuple[tuple[Step, ...], Any]]) -> Iterator[Fault]:
    first: dict[str, tuple[Step, ...]] = {}
    for steps, name in named:
        if not isinstance(name, str):
            continue
        if name in first:
            line, _, path = document.place(first[name])
            yield document.fault(steps, f"duplicate {what} {name!r} (first in line {line}, {path})")
        first.setdefault(name, steps)


def _list(data: Any, name: str) -> list[tuple[int, dict[str, Any]]]:
    """The mappings in a list field, with their numbers; nothing where the data has another shape."""
    found = data.get(name) if isinstance(data, dict) else None
    if not isinstance(found, list):
        return []
    return [(number, one) for number, one in enumerate(found) if isinstance(one, dict)]


def _warnings(document: Document, library: LibraryIn) -> Iterator[str]:
    def place(*steps: Step) -> str:
        line, _, path = document.place(steps)
        return f"line {line}: {path}"

    def long(name: str, *steps: Step) -> Iterator[str]:
        if len(name) > WARN_LENGTH:
            yield f"{place(*steps)}: {len(name)} characters: WeCom's console takes {WARN_LENGTH}"

    if len(library.groups) > WARN_GROUPS:
        yield f"{len(library.groups)} groups: WeCom's console shows {WARN_GROUPS}"
    for n, group in enumerate(library.groups):
        yield from long(group.path, "groups", n, "path")
        if len(group.tags) > WARN_TAGS:
            yield f"{place('groups', n)}: {len(group.tags)} tags: WeCom's console shows {WARN_TAGS} a group"
        for m, tag in enumerate(group.tags):
            yield from long(tag.name, "groups", n, "tags", m, "name")
