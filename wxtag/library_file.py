"""The library file: its models, from which the JSON Schema is made."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from wxtag.tags.kind import Strict
from wxtag.tags.rules import FamilyRule, Rule

LONGEST = 30
"""Characters of a name on WeCom's side; a group of two levels counts as a whole."""
MAX_ORDER = 2**32 - 1


def _plain(name: str) -> str:
    """A name without what people do not see, and without the mark between levels."""
    if name != name.strip():
        raise PydanticCustomError("blank", "a name cannot begin or end with a blank")
    if not name.isprintable():
        raise PydanticCustomError("unseen", "a name cannot have line breaks or control characters")
    return name


def _one_level(name: str) -> str:
    if "/" in name:
        raise PydanticCustomError("slash", "a name cannot have / in it: only a group's path may have one")
    return _plain(name)


def _two_levels(path: str) -> str:
    parts = path.split("/")
    if len(parts) > 2:
        raise PydanticCustomError("levels", "a path has one level or two (一级/二级)")
    if not all(parts):
        raise PydanticCustomError("levels", "a path cannot have an empty level")
    for part in parts:
        _plain(part)
    return path


def _text(value: Any) -> Any:
    """A scene may be written as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_one_level)]
Path = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_two_levels)]
Value = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_plain), BeforeValidator(_text)]
Order = Annotated[int, Field(ge=0, le=MAX_ORDER, title="排序", description="大的排在前面，与企业微信一致")]
Description = Annotated[str, Field(max_length=2000, title="说明")]


class TagIn(Strict):
    """一个标签；没有规则的标签由人手工打。"""

    name: Name = Field(title="名称")
    description: Description = ""
    colour: str = Field(default="", pattern=r"^(#[0-9A-Fa-f]{6})?$", title="颜色", description="如 #07C160")
    order: Order = 0
    rule: Rule | None = Field(default=None, title="规则")


class GroupIn(Strict):
    """一个标签组：要么列出标签（tags），要么由系统按 family 自动生成标签。"""

    path: Path = Field(title="路径", description="一级，或 一级/二级；在企业微信中整体作为标签组名")
    push: Literal["on", "off"] = Field(default="on", title="推送到企业微信")
    hand_scope: Literal["relation", "customer"] = Field(
        default="relation",
        title="手工标签的范围",
        description="relation：只属于打标签的员工；customer：属于客户，所有员工可见",
    )
    cap: int = Field(default=500, ge=1, le=10_000, title="自动生成标签的上限")
    order: Order = 0
    description: Description = ""
    family: FamilyRule | None = Field(default=None, title="自动生成")
    tags: list[TagIn] = Field(default=[], title="标签")


class ChannelIn(Strict):
    """一个渠道，以及代表它的参数值（state、场景值、utm）。"""

    name: Name = Field(title="名称")
    values: list[Value] = Field(min_length=1, title="参数值")


class LibraryIn(Strict):
    """wxtag 的标签库：整个文件就是整个库，文件中没有的标签会停用。"""

    version: Literal[1] = Field(title="格式版本")
    channels: list[ChannelIn] = Field(default=[], title="渠道")
    groups: list[GroupIn] = Field(title="标签组")
