"""The tag library of a company as one file: loaded, dumped, and described by a JSON Schema.

The file is the whole library. Tags that it no longer has are retired: they go off customers, and their marks
and history stay, so that the same name coming back is the same tag again.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.library_faults import checked
from wxtag.library_file import ChannelIn, GroupIn, LibraryIn, TagIn
from wxtag.models import Channel, ChannelValue, Company, Tag, TagGroup
from wxtag.rule_versions import keep_version
from wxtag.tags.in_force import newest_versions
from wxtag.tags.kind import Strict
from wxtag.tags.rules import stored

GROUP_FIELDS = ("push", "hand_scope", "cap", "order", "description")
TAG_FIELDS = ("order", "colour", "description")


@dataclass
class LoadReport:
    """How many groups, tags and channels a file added, changed, retired, or left as they were."""

    added: int = 0
    changed: int = 0
    retired: int = 0
    unchanged: int = 0
    warnings: list[str] = field(default_factory=list)
    """What is taken, and yet may not show well in WeCom."""

    def count(self, is_new: bool, differs: bool) -> None:
        if is_new:
            self.added += 1
        elif differs:
            self.changed += 1
        else:
            self.unchanged += 1


def load(session: Session, company: Company, text: str, actor: str) -> LoadReport:
    """Makes the library what the file says; the same file again changes nothing. Rules take effect with the
    next computation. Raises InputError with every fault and its line, and then nothing was changed."""
    file, warnings = checked(text)
    loading = _Loading(session, company.id, actor)
    loading.channels(file.channels)
    loading.groups(file.groups)
    session.flush()
    loading.report.warnings = warnings
    return loading.report


def dump(session: Session, company: Company) -> str:
    """The library as a file that `load` takes: loading it changes nothing."""
    trees = _trees(session, company.id)
    channels: dict[int, dict[str, Any]] = {
        one.id: {"name": one.name, "values": []}
        for one in session.scalars(
            select(Channel).where(Channel.company_id == company.id).order_by(Channel.id)
        )
    }
    for value in session.scalars(
        select(ChannelValue).where(ChannelValue.company_id == company.id).order_by(ChannelValue.id)
    ):
        channels[value.channel_id]["values"].append(value.value)
    groups = []
    for group, tags in _present(session, company.id):
        shown = {"path": group.path, **_different(group, GROUP_FIELDS, GroupIn)}
        if group.family is not None:
            shown["family"] = group.family
        else:
            shown["tags"] = [_shown_tag(tag, trees.get((tag.id, None))) for tag in tags]
        groups.append(shown)
    data: dict[str, Any] = {"version": 1}
    if channels:
        data["channels"] = [one for one in channels.values() if one["values"]]
    data["groups"] = groups
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=110)


def schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **LibraryIn.model_json_schema(by_alias=True),
    }


class _Loading:
    """One file on its way into the database."""

    def __init__(self, session: Session, company_id: int, actor: str) -> None:
        self.session, self.company_id, self.actor = session, company_id, actor
        self.now = clock.now()
        self.report = LoadReport()
        # Two files at once would each miss what the other adds.
        session.get_one(Company, company_id, with_for_update=True)
        self.trees = _trees(session, company_id)

    def channels(self, wanted: list[ChannelIn]) -> None:
        """A value that moved keeps its row; a channel that the file lacks goes (touches stay with events)."""
        session, company_id = self.session, self.company_id
        rows = {
            row.name: row for row in session.scalars(select(Channel).where(Channel.company_id == company_id))
        }
        values = {
            row.value: row
            for row in session.scalars(select(ChannelValue).where(ChannelValue.company_id == company_id))
        }
        before: dict[int, set[str]] = {}
        for row in values.values():
            before.setdefault(row.channel_id, set()).add(row.value)
        for one in wanted:
            channel, is_new = rows.pop(one.name, None), False
            if channel is None:
                channel, is_new = Channel(company_id=company_id, name=one.name), True
                session.add(channel)
                session.flush()
            self.report.count(is_new, before.get(channel.id, set()) != set(one.values))
            for text in one.values:
                value = values.pop(text, None)
                if value is None:
                    session.add(ChannelValue(company_id=company_id, value=text, channel_id=channel.id))
                elif value.channel_id != channel.id:
                    value.channel_id = channel.id
        for value in values.values():
            session.delete(value)
        session.flush()
        for channel in rows.values():
            session.delete(channel)
            self.report.retired += 1
        session.flush()

    def groups(self, wanted: list[GroupIn]) -> None:
        session = self.session
        rows = {
            row.path: row
            for row in session.scalars(select(TagGroup).where(TagGroup.company_id == self.company_id))
        }
        for one in wanted:
            group = rows.pop(one.path, None)
            is_new = group is None or group.retired_at is not None
            if group is None:
                group = TagGroup(company_id=self.company_id, path=one.path)
                session.add(group)
            group.retired_at = None
            differs = _take_over(group, one, GROUP_FIELDS)
            session.flush()
            differs |= self._family(group, one.family)
            self.report.count(is_new, differs)
            self._tags(group, one)
        for group in rows.values():
            if group.retired_at is None:
                group.retired_at = self.now
                self.report.retired += 1
            self._family(group, None)
            self._retire([tag for tag in self._of(group) if tag.retired_at is None])

    def _family(self, group: TagGroup, family: Strict | None) -> bool:
        tree = stored(family) if family is not None else None
        if group.family is not None and (tree is None or tree["kind"] != group.family["kind"]):
            # The keys of another kind mean nothing here.
            self._retire([tag for tag in self._of(group) if tag.family_key and tag.retired_at is None])
        group.family = tree
        return self._version(tree, group_id=group.id)

    def _tags(self, group: TagGroup, wanted: GroupIn) -> None:
        rows = {tag.name: tag for tag in self._of(group)}
        for one in wanted.tags:
            tag = rows.pop(one.name, None)
            is_new = tag is None or tag.retired_at is not None
            if tag is None:
                tag = Tag(company_id=self.company_id, group_id=group.id, name=one.name)
                self.session.add(tag)
            tag.retired_at, tag.family_key = None, None
            differs = _take_over(tag, one, TAG_FIELDS)
            self.session.flush()
            differs |= self._version(stored(one.rule) if one.rule is not None else None, tag_id=tag.id)
            self.report.count(is_new, differs)
        # What a family made is the family's to retire.
        self._retire([tag for tag in rows.values() if not tag.family_key and tag.retired_at is None])

    def _retire(self, tags: list[Tag]) -> None:
        for tag in tags:
            tag.retired_at = self.now
            self.report.retired += 1

    def _of(self, group: TagGroup) -> list[Tag]:
        return list(self.session.scalars(select(Tag).where(Tag.group_id == group.id).order_by(Tag.id)))

    def _version(
        self, tree: dict[str, Any] | None, tag_id: int | None = None, group_id: int | None = None
    ) -> bool:
        """Keeps a new version where the tree changed; says whether it did."""
        if self.trees.get((tag_id, group_id)) == tree:
            return False  # all were read at once: most files change little
        return keep_version(self.session, self.company_id, tree, self.actor, tag_id=tag_id, group_id=group_id)


def _take_over(row: TagGroup | Tag, wanted: GroupIn | TagIn, names: tuple[str, ...]) -> bool:
    """Sets the fields of a row; says whether any was different."""
    differs = False
    for name in names:
        value = getattr(wanted, name)
        if getattr(row, name) != value:
            setattr(row, name, value)
            differs = True
    return differs


def _trees(session: Session, company_id: int) -> dict[tuple[int | None, int | None], dict[str, Any] | None]:
    """(tag, group) -> the tree in force."""
    return {(row.tag_id, row.group_id): row.tree for row in session.scalars(newest_versions(company_id))}


def _present(session: Session, company_id: int) -> list[tuple[TagGroup, list[Tag]]]:
    """The groups that are in the library, with their tags, in the order in which people see them."""
    tags: dict[int, list[Tag]] = {}
    for tag in session.scalars(
        select(Tag)
        .where(Tag.company_id == company_id, Tag.retired_at.is_(None))
        .order_by(Tag.order.desc(), Tag.id)
    ):
        tags.setdefault(tag.group_id, []).append(tag)
    groups = session.scalars(
        select(TagGroup)
        .where(TagGroup.company_id == company_id, TagGroup.retired_at.is_(None))
        .order_by(TagGroup.order.desc(), TagGroup.id)
    )
    return [(group, tags.get(group.id, [])) for group in groups]


def _shown_tag(tag: Tag, tree: dict[str, Any] | None) -> dict[str, Any]:
    shown = {"name": tag.name, **_different(tag, TAG_FIELDS, TagIn)}
    return {**shown, "rule": tree} if tree is not None else shown


def _different(row: TagGroup | Tag, names: tuple[str, ...], model: type[Strict]) -> dict[str, Any]:
    """The fields that are not what they are when nothing is said."""
    fields = model.model_fields
    return {name: getattr(row, name) for name in names if getattr(row, name) != fields[name].default}
