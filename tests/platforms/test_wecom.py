"""The WeCom calls: what is asked, what comes back."""

from typing import Any

import pytest
from apiflask import APIFlask

from tests.platforms.conftest import WECOM_ACCOUNT
from tests.platforms.scripted import Platform
from wxtag.errors import PlatformError
from wxtag.platforms import UnknownTag, WeCom, client

CONTACT = "/cgi-bin/externalcontact/get"
MARK = "/cgi-bin/externalcontact/mark_tag"
ADD = "/cgi-bin/externalcontact/add_corp_tag"
LIN = "wmDEMO0000000000000000000000001A"
OK = {"errcode": 0, "errmsg": "ok"}


def page(*userids: str, cursor: str = "") -> dict[str, Any]:
    contact = {"external_userid": LIN, "name": "小满", "type": 1, "unionid": "oDEMO"}
    followers = [{"userid": one} for one in userids]
    return {"errcode": 0, "external_contact": contact, "follow_user": followers, "next_cursor": cursor}


def test_the_account_kind_makes_the_client(here: APIFlask) -> None:
    assert isinstance(client(WECOM_ACCOUNT), WeCom)


def test_all_pages_of_a_contact_are_joined(corp: WeCom, platform: Platform) -> None:
    platform.on(CONTACT, page("zhao", "qian", cursor="C1"), page("sun", cursor="C2"), page("li"))
    found = corp.get_contact(LIN)
    assert found["external_contact"]["unionid"] == "oDEMO"
    assert [one["userid"] for one in found["follow_user"]] == ["zhao", "qian", "sun", "li"]
    cursors = [one.query.get("cursor") for one in platform.asked if one.path == CONTACT]
    assert cursors == [None, "C1", "C2"]
    assert platform.last(CONTACT).query["external_userid"] == LIN


def test_a_cursor_that_comes_again_ends_the_pages(corp: WeCom, platform: Platform) -> None:
    platform.on(CONTACT, page("zhao", cursor="C1"))
    corp.get_contact(LIN)
    assert platform.count(CONTACT) == 2


def test_an_error_on_a_later_page_is_not_a_short_list(corp: WeCom, platform: Platform) -> None:
    platform.on(CONTACT, page("zhao", cursor="C1"), {"errcode": -1, "follow_user": []})
    with pytest.raises(PlatformError):
        corp.get_contact(LIN)


def test_a_lost_contact_is_an_error_but_a_member_without_contacts_is_not(
    corp: WeCom, platform: Platform
) -> None:
    lost = {"errcode": 84061, "errmsg": "not external contact", "external_userid": [], "follow_user": []}
    platform.on(CONTACT, lost)
    platform.on("/cgi-bin/externalcontact/list", lost)
    with pytest.raises(PlatformError) as raised:
        corp.get_contact(LIN)
    assert raised.value.code == 84061
    assert corp.contacts_of("zhao") == []
    platform.on("/cgi-bin/externalcontact/list", {"errcode": 60111, "external_userid": []})
    with pytest.raises(PlatformError):
        corp.contacts_of("nobody")


def test_contacts_of_a_member(corp: WeCom, platform: Platform) -> None:
    platform.on("/cgi-bin/externalcontact/list", {"errcode": 0, "external_userid": [LIN, "wmAbC", "wmabc"]})
    assert corp.contacts_of("zhao") == [LIN, "wmAbC", "wmabc"]
    assert platform.last("/cgi-bin/externalcontact/list").query["userid"] == "zhao"


def test_a_batch_of_contacts(corp: WeCom, platform: Platform) -> None:
    path = "/cgi-bin/externalcontact/batch/get_by_user"
    platform.on(path, {"errcode": 0, "external_contact_list": [], "next_cursor": ""})
    corp.batch_contacts(["zhao"])
    assert platform.last(path).body == {"userid_list": ["zhao"], "limit": 100}
    corp.batch_contacts(["zhao", "qian"], "CUR-2", 50)
    assert platform.last(path).body == {"userid_list": ["zhao", "qian"], "cursor": "CUR-2", "limit": 50}


def test_marks_go_out_in_one_call(corp: WeCom, platform: Platform) -> None:
    platform.on(MARK, OK)
    corp.mark_tag("zhao", LIN, add=["et1", "et2"], remove=["et3"])
    asked = platform.last(MARK)
    assert asked.method == "POST" and list(asked.query) == ["access_token"]
    assert asked.body == {
        "userid": "zhao",
        "external_userid": LIN,
        "add_tag": ["et1", "et2"],
        "remove_tag": ["et3"],
    }
    corp.mark_tag("zhao", LIN, add=["et1"])
    assert "remove_tag" not in platform.last(MARK).body


def test_nothing_to_mark_makes_no_call(corp: WeCom, platform: Platform) -> None:
    corp.mark_tag("zhao", LIN)
    corp.delete_corp_tags()
    assert platform.asked == []


def test_an_unknown_tag_is_named(corp: WeCom, platform: Platform) -> None:
    platform.on(MARK, {"errcode": 40068, "errmsg": "invalid tagid: etGONE, hint: [17], from ip: 1.2.3.4"})
    with pytest.raises(UnknownTag) as raised:
        corp.mark_tag("zhao", LIN, add=["etGONE"])
    assert raised.value.tag_id == "etGONE"
    assert platform.count(MARK) == 1


def test_tags_are_added_to_a_group_by_name_or_by_id(corp: WeCom, platform: Platform) -> None:
    group = {"group_id": "etG", "group_name": "地区", "tag": [{"id": "et1", "name": "浙江·杭州"}]}
    platform.on(ADD, {"errcode": 0, "tag_group": group})
    assert corp.add_corp_tags([("浙江·杭州", 0), ("上海", None)], group_name="地区", group_order=5) == group
    assert platform.last(ADD).body == {
        "group_name": "地区",
        "order": 5,
        "tag": [{"name": "浙江·杭州", "order": 0}, {"name": "上海"}],
    }
    corp.add_corp_tags([("上海", 1)], group_name="地区", group_id="etG", group_order=5)
    assert platform.last(ADD).body == {"group_id": "etG", "tag": [{"name": "上海", "order": 1}]}


def test_the_library_is_read_whole_or_by_id(corp: WeCom, platform: Platform) -> None:
    path = "/cgi-bin/externalcontact/get_corp_tag_list"
    platform.on(path, {"errcode": 0, "tag_group": [{"group_id": "etG", "tag": []}]})
    assert corp.corp_tags() == [{"group_id": "etG", "tag": []}]
    corp.corp_tags(group_ids=["etG"])
    assert platform.last(path).body == {"group_id": ["etG"]}


def test_tags_are_edited_and_deleted(corp: WeCom, platform: Platform) -> None:
    edit, delete = "/cgi-bin/externalcontact/edit_corp_tag", "/cgi-bin/externalcontact/del_corp_tag"
    platform.on(edit, OK)
    platform.on(delete, OK)
    corp.edit_corp_tag("et1", order=0)
    assert platform.last(edit).body == {"id": "et1", "order": 0}
    corp.delete_corp_tags(tag_ids=["et1"])
    assert platform.last(delete).body == {"tag_id": ["et1"]}


def test_staff_and_the_app(corp: WeCom, platform: Platform) -> None:
    platform.on("/cgi-bin/user/get", {"errcode": 0, "userid": "zhao", "name": "赵"})
    platform.on("/cgi-bin/user/list", {"errcode": 0, "userlist": [{"userid": "zhao"}]})
    platform.on("/cgi-bin/department/list", {"errcode": 0, "department": [{"id": 1}]})
    platform.on("/cgi-bin/agent/get", {"errcode": 0, "agentid": 1000002})
    platform.on("/cgi-bin/getcallbackip", {"errcode": 0, "ip_list": ["10.1.4.*"]})
    platform.on("/cgi-bin/get_api_domain_ip", {"errcode": 0, "ip_list": ["10.1.2.3"]})
    assert corp.user("zhao")["name"] == "赵"
    assert corp.users_of(7) == [{"userid": "zhao"}]
    assert platform.last("/cgi-bin/user/list").query["department_id"] == "7"
    assert corp.departments() == [{"id": 1}]
    assert corp.agent()["agentid"] == 1000002
    assert platform.last("/cgi-bin/agent/get").query["agentid"] == "1000002"
    assert corp.callback_ips() == ["10.1.4.*"] and corp.api_ips() == ["10.1.2.3"]
