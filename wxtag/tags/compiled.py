"""Turns a rule into one SELECT, and its answer into words for a person."""

import re
from dataclasses import dataclass, field
from typing import Any

from wxtag.tags.kind import Measure, Moment, Strict
from wxtag.tags.kinds import AS_FAMILIES, IN_RULES
from wxtag.tags.rules import All, Not, children

ABSENT = -1
"""Stands for "this measure is not true for this customer" in the answer's columns."""


@dataclass(frozen=True)
class Leaf:
    """One measure of the rule, and its column in the answer."""

    column: int
    measure: Measure


@dataclass(frozen=True)
class Branch:
    """Leaves and branches under one word."""

    word: str
    parts: "list[Leaf | Branch]"


@dataclass
class Compiled:
    """`sql` gives customer_id, v0, v1, …: a row for each customer for whom the rule holds."""

    tree: Leaf | Branch
    leaves: list[Leaf] = field(default_factory=list)
    counts: bool = False
    """The rule has one measure, and people see its value."""
    sql: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def text(self, row: tuple[int, ...]) -> str:
        """Why the rule holds: the sentences of all that is true."""
        return "；".join(_true_sentences(self.tree, row)[1])

    def value(self, row: tuple[int, ...]) -> int | None:
        return row[0] if self.counts and row[0] != ABSENT else None


def compile_rule(rule: Strict, moment: Moment) -> Compiled:
    """The one SELECT of a rule."""
    leaves: list[Leaf] = []
    kinds: list[str] = []
    tree = _build(rule, moment, leaves, kinds)
    compiled = Compiled(tree, leaves, counts=len(leaves) == 1 and IN_RULES[kinds[0]].counts)
    joins = []
    for leaf in leaves:
        name = f"m{leaf.column}"
        joins.append(
            f"LEFT JOIN ({_bounded(leaf.measure, name)}) {name} ON {name}.customer_id = c.customer_id"
        )
        compiled.values.update(_named(leaf.measure, name))
    columns = ", ".join(f"coalesce(m{n}.value, {ABSENT}) AS v{n}" for n in range(len(leaves)))
    compiled.sql = (
        f"SELECT c.customer_id, {columns} FROM customers c {' '.join(joins)} WHERE {_where(compiled.tree)}"
    )
    return compiled


def compile_family(family: Strict, moment: Moment) -> tuple[str, dict[str, Any]]:
    """The SELECT of a family, giving customer_id, key, value; and what is bound in it."""
    made = AS_FAMILIES[kind_of(family)].family
    assert made is not None
    measure = made.measure(family, moment)
    sql = f"SELECT f.customer_id, f.key, f.value FROM ({measure.sql}) f JOIN customers USING (customer_id)"
    return sql, measure.values


def kind_of(condition: Strict) -> str:
    """The kind's name that a condition carries."""
    name = getattr(condition, "kind", None)
    assert isinstance(name, str), condition
    return name


def says(node: Leaf | Branch) -> str:
    """The rule in words, without a customer."""
    if isinstance(node, Leaf):
        return node.measure.says
    if node.word == "not":
        return f"并非{says(node.parts[0])}"
    return "（" + {"all": "且", "any": "或"}[node.word].join(says(part) for part in node.parts) + "）"


def _build(node: Strict, moment: Moment, leaves: list[Leaf], kinds: list[str]) -> Leaf | Branch:
    below = children(node)
    if below:
        word = "not" if isinstance(node, Not) else "all" if isinstance(node, All) else "any"
        return Branch(word, [_build(child, moment, leaves, kinds) for child in below])
    kind = IN_RULES[kind_of(node)]
    assert kind.measures is not None
    parts: list[Leaf | Branch] = []
    for measure in kind.measures(node, moment):
        leaf = Leaf(len(leaves), measure)
        leaves.append(leaf)
        kinds.append(kind.name)
        parts.append(leaf)
    return parts[0] if len(parts) == 1 else Branch(getattr(node, "match", "any"), parts)


def _where(node: Leaf | Branch) -> str:
    if isinstance(node, Leaf):
        return f"m{node.column}.customer_id IS NOT NULL"
    if node.word == "not":
        return f"NOT ({_where(node.parts[0])})"
    return "(" + {"all": " AND ", "any": " OR "}[node.word].join(_where(part) for part in node.parts) + ")"


def _true_sentences(node: Leaf | Branch, row: tuple[int, ...]) -> tuple[bool, list[str]]:
    """Whether a node holds, and the sentences of what is true beneath it."""
    if isinstance(node, Leaf):
        value = row[node.column]
        return value != ABSENT, [node.measure.sentence(value)] if value != ABSENT else []
    if node.word == "not":
        holds = not _true_sentences(node.parts[0], row)[0]
        return holds, [says(node)] if holds else []
    found = [_true_sentences(part, row) for part in node.parts]
    holds = (all if node.word == "all" else any)(one for one, _ in found)
    return holds, [text for one, texts in found if one for text in texts] if holds else []


def _bounded(measure: Measure, name: str) -> str:
    """The customers for whom the measure lies within its bound; one without a row counts as 0."""
    sql = re.sub(r"\$(\w+)", rf"${name}_\1", measure.sql)
    bound = measure.bound
    if bound is None:
        return sql
    low, high = bound.at_least or 0, bound.at_most
    within = f"value >= {low}" + (f" AND value <= {high}" if high is not None else "")
    if low == 0:
        sql = (
            f"SELECT c.customer_id, coalesce(x.value, 0) AS value "
            f"FROM customers c LEFT JOIN ({sql}) x ON x.customer_id = c.customer_id"
        )
    return f"SELECT customer_id, value FROM ({sql}) WHERE {within}"


def _named(measure: Measure, name: str) -> dict[str, Any]:
    return {f"{name}_{key}": value for key, value in measure.values.items()}
