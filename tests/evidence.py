"""Draws evidence about a few people at random, right and wrong, and tells what followed in words that do not
depend on the numbers that rows got."""

from dataclasses import dataclass

from hypothesis import strategies as st
from sqlalchemy import select

from wxtag.events.decoded import IdentityKey, NewLink
from wxtag.models import Conflict, Identity, Link

OA, OA2, MP = "wx5c0ffee5c0ffee01", "wx5c0ffee5c0ffee04", "wx5c0ffee5c0ffee02"


def keys_of(kind, scopes, count=4):
    return [IdentityKey(kind, scope, f"{kind[0]}{scope[-2:]}{n}") for scope in scopes for n in range(count)]


OPENIDS = keys_of("openid", [OA, OA2, MP])
UNIONIDS = keys_of("unionid", ["open-1", "open-2"])
CONTACTS = keys_of("external_userid", ["ww0demo0000000001", "ww0demo0000000002"])
PHONES = [IdentityKey("phone", "", f"+861380013800{n}") for n in range(3)]
MEMBERS = keys_of("member", ["shop", "till"], 2)
VISITORS = keys_of("visitor", ["web"], 3)
ACCOUNTS = OPENIDS + UNIONIDS + CONTACTS


@dataclass(frozen=True)
class Said:
    """One decision about two ids."""

    one: IdentityKey
    other: IdentityKey
    verb: str


def _links(ones, others, verified=(True,)):
    return [
        NewLink(one, other, "test", sure)
        for one in ones
        for other in others
        for sure in verified
        if one != other
    ]


EITHER = (True, False)
LINKS = st.one_of(
    *[st.sampled_from(_links(OPENIDS + CONTACTS, UNIONIDS))] * 2,
    st.sampled_from(_links(OPENIDS[:4], OPENIDS[4:8])),
    st.sampled_from(_links(OPENIDS, PHONES, EITHER)),
    st.sampled_from(_links(CONTACTS + MEMBERS, PHONES, EITHER)),
    st.sampled_from(_links(MEMBERS, ACCOUNTS, EITHER)),
    st.sampled_from(_links(VISITORS, OPENIDS + MEMBERS + PHONES)),
)
SAID = st.sampled_from(
    [
        Said(one, other, verb)
        for one in ACCOUNTS
        for other in ACCOUNTS + PHONES
        for verb in ("same", "different")
    ]
)


def outcome(session, company_id):
    """Who is one person with whom, what is in question about whom, and what only proposes."""
    shown = {}
    groups = {}
    for row in session.scalars(select(Identity).where(Identity.company_id == company_id)):
        shown[row.id] = f"{row.kind}:{row.scope}:{row.value}"
        groups.setdefault(row.customer_id, set()).add(shown[row.id] + ("" if row.verified else "?"))
    questions = {
        (row.kind, shown[row.identity_id], tuple(shown[one] for one in row.evidence["sides"]), row.decision)
        for row in session.scalars(select(Conflict).where(Conflict.company_id == company_id))
        if row.state != "settled"
    }
    proposals = {
        tuple(sorted((shown[row.low_id], shown[row.high_id])))
        for row in session.scalars(
            select(Link).where(Link.company_id == company_id, Link.state == "proposed")
        )
    }
    return {frozenset(group) for group in groups.values()}, questions, proposals
