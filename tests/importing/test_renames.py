"""What makes a newcomer the member who is gone, and what does not."""

import pytest

from wxtag.importing.renames import Member, matched

AT = 1_760_000_000_000


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (
            Member("林", {"a": (AT, 1), "b": (AT + 5, 1)}),
            Member("林", {"a": (AT + 900, 1), "b": (AT, 1)}),
            True,
        ),
        (Member("林", {"a": (AT, 1)}), Member("林", {"a": (AT + 60_000, 1)}), False),
        (Member("林", {"a": (AT, 1)}), Member("林", {"a": (AT, 202)}), False),
        (Member("林", {"a": (AT, 1)}), Member("王", {"a": (AT, 1)}), False),
        (Member("", {"a": (AT, 1)}), Member("", {"a": (AT, 1)}), False),
        (Member("林", {"a": (AT, 1), "b": (AT, 1), "c": (AT, 1)}), Member("林", {"a": (AT, 1)}), False),
        (Member("林"), Member("林"), False),
    ],
    ids=["same", "later", "handed over", "name", "nameless", "few", "nobody"],
)
def test_only_what_is_certain_is_a_rename(before: Member, after: Member, same: bool) -> None:
    assert matched({"old": before}, {"new": after}) == ({"old": "new"} if same else {})
    twins = {"new": after, "other": after}
    assert matched({"old": before}, twins) == {}, "two who could be it: nobody is"
