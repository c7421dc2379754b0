"""Asks every rule and family, and says where the answers differ from what customers have now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wxtag.tags.compiled import compile_family, compile_rule, kind_of
from wxtag.tags.in_force import GroupFamily, TagRule
from wxtag.tags.kind import Moment
from wxtag.tags.kinds import AS_FAMILIES
from wxtag.tags.relations import Relations

ANSWERS = """
    CREATE TABLE answers (customer_id BIGINT, tag_id BIGINT, version_id BIGINT, value BIGINT, text VARCHAR)
"""
SHOWN = {"shown": "BIGINT", "text": "VARCHAR"}
# One row for each (customer, tag) whose answer is new, gone or different.
DIFFERENCES = """
    FROM answers a FULL OUTER JOIN standing s ON a.customer_id = s.customer_id AND a.tag_id = s.tag_id
    WHERE a.tag_id IS NULL OR s.tag_id IS NULL OR a.value IS DISTINCT FROM s.value
       OR a.text IS DISTINCT FROM s.text OR a.version_id <> s.version_id
"""


@dataclass(frozen=True)
class Difference:
    """One (customer, tag): what stands (`row_id`), and what the rules say now (`version_id`)."""

    customer_id: int
    tag_id: int
    row_id: int | None
    old_value: int | None
    old_text: str | None
    version_id: int | None
    value: int | None
    text: str | None


class Answers:
    """The answers of one computation, kept beside the relations that they were asked of."""

    def __init__(self, relations: Relations, moment: Moment) -> None:
        self.duck = relations.duck
        self.moment = moment
        self.duck.execute(ANSWERS)

    def ask_rules(self, rules: Sequence[TagRule]) -> None:
        for one in rules:
            self._ask_rule(one)

    def ask_families(self, families: Sequence[GroupFamily]) -> dict[int, dict[str, int]]:
        """Asks each family; returns for each group its keys and how many customers have them."""
        keys = {}
        for one in families:
            sql, values = compile_family(one.family, self.moment)
            self.duck.execute(f"CREATE TABLE family_{one.group_id} AS {sql}", values)
            found = self.duck.execute(f"SELECT key, count(*) FROM family_{one.group_id} GROUP BY key")
            keys[one.group_id] = {key: int(count) for key, count in found.fetchall()}
        return keys

    def take_families(self, families: Sequence[GroupFamily], tags: Mapping[int, Mapping[str, int]]) -> None:
        """Makes the families' answers answers of tags; a key without a tag (over the cap) is left out."""
        for one in families:
            family = AS_FAMILIES[kind_of(one.family)].family
            assert family is not None
            known, table = tags.get(one.group_id, {}), f"family_{one.group_id}"
            found = self.duck.execute(f"SELECT DISTINCT key, value FROM {table}").fetchall()
            words = [
                (key, value, known[key], value if family.counts else None, family.sentence(key, value))
                for key, value in found
                if key in known
            ]
            columns = {"key": "VARCHAR", "value": "BIGINT", "tag_id": "BIGINT", **SHOWN}
            self._answer(table, columns, words, ("key", "value"), "w.tag_id", one.version_id)

    def differences(self) -> list[Difference]:
        rows = self.duck.execute(
            "SELECT coalesce(a.customer_id, s.customer_id), coalesce(a.tag_id, s.tag_id), s.row_id, s.value, "
            f"s.text, a.version_id, a.value, a.text {DIFFERENCES} ORDER BY 1, 2"
        ).fetchall()
        return [Difference(*row) for row in rows]

    def different_customers(self) -> Iterator[int]:
        """Customers with any difference, by id."""
        found = self.duck.execute(
            f"SELECT DISTINCT coalesce(a.customer_id, s.customer_id) {DIFFERENCES} ORDER BY 1"
        )
        while rows := found.fetchmany(10_000):
            yield from (row[0] for row in rows)

    def _ask_rule(self, one: TagRule) -> None:
        """Words are found once for each distinct row of values, however many customers share it."""
        compiled = compile_rule(one.rule, self.moment)
        self.duck.execute(f"CREATE OR REPLACE TABLE asked AS {compiled.sql}", compiled.values)
        same = [f"v{leaf.column}" for leaf in compiled.leaves]
        found = self.duck.execute(f"SELECT DISTINCT {', '.join(same)} FROM asked").fetchall()
        words = [(*row, compiled.value(row), compiled.text(row)) for row in found]
        columns = {**dict.fromkeys(same, "BIGINT"), **SHOWN}
        self._answer("asked", columns, words, same, str(one.tag_id), one.version_id)

    def _answer(
        self,
        table: str,
        columns: Mapping[str, str],
        words: Sequence[tuple[Any, ...]],
        same: Sequence[str],
        tag: str,
        version_id: int,
    ) -> None:
        """Adds the rows of `table` to the answers, each with the words that belong to its values."""
        if not words:
            return
        lists = ", ".join(f"unnest(?::{kind}[]) AS {name}" for name, kind in columns.items())
        on = " AND ".join(f"t.{name} = w.{name}" for name in same)
        self.duck.execute(
            f"INSERT INTO answers SELECT t.customer_id, {tag}, {version_id}, w.shown, w.text "
            f"FROM {table} t JOIN (SELECT {lists}) w ON {on}",
            [list(column) for column in zip(*words, strict=True)],
        )
