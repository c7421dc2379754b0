"""The relation of a member and a customer, lean, because a world can have hundreds of thousands."""

from typing import Any

NO_TAGS: dict[str, Any] = {}


class Edge:
    """Read and written by name like a dict; lists and tags are replaced, never changed in place."""

    __slots__ = (
        "add_way", "company", "createtime", "description", "mobiles", "oper_userid", "personal", "remark",
        "since", "state", "status", "tags", "userid",
    )  # fmt: skip

    def __init__(self, userid: str, createtime: int, since: float) -> None:
        self.userid, self.oper_userid = userid, userid
        self.createtime, self.since = createtime, since
        self.status, self.add_way = "friend", 0
        self.remark = self.description = self.company = self.state = ""
        self.mobiles: Any = ()
        self.personal: Any = ()
        self.tags = NO_TAGS

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def update(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def plain(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Edge":
        made = cls(values["userid"], values["createtime"], values["since"])
        made.update(values)
        return made


_marks: dict[tuple[str, Any], dict[str, Any]] = {}


def mark_by(who: str, agentid: Any = None) -> dict[str, Any]:
    """Who put a tag on; one shared object each, not to be changed."""
    found = _marks.get((who, agentid))
    if found is None:
        found = {"by": who} if agentid is None else {"by": who, "agentid": agentid}
        _marks[(who, agentid)] = found
    return found
