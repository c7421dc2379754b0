"""Keeps who has whom as a contact, and what a reading of a relation's tags tells: ours, theirs, by hand."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock, marks, rows, touch
from wxtag.events.decoded import AllRelations, IdentityKey, Relation
from wxtag.follow_users import LIVE, make, of_contacts, place
from wxtag.intents import edited
from wxtag.models import CorpTag, FollowUser, Identity, Push, RelationTag, Tag
from wxtag.readings import judge

Said = tuple[Sequence[Relation], Sequence[AllRelations]]
"""What one message says of relations."""


def identity_key(relation: Relation) -> IdentityKey:
    """Whose relation it is."""
    return IdentityKey("external_userid", relation.corpid, relation.external_userid)


def take_in(
    session: Session, company_id: int, identities: Mapping[IdentityKey, Identity], said: Sequence[Said]
) -> set[int]:
    """Takes in what messages say of relations, one message after the other; returns the customers touched."""
    if not any(named or whole for named, whole in said):
        return set()
    known = _Known(session, company_id, identities, said)
    touched: set[int] = set()
    for named, whole in said:
        for news in named:
            identity = identities[identity_key(news)]
            if known.take_in(news):
                touched.add(identity.customer_id)
        for everything in whole:
            touched |= known.end_others(everything, named)
    known.done()
    return touched


class _Known:
    """The relations of a batch's contacts, read at once and changed one message after the other."""

    def __init__(
        self,
        session: Session,
        company_id: int,
        identities: Mapping[IdentityKey, Identity],
        said: Sequence[Said],
    ) -> None:
        self.session, self.company_id = session, company_id
        externals: dict[str, set[str]] = defaultdict(set)
        first: dict[tuple[str, str, str], Relation] = {}
        for named, whole in said:
            for news in named:
                externals[news.corpid].add(news.external_userid)
                first.setdefault(place(news), news)
            for everything in whole:
                externals[everything.corpid].add(everything.external_userid)
        self.rows = {place(row): row for row in of_contacts(session, company_id, externals)}
        new = {there: news for there, news in first.items() if there not in self.rows}
        if new:
            make(session, company_id, [(identities[identity_key(one)], one) for one in new.values()])
            self.rows = {place(row): row for row in of_contacts(session, company_id, externals)}
        self.made = {self.rows[there].id for there in new}
        ids = [row.id for row in self.rows.values()]
        self.pushes = {
            push.follow_user_id: push for push in rows.having(session, Push, Push.follow_user_id, ids)
        }
        self.of_contact: dict[tuple[str, str], list[FollowUser]] = defaultdict(list)
        for row in self.rows.values():
            self.of_contact[row.corpid, row.external_userid].append(row)
        self.tags: dict[int, dict[str, RelationTag]] = defaultdict(dict)
        for tag in rows.having(session, RelationTag, RelationTag.follow_user_id, ids):
            self.tags[tag.follow_user_id][tag.wecom_id] = tag
        self.ours = self._our_tags({tag for named, _ in said for news in named for tag in news.tags or ()})
        self.customers = {row.id: row.customer_id for row in identities.values()}
        self.read: list[int] = []
        self.due: dict[int, int] = {}
        self.proofs: dict[tuple[str, str], int] = {}

    def take_in(self, news: Relation) -> bool:
        """What a message says of one relation; says whether anything changed for its tags."""
        row = self.rows[place(news)]
        changed = row.id in self.made
        self.made.discard(row.id)
        before, remark = row.status, row.remark
        _update(row, news)
        if row.status != before or changed:
            self._follow_status(row)
        changed |= row.status != before
        push = self.pushes[row.id]
        if news.edited and push.intent is not None:
            push.intent = edited(push.intent, clock.now())
        if news.tags is not None:
            other = None not in (remark, news.remark) and remark != news.remark
            changed |= self._read_tags(row, news.tags, news.at, other)
        return changed

    def end_others(self, everything: AllRelations, named: Sequence[Relation]) -> set[int]:
        """Ends the relations of a contact that a full answer of the platform no longer names."""
        still = {news.userid.lower() for news in named if news.external_userid == everything.external_userid}
        touched: set[int] = set()
        for row in self.of_contact[everything.corpid, everything.external_userid]:
            if row.userid in still or row.status not in LIVE or row.changed_at > everything.at:
                continue
            row.status, row.changed_at = "deleted_by_staff", everything.at
            self._follow_status(row)
            touched.add(self._customer_of(row))
        return touched

    def done(self) -> None:
        """Writes it all down, and has what was read compared with what is wanted."""
        rows.save(self.session)
        touch.want_push_of(self.session, self.read)
        rows.set_each(self.session, Push.next_try_at, self.due)
        touch.ask_proofs(self.session, self.company_id, self.proofs)

    def _follow_status(self, row: FollowUser) -> None:
        """Pushes begin and end with the relation; a new friendship is read before its first push."""
        push = self.pushes[row.id]
        if row.status not in LIVE:
            push.state, push.error = "off", None
            row.read_at = None
        elif push.state == "off":
            # Kept until now: a member who was renamed may have been taken for one who had ended it.
            for wecom_id in list(self.tags[row.id]):
                self._forget(row, wecom_id)
            push.state, push.tries, push.intent, push.next_try_at = "waiting", 0, None, 0
            push.changed_at, push.version = clock.now(), push.version + 1

    def _read_tags(self, row: FollowUser, there: tuple[str, ...], at: int, edited: bool) -> bool:
        """Takes in what a reading tells; says whether staff did something by hand."""
        push, believed = self.pushes[row.id], self.tags[row.id]
        since = {wecom_id: tag.at for wecom_id, tag in believed.items()}
        first, now, changed = row.read_at is None, clock.now(), False
        found = judge(push, row.read_at, since, there, at, edited, now)
        if found is None:
            return False
        of = {"company_id": row.company_id, "follow_user_id": row.id, "at": at}
        for wecom_id in (*found.put_on, *found.ours):
            believed[wecom_id] = RelationTag(**of, wecom_id=wecom_id, ours=wecom_id in found.ours)
            self.session.add(believed[wecom_id])
        for wecom_id in (*found.taken_off, *found.gone):
            self._forget(row, wecom_id)
        for wecom_id in found.put_on:
            what = "present at the first reading" if first else "put on in the client"
            changed |= self._by_hand(row, wecom_id, marks.put, what)
        for wecom_id in found.taken_off:
            changed |= self._by_hand(row, wecom_id, marks.take_off, "taken off in the client")
        push.intent, row.read_at = found.intent, at
        if found.push:
            self.read.append(row.id)
        if first:
            self.due[row.id] = push.changed_at  # it waited for just this; its place is by its age
        elif found.next_try_at is not None:
            self.due[row.id] = found.next_try_at
        if found.proof_in is not None:
            self.proofs[row.corpid, row.external_userid] = found.proof_in
        return changed

    def _forget(self, row: FollowUser, wecom_id: str) -> None:
        tag = self.tags[row.id].pop(wecom_id)
        if tag in self.session.new:
            self.session.expunge(tag)
        else:
            self.session.delete(tag)

    def _by_hand(self, row: FollowUser, wecom_id: str, act: Callable[..., marks.Marked], what: str) -> bool:
        """Keeps what staff did in the client with a tag that stands for one of ours; says whether it does."""
        tag_id = self.ours.get((row.corpid, wecom_id))
        if tag_id is None:
            return False
        act(
            self.session,
            row.company_id,
            self._customer_of(row),
            tag_id,
            actor=row.shown,
            source="wecom",
            follow_user_id=row.id,
            origin={"wecom": what},
        )
        return True

    def _our_tags(self, read: set[str]) -> dict[tuple[str, str], int]:
        """Our tags that those of the corps stand for; one that left the library takes no marks any more."""
        spoken_of = read | {wecom_id for tags in self.tags.values() for wecom_id in tags}
        found: dict[tuple[str, str], int] = {}
        for some in rows.chunks(spoken_of):
            found |= {
                (corpid, wecom_id): tag_id
                for corpid, wecom_id, tag_id in self.session.execute(
                    select(CorpTag.corpid, CorpTag.wecom_id, Tag.id)
                    .join(Tag, Tag.id == CorpTag.tag_id)
                    .where(
                        CorpTag.company_id == self.company_id,
                        CorpTag.wecom_id.in_(some),
                        Tag.retired_at.is_(None),
                    )
                )
            }
        return found

    def _customer_of(self, row: FollowUser) -> int:
        customer_id = self.customers.get(row.identity_id)
        if customer_id is not None:
            return customer_id
        return self.session.scalars(select(Identity.customer_id).where(Identity.id == row.identity_id)).one()


def _update(row: FollowUser, news: Relation) -> None:
    """The newest news wins; a full reading does not bring back what the customer ended after being added."""
    if news.state is not None:
        row.state = news.state
    if news.add_way is not None:
        row.add_way = news.add_way
    if news.remark is not None:
        row.remark = news.remark
    if news.added_at:
        row.added_at = news.added_at
    if news.status is None or news.at < row.changed_at:
        return
    reading = news.tags is not None
    ended_since = row.status == "deleted_by_customer" and row.changed_at >= (news.added_at or 0)
    if reading and ended_since:
        # WeCom answers as before when it was the customer who ended the friendship: the answer is no news.
        return
    row.status, row.changed_at = news.status, news.at
