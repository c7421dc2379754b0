"""What a reading tells beside what we were sending: proven, in vain, by staff, or nothing at all."""

import pytest

from wxtag import intents
from wxtag.models import Push
from wxtag.readings import AGAIN_MS, judge

T = 1_790_000_000_000
PUT = intents.answered(intents.begun(None, ["et1"], [], T), T + 100)
TOOK = intents.answered(intents.begun(None, [], ["et1"], T), T + 100)
LOST = intents.lost(intents.begun(None, ["et1"], [], T), T + 100)


def told(intent, believed, there, at=T + 5_000, edited=False, now=None, read_at=T - 1, **push):
    push = Push(**{"state": "done", "next_try_at": 0, "intent": intent, **push})
    return judge(push, read_at, dict.fromkeys(believed, T), there, at, edited, now or at + 50)


def again(intent, believed, there, **more):
    """The same once more after the doubt."""
    first = told(intent, believed, there)
    assert first.proof_in == intents.PROOF_MS
    assert not (first.put_on or first.taken_off or first.ours or first.gone), "doubted, not decided"
    return told(first.intent, believed, there, at=T + 10_000, **more)


def test_a_reading_that_shows_what_was_sent_ends_the_intent():
    for intent, believed, there in ((PUT, ["et1"], ["et1"]), (TOOK, [], [])):
        found = told(intent, believed, there)
        assert (found.intent, found.proof_in, found.push) == (None, None, False)


def test_an_ok_without_effect_is_sent_again_and_is_no_veto():
    found = again(PUT, ["et1"], [])
    assert (found.gone, found.taken_off, found.push) == (["et1"], [], True)
    assert found.next_try_at == T + 10_050 + 2_000


def test_taking_off_without_effect_is_tried_again_and_is_no_mark():
    found = again(TOOK, [], ["et1"])
    assert (found.ours, found.put_on, found.push) == (["et1"], [], True)


def test_in_vain_again_and_again_waits_longer_each_time():
    intent, waits = PUT, []
    for turn in range(14):
        at = T + 100_000 * (turn + 1)
        doubt = told(intent, ["et1"], [], at=at)
        vain = told(doubt.intent, ["et1"], [], at=at + 10_000)
        waits.append(vain.next_try_at - at - 10_050)
        intent = intents.answered(intents.begun(vain.intent, ["et1"], [], at + 20_000), at + 20_100)
    assert waits == [1000 * 2 ** min(n, 12) for n in range(1, 15)]


def test_a_tag_that_comes_late_is_neither_sent_again_nor_a_veto():
    first = told(PUT, ["et1"], [])
    found = told(first.intent, ["et1"], ["et1"], at=T + 10_000)
    assert (found.intent, found.push, found.taken_off) == (None, False, [])


def test_two_readings_at_one_moment_are_no_second_opinion():
    first = told(PUT, ["et1"], [], now=T + 5_050)
    found = told(first.intent, ["et1"], [], at=T + 5_050 + AGAIN_MS - 1)
    assert not found.gone and found.proof_in is not None


def test_what_staff_took_off_right_after_our_push_is_a_veto_at_once():
    found = told(intents.edited(PUT, T + 3_000), ["et1"], [])
    assert (found.taken_off, found.intent) == (["et1"], None)


def test_what_staff_put_back_right_after_we_took_it_off_is_theirs():
    assert told(intents.edited(TOOK, T + 3_000), [], ["et1"]).put_on == ["et1"]


def test_an_edit_that_shows_elsewhere_does_not_explain_a_missing_tag():
    edit = intents.edited(PUT, T + 3_000)
    other_tag = told(edit, ["et1"], ["et9"])
    assert (other_tag.put_on, other_tag.taken_off) == (["et9"], []) and other_tag.proof_in
    remark = told(edit, ["et1"], [], edited=True)
    assert not remark.taken_off and remark.proof_in


@pytest.mark.parametrize("there", [["et1"], []])
def test_after_a_lost_answer_the_reading_tells_and_a_later_one_proves(there):
    found = told(LOST, [], there, at=T + 3_000, state="waiting", next_try_at=T + 9_000)
    assert found.ours == there and not found.put_on and not found.taken_off
    assert found.push and found.next_try_at == T + 3_050
    assert found.proof_in == T + 100 + intents.LATE_MS - (T + 3_050)
    late = told(found.intent, there, ["et1"], at=T + 100 + intents.LATE_MS)
    assert late.intent is None and not late.put_on, "a late effect is ours too"


def test_what_says_nothing():
    going = intents.begun(None, ["et1"], [], T)
    assert told(PUT, ["et1"], [], at=T + 99) is None, "asked before the answer"
    assert told(going, [], ["et1"], state="waiting", next_try_at=T + 60_000) is None, "under way"
    assert told(None, ["et1"], [], at=T, read_at=T + 1) is None, "older than the newest"
    dead = told(going, [], ["et1"], state="waiting", next_try_at=T)
    assert dead.ours == ["et1"], "its sender died"


def test_without_an_intent_whatever_changed_was_done_by_hand():
    found = told(None, ["et1"], ["et2"])
    assert (found.taken_off, found.put_on, found.push) == (["et1"], ["et2"], True)
    assert not told(None, ["et1"], ["et1"]).push


def test_what_was_sent_before_and_is_not_proven_stays_ours():
    second = intents.answered(intents.begun(LOST, ["et2"], [], T + 4_000), T + 4_100)
    assert told(second, ["et2"], ["et1", "et2"], at=T + 6_000).intent["doubted"]
    assert again(second, ["et2"], ["et1", "et2"]).ours == ["et1"]
