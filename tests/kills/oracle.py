"""What must be there, worked out from what was sent alone; every difference is a sentence."""

import json
from collections import Counter, defaultdict
from typing import Any

from tests.kills.line import Line
from tests.kills.stream import AT_FIRST, INTERACTIONS, Person, Stream
from tests.scenarios.product import MP, OA

TIMES = {"次数/一": 8, "次数/二": 16, "次数/三": 40}


def check(line: Line, stream: Stream, kills: int) -> None:
    """Fails with everything that is lost, doubled or wrong. Call it when all is worked off."""
    wrong = [*_inbox(line, stream), *_people(line, stream), *_events(line, stream)]
    wrong += [*_tags(line, stream), *_effects(line, stream, kills)]
    assert not wrong, f"seed {stream.seed}: {len(wrong)} differences\n" + "\n".join(wrong[:30]) + line.told()


def _inbox(line: Line, stream: Stream) -> list[str]:
    """One row for each request that was answered 200; for the others one or none."""
    states = {state: int(count) for state, count in line.rows(
        "SELECT state, count(*) FROM inbox_messages WHERE source <> 'lookup' GROUP BY state"
    )}  # fmt: skip
    ours = sum(states.values()) - stream.before
    wrong = []
    if not stream.answered <= ours <= stream.answered + stream.failed:
        wrong.append(
            f"{ours} rows in the inbox for {stream.answered} acknowledged and {stream.failed} other requests"
        )
    for state in ("new", "failed"):
        if states.get(state):
            reasons = line.rows("SELECT DISTINCT error FROM inbox_messages WHERE state = :s", s=state)
            wrong.append(f"{states[state]} messages are {state}: {reasons[:3]}")
    aside = [
        path.name for path in (line.folder / "spool").glob("*") if path.suffix in (".damaged", ".refused")
    ]
    return wrong + [f"{name} was kept aside in the spool" for name in aside]


def _people(line: Line, stream: Stream) -> list[str]:
    """The ids of one person lead to one customer, those of two persons to two."""
    found: dict[tuple[str, str, str], int] = {
        (kind, scope, value): int(customer)
        for kind, scope, value, customer in line.rows(
            "SELECT kind, scope, value, customer_id FROM identities"
        )
    }
    wrong, owners = [], defaultdict(set)
    for person in stream.people:
        ids = {("openid", OA, person.openid), ("openid", MP, person.mini_openid)}
        ids |= {key for key in found if key[0] == "external_userid" and key[2] == person.external_userid}
        customers = {found.get(key) for key in ids}
        if len(customers) != 1 or None in customers:
            wrong.append(f"{person.id} is {len(customers)} customers: {customers}")
        for customer in customers:
            owners[customer].add(person.id)
    return wrong + [f"customer {c} is {people}" for c, people in owners.items() if len(people) > 1]


def _events(line: Line, stream: Stream) -> list[str]:
    """Each acknowledged act is one event; one that was not acknowledged is one or none."""
    there = Counter(
        (value, kind, int(json.loads(more)["path"]) if kind == "viewed" else int(at) // 1000)
        for value, kind, at, more in line.rows(
            "SELECT i.value, e.kind, e.at, e.properties "
            "FROM events e JOIN identities i ON i.id = e.identity_id "
            "WHERE e.kind IN ('messaged', 'clicked_menu', 'located', 'viewed')"
        )
    )
    ours = {who for person in stream.people for who in (person.openid, person.mini_openid)}
    there = Counter({key: count for key, count in there.items() if key[0] in ours})
    wrong = []
    for one in stream.sent:
        if not one.kind:
            continue
        who = one.person.mini_openid if one.mini else one.person.openid
        count = there.pop((who, one.kind, one.at), 0)
        if count > 1:
            wrong.append(f"{one.kind} of {one.person.id} at {one.at} is there {count} times")
        if one.acknowledged and not count:
            wrong.append(f"{one.kind} of {one.person.id} at {one.at} was acknowledged and is lost")
        one.acknowledged = bool(count)  # what the tags must follow from
    return wrong + [f"nobody sent {key}" for key in there]


def wanted(stream: Stream, person: Person) -> set[str]:
    """The tags that follow from what this person did."""
    did = [one for one in stream.sent if one.person is person and one.acknowledged]
    count = AT_FIRST + sum(one.kind in INTERACTIONS for one in did)
    places = sorted((one.at, one.city) for one in did if one.kind == "located")
    often = {name for name, least in TIMES.items() if count >= least}
    return often | {city for _, city in places[-1:]}


def _tags(line: Line, stream: Stream) -> list[str]:
    """What staff see is exactly what follows."""
    seen, wrong = line.seen(), []
    for person in stream.people:
        want, has = wanted(stream, person), seen.get(person.id, [])
        if len(has) != len(set(has)) or set(has) != want:
            wrong.append(f"{person.id} has {sorted(has)} in WeCom, wanted {sorted(want)}")
    return wrong


def _effects(line: Line, stream: Stream, kills: int) -> list[str]:
    """A tag is put where it was not, and taken where it was; again only by a call that a kill cut off."""
    tags: dict[tuple[str, str], set[str]] = defaultdict(set)
    again: list[dict[str, Any]] = []
    for call in line.calls("externalcontact/mark_tag"):
        if call["errcode"]:
            continue
        has, body = tags[call["userid"], call["external_userid"]], call["body"]
        add, remove = set(body.get("add_tag") or ()), set(body.get("remove_tag") or ())
        if add & has or remove - has:
            again.append(call)
        has |= add
        has -= remove
    most = kills * 10
    return (
        [f"{len(again)} calls did again what was done, at {kills} kills: {again[:3]}"]
        if len(again) > most
        else []
    )
