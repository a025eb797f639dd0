"""Every field type: its options and how conditions, lists and filters may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from app.kernel.messages import Label
from app.kernel.registry import Registry
from app.language import kinds


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a field type. ``kind`` names the reader in ``fields.py``."""

    kind: str
    default: Any = None
    required: bool = False
    low: int | None = None
    high: int | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldType:
    """What the language knows of a type.

    ``kind`` is its kind in conditions (empty: cannot be used there); ``filter`` is the
    filter that lists offer (empty: none).
    """

    name: str
    label: Label
    kind: str
    options: Mapping[str, Option] = field(default_factory=dict, hash=False)
    filter: str = ""
    stored: bool = True
    sortable: bool = True
    can_be_unique: bool = False
    searchable: bool = False
    settable: bool = True


FIELD_TYPES: Registry[FieldType] = Registry("field type")
# Of a unique field: the roles that are told of a value that exists out of sight of whoever gives it again.
TWICE_FOR = "twice_for"
# What is kept as a text that nothing but its reader has to understand.
ENCRYPTED_TYPES = ("text", "long_text", "phone", "mobile", "email", "url", "id_card", "credit_code",
                   "bank_card", "secret")  # fmt: skip


def _add(name: str, label: Label, kind: str, /, **more: Any) -> None:
    options = MappingProxyType(more.pop("options", {}))
    FIELD_TYPES.add(name, FieldType(name, label, kind, options, **more))


def _text(default: int, high: int) -> dict[str, Option]:
    return {
        "max": Option("integer", default, low=1, high=high),
        "min": Option("integer", low=0, high=high),
    }


_PICTURES = ("png", "jpg", "jpeg", "webp")
_SOUNDS = ("mp3", "m4a", "mp4")
_FILES = {
    "max_mb": Option("integer", 10, low=1, high=10),
    "kinds": Option("words", ("pdf", "docx", "xlsx", "pptx", "txt", "csv", *_PICTURES, "zip", *_SOUNDS)),
}  # fmt: skip
_IMAGES = {
    "max_mb": Option("integer", 5, low=1, high=10),
    "kinds": Option("words", ("png", "jpg", "jpeg", "webp")),
}
_BOUNDS = {"min": Option("number"), "max": Option("number")}
_DATES = {"min": Option("date"), "max": Option("date")}

_add("text", Label("单行文本", "Text"), kinds.TEXT, filter="text", can_be_unique=True, searchable=True,
     options={**_text(200, 2000), "pattern": Option("pattern")})  # fmt: skip
_add("long_text", Label("多行文本", "Long text"), kinds.TEXT, filter="text", sortable=False, searchable=True,
     options=_text(10_000, 100_000))  # fmt: skip
_add("rich_text", Label("富文本", "Rich text"), "", sortable=False, options=_text(50_000, 200_000))
_add("code", Label("编号", "Number series"), kinds.TEXT, filter="text", can_be_unique=True, searchable=True,
     settable=False, options={"pattern": Option("series", required=True)})  # fmt: skip
_add("integer", Label("整数", "Whole number"), kinds.NUMBER, filter="number", can_be_unique=True,
     options={**_BOUNDS, "unit": Option("label")})  # fmt: skip
_add("decimal", Label("小数", "Decimal"), kinds.NUMBER, filter="number",
     options={**_BOUNDS, "places": Option("integer", 2, low=0, high=8), "unit": Option("label")})  # fmt: skip
_add("money", Label("金额", "Money"), kinds.NUMBER, filter="number",
     options={**_BOUNDS, "currency": Option("currency")})  # fmt: skip
_add("percent", Label("百分比", "Percent"), kinds.NUMBER, filter="number",
     options={"min": Option("number", 0), "max": Option("number", 100),
              "places": Option("integer", 2, low=0, high=4)})  # fmt: skip
_add("yes_no", Label("是/否", "Yes or no"), kinds.YES_NO, filter="yes_no")
_add("date", Label("日期", "Date"), kinds.DATE, filter="date", options=_DATES)
_add("datetime", Label("日期时间", "Date and time"), kinds.DATETIME, filter="date")
_add("time", Label("时间", "Time"), kinds.TIME)
_add("duration", Label("时长", "Duration"), kinds.NUMBER, filter="number")
_add("month", Label("月份", "Month"), kinds.DATE, filter="date", options=_DATES)
_add("choice", Label("单选", "Choice"), kinds.TEXT, filter="choice",
     options={"choices": Option("choices", required=True)})  # fmt: skip
_add("choices", Label("多选", "Several choices"), kinds.LIST + ":" + kinds.TEXT, filter="choice", sortable=False,
     options={"choices": Option("choices", required=True)})  # fmt: skip
_add("tags", Label("标签", "Tags"), kinds.LIST + ":" + kinds.TEXT, filter="tags", sortable=False)
_add("link", Label("关联", "Link"), kinds.LINK, filter="link", can_be_unique=True, searchable=True,
     options={"to": Option("entity", required=True), "where": Option("condition"),
              "on_delete": Option("word", "restrict", words=("restrict", "cascade", "clear"))})  # fmt: skip
_add("links", Label("多个关联", "Links"), "", filter="link", sortable=False,
     options={"to": Option("entity", required=True)})  # fmt: skip
_add("children", Label("明细表", "Table of rows"), "", stored=False, sortable=False,
     options={"of": Option("entity", required=True), "by": Option("name", required=True),
              "columns": Option("names")})  # fmt: skip
_add("parent", Label("上级", "Parent"), kinds.LINK, filter="link")
_add("reference", Label("任意关联", "Reference"), kinds.TEXT, sortable=False,
     options={"to": Option("entities", required=True)})  # fmt: skip
_add("file", Label("文件", "File"), "", sortable=False, options=_FILES)
_add("files", Label("多个文件", "Files"), "", sortable=False, options=_FILES)
_add("image", Label("图片", "Image"), "", sortable=False, options=_IMAGES)
_add("signature", Label("签名", "Signature"), "", sortable=False)
for _name, _label in (
    ("phone", Label("电话", "Phone")),
    ("mobile", Label("手机", "Mobile phone")),
    ("email", Label("邮箱", "E-mail")),
    ("credit_code", Label("统一社会信用代码", "Social credit code")),
    ("bank_card", Label("银行卡号", "Bank card")),
):
    _add(_name, _label, kinds.TEXT, filter="text", can_be_unique=True, searchable=True)
_add("id_card", Label("身份证号", "Identity card"), kinds.TEXT, filter="text", can_be_unique=True, searchable=True,
     options={"born": Option("name"), "sex": Option("name")})  # fmt: skip
_add("url", Label("网址", "Web address"), kinds.TEXT, filter="text")
_add("region", Label("地区", "Region"), kinds.TEXT, filter="text",
     options={"level": Option("word", "district", words=("province", "city", "district"))})  # fmt: skip
_add("location", Label("位置", "Location"), kinds.TEXT, sortable=False)
_add("colour", Label("颜色", "Colour"), kinds.TEXT)
_add("rating", Label("评分", "Rating"), kinds.NUMBER, filter="number",
     options={"max": Option("integer", 5, low=2, high=10)})  # fmt: skip
_add("json", Label("结构数据", "Structured data"), "", sortable=False,
     options={"max": Option("integer", 10_000, low=2, high=100_000)})  # fmt: skip
_add(
    "secret",
    Label("机密", "Secret"),
    "",
    sortable=False,
    options={"max": Option("integer", 200, low=1, high=2000)},
)
_add("computed", Label("计算", "Computed"), "computed", stored=False, settable=False,
     options={"value": Option("expression", required=True),
              "as": Option("word", required=True, words=(
                  "integer", "decimal", "money", "percent", "text", "date", "datetime", "yes_no"))})  # fmt: skip
_add("lookup", Label("引用", "Looked up"), "computed", stored=False, settable=False, sortable=False,
     options={"path": Option("path", required=True)})  # fmt: skip
_add("summary", Label("汇总", "Summary"), "computed", stored=False, settable=False, sortable=False,
     options={"count": Option("aggregate"), "sum": Option("aggregate"), "where": Option("condition")})  # fmt: skip
