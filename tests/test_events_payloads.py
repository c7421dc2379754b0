"""Every recorded message of a platform: what it means, whom it is about, and that none is missing."""

import json
from pathlib import Path

import pytest
import xmltodict

from tests.test_events import ACCOUNTS, FAN, LIN, MINI, RECEIVED
from wxtag.events import wechat, wecom
from wxtag.events.decoded import Decoded
from wxtag.events.meaning import EVENTS, decode, name_of, person_of
from wxtag.events.vocabulary import BY_NAME

PAYLOADS = Path(__file__).parent / "payloads"
ZHOU = "wmDEMO0000000000000000000000003C"
AT, MINI_AT = 1_790_000_200_000, 1_790_000_310_000
CODE_MENU = ("clicked_menu", FAN, AT, {"key": "scan_menu"})
PICTURE_MENU = ("clicked_menu", FAN, AT, {"key": "pic_menu"})


def consents(who: str, at: int) -> list:
    return [(who, "notices", True, at, "TPL_own_0001"), (who, "notices", False, at, "TPL_own_0002")]


def said(who: str, at: int) -> dict:
    return {
        "events": [
            ("allowed_notices", who, at, {"templates": ["TPL_own_0001"]}),
            ("refused_notices", who, at, {"templates": ["TPL_own_0002"]}),
        ],
        "consents": consents(who, at),
    }


def refused(who: str, at: int) -> dict:
    return {
        "events": [("refused_notices", who, at, {"templates": ["TPL_own_0001"]})],
        "consents": [(who, "notices", False, at, "TPL_own_0001")],
    }


def came(who: str, at: int) -> dict:
    return {"events": [("got_notice", who, at, {"status": "success"})]}


def both(name: str, xml: dict, with_json: dict | None = None) -> dict:
    return {f"mini_program/{name}.xml": xml, f"mini_program/{name}.json": with_json or xml}


# file -> (the person, what it means). A word alone: nothing follows, because of that.
MEANT: dict[str, tuple[str, dict | str]] = {
    "official_account/event.subscribe.xml": (
        FAN,
        {"events": [("followed", FAN, AT, {}, "store-017")], "asks": ["user_info"], "active": [True]},
    ),
    "official_account/event.unsubscribe.xml": (
        FAN,
        {"events": [("unfollowed", FAN, AT, {})], "active": [False]},
    ),
    "official_account/event.scan.xml": (
        FAN,
        {"events": [("scanned", FAN, AT, {}, "store-017")], "asks": ["user_info"]},
    ),
    "official_account/event.location.xml": (
        FAN,
        {"events": [("located", FAN, AT, {})], "places": ["330100"]},
    ),
    "official_account/event.click.xml": (
        FAN,
        {"events": [("clicked_menu", FAN, AT, {"key": "menu_coupon"})]},
    ),
    "official_account/event.view.xml": (
        FAN,
        {"events": [("clicked_menu", FAN, AT, {"key": "https://shop.example.com/a"})]},
    ),
    "official_account/event.view_miniprogram.xml": (
        FAN,
        {"events": [("clicked_menu", FAN, AT, {"key": "pages/shop/index"})]},
    ),
    "official_account/event.scancode_push.xml": (FAN, {"events": [CODE_MENU]}),
    "official_account/event.scancode_waitmsg.xml": (FAN, {"events": [CODE_MENU]}),
    "official_account/event.pic_sysphoto.xml": (FAN, {"events": [PICTURE_MENU]}),
    "official_account/event.pic_photo_or_album.xml": (FAN, {"events": [PICTURE_MENU]}),
    "official_account/event.pic_weixin.xml": (FAN, {"events": [PICTURE_MENU]}),
    "official_account/event.location_select.xml": (
        FAN,
        {"events": [("clicked_menu", FAN, AT, {"key": "loc_menu"})]},
    ),
    "official_account/event.templatesendjobfinish.xml": (
        FAN,
        {"events": [("missed_notice", FAN, AT, {"status": "failed:user block"})]},
    ),
    "official_account/event.masssendjobfinish.xml": ("", "counts of a mass message"),
    "official_account/event.subscribe_msg_popup_event.xml": (FAN, said(FAN, AT)),
    "official_account/event.subscribe_msg_change_event.xml": (FAN, refused(FAN, AT)),
    "official_account/event.subscribe_msg_sent_event.xml": (FAN, came(FAN, AT)),
    "official_account/event.user_info_modified.xml": (
        FAN,
        {"withdrawn": [(FAN, ("name", "avatar"), AT)], "asks": ["user_info"]},
    ),
    "official_account/event.user_authorization_revoke.xml": (
        FAN,
        {"withdrawn": [(FAN, ("avatar", "name"), AT)]},
    ),
    "official_account/event.user_authorization_cancellation.xml": (FAN, {"erased": [FAN]}),
    "official_account/event.user_get_card.xml": (
        FAN,
        {
            "events": [("got_card", FAN, AT, {"card": "pDEMOcard0001"})],
            "links": [(FAN, "oDEMO-unionid-1", "card")],
        },
    ),
    "official_account/event.kf_create_session.xml": (
        FAN,
        {"events": [("served", FAN, AT, {"by": "kf1@demo"})]},
    ),
    "official_account/event.kf_switch_session.xml": (FAN, "went to another agent"),
    "official_account/event.kf_close_session.xml": (FAN, "session ended"),
    **{
        f"official_account/message.{kind}.xml": (
            FAN,
            {"events": [("messaged", FAN, 1_790_000_100_000, {"type": kind})]},
        )
        for kind in ("text", "image", "voice", "video", "shortvideo", "link")
    },
    "official_account/message.location.xml": (
        FAN,
        {"events": [("sent_location", FAN, 1_790_000_100_000, {})], "places": ["310000"]},
    ),
    **{
        f"{platform}/{name}.{ending}": ("", reason[:12])
        for platform, ending in (("official_account", "xml"), ("mini_program", "json"))
        for name, reason in wechat.ACCOUNT_EVENTS.items()
    },
    "mini_program/message.text.json": (
        MINI,
        {"events": [("messaged", MINI, 1_790_000_300_000, {"type": "text"})]},
    ),
    "mini_program/message.image.json": (
        MINI,
        {"events": [("messaged", MINI, 1_790_000_301_000, {"type": "image"})]},
    ),
    "mini_program/message.miniprogrampage.json": (
        MINI,
        {"events": [("messaged", MINI, 1_790_000_302_000, {"type": "miniprogrampage"})]},
    ),
    **{
        f"mini_program/message.{kind}.xml": (
            MINI,
            {"events": [("messaged", MINI, MINI_AT, {"type": kind})]},
        )
        for kind in ("text", "image", "miniprogrampage")
    },
    **both(
        "event.user_enter_tempsession",
        (MINI, {"events": [("opened_session", MINI, MINI_AT, {}, "from=store17")]}),
    ),
    **both(
        "event.subscribe_msg_popup_event",
        (MINI, said(MINI, MINI_AT)),
        (MINI, said(MINI, 1_790_000_320_000)),
    ),
    **both(
        "event.subscribe_msg_change_event",
        (MINI, refused(MINI, MINI_AT)),
        (MINI, refused(MINI, 1_790_000_320_000)),
    ),
    **both(
        "event.subscribe_msg_sent_event",
        (MINI, came(MINI, MINI_AT)),
        (MINI, came(MINI, 1_790_000_321_000)),
    ),
    **both(
        "event.notify_service_msg_send_result",
        (MINI, {"events": [("missed_notice", MINI, MINI_AT, {"status": "user is unsubscribed"})]}),
        (MINI, {"events": [("got_notice", MINI, 1_790_000_320_000, {"status": "0"})]}),
    ),
    **both(
        "event.user_info_modified",
        (MINI, {"withdrawn": [(MINI, ("name", "avatar"), MINI_AT)]}),
        (MINI, {"withdrawn": [(MINI, ("name", "avatar"), 1_790_000_330_000)]}),
    ),
    **both(
        "event.user_authorization_revoke",
        (MINI, {"withdrawn": [(MINI, ("phone",), MINI_AT)]}),
        (MINI, {"withdrawn": [(MINI, ("phone",), 1_790_000_330_000)]}),
    ),
    **both("event.user_authorization_cancellation", (MINI, {"erased": [MINI]})),
    "mini_program/event.wxa_media_check.json": ("", "verdict on a picture"),
    **{
        f"mini_program/event.{name}": ("", "about the account")
        for name in (
            *("weapp_audit_success.xml", "weapp_audit_fail.xml", "weapp_audit_delay.xml"),
            *("wxa_nickname_audit.json", "wxa_illegal_record.json", "wxa_appeal_record.json"),
            *("wxa_privacy_apply.json", "wxa_category_audit.json"),
        )
    },
    "wecom/change_external_contact.add_external_contact.xml": (
        LIN,
        {
            "events": [("added", LIN, 1_735_701_000_000, {"userid": "lin.mei"}, "poster-042")],
            "relations": [("lin.mei", "active", "poster-042")],
            "asks": ["contact"],
        },
    ),
    "wecom/change_external_contact.add_external_contact+by_link.xml": (
        ZHOU,
        {"events": [("added", ZHOU, 1_735_702_000_000, {"userid": ""}, "cust-7")], "asks": ["contact"]},
    ),
    "wecom/change_external_contact.edit_external_contact.xml": (
        LIN,
        {"relations": [("lin.mei", None, None)], "asks": ["contact"]},
    ),
    "wecom/change_external_contact.add_half_external_contact.xml": (
        LIN,
        {
            "events": [("half_added", LIN, 1_735_701_000_000, {"userid": "lin.mei"}, "poster-043")],
            "relations": [("lin.mei", "half", "poster-043")],
        },
    ),
    "wecom/change_external_contact.del_external_contact.xml": (
        LIN,
        {
            "events": [("handed_over", LIN, 1_735_701_000_000, {"userid": "lin.mei"})],
            "relations": [("lin.mei", "transferred", None)],
            "asks": ["contact"],
        },
    ),
    "wecom/change_external_contact.del_external_contact+by_staff.xml": (
        LIN,
        {
            "events": [("deleted_by_staff", LIN, 1_735_701_000_000, {"userid": "lin.mei"})],
            "relations": [("lin.mei", "deleted_by_staff", None)],
            "asks": ["contact"],
        },
    ),
    "wecom/change_external_contact.del_follow_user.xml": (
        LIN,
        {
            "events": [("deleted_staff", LIN, 1_735_701_000_000, {"userid": "lin.mei"})],
            "relations": [("lin.mei", "deleted_by_customer", None)],
            "asks": ["contact"],
        },
    ),
    "wecom/change_external_contact.transfer_fail.xml": (
        ZHOU,
        {
            "events": [
                (
                    "transfer_failed",
                    ZHOU,
                    1_735_702_200_000,
                    {"userid": "zhou", "reason": "customer_refused"},
                )
            ],
            "asks": ["contact"],
        },
    ),
    "wecom/change_external_contact.msg_audit_approved.xml": (
        ZHOU,
        {
            "events": [("allowed_archive", ZHOU, 1_735_702_300_000, {"userid": "zhou"})],
            "consents": [(ZHOU, "archive", True, 1_735_702_300_000, "")],
        },
    ),
    "wecom/change_external_chat.create.xml": ("", "a new group"),
    "wecom/change_external_chat.dismiss.xml": ("", "a group ended"),
    "wecom/change_external_chat.update.xml": (
        "",
        {"events": [("joined_group", LIN, 1_735_703_100_000, {"chat": "wrDEMO01"})]},
    ),
    "wecom/change_external_chat.update+joined_text.xml": (
        "",
        {
            "events": [
                ("joined_group", LIN, 1_735_703_100_000, {"chat": "wrDEMO01"}),
                ("joined_group", ZHOU, 1_735_703_100_000, {"chat": "wrDEMO01"}),
            ]
        },
    ),
    "wecom/change_external_chat.update+del_member.xml": (
        "",
        {"events": [("left_group", LIN, 1_735_703_100_000, {"chat": "wrDEMO01"})]},
    ),
    **{
        f"wecom/change_external_chat.update+{what}.xml": ("", f"a group's {what}")
        for what in ("change_owner", "change_name", "change_notice")
    },
    **{
        f"wecom/change_external_tag.{kind}.xml": ("", {"library": True})
        for kind in ("create", "update", "delete", "shuffle")
    },
    "wecom/change_contact.create_user.xml": (
        "change_contact",
        {"staff": [("chen.yu", "joined", "", "陈宇", (1, 7))]},
    ),
    "wecom/change_contact.update_user.xml": (
        "change_contact",
        {"staff": [("lin.mei", "renamed", "lin.mei2", None, (1, 7))]},
    ),
    "wecom/change_contact.update_user+moved.xml": (
        "change_contact",
        {"staff": [("lin.mei", "joined", "", None, (7,))]},
    ),
    "wecom/change_contact.update_user+disabled.xml": (
        "change_contact",
        {"staff": [("lin.mei", "left", "", None, None)]},
    ),
    "wecom/change_contact.delete_user.xml": (
        "change_contact",
        {"staff": [("lin.mei2", "left", "", None, None)]},
    ),
    **{
        f"wecom/change_contact.{what}_party.xml": ("change_contact", "the tree of departments")
        for what in ("create", "update", "delete")
    },
    "wecom/change_contact.update_tag.xml": ("change_contact", "tags of members"),
    "wecom/event.subscribe.xml": ("lin.mei", {"staff": [("lin.mei", "joined", "", None, None)]}),
    "wecom/event.unsubscribe.xml": ("lin.mei", {"staff": [("lin.mei", "out_of_range", "", None, None)]}),
    "wecom/event.batch_job_result.xml": ("", "a directory's import"),
    **{
        f"wecom/{name}.xml": ("lin.mei", "a member of staff did it")
        for name in wecom.IGNORED
        if wecom.IGNORED[name] == wecom.BY_MEMBER
    },
}


def content(file: str) -> dict:
    path = PAYLOADS / file
    text = path.read_text()
    return json.loads(text) if path.suffix == ".json" else xmltodict.parse(text)["xml"]


def meaning(file: str, found: dict | None = None) -> Decoded:
    bound = ACCOUNTS[file.split("/")[0]]
    found = found or content(file)
    return decode("callback", name_of(bound, found), bound, found, RECEIVED, "gcj02")


def summary(decoded: Decoded) -> dict:
    found = {
        "events": [
            (e.kind, e.who.value, e.at, e.properties, *([e.channel] if e.channel else []))
            for e in decoded.events
        ],
        "places": [e.place for e in decoded.events if e.place],
        "links": [(one.one.value, one.other.value, one.source) for one in decoded.links],
        "relations": [(r.userid, r.status, r.state) for r in decoded.relations],
        "asks": [q.kind for q in decoded.questions],
        "active": [p.active for p in decoded.profiles],
        "consents": [(c.who.value, c.kind, c.given, c.at, c.about) for c in decoded.consents],
        "withdrawn": [(w.who.value, w.fields, w.at) for w in decoded.withdrawals],
        "erased": [one.who.value for one in decoded.erasures],
        "staff": [(s.userid, s.verb, s.new_userid, s.name, s.departments) for s in decoded.staff],
        "library": decoded.library_changed,
    }
    return {key: value for key, value in found.items() if value}


@pytest.mark.parametrize("file", MEANT)
def test_what_a_recorded_message_means(file):
    decoded, expected = meaning(file), MEANT[file][1]
    if isinstance(expected, str):
        assert expected in (decoded.ignored or "")
        expected = {}
    else:
        assert decoded.ignored is None
    assert summary(decoded) == expected
    assert all(one.kind in BY_NAME for one in decoded.events)


@pytest.mark.parametrize("file", MEANT)
def test_whom_a_recorded_message_is_about(file):
    assert person_of(content(file)) == MEANT[file][0]


@pytest.mark.parametrize("file", MEANT)
def test_a_message_is_about_the_person_whose_rows_it_writes(file):
    """Erasing looks for messages by their person: one with another's id would survive its owner."""
    decoded, person = meaning(file), person_of(content(file))
    owners = {one.who.value for one in (*decoded.events, *decoded.profiles, *decoded.consents)}
    owners |= {one.who.value for one in (*decoded.erasures, *decoded.withdrawals)}
    owners |= {one.external_userid for one in decoded.relations}
    if "change_external_chat" not in file:  # of several people: found by the events that it made
        assert owners <= {person}


@pytest.mark.parametrize("platform", EVENTS)
def test_every_event_has_a_payload_and_every_payload_a_meaning(platform):
    files = {f"{path.parent.name}/{path.name}" for path in (PAYLOADS / platform).iterdir()}
    expected = {file for file in MEANT if file.startswith(f"{platform}/")}
    assert files == expected, "payloads without an expected meaning, or the other way round"
    named = {name_of(ACCOUNTS[platform], content(file)) for file in files}
    assert named == EVENTS[platform], "events without a payload, or payloads that no table names"
    for file in files:
        assert name_of(ACCOUNTS[platform], content(file)) == Path(file).stem.split("+")[0]


@pytest.mark.parametrize("event", ["user_info_modified", "user_authorization_revoke"])
def test_a_privacy_event_without_openid_is_never_taken_for_the_sender(event):
    found = content(f"official_account/event.{event}.xml")
    del found["OpenID"]
    decoded = meaning("official_account/", found)
    assert summary(decoded) == {}
    assert "OpenID" in decoded.ignored
    assert person_of(found) == ""


def test_keys_with_a_blank_in_front_as_in_the_official_samples():
    found = content("mini_program/event.user_authorization_cancellation.json")
    found[" OpenID"] = found.pop("OpenID")
    assert summary(meaning("mini_program/", found)) == {"erased": [MINI]}
    assert person_of(found) == MINI


@pytest.mark.parametrize(
    ("codes", "fields"),
    [
        ("205", ("avatar", "name")),
        ("206", ("place",)),
        ("8", ("phone",)),
        (8, ("phone",)),
        ("8,13", ("phone", "place")),
        ("16", ("email",)),
    ],
)
def test_what_a_revocation_names(codes, fields):
    found = content("mini_program/event.user_authorization_revoke.json") | {"RevokeInfo": codes}
    assert meaning("mini_program/", found).withdrawals[0].fields == fields


@pytest.mark.parametrize("codes", ["", None, "301", "999"])
def test_a_revocation_that_nobody_knows_takes_everything(codes):
    found = content("mini_program/event.user_authorization_revoke.json") | {"RevokeInfo": codes}
    assert {"name", "phone", "place", "email"} <= set(meaning("mini_program/", found).withdrawals[0].fields)


def test_a_notice_that_came_and_one_that_did_not():
    found = content("official_account/event.templatesendjobfinish.xml")
    assert meaning("official_account/", found | {"Status": "success"}).events[0].kind == "got_notice"
    found = content("mini_program/event.subscribe_msg_sent_event.json")
    found["List"] |= {"ErrorCode": "43101", "ErrorStatus": "user refuse to accept the msg"}
    assert meaning("mini_program/", found).events[0].kind == "missed_notice"
