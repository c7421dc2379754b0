"""What evidence disputes goes to review with both sides' evidence; what a person decides stands."""

import pytest

from tests.arriving import OFFICIAL, bound
from tests.people import MP, OA, external, openid, phone, unionid
from tests.web.town import ONE_DATABASE
from wxtag.apikeys import make_key
from wxtag.database import writing
from wxtag.events import meaning
from wxtag.events.decoded import Decoded, IdentityKey, NewLink
from wxtag.resolve import Meant, apply_all

pytestmark = ONE_DATABASE
NUMBER = phone("+8613912345678")
LIN, WANG = (openid("mLin", MP), unionid("uLin")), (openid("mWang", MP), unionid("uWang"))
OTHER_MP = "wx5c0ffee5c0ffee03"


@pytest.fixture
def admin(company):
    with writing() as session:
        return make_key(session, company.id, "admin")


@pytest.fixture
def say(company):
    """Evidence arrives, one message each, from the source named last (`mini_phone` unless told)."""
    numbers = iter(range(1, 1000))

    def arrive(*told, verified=True):
        with writing() as session:
            links = [NewLink(one[0], one[1], (*one, "mini_phone")[2], verified) for one in told]
            apply_all(session, company.id, [Meant(Decoded(links=[link]), next(numbers)) for link in links])

    return arrive


@pytest.fixture
def ask(client, company, admin):
    """GET /conflicts; `decide` answers one of them, `who` finds the customer of an id."""

    class Asking:
        def __call__(self, state="open"):
            return client.api("GET", f"/conflicts?state={state}", admin).json["items"]

        def decide(self, number, decision):
            done = client.api("POST", f"/conflicts/{number}", admin, {"decision": decision})
            assert done.status_code == 200, done.json
            return done.json

        def who(self, key):
            path = f"/customers?identity={key.kind}:{key.scope}:{key.value}".replace("+", "%2B")
            (found,) = client.api("GET", path, admin).json["items"]
            return found["id"]

    return Asking()


def values(conflict):
    return {side["value"] for side in conflict["sides"]}


def evidence_of(conflict, value):
    (side,) = [side for side in conflict["sides"] if side["value"] == value]
    return side["evidence"]


def test_1_an_openid_whose_unionid_is_another_now(say, ask):
    say((*LIN, "mini_login"), (LIN[0], unionid("uNew"), "user_info"))
    (conflict,) = ask()
    assert (conflict["kind"], conflict["identity"]["value"]) == ("two_unionids", "mLin")
    assert values(conflict) == {"uLin", "uNew"}
    (old,), (new,) = evidence_of(conflict, "uLin"), evidence_of(conflict, "uNew")
    assert {one["value"] for one in old["between"]} == {"mLin", "uLin"}
    assert (old["source"], old["message"], new["source"], new["message"]) == ("mini_login", 1, "user_info", 2)
    assert old["time"].startswith("20") and old["verified"] and old["says"] == "same"


def test_2_a_unionid_with_two_openids_in_one_appid(say, ask):
    contact = (external("wmLin"), unionid("u"))
    say((openid("o1"), unionid("u"), "user_info"), (openid("o2"), unionid("u"), "user_info"), contact)
    (conflict,) = ask()
    assert (conflict["kind"], conflict["identity"]["value"]) == ("two_accounts", "u")
    assert values(conflict) == {"o1", "o2"}
    assert {evidence_of(conflict, o)[0]["message"] for o in ("o1", "o2")} == {1, 2}
    assert ask.who(openid("o1")) != ask.who(openid("o2"))
    assert ask.who(contact[0]) == ask.who(contact[1]), "what nothing disputes stays together"


def test_3_a_phone_that_meets_a_second_unionid(say, ask):
    say(LIN, WANG, (LIN[0], NUMBER), (WANG[0], NUMBER))
    (conflict,) = ask()
    assert (conflict["kind"], conflict["identity"]["value"]) == ("phone", NUMBER.value)
    assert values(conflict) == {"uLin", "uWang"}
    for side in conflict["sides"]:
        assert len(side["identities"]) == 2 and side["customer"]
        assert [one["source"] for one in side["evidence"]] == ["mini_phone"]
    assert len({ask.who(key) for key in (LIN[0], WANG[0], NUMBER)}) == 3


def test_members_of_staff_do_not_see_conflicts(client, say, zhao):
    say(LIN, WANG, (LIN[0], NUMBER), (WANG[0], NUMBER))
    assert client.api("GET", "/conflicts", zhao).status_code == 403


def test_4_an_external_userid_that_is_told_of_two_unionids(say, ask):
    say((external("wm"), unionid("u1"), "contact"), (external("wm"), unionid("u2"), "contact"))
    (conflict,) = ask()
    assert (conflict["kind"], conflict["identity"]["value"]) == ("two_unionids", "wm")
    assert values(conflict) == {"u1", "u2"}


def test_4_a_unionid_whose_contact_is_another_one_already(say, ask):
    """What an id conversion answers (a pending id that came out as another contact) is such a link too."""
    say((external("wm1"), unionid("u"), "contact"), (external("wm2"), unionid("u"), "id_conversion"))
    (conflict,) = ask()
    assert (conflict["kind"], values(conflict)) == ("two_accounts", {"wm1", "wm2"})
    assert ask.who(external("wm1")) != ask.who(external("wm2"))


@pytest.mark.parametrize("decision", ["same", "different"])
def test_6_an_openid_that_the_platform_says_is_not_the_accounts(company, say, ask, decision):
    official = bound(company, OFFICIAL)
    say((openid("oLin", official.key), unionid("uLin")))
    for message in (8, 9):
        with writing() as session:
            content = {"subject": "oLin", "asked_at": 1, "answer": {"errcode": 40003}}
            decoded = meaning.decode("lookup", "user_info_gone", official, content, 1, "gcj02")
            apply_all(session, company.id, [Meant(decoded, message)])
    (conflict,) = ask()
    assert (conflict["kind"], conflict["identity"]["value"], conflict["code"]) == (
        "refused_openid",
        "oLin",
        40003,
    )
    ask.decide(conflict["id"], decision)
    assert ask() == []
    together = ask.who(openid("oLin", official.key)) == ask.who(unionid("uLin"))
    assert together is (decision == "same")


def test_different_is_remembered(say, ask):
    say(LIN, WANG, (LIN[0], NUMBER), (WANG[0], NUMBER))
    (conflict,) = ask()
    decided = ask.decide(conflict["id"], "different")
    assert (decided["state"], decided["decision"], ask()) == ("decided", "different", [])
    assert decided["actor"].startswith("api-key") and decided["decided"]
    apart = {ask.who(key) for key in (LIN[0], WANG[0], NUMBER)}
    # The same evidence again, from another source, by another id of theirs, about another phone of both,
    # and under another Open Platform account.
    say((LIN[0], NUMBER, "form"), (openid("m2", OTHER_MP), unionid("uLin")), (openid("m2", OTHER_MP), NUMBER))
    say((LIN[0], phone("+8613900000001")), (WANG[0], phone("+8613900000001")))
    assert ask() == []
    say((LIN[0], unionid("n", "open-2")), (WANG[0], unionid("n", "open-2")))
    assert {ask.who(key) for key in (LIN[0], WANG[0], NUMBER)} == apart
    assert ask.who(openid("m2", OTHER_MP)) == ask.who(LIN[0])
    (asked,) = ask()
    assert asked["identity"]["value"] == "n", "that the platform itself says they are one is asked, once"
    ask.decide(asked["id"], "different")
    say((LIN[0], unionid("n", "open-2")))
    assert ask() == []


def test_a_third_person_opens_a_decided_conflict_again(say, ask):
    say(LIN, WANG, (LIN[0], NUMBER), (WANG[0], NUMBER))
    (conflict,) = ask()
    ask.decide(conflict["id"], "different")
    say((openid("mMei", MP), unionid("uMei")), (openid("mMei", MP), NUMBER))
    (again,) = ask()
    assert again["id"] == conflict["id"] and again["decision"] is None
    assert values(again) == {"uLin", "uWang", "uMei"}


def test_same_joins_and_deciding_again_is_possible(say, ask):
    say(LIN, WANG, (LIN[0], NUMBER), (WANG[0], NUMBER))
    (conflict,) = ask()
    before = {key: ask.who(key) for key in (LIN[0], LIN[1], WANG[0], WANG[1], NUMBER)}
    ask.decide(conflict["id"], "same")
    assert len({ask.who(key) for key in before}) == 1 and ask() == []
    ask.decide(conflict["id"], "different")
    assert {key: ask.who(key) for key in before} == before and ask() == []
    ask.decide(conflict["id"], "same")
    assert len({ask.who(key) for key in before}) == 1


def test_a_conflict_that_ends_by_itself_leaves_the_list(client, admin, say, ask):
    say(LIN, WANG, (LIN[0], NUMBER), (WANG[0], NUMBER))
    lin, wang = ask.who(LIN[0]), ask.who(WANG[0])
    done = client.api("POST", f"/customers/{lin}/merge", admin, {"other": wang}).json
    assert ask() == [] and len(ask("settled")) == 1 and ask.who(NUMBER) == done["id"]
    client.api("POST", f"/customers/{lin}/split", admin, {"merge": done["merge"]})
    assert (ask.who(LIN[0]), ask.who(WANG[0])) == (lin, wang)
    assert ask() == [], "by undoing it a person said that they are different"


def test_an_unverified_phone_only_proposes(client, admin, say, ask):
    contact = external("wmLin")
    say((LIN[0], NUMBER), LIN)
    say((contact, NUMBER, "remark"), verified=False)
    assert ask.who(contact) != ask.who(NUMBER) == ask.who(LIN[0])
    (conflict,) = ask()
    assert (conflict["kind"], conflict["identity"]["value"]) == ("proposed", NUMBER.value)
    assert values(conflict) == {NUMBER.value, "wmLin"}
    (said,) = evidence_of(conflict, "wmLin")
    assert (said["source"], said["verified"]) == ("remark", False)
    ask.decide(conflict["id"], "same")
    assert ask.who(contact) == ask.who(NUMBER) == ask.who(LIN[0]) and ask() == []
    ask.decide(conflict["id"], "different")
    assert ask.who(contact) != ask.who(NUMBER) == ask.who(LIN[0])
    say((contact, NUMBER, "form"), verified=False)
    assert ask() == []


def test_an_unverified_phone_is_shown_as_such_until_it_is_verified(client, admin, say, ask):
    def shown():
        found = client.api("GET", f"/customers/{ask.who(NUMBER)}", admin).json["identities"]
        return {one["kind"]: one["verified"] for one in found}

    say((external("wmLin"), NUMBER, "remark"), verified=False)
    assert shown() == {"phone": False}
    (conflict,) = ask()
    ask.decide(conflict["id"], "same")
    assert shown() == {"external_userid": True, "phone": False}
    say((LIN[0], NUMBER))
    assert shown() == {"external_userid": True, "phone": True, "openid": True}


def test_verified_evidence_takes_the_place_of_what_proposed(say, ask):
    say((LIN[0], NUMBER, "form"), verified=False)
    assert len(ask()) == 1
    say((LIN[0], NUMBER, "mini_phone"))
    assert ask() == [] and ask.who(LIN[0]) == ask.who(NUMBER)
    say((LIN[0], NUMBER, "form"), verified=False)
    assert ask() == [] and ask.who(LIN[0]) == ask.who(NUMBER)


def test_an_unverified_phone_takes_nobodys_phone_away(say, ask):
    """Otherwise a form with another person's number would tear that person apart."""
    say(LIN, (LIN[0], NUMBER), WANG)
    say((WANG[0], NUMBER, "form"), verified=False)
    assert ask.who(LIN[0]) == ask.who(NUMBER) != ask.who(WANG[0])


@pytest.mark.parametrize("verified", [True, False])
def test_a_member_of_another_system(say, ask, verified):
    member = IdentityKey("member", "shop", "M-17")
    say((member, LIN[0], "order"), LIN, verified=verified)
    assert (ask.who(member) == ask.who(LIN[0])) is verified
    assert len(
        [one for one in ask() if one["kind"] == "proposed" and one["identity"]["kind"] == "member"]
    ) == (0 if verified else 1)


def test_a_member_who_is_two_people_stands_alone(say, ask):
    member = IdentityKey("member", "shop", "M-17")
    say(LIN, WANG, (member, LIN[0]), (member, WANG[0]))
    assert len({ask.who(key) for key in (member, LIN[0], WANG[0])}) == 3
    assert [(one["kind"], values(one)) for one in ask()] == [("member", {"uLin", "uWang"})]


def test_a_browser_belongs_to_who_was_recognised_in_it_unless_it_was_two(say, ask):
    browser = IdentityKey("visitor", "web", "v1")
    say((browser, openid("oLin", OA), "login"))
    assert ask.who(browser) == ask.who(openid("oLin", OA)) and ask() == []
    say((browser, openid("mWang", MP), "login"))
    assert len({ask.who(key) for key in (browser, openid("oLin", OA), openid("mWang", MP))}) == 3
    (conflict,) = ask()
    assert (conflict["kind"], values(conflict)) == ("visitor", {"oLin", "mWang"})
    say((openid("oLin", OA), unionid("u")), (openid("mWang", MP), unionid("u")))
    assert ask.who(browser) == ask.who(openid("oLin", OA)) == ask.who(openid("mWang", MP))
    assert ask() == [], "it was one person with two ids"
