"""The platforms as two companies meet them: whoever asks gets what is theirs, and is remembered."""

from dataclasses import dataclass
from typing import Any

from tests.apart.world import MARKS
from tests.platforms.scripted import Asked, Platform


@dataclass(frozen=True)
class Call:
    side: int
    """Whose token it bore."""
    path: str
    body: Any


class Wechat(Platform):
    """A token is the secret of the account that asked for it; answers bear the mark of its company."""

    def __init__(self) -> None:
        super().__init__()
        self.on("/cgi-bin/gettoken", lambda a: _token(a.query["corpsecret"]))
        self.on("/cgi-bin/stable_token", lambda a: _token(a.body["secret"]))
        self.on("/cgi-bin/token", lambda a: _token(a.query["secret"]))
        self.on("/cgi-bin/externalcontact/get", _contact)
        self.on("/cgi-bin/user/info", _fan)
        self.on("/cgi-bin/externalcontact/get_corp_tag_list", _library)
        self.on("/cgi-bin/externalcontact/add_corp_tag", _made)
        self.on("/cgi-bin/externalcontact/mark_tag", {"errcode": 0})
        self.on("/cgi-bin/user/list_id", _staff_ids)
        self.on("/cgi-bin/user/get", lambda a: _member(a) if "userid" in a.query else _fans(a))
        self.on("/cgi-bin/externalcontact/get_follow_user_list", {"errcode": 0, "follow_user": ["ZhaoMin"]})
        self.on("/cgi-bin/externalcontact/batch/get_by_user", _contacts)
        self.on("/cgi-bin/externalcontact/list", {"errcode": 0, "external_userid": ["wm-new"]})
        self.on("/cgi-bin/department/list", _departments)
        self.on("/cgi-bin/user/list", lambda a: {"errcode": 0, "userlist": [_member(a)]})
        self.on("/cgi-bin/user/info/batchget", lambda a: {"user_info_list": [_fan(a)]})
        self.on("/cgi-bin/changeopenid", _changed)
        self.on("/sns/jscode2session", lambda a: {"openid": f"o-{a.query['js_code']}", "session_key": "k"})
        self.on("/wxa/business/getuserphonenumber", _phone)
        self.on("/sns/oauth2/access_token", {"openid": "o-lin", "access_token": "t", "scope": "snsapi_base"})

    def calls(self) -> list[Call]:
        """All that bore a token."""
        return [
            Call(_side(one), one.path, one.body)
            for one in self.asked
            if "access_token" in one.query and not one.path.startswith("/sns/")
        ]


def _token(secret: str) -> dict[str, Any]:
    return {"errcode": 0, "access_token": f"token-of-{secret}", "expires_in": 7200}


def _side(asked: Asked) -> int:
    return int(asked.query["access_token"][-1])


def _mark(asked: Asked) -> str:
    return MARKS[_side(asked)]


def _phone(asked: Asked) -> dict[str, Any]:
    appid = f"wx5a17d0c0ffee0b0{_side(asked)}"
    found = {"purePhoneNumber": "13800138000", "countryCode": "86", "watermark": {"appid": appid}}
    return {"errcode": 0, "phone_info": found}


def _contact(asked: Asked) -> dict[str, Any]:
    external = asked.query["external_userid"]
    return {
        "errcode": 0,
        "external_contact": {"external_userid": external, "name": f"{external}{_mark(asked)}", "type": 1},
        "follow_user": [{"userid": "ZhaoMin", "remark": _mark(asked), "createtime": 1, "tags": []}],
    }


def _contacts(asked: Asked) -> dict[str, Any]:
    one = {
        "external_contact": {"external_userid": "wm-new", "name": f"新{_mark(asked)}", "type": 1},
        "follow_info": {"userid": "ZhaoMin", "remark": _mark(asked), "createtime": 1, "tag_id": []},
    }
    return {"errcode": 0, "external_contact_list": [one], "next_cursor": ""}


def _departments(asked: Asked) -> dict[str, Any]:
    return {"errcode": 0, "department": [{"id": 1, "parentid": 0, "name": f"总部{_mark(asked)}"}]}


def _fan(asked: Asked) -> dict[str, Any]:
    openid = asked.query.get("openid", "o-lin")
    return {"subscribe": 1, "openid": openid, "unionid": f"u-{openid}", "subscribe_time": 1}


def _changed(asked: Asked) -> dict[str, Any]:
    new = [{"ori_openid": one, "new_openid": f"{one}-now"} for one in asked.body["openid_list"]]
    return {"errcode": 0, "result_list": new}


def _tag(asked: Asked, name: str) -> dict[str, Any]:
    return {"id": f"et-{_side(asked)}-{name}", "name": name, "create_time": 1, "order": 0}


def _library(asked: Asked) -> dict[str, Any]:
    return {
        "errcode": 0,
        "tag_group": [
            {
                "group_id": f"etg-{_side(asked)}",
                "group_name": "地区/城市",
                "tag": [_tag(asked, "杭州"), _tag(asked, f"别人的{_mark(asked)}")],
            }
        ],
    }


def _made(asked: Asked) -> dict[str, Any]:
    name = asked.body["group_name"]
    tags = [_tag(asked, one["name"]) for one in asked.body["tag"]]
    group = {"group_id": f"etg-{_side(asked)}-{name}", "group_name": name, "tag": tags}
    return {"errcode": 0, "tag_group": group}


def _staff_ids(asked: Asked) -> dict[str, Any]:
    return {"errcode": 0, "dept_user": [{"userid": "ZhaoMin", "department": 1}]}


def _member(asked: Asked) -> dict[str, Any]:
    return {"errcode": 0, "userid": asked.query.get("userid", "ZhaoMin"), "name": f"赵敏{_mark(asked)}"}


def _fans(asked: Asked) -> dict[str, Any]:
    return {"total": 1, "count": 1, "data": {"openid": ["o-lin"]}, "next_openid": ""}
