"""Looks at every statement that is sent: is it about one company, and about whose?

A statement on rows that belong to a company must name the company, or begin at keys of rows of that company.
A key is only as good as where it comes from: so the rows behind the keys are looked up, and one of another
company is a fault. `ACROSS` lists, with the reason, who may ask across companies.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, event
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    ClauseElement,
    Grouping,
)
from sqlalchemy.sql.selectable import Alias, CompoundSelect, FromClause, Join, ScalarSelect, Select, Subquery

from tests.apart.world import OWNED

ACROSS: dict[str, str] = {
    # Who it is that asks.
    "wxtag.apikeys.verify": "the key itself says whose it is",
    "wxtag.setup_links.usable": "the link itself says whose it is",
    "wxtag.web.signin.enter": "a name stands for one person in the whole installation",
    "wxtag.web.signin.make_admin": "a name stands for one person in the whole installation",
    "wxtag.web.signin.login": "only whether there is anybody at all",
    # One look by an id from outside, and what is another company's is refused.
    "wxtag.identity.current": "looks first, and refuses what is another company's",
    "wxtag.verdicts.decide": "looks first, and refuses what is another company's",
    "wxtag.companies.bind": "an account belongs to one company only: says so where it is another's",
    # What is the installation's and no company's.
    "wxtag.companies.all_opened": "the doors must know every account",
    "wxtag.companies.newest_change": "the doors must know every account",
    "wxtag.gauges": "an operator's numbers, which name nobody",
    "wxtag.inbox.accept": "takes in a host's spool, in which all companies' messages lie",
    "wxtag.inbox.forget_old": "messages are kept for so many days in the whole installation",
    "wxtag.claims.give_back": "what one process had taken is free again, whoever's it is",
    "wxtag.resealing": "a new key takes over everything",
    "wxtag.importing.keeping.known_of": "the ids of messages that an import wrote name its account",
    "wxtag.importing.keeping.done_of": "the ids of messages that an import wrote name its account",
    "wxtag.migrating.migrate": "the ids of messages that a migration wrote name its account",
    # Whose turn it is: work is handed out by age, whoever's it is, and then done for one company.
    "wxtag.due": "hands out messages",
    "wxtag.drain._Batch._write_ends": "writes down what became of the messages that were handed out",
    "wxtag.lookup.waiting": "hands out questions",
    "wxtag.lookup._take_over": "hands out questions",
    "wxtag.lookup._claim": "hands out questions",
    "wxtag.lookup._close": "gives back questions that were handed out",
    "wxtag.bindings.mended": "bindings by which questions of a batch were answered",
    "wxtag.push.due_corps": "hands out corps, each with its company",
    "workers.jobs.compute": "hands out companies",
    "wxtag.nightly.due": "hands out companies",
    "wxtag.importing.staff_poll.due": "hands out accounts",
    "wxtag.importing.run.due": "hands out imports",
}
KEYS = {
    "customer_id": "customers",
    "message_id": "inbox_messages",
    "home_id": "customers",
    "link_id": "links",
    "follow_user_id": "follow_users",
    "tag_id": "tags",
    "conflict_id": "conflicts",
}
"""Columns that hold a key and are no foreign key in the schema."""
PASSED_OVER = ("wxtag.rows", "wxtag.database")
"""They run what others ask."""


class Guard:
    """Notes the statements that are about nobody's rows in particular, or about a stranger's."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.acting: int | None = None
        """The company for which everything is done now; nothing: for one company a statement."""
        self.faults: dict[str, str] = {}
        """Who asked -> what was wrong with it, and the statement."""
        self.looked_at = 0
        event.listen(engine, "before_execute", self._before)

    def stop(self) -> None:
        event.remove(self.engine, "before_execute", self._before)

    def told(self) -> str:
        return "\n".join(f"{who} {what}" for who, what in self.faults.items())

    def _before(self, connection: Connection, clause: Any, many: Any, one: Any, _options: Any) -> None:
        if not isinstance(clause, (Select, CompoundSelect, Update, Delete, Insert)):
            return
        who = _asker()
        if who is None:
            return
        self.looked_at += 1
        given = [{**one, **some} for some in many or [{}]]
        fault = _Statement(connection, given, self.acting).fault(clause)
        if fault is None:
            return
        if not any(f"{who}.".startswith(f"{one}.") for one in ACROSS):
            self.faults.setdefault(who, f"{fault}: {clause}")


@dataclass
class _Level:
    """What the conditions of one level say; all by the names of tables."""

    named: set[str] = field(default_factory=set)
    """Their company is named."""
    keys: dict[str, list[tuple[Any, set[Any]]]] = field(default_factory=dict)
    """Their rows are found by these keys."""
    asked: set[str] = field(default_factory=set)
    """Their keys come from a question inside, which is looked at by itself."""
    ties: list[tuple[str, str]] = field(default_factory=list)
    """Joined by keys: rows of one company lead to rows of the same."""

    def reach(self, tables: set[str]) -> set[str]:
        reached = set(tables)
        while more := {end for tie in self.ties if reached & set(tie) for end in tie} - reached:
            reached |= more
        return reached


class _Statement:
    def __init__(self, connection: Connection, given: list[dict[str, Any]], acting: int | None) -> None:
        self.connection, self.given = connection, given
        self.companies: set[Any] = {acting} - {None}
        self.unbound: set[str] = set()

    def fault(self, clause: Any) -> str | None:
        self._look(clause, frozenset())
        if self.unbound:
            return f"says of whose {', '.join(sorted(self.unbound))} nothing"
        if len(self.companies) > 1:
            return f"reaches rows of the companies {sorted(self.companies)}"
        return None

    def _look(self, clause: Any, outside: frozenset[str]) -> None:
        """One level of a statement; `outside`: tables of the levels around it that are bound."""
        if isinstance(clause, CompoundSelect):
            for part in clause.selects:
                self._look(part, outside)
            return
        if isinstance(clause, Insert):
            if clause.select is not None:
                self._look(clause.select, outside)
            return
        tables, conditions = _level(clause)
        here = _Level()
        for condition in conditions:
            self._condition(condition, here)
        named = here.reach(here.named)
        bound = here.reach(here.named | set(here.keys) | here.asked | outside)
        self.unbound |= {name for name in tables if name in OWNED and name not in bound}
        for table in set(here.keys) - named:
            for column, values in here.keys[table]:
                self._behind(column, values)
        for inner in _inside(clause):
            self._look(inner, outside | bound)

    def _condition(self, condition: Any, here: "_Level") -> None:
        if isinstance(condition, BooleanClauseList) and condition.operator is operators.or_:
            self._either(condition, here)
        if not isinstance(condition, BinaryExpression):
            return
        if condition.operator not in (operators.eq, operators.in_op):
            return
        for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
            if not isinstance(one, Column) or not _is_key(one):
                continue
            table = _name(one.table)
            if isinstance(other, Column):
                if _is_key(other):
                    here.ties.append((table, _name(other.table)))
            elif not isinstance(other, BindParameter):
                here.asked.add(table)
            elif _target(one) == "companies":
                here.named.add(table)
                self.companies |= self._values(other)
            else:
                here.keys.setdefault(table, []).append((one, self._values(other)))

    def _either(self, condition: Any, here: _Level) -> None:
        """What binds a table in each part of an OR."""
        branches = []
        for part in condition.clauses:
            branches.append(_Level())
            for one in _all_of(part):
                self._condition(one, branches[-1])
        here.named |= set.intersection(*(one.named for one in branches))
        said = [one.named | set(one.keys) | one.asked for one in branches]
        for table in set.intersection(*said) - here.named:
            here.asked.add(table)
            for one in branches:
                here.keys.setdefault(table, []).extend(one.keys.get(table, []))

    def _values(self, parameter: BindParameter[Any]) -> set[Any]:
        found: set[Any] = set()
        for row in self.given:
            value = row.get(parameter.key, parameter.effective_value)
            found |= set(value) if isinstance(value, (list, tuple, set, frozenset)) else {value}
        return found - {None}

    def _behind(self, column: Any, values: set[Any]) -> None:
        """The companies of the rows that keys lead to."""
        target = _target(column)
        if target in OWNED and values:
            key = OWNED[target].primary_key.columns[0].name
            listed = ",".join(str(int(value)) for value in values)
            self.companies |= set(
                self.connection.exec_driver_sql(
                    f"SELECT DISTINCT company_id FROM {target} WHERE {key} IN ({listed})"
                ).scalars()
            )


def _level(clause: Any) -> tuple[dict[str, FromClause], list[Any]]:
    tables: dict[str, FromClause] = {}
    conditions: list[Any] = []
    if isinstance(clause, Select):
        for source in clause.get_final_froms():
            for one in _flat(source, conditions):
                tables[_name(one)] = one
        conditions += list(clause._where_criteria)
    else:
        tables[_name(clause.table)] = clause.table
        conditions += list(clause._where_criteria)
    return tables, [one for condition in conditions for one in _all_of(condition)]


def _flat(source: Any, conditions: list[Any]) -> Iterator[Any]:
    if isinstance(source, Join):
        if source.onclause is not None:
            conditions.append(source.onclause)
        yield from _flat(source.left, conditions)
        yield from _flat(source.right, conditions)
    elif isinstance(source, (Table, Alias)):
        yield source


def _all_of(condition: Any) -> Iterator[Any]:
    """The parts of a condition all of which must hold."""
    while isinstance(condition, Grouping):
        condition = condition.element
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for part in condition.clauses:
            yield from _all_of(part)
    else:
        yield condition


def _inside(clause: Any) -> list[Any]:
    """The questions that stand inside of one, not those inside of these."""
    found: list[Any] = []

    def descend(element: ClauseElement) -> None:
        for child in element.get_children():
            if isinstance(child, (ScalarSelect, Subquery)):
                child = child.element
            while isinstance(child, Grouping):
                child = child.element
            if isinstance(child, (Select, CompoundSelect)):
                found.append(child)
            elif isinstance(child, visitors.Visitable):
                descend(child)

    descend(clause)
    return found


def _name(source: Any) -> str:
    return str(source.name)


def _is_key(column: Any) -> bool:
    return bool(column.primary_key or column.foreign_keys or column.name in KEYS)


def _target(column: Any) -> str:
    for key in column.foreign_keys:
        return str(key.column.table.name)
    return KEYS.get(column.name, _name(column.table))


def _asker() -> str | None:
    """The function of ours that sent the statement; nothing for a test's own."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.split(".")[0] in ("wxtag", "workers", "callbacks") and module not in PASSED_OVER:
            return f"{module}.{frame.f_code.co_qualname}"
        frame = frame.f_back
    return None
