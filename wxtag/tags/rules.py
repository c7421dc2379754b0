"""A rule is a tree of all, any and not over conditions: its stored form, checked and read."""

import functools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from wxtag.errors import WxtagError
from wxtag.tags.kind import Strict
from wxtag.tags.kinds import AS_FAMILIES, IN_RULES

MAX_DEPTH = 6
MAX_CONDITIONS = 50
WORDS = ("all", "any", "not")


class All(Strict):
    """Every one of these holds."""

    all: "list[Node]" = Field(min_length=1, title="同时满足")


class AnyOf(Strict):
    """At least one of these holds."""

    any: "list[Node]" = Field(min_length=1, title="满足任意一个")


class Not(Strict):
    """This does not hold."""

    not_: "Node" = Field(alias="not", title="不满足")


COMBINATIONS: dict[str, type[Strict]] = {"all": All, "any": AnyOf, "not": Not}
CONDITIONS = {name: kind.params for name, kind in IN_RULES.items() if kind.params is not None}
FAMILIES = {name: kind.family.params for name, kind in AS_FAMILIES.items() if kind.family is not None}


def shape(value: Any) -> str | None:
    """Which model a node is meant to be: by its word, else by its kind."""
    if isinstance(value, Strict):
        word = next((word for word, model in COMBINATIONS.items() if isinstance(value, model)), None)
        return word or str(getattr(value, "kind", ""))
    if not isinstance(value, dict):
        return None
    word = next((word for word in WORDS if word in value), None)
    kind = value.get("kind")
    return word or (kind if isinstance(kind, str) else None)


def _one_of(models: dict[str, type[Strict]]) -> Any:
    tagged: list[Any] = [Annotated[model, Tag(name)] for name, model in models.items()]
    return Annotated[functools.reduce(operator.or_, tagged), Discriminator(shape)]


if TYPE_CHECKING:
    Node = Strict
else:
    Node = _one_of({**COMBINATIONS, **CONDITIONS})
for _model in COMBINATIONS.values():
    _model.model_rebuild()


def _fits(rule: Strict) -> Strict:
    """Refuses a tree that no person would understand."""
    depth, count = _size(rule)
    if depth > MAX_DEPTH:
        raise PydanticCustomError("deep", "the rule is {n} levels deep: at most 6", {"n": depth})
    if count > MAX_CONDITIONS:
        raise PydanticCustomError("wide", "the rule has {n} conditions: at most 50", {"n": count})
    return rule


Rule = Annotated[Node, AfterValidator(_fits)]
FamilyRule = _one_of(FAMILIES)
_RULE: TypeAdapter[Strict] = TypeAdapter(Rule)
_FAMILY: TypeAdapter[Strict] = TypeAdapter(FamilyRule)


def children(node: Strict) -> Sequence[Strict]:
    """What a node combines; nothing for a condition."""
    if isinstance(node, All):
        return node.all
    if isinstance(node, AnyOf):
        return node.any
    return [node.not_] if isinstance(node, Not) else []


def stored(node: Strict) -> dict[str, Any]:
    """The form that is kept: the same rule gives the same form."""
    return node.model_dump(mode="json", by_alias=True, exclude_none=True)


def read(tree: dict[str, Any], whose: str) -> Strict:
    """The rule in a stored form. Raises WxtagError: it was written by another version of the program."""
    return _read(_RULE, tree, whose)


def read_family(tree: dict[str, Any], whose: str) -> Strict:
    """The family in a stored form. Raises WxtagError."""
    return _read(_FAMILY, tree, whose)


def _read(adapter: TypeAdapter[Strict], tree: dict[str, Any], whose: str) -> Strict:
    try:
        return adapter.validate_python(tree)
    except ValidationError as error:
        raise WxtagError(
            f"the stored rule of {whose} cannot be read by this version ({error.error_count()} faults, the "
            f"first: {error.errors()[0]['msg']}): load the library again"
        ) from error


def _size(node: Strict) -> tuple[int, int]:
    below = [_size(child) for child in children(node)]
    if not below:
        return 1, 1
    return 1 + max(depth for depth, _ in below), sum(count for _, count in below)
