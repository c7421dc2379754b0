"""Reads the text of a callback, XML or JSON, into plain values, and refuses what no platform sends."""

import json
import math
import re
from typing import Any
from xml.parsers import expat

from wxtag.errors import Malformed

MAX_BODY = 1024 * 1024
"""Bytes. The platforms' own messages stay far below."""
MAX_DEPTH = 20

# Possessive, and content with a string that never ends: otherwise 1 MiB of quotes takes minutes.
_JSON_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def parse(text: bytes) -> tuple[str, dict[str, Any]]:
    """("xml" or "json", the content). Raises Malformed."""
    if len(text) > MAX_BODY:
        raise Malformed("too_large", f"the body has {len(text)} bytes: at most {MAX_BODY} are taken")
    start = text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<":
        return "xml", parse_xml(text)
    if start == b"{":
        return "json", parse_json(text)
    raise Malformed("format", "the body is neither XML nor a JSON object")


def parse_xml(text: bytes) -> dict[str, Any]:
    """Leaves are text, nested elements dicts, repeated ones lists. Raises Malformed.

    Only UTF-8, no DTD and with it no entity of its own, at most MAX_DEPTH deep; attributes are not read.
    """
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("encoding", "the XML is not UTF-8") from error
    if b"\0" in text:
        # Left to itself, expat finds out UTF-16 and reads it, whatever encoding it is told.
        raise Malformed("encoding", "the XML holds NUL bytes: it is UTF-16, or no text")
    parser = expat.ParserCreate("utf-8")
    if b"<?" in text or b"<!D" in text:
        parser.XmlDeclHandler = _declaration
        parser.StartDoctypeDeclHandler = _doctype
    document = _build_with(parser)
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise Malformed("xml", f"the XML cannot be read: {error}") from error
    root = document.get("xml")
    if root is None:
        raise Malformed("xml", "the root element is not <xml>")
    if not isinstance(root, dict):
        raise Malformed("xml", "there is no element inside <xml>")
    return root


def _declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
        raise Malformed("encoding", f"the XML says that it is {encoding[:40]!r}: only UTF-8 is taken")


def _doctype(*_args: Any) -> None:
    raise Malformed("doctype", "the XML brings a DTD: the platforms never send one")


def _build_with(parser: expat.XMLParserType) -> dict[str, Any]:
    """Has the parser put the document together, and stop at what is too deep; empty until it has parsed.

    Closures and not methods, and nothing for a leaf but its text: this runs for every callback's elements.
    """
    document: dict[str, Any] = {}
    children, outer = document, list[dict[str, Any]]()
    texts: list[str] = []
    leaf = False
    """Nothing was opened inside the element that is open."""

    def start(_name: str, _attributes: Any) -> None:
        nonlocal children, leaf
        if leaf:
            outer.append(children)
            children = {}
            if len(outer) >= MAX_DEPTH:
                raise Malformed("depth", f"the XML is nested more than {MAX_DEPTH} deep")
        leaf = True
        if texts:
            _refuse_mixed(texts)
            texts.clear()

    def end(name: str) -> None:
        nonlocal children, leaf
        value: Any
        if leaf:
            value, leaf = "".join(texts), False
        else:
            value, children = children, outer.pop()
            _refuse_mixed(texts)
        texts.clear()
        if name not in children:
            children[name] = value
        elif isinstance(children[name], list):
            children[name].append(value)
        else:
            children[name] = [children[name], value]

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    return document


def _refuse_mixed(texts: list[str]) -> None:
    if "".join(texts).strip():
        raise Malformed("xml", "an element mixes text and elements")


def parse_json(text: bytes) -> dict[str, Any]:
    """The object; blanks around its keys, as pages of the platform show, are taken off. Raises Malformed."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("encoding", "the JSON is not UTF-8") from error
    _check_depth(decoded)
    try:
        content = json.loads(
            decoded, object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite
        )
        if "\\u" in decoded:
            json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair cannot be stored
    except UnicodeEncodeError as error:
        raise Malformed("encoding", "the JSON holds half a surrogate pair") from error
    except (ValueError, RecursionError) as error:
        raise Malformed("json", f"the JSON cannot be read: {type(error).__name__}") from error
    if not isinstance(content, dict):
        raise Malformed("json", "the JSON is not an object")
    return content


def _check_depth(text: str) -> None:
    """Before the parser, whose recursion is not ours to bound."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _JSON_TOKEN.finditer(text):
        mark = token.group()[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed("depth", f"the JSON is nested more than {MAX_DEPTH} deep")
        elif mark in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {key.strip(): value for key, value in pairs}
    if len(found) != len(pairs):
        raise Malformed("json", "a key of the JSON stands twice")
    return found


def _constant(name: str) -> Any:
    raise Malformed("json", f"the JSON holds {name}")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Malformed("json", "a number of the JSON is too large")
    return number
