"""The WeCom calls that we use; path/… is a page of developer.work.weixin.qq.com/document."""

from collections.abc import Iterable, Sequence
from typing import Any

from wxtag.accounts import BoundAccount
from wxtag.errors import PlatformError
from wxtag.platforms.caller import Caller, listed, part

NOT_A_CONTACT = 84061
MOST_PAGES = 200


class WeCom:
    """One bound WeCom app. Every method raises PlatformError; answers are as the platform gave them."""

    def __init__(self, account: BoundAccount, caller: Caller) -> None:
        self.account, self.caller = account, caller

    # Contacts

    def get_contact(self, external_userid: str) -> dict[str, Any]:
        """path/92114: `{"external_contact": {…}, "follow_user": […]}`, all pages of followers in one list.

        Only followers in the app's visible range. Right after an add it may say 84061 for some seconds.
        """
        api = "externalcontact/get"
        contact: dict[str, Any] = {}
        followers: list[Any] = []
        cursor, seen = "", set[str]()
        for _ in range(MOST_PAGES):
            answer = self.caller.get("/cgi-bin/" + api, external_userid=external_userid, cursor=cursor)
            contact = contact or part(answer, "external_contact", api)
            followers += listed(answer, "follow_user", api)
            cursor = str(answer.get("next_cursor") or "")
            if not cursor or cursor in seen:
                break
            seen.add(cursor)
        return {"external_contact": contact, "follow_user": followers}

    def contacts_of(self, userid: str) -> list[str]:
        """path/92113: external_userids of a member's contacts."""
        try:
            answer = self.caller.get("/cgi-bin/externalcontact/list", userid=userid)
        except PlatformError as error:
            # 84061: this is how WeCom says that a member has no customers. Not an error of ours.
            if error.code == NOT_A_CONTACT:
                return []
            raise
        return [str(one) for one in listed(answer, "external_userid", "externalcontact/list")]

    def batch_contacts(self, userids: Sequence[str], cursor: str = "", limit: int = 100) -> dict[str, Any]:
        """path/92994: a page of `external_contact_list` for at most 100 members, and `next_cursor`.

        One row a (member, customer); `follow_info` is one object, its tags are ids in `tag_id`, and
        personal tags are left out. 50100: the cursor has lapsed, begin again.
        """
        return self.caller.post(
            "/cgi-bin/externalcontact/batch/get_by_user",
            userid_list=list(userids),
            cursor=cursor,
            limit=limit,
        )

    def follow_users(self) -> list[str]:
        """path/92571: userids of the members who may have customers, within the app's range."""
        api = "externalcontact/get_follow_user_list"
        return [str(one) for one in listed(self.caller.get("/cgi-bin/" + api), "follow_user", api)]

    # Corp tags

    def corp_tags(
        self, tag_ids: Iterable[str] | None = None, group_ids: Iterable[str] | None = None
    ) -> list[dict[str, Any]]:
        """path/92117: the groups with their tags; without ids the whole library.

        A tag's id is `id` here. `deleted` is told only when asked by id. With both, tag_ids is ignored.
        """
        api = "externalcontact/get_corp_tag_list"
        answer = self.caller.post("/cgi-bin/" + api, tag_id=_list(tag_ids), group_id=_list(group_ids))
        return listed(answer, "tag_group", api)

    def add_corp_tags(
        self,
        names: Sequence[tuple[str, int | None]],
        group_name: str | None = None,
        group_id: str | None = None,
        group_order: int | None = None,
    ) -> dict[str, Any]:
        """path/92117: adds (name, order) tags to a group, by its id or by a name; gives the group.

        A group of that name is used again, otherwise made. The answer lists the new tags with `id`; what
        happens to a name that is there already is not promised (40071, or used again): look at corp_tags.
        """
        api = "externalcontact/add_corp_tag"
        tags = [{"name": name} if order is None else {"name": name, "order": order} for name, order in names]
        group = {"group_id": group_id} if group_id else {"group_name": group_name, "order": group_order}
        return part(self.caller.post("/cgi-bin/" + api, **group, tag=tags), "tag_group", api)

    def edit_corp_tag(self, id: str, name: str | None = None, order: int | None = None) -> None:
        """path/92117: a new name or order for a tag or a group. 81011 (or 40068): not made by this app."""
        self.caller.post("/cgi-bin/externalcontact/edit_corp_tag", id=id, name=name, order=order)

    def delete_corp_tags(
        self, tag_ids: Iterable[str] | None = None, group_ids: Iterable[str] | None = None
    ) -> None:
        """path/92117: deletes tags, and groups with all their tags; a group without tags goes too."""
        tags, groups = _list(tag_ids), _list(group_ids)
        if tags or groups:
            self.caller.post("/cgi-bin/externalcontact/del_corp_tag", tag_id=tags, group_id=groups)

    def mark_tag(
        self, userid: str, external_userid: str, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> None:
        """path/92118: puts and takes corp tags on one member's customer; nothing to do makes no call.

        One call is all or nothing. Raises UnknownTag with the bad tag_id. No callback follows. WeCom refuses
        two at once for one customer (45033): see parallel.py.
        """
        adding, removing = _list(add), _list(remove)
        if adding or removing:
            self.caller.post(
                "/cgi-bin/externalcontact/mark_tag",
                userid=userid,
                external_userid=external_userid,
                add_tag=adding,
                remove_tag=removing,
            )

    # Staff and the app

    def user(self, userid: str) -> dict[str, Any]:
        """path/90196: a member; new apps get no phone, mail, gender or avatar."""
        return self.caller.get("/cgi-bin/user/get", userid=userid)

    def departments(self) -> list[dict[str, Any]]:
        """path/90208: the departments in the app's range; names may be missing."""
        return listed(self.caller.get("/cgi-bin/department/list"), "department", "department/list")

    def users_of(self, department_id: int) -> list[dict[str, Any]]:
        """path/90201: the members of one department, without those of the departments below."""
        answer = self.caller.get("/cgi-bin/user/list", department_id=department_id)
        return listed(answer, "userlist", "user/list")

    def agent(self) -> dict[str, Any]:
        """path/90227: the app itself: `name`, `close`, its visible range in `allow_userinfos` and others."""
        return self.caller.get("/cgi-bin/agent/get", agentid=self.account.agentid)

    def callback_ips(self) -> list[str]:
        """path/92520 (getcallbackip): addresses that callbacks come from; `10.1.4.*` may be among them."""
        return listed(self.caller.get("/cgi-bin/getcallbackip"), "ip_list", "getcallbackip")

    def api_ips(self) -> list[str]:
        """path/92520 (get_api_domain_ip): addresses of the API host, for firewalls."""
        return listed(self.caller.get("/cgi-bin/get_api_domain_ip"), "ip_list", "get_api_domain_ip")


def _list(ids: Iterable[str] | None) -> list[str]:
    return list(ids or ())
