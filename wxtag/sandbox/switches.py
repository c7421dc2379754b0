"""Every doubtful point of the platforms as a switch with a default and a description."""

from typing import Any

from wxtag.sandbox.switch_texts import QUOTA_TEXT, SWITCH_TEXTS

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

_TABLE: list[tuple[str, Any]] = [
    (_W + "gettoken_same_token", True),
    (_W + "foreign_tag_edit_code", 81011),
    (_W + "duplicate_tag_code", 40071),
    (_W + "list_empty", 84061),
    (_W + "max_parallel", 5),
    (_W + "same_contact_overlap_code", 45033),
    (_W + "read_after_add_lag_seconds", 0),
    (_W + "minute_limit", 10_000),
    (_W + "hour_limit", 150_000),
    (_W + "block_seconds", 0),
    (_W + "unionid_missing", False),
    (_W + "mark_both_empty_code", 40058),
    (_W + "mark_present_code", 0),
    (_W + "bad_tags_listed", "first"),
    (_W + "unknown_userid_code", 60111),
    (_W + "batch_unknown_userid_code", 60111),
    (_W + "fail_info", False),
    (_W + "marks_of_deleted_tags", "vanish"),
    (_W + "tags_survive_transfer", False),
    (_W + "transfer_seconds", 86_400),
    (_W + "edit_event_state", False),
    (_W + "personal_tag_edit_fires", True),
    (_W + "description_edit_fires", False),
    (_W + "empty_group_delete_event", False),
    (_W + "library_limit", 10_000),
    (_W + "welcome_seconds", 20),
    (_W + "latency_ms", 0),
    (_W + "debug_calls_per_minute", 5),
    (_W + "user_follow_page", 500),
    (_W + "chat_member_list", "items"),
    (_W + "contact_events_to_self_built", False),
    (_W + "change_type_cdata", True),
    (_W + "conversions_of_self_built", False),
    (_W + "pending_id_days", 90),
    (_W + "cursor_seconds", 0),
    (_X + "latency_ms", 0),
    (_X + "user_get_page_size", 10_000),
    (_X + "user_get_end_shape", "last_openid"),
    (_X + "userinfo_names", "empty"),
    (_X + "userinfo_language", True),
    (_X + "empty_event_key", True),
    (_X + "json_list_shape", "object_for_one"),
    (_X + "json_create_time", "int"),
    (_X + "country_code_int", False),
    (_X + "unionid_missing", False),
    (_X + "snapshot_users", False),
    (_X + "snapshot_flag_missing", False),
    (_X + "qr_follow_scene", "ADD_SCENE_QR_CODE"),
    (_X + "ip_check_all_calls", False),
    (_X + "batchget_max", 100),
    (_X + "batchget_over_code", 40032),
    (_X + "batchget_foreign_code", 40003),
    (_X + "parallel_tagging_code", 0),
    (_X + "tags_survive_unfollow", False),
    (_X + "minute_limit", 60_000),
    (_X + "stable_token_minute_limit", 10_000),
    (_X + "quota_utc_offset_hours", 8),
    (_X + "quota.default", QUOTA_OF_OTHERS),
    (_X + "clear_quota_per_month", 10),
    (_X + "code_seconds", 300),
    (_X + "remark_max_bytes", 30),
    (_X + "session_key_rotates", False),
    (_X + "customer_windows", True),
    (_X + "escape_check", False),
    (_X + "unknown_token_code", 40001),
    (_X + "blacklist_max", 20),
    (_C + "tries.wechat", 3),
    (_C + "tries.wecom", 4),
    (_C + "retry_spacing", [1, 2, 4]),
    (_C + "timeout_seconds", 5),
    (_C + "verify_timeout_seconds", 5),
    (_C + "fresh_cipher_on_retry", True),
    (_C + "repeat_on_non_200", True),
    (_C + "repeat_on_bad_body", True),
    (_C + "parallel", 1),
    (_C + "wecom_agentid", True),
    ("clock_skew_seconds", 0),
]


class Switches:
    """Values that differ from the defaults are kept; everything else follows the table."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._kept = kept
        self._table: dict[str, tuple[Any, str]] = {
            name: (value, SWITCH_TEXTS[name]) for name, value in _TABLE
        }
        for api, limit in DAILY_QUOTAS.items():
            self._table[f"wechat.quota.{api}"] = (limit, QUOTA_TEXT.format(api))

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
