"""What a rule that is not saved yet would do: whom it matches, and how many calls to WeCom it would cost."""

from dataclasses import dataclass

from wxtag.app import core
from wxtag.follow_users import LIVE
from wxtag.tags.compiled import compile_rule
from wxtag.tags.kind import Moment, Strict
from wxtag.tags.mirror import see_everyone

SAMPLE = 10


@dataclass(frozen=True)
class Preview:
    """`sample` is (customer, why) of a few who match; `calls` counts relations whose tags would change."""

    matches: int
    sample: list[tuple[int, str]]
    calls: int


def preview(company_id: int, rule: Strict, moment: int, tag_id: int | None = None) -> Preview:
    """Asks everyone over the mirror and writes nothing. `tag_id`: the tag whose rule it would replace."""
    when = Moment(moment, core().settings.zone)
    compiled = compile_rule(rule, when)
    with see_everyone(company_id, when) as relations:
        duck = relations.duck
        duck.execute(f"CREATE TEMP TABLE matched AS {compiled.sql}", compiled.values)
        rows = duck.execute("SELECT * FROM matched ORDER BY customer_id LIMIT $n", {"n": SAMPLE}).fetchall()
        matches = duck.execute("SELECT count(*) FROM matched").fetchall()[0][0]
        calls = duck.execute(
            """
            WITH held AS (SELECT DISTINCT customer_id FROM standing WHERE tag_id = $tag),
                 changed AS (SELECT coalesce(m.customer_id, h.customer_id) AS customer_id
                             FROM matched m FULL JOIN held h ON h.customer_id = m.customer_id
                             WHERE m.customer_id IS NULL OR h.customer_id IS NULL)
            SELECT count(*) FROM follow_users
            WHERE customer_id IN (FROM changed) AND list_contains($live, status)
            """,
            {"tag": tag_id or 0, "live": list(LIVE)},
        ).fetchall()[0][0]
    return Preview(matches, [(row[0], compiled.text(row[1:])) for row in rows], calls)
