"""The WeChat calls that we use: fans of an Official Account, people of a mini-program, web authorisation."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from wxtag.accounts import BoundAccount
from wxtag.errors import PlatformError
from wxtag.platforms.caller import Caller, listed, part
from wxtag.platforms.codes import GIVE_UP, TELL_ADMIN, no_answer

HIDDEN_FIELDS = {"access_token", "refresh_token", "session_key", "phoneNumber", "purePhoneNumber"}


class Private(dict[str, Any]):
    """An answer that may hold a person's token or phone: `repr` shows neither."""

    def __repr__(self) -> str:
        return repr({name: "***" if name in HIDDEN_FIELDS else value for name, value in self.items()})


class Followers(NamedTuple):
    """A page of the list of fans; `following` is where the next begins, "" at the end."""

    openids: list[str]
    following: str
    total: int
    """How many fans the account has, as the platform says."""


class OfficialAccount:
    """One bound Official Account. Every method raises PlatformError."""

    def __init__(self, account: BoundAccount, caller: Caller) -> None:
        self.account, self.caller = account, caller

    def user_info(self, openid: str) -> dict[str, Any]:
        """doc/service/api/usermanage/userinfo/api_userinfo: a fan, with `unionid` when there is an Open
        Platform. `subscribe` 0: not a fan any more, and hardly anything else is told. No nickname since 2021.
        """
        return self.caller.get("/cgi-bin/user/info", openid=openid, lang="zh_CN")

    def users_info(self, openids: Sequence[str]) -> list[dict[str, Any]]:
        """The same for at most 100 fans; match the answers by openid, not by their order."""
        if not openids:
            return []
        wanted = [{"openid": openid, "lang": "zh_CN"} for openid in openids]
        answer = self.caller.post("/cgi-bin/user/info/batchget", user_list=wanted)
        return listed(answer, "user_info_list", "user/info/batchget")

    def followers(self, next_openid: str = "") -> Followers:
        """doc/service/api/usermanage/userinfo/api_getfans: at most 10,000 fans after `next_openid`.

        The platform ends a list in three ways: no next_openid, an empty page, or the last openid again.
        500 calls a day.
        """
        api = "user/get"
        answer = self.caller.get("/cgi-bin/" + api, next_openid=next_openid)
        data = answer.get("data")
        openids = [str(one) for one in listed(data, "openid", api)] if isinstance(data, dict) else []
        following = str(answer.get("next_openid") or "")
        if not openids or following == next_openid:
            following = ""
        total = answer.get("total")
        return Followers(openids, following, total if isinstance(total, int) else len(openids))

    def oauth_user(self, code: str) -> Private:
        """doc/service/api/webdev/access/api_snsaccesstoken: who came back from the authorisation page.

        `openid`, `access_token` (the person's, for oauth_profile), `scope`, perhaps `unionid`; with
        `is_snapshotuser` 1 the ids are of an invented account and must join nothing. A code works once.
        """
        try:
            answer = self.caller.get_without_token(
                "/sns/oauth2/access_token",
                appid=self.account.appid,
                secret=self.account.secret,
                code=code,
                grant_type="authorization_code",
            )
        except PlatformError as error:
            raise _wrong_secret(error) from None
        _with_openid(answer, "sns/oauth2/access_token")
        return Private(answer)

    def oauth_profile(self, access_token: str, openid: str) -> dict[str, Any]:
        """doc/service/api/webdev/access/api_snsuserinfo: nickname, picture and unionid of who consented.

        48001: the scope was snsapi_base, or the page is a snapshot.
        """
        return self.caller.get_without_token(
            "/sns/userinfo", access_token=access_token, openid=openid, lang="zh_CN"
        )

    def change_openids(self, from_appid: str, openids: Sequence[str]) -> dict[str, str]:
        """doc/service/api/usermanage/api_changeopenid: after an account migration, the openid here of at most
        100 fans of the former account. Who no longer follows that one is left out. 63178: no such migration.
        """
        api = "changeopenid"
        answer = self.caller.post("/cgi-bin/" + api, from_appid=from_appid, openid_list=list(openids))
        return {
            str(row["ori_openid"]): str(row["new_openid"])
            for row in listed(answer, "result_list", api)
            if isinstance(row, dict) and row.get("ori_openid") and row.get("new_openid")
        }

    def autoreply_info(self) -> dict[str, Any]:
        """doc/service/api/notify/autoreplies/api_getcurrentautoreplyinfo: the console's automatic replies.

        Switching on the server address switches them off, and the console's menu too.
        """
        return self.caller.get("/cgi-bin/get_current_autoreply_info")

    def check_callback(self) -> dict[str, Any]:
        """doc/service/api/base/api_callbackcheck: can the platform reach the callback address?"""
        return self.caller.post("/cgi-bin/callback/check", action="all", check_operator="DEFAULT")


class MiniProgram:
    """One bound mini-program. Every method raises PlatformError."""

    def __init__(self, account: BoundAccount, caller: Caller) -> None:
        self.account, self.caller = account, caller

    def login(self, code: str) -> dict[str, Any]:
        """sns/jscode2session (code2Session): `{"openid", "unionid"?}` of who called wx.login.

        The session_key is thrown away here: nothing of ours needs it. A code works once, for 5 minutes.
        """
        try:
            answer = self.caller.get_without_token(
                "/sns/jscode2session",
                appid=self.account.appid,
                secret=self.account.secret,
                js_code=code,
                grant_type="authorization_code",
            )
        except PlatformError as error:
            raise _wrong_secret(error) from None
        _with_openid(answer, "sns/jscode2session")
        return {name: answer[name] for name in ("openid", "unionid") if answer.get(name)}

    def phone(self, code: str) -> Private:
        """wxa/business/getuserphonenumber: `phoneNumber`, `purePhoneNumber`, `countryCode` (always text).

        The button's code is not the login's; it works once, and each success costs money.
        """
        api = "wxa/business/getuserphonenumber"
        found = part(self.caller.post("/" + api, code=code), "phone_info", api)
        watermark = found.get("watermark")
        appid = watermark.get("appid") if isinstance(watermark, dict) else None
        if appid != self.account.appid:
            raise PlatformError(
                40013, f"手机号属于小程序 {appid}，不是 {self.account.appid}：已拒绝", GIVE_UP, 0.0, api
            )
        return Private(found, countryCode=str(found.get("countryCode") or ""))


def _with_openid(answer: dict[str, Any], api: str) -> None:
    if not isinstance(answer.get("openid"), str) or not answer["openid"]:
        raise no_answer(api, "平台应答中没有 openid，稍后再试")


def _wrong_secret(error: PlatformError) -> PlatformError:
    """40001 of a call that names itself by the secret is about the secret."""
    if error.code != 40001:
        return error
    return PlatformError(error.code, error.text, TELL_ADMIN, 0.0, error.api)
