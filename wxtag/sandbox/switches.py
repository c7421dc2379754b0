"""Every doubtful point of the platforms as a switch with a default and a description."""

from typing import Any

DAILY_QUOTAS: dict[str, int] = {
    "token": 2000,
    "stable_token": 500_000,
    "user/get": 500,
    "user/info": 500_000,
    "user/info/batchget": 500_000,
    "user/info/updateremark": 10_000,
    "tags/create": 100_000,
    "tags/get": 100_000,
    "tags/update": 100_000,
    "tags/delete": 100_000,
    "tags/getidlist": 500_000,
    "user/tag/get": 100_000,
    "tags/members/batchtagging": 100_000,
    "tags/members/batchuntagging": 100_000,
    "qrcode/create": 100_000,
    "message/custom/send": 500_000,
    "message/template/send": 100_000,
}
QUOTA_OF_OTHERS = 1_000_000

_W = "wecom."
_X = "wechat."
_C = "callbacks."

_TABLE: list[tuple[str, Any, str]] = [
    (_W + "gettoken_same_token", True, "gettoken within the lifetime repeats the same token"),
    (_W + "foreign_tag_edit_code", 81011, "error for editing/deleting a tag of another creator"),
    (_W + "duplicate_tag_code", 40071, 'add_corp_tag with a name of the group: 40071 or "reuse"'),
    (_W + "list_empty", 84061, 'externalcontact/list without customers: 84061 or "empty"'),
    (_W + "max_parallel", 5, "calls in flight for one corp and interface before 45033"),
    (_W + "same_contact_overlap_code", 45033, "two edits of one contact at once: 45033, 45035, 0 = fine"),
    (_W + "read_after_add_lag_seconds", 0, "how long a new contact is not readable (84061)"),
    (_W + "minute_limit", 10_000, "calls a minute for one corp and interface before 45009"),
    (_W + "hour_limit", 150_000, "calls an hour for one corp and interface before 45009"),
    (_W + "block_seconds", 0, "how long 45009 lasts; 0 = the length of the exceeded window"),
    (_W + "unionid_missing", False, "external_contact carries no unionid"),
    (_W + "mark_both_empty_code", 40058, "mark_tag with both lists empty"),
    (_W + "mark_present_code", 0, "mark_tag with a tag that is set already (or absent, on removal)"),
    (_W + "bad_tags_listed", "first", '40068 names the "first" bad id or "all" of them'),
    (_W + "unknown_userid_code", 60111, "unknown member: 60111 or 40003"),
    (_W + "batch_unknown_userid_code", 60111, "unknown member in batch/get_by_user: 60111 or 301021"),
    (_W + "fail_info", False, "batch/get_by_user answers fail_info"),
    (_W + "marks_of_deleted_tags", "vanish", 'marks of a deleted tag "vanish" from details or "stay"'),
    (_W + "tags_survive_transfer", False, "a transfer takes the tags along"),
    (_W + "transfer_seconds", 86_400, "when a transfer started by API comes true by itself"),
    (_W + "edit_event_state", False, "edit_external_contact carries State"),
    (_W + "personal_tag_edit_fires", True, "an edit of personal tags alone fires edit_external_contact"),
    (_W + "description_edit_fires", False, "an edit of the description alone fires edit_external_contact"),
    (_W + "empty_group_delete_event", False, "a group gone with its last tag has a delete event"),
    (_W + "library_limit", 10_000, "tags a corp may have before 40126"),
    (_W + "welcome_seconds", 20, "lifetime of a WelcomeCode"),
    (_W + "latency_ms", 0, "time each WeCom call takes at least"),
    (_W + "debug_calls_per_minute", 5, "calls with debug=1 a minute and interface before 45009"),
    (_W + "user_follow_page", 500, "followers a page of externalcontact/get"),
    (_X + "latency_ms", 0, "time each WeChat call takes at least"),
    (_X + "user_get_page_size", 10_000, "openids a page of user/get and user/tag/get"),
    (_X + "user_get_end_shape", "last_openid", 'next_openid of the last page: "last_openid" or "empty"'),
    (_X + "userinfo_names", "empty", 'nickname, sex, avatar of user/info: keys "absent" or "empty"'),
    (_X + "userinfo_language", True, "user/info still has language"),
    (_X + "empty_event_key", True, "follow without a scene has an empty EventKey (else none)"),
    (_X + "json_list_shape", "object_for_one", 'JSON List of one: "object_for_one" or "array"'),
    (_X + "json_create_time", "int", 'CreateTime of JSON pushes: "int" or "string"'),
    (_X + "country_code_int", False, "countryCode as a number"),
    (_X + "unionid_missing", False, "no answer carries a unionid"),
    (_X + "snapshot_users", False, "web authorisation answers a snapshot (virtual) user"),
    (_X + "snapshot_flag_missing", False, "…and leaves is_snapshotuser out"),
    (_X + "qr_follow_scene", "ADD_SCENE_QR_CODE", "subscribe_scene of a QR follow (or ADD_SCENE_OTHERS)"),
    (_X + "ip_check_all_calls", False, "the IP list is checked on every call, not on token calls only"),
    (_X + "batchget_max", 100, "openids a user/info/batchget call"),
    (_X + "batchget_over_code", 40032, "error above it: 40032 or 47001"),
    (_X + "batchget_foreign_code", 40003, "a foreign openid in batchget fails the call (0 = left out)"),
    (_X + "parallel_tagging_code", 0, "tagging calls in parallel for one account: 0 = allowed, or 45159"),
    (_X + "tags_survive_unfollow", False, "a fan's tags are kept over unfollow and follow"),
    (_X + "minute_limit", 60_000, "calls a minute for one account and interface before 45011"),
    (_X + "stable_token_minute_limit", 10_000, "stable_token calls a minute before 45011"),
    (_X + "quota_utc_offset_hours", 8, "time zone of the daily counters"),
    (_X + "quota.default", QUOTA_OF_OTHERS, "daily quota of every interface without a switch of its own"),
    (_X + "clear_quota_per_month", 10, "clearings a month before 48006"),
    (_X + "code_seconds", 300, "lifetime of login, phone and authorisation codes"),
    (_X + "remark_max_bytes", 30, "updateremark refuses this many UTF-8 bytes and more (40092)"),
    (_X + "session_key_rotates", False, "each login gives a new session_key"),
    (_X + "customer_windows", True, "customer messages only inside their windows (45015, 45047)"),
    (_X + "escape_check", False, "\\u escapes in a body give 40033"),
    (_C + "tries.wechat", 3, "deliveries of a WeChat push in total"),
    (_C + "tries.wecom", 4, "deliveries of a WeCom callback in total"),
    (_C + "retry_spacing", [1, 2, 4], "seconds before each repetition"),
    (_C + "timeout_seconds", 5, "time the receiver has for its answer"),
    (_C + "verify_timeout_seconds", 5, "time the receiver has for the check of its URL"),
    (_C + "fresh_cipher_on_retry", True, "a repetition has its own timestamp, nonce and ciphertext"),
    (_C + "repeat_on_non_200", True, "another HTTP status than 200 is repeated"),
    (_C + "repeat_on_bad_body", True, "a WeChat push with an answer that is no reply is repeated"),
    (_C + "parallel", 1, "deliveries at once an account; above 1 the order is not kept"),
    (_C + "wecom_agentid", True, "the WeCom envelope has AgentID"),
    ("clock_skew_seconds", 0, "the platforms' clock against this machine's"),
]


class Switches:
    """Values that differ from the defaults are kept; everything else follows the table."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._kept = kept
        self._table: dict[str, tuple[Any, str]] = {name: (value, text) for name, value, text in _TABLE}
        for api, limit in DAILY_QUOTAS.items():
            self._table[f"wechat.quota.{api}"] = (limit, f"calls of {api} a day")

    def __getitem__(self, name: str) -> Any:
        if name in self._kept:
            return self._kept[name]
        return self._table[name][0]

    def quota(self, api: str) -> int:
        name = f"wechat.quota.{api}"
        if name in self._kept or name in self._table:
            return int(self[name])
        return int(self["wechat.quota.default"])

    def known(self, name: str) -> bool:
        # Any interface may get a daily quota, also one without a documented number.
        return name in self._table or name.startswith("wechat.quota.")

    def set(self, values: dict[str, Any]) -> list[str]:
        """Sets the values, or none of them: answers the unknown names."""
        unknown = [name for name in values if not self.known(name)]
        if not unknown:
            self._kept.update(values)
        return unknown

    def all(self) -> dict[str, dict[str, Any]]:
        names = [*self._table, *(name for name in self._kept if name not in self._table)]
        shown: dict[str, dict[str, Any]] = {}
        for name in names:
            default, text = self._table.get(name, (self._table["wechat.quota.default"][0], ""))
            shown[name] = {"value": self[name], "default": default, "description": text}
        return shown
