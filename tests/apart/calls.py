"""How to exercise every address: whoever adds one says here what a request with all its ids looks like."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.apart.world import CORP, OLD_OA, PHONE, RULE, Side

Key = tuple[str, str]


@dataclass(frozen=True)
class Request:
    path: str
    json: Any = None
    query: dict[str, Any] = field(default_factory=dict)


class Pick:
    """The ids of one side, but for the named ones, which are the other's; notes what was asked for."""

    def __init__(self, own: Side, other: Side, foreign: frozenset[str] = frozenset()) -> None:
        self._own, self._other, self._foreign = own, other, foreign
        self.asked: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.asked.add(name)
        return getattr(self._other if name in self._foreign else self._own, name)


Make = Callable[[Pick], Request]


def _api(path: str) -> str:
    return f"/api/v1{path}"


EVENT = {
    "id": "1",  # the other company has an event of that id
    "identity": {"kind": "member", "scope": "shop", "value": "M-7"},
    "kind": "viewed",
    "time": "2026-01-05T10:00:00Z",
}
RELATION = {"corpid": CORP, "userid": "ZhaoMin"}
TAGS_OF_CUSTOMER = _api("/customers/<int:customer_id>/tags/<int:tag_id>")

READING: dict[Key, list[Make]] = {
    ("GET", _api("/customers")): [
        lambda at: Request(_api("/customers")),
        lambda at: Request(_api("/customers"), query={"tag": at.tag}),
        lambda at: Request(_api("/customers"), query={"q": at.mark}),
        lambda at: Request(_api("/customers"), query={"q": PHONE}),
        lambda at: Request(_api("/customers"), query={"identity": f"openid:{OLD_OA}:o-lin"}),
        lambda at: Request(_api("/customers"), query={"identity": f"phone::{PHONE}"}),
    ],
    ("GET", _api("/customers/<int:customer_id>")): [lambda at: Request(_api(f"/customers/{at.lin}"))],
    ("GET", _api("/customers/<int:customer_id>/events")): [
        lambda at: Request(_api(f"/customers/{at.lin}/events"))
    ],
    ("GET", _api("/customers/<int:customer_id>/history")): [
        lambda at: Request(_api(f"/customers/{at.lin}/history")),
        lambda at: Request(_api(f"/customers/{at.mei}/history")),
    ],
    ("GET", _api("/conflicts")): [lambda at: Request(_api("/conflicts"))],
    ("GET", _api("/tags")): [
        lambda at: Request(_api("/tags")),
        lambda at: Request(_api("/tags"), query={"group": at.group}),
    ],
    ("GET", _api("/tags/<int:tag_id>")): [lambda at: Request(_api(f"/tags/{at.tag}"))],
    ("GET", _api("/tag-groups")): [lambda at: Request(_api("/tag-groups"))],
    ("GET", _api("/tag-groups/<int:group_id>")): [lambda at: Request(_api(f"/tag-groups/{at.group}"))],
    ("POST", _api("/tags/preview")): [
        lambda at: Request(_api("/tags/preview"), {"rule": RULE}),
        lambda at: Request(_api("/tags/preview"), {"rule": RULE, "tag_id": at.tag}),
    ],
}
CHANGING: dict[Key, list[Make]] = {
    ("PUT", TAGS_OF_CUSTOMER): [
        lambda at: Request(_api(f"/customers/{at.lin}/tags/{at.hand}")),
        lambda at: Request(_api(f"/customers/{at.lin}/tags/{at.hand}"), RELATION),
    ],
    ("DELETE", TAGS_OF_CUSTOMER): [
        lambda at: Request(_api(f"/customers/{at.lin}/tags/{at.tag}")),
        lambda at: Request(_api(f"/customers/{at.lin}/tags/{at.hand}"), RELATION),
    ],
    ("POST", _api("/customers/<int:customer_id>/split")): [
        lambda at: Request(_api(f"/customers/{at.mei}/split"), {"merge": at.merge})
    ],
    ("POST", _api("/conflicts/<int:conflict_id>")): [
        lambda at: Request(_api(f"/conflicts/{at.conflict}"), {"decision": "different"})
    ],
    ("POST", _api("/customers/<int:customer_id>/merge")): [
        lambda at: Request(_api(f"/customers/{at.lin}/merge"), {"other": at.wang})
    ],
    ("POST", _api("/events")): [lambda at: Request(_api("/events"), [EVENT, {**EVENT, "id": "77"}])],
    ("POST", _api("/tag-groups")): [
        lambda at: Request(_api("/tag-groups"), {"path": "渠道", "family": {"kind": "channel"}})
    ],
    ("POST", _api("/tags")): [
        lambda at: Request(_api("/tags"), {"group_id": at.group, "name": "新的", "rule": RULE})
    ],
    ("PUT", _api("/tags/<int:tag_id>")): [
        lambda at: Request(_api(f"/tags/{at.tag}"), {"group_id": at.group, "name": "上海", "rule": None})
    ],
    ("PUT", _api("/tag-groups/<int:group_id>")): [
        lambda at: Request(_api(f"/tag-groups/{at.group}"), {"path": "地区/区县", "push": "off"})
    ],
    ("DELETE", _api("/tags/<int:tag_id>")): [lambda at: Request(_api(f"/tags/{at.hand}"))],
    ("DELETE", _api("/tag-groups/<int:group_id>")): [lambda at: Request(_api(f"/tag-groups/{at.group}"))],
}
PAGES: dict[Key, str] = {
    ("GET", "/"): "test_the_console_shows_the_company_of_who_is_signed_in",
    ("GET", "/status"): "test_the_console_shows_the_company_of_who_is_signed_in",
    ("GET", "/login"): "test_an_admin_made_by_a_link_is_one_of_its_company",
    ("POST", "/login"): "test_an_admin_made_by_a_link_is_one_of_its_company",
    ("POST", "/logout"): "test_an_admin_made_by_a_link_is_one_of_its_company",
    ("GET", "/setup/<token>"): "test_an_admin_made_by_a_link_is_one_of_its_company",
    ("POST", "/setup/<token>"): "test_an_admin_made_by_a_link_is_one_of_its_company",
    ("GET", "/healthz"): "test_what_an_operator_reads_names_nobody",
    ("GET", "/readyz"): "test_what_an_operator_reads_names_nobody",
    ("GET", "/metrics"): "test_what_an_operator_reads_names_nobody",
    ("GET", "/api/openapi.json"): "test_what_an_operator_reads_names_nobody",
    ("GET", "/api/docs"): "test_what_an_operator_reads_names_nobody",
    ("GET", "/static/<path:filename>"): "test_what_an_operator_reads_names_nobody",
    ("POST", "/mini/<appid>/login"): "test_a_person_in_a_mini_program_is_one_of_its_company",
    ("POST", "/mini/<appid>/phone"): "test_a_person_in_a_mini_program_is_one_of_its_company",
    ("POST", "/mini/<appid>/events"): "test_a_person_in_a_mini_program_is_one_of_its_company",
    ("GET", "/oauth/<appid>/start"): "test_a_visitor_is_one_of_the_company_whose_account_they_came_by",
    ("GET", "/oauth/<appid>/back"): "test_a_visitor_is_one_of_the_company_whose_account_they_came_by",
}
"""What has no ids of rows in it, and the test that exercises it."""
DOORS = {
    "official-account": "test_a_callback_belongs_to_the_company_whose_key_signed_it",
    "mini-program": "test_a_callback_belongs_to_the_company_whose_key_signed_it",
    "wecom": "test_a_callback_belongs_to_the_company_whose_key_signed_it",
}
__all__ = ["CHANGING", "DOORS", "PAGES", "READING", "Make", "Pick", "Request"]
