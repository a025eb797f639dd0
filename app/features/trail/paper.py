"""Audit reports on paper: typst sets what the signed JSON says, so that both show the same figures."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import typst
from pylopdf_fonts_zh_cn import sans_path

from app.audit import kinds
from app.features.trail.rules import DEEDS
from app.kernel.messages import Label

TEMPLATE = Path(__file__).with_name("report.typ")
KINDS: Mapping[str, Label] = MappingProxyType(
    {
        kinds.LOOKED: Label("查看、检索", "Looked and searched"),
        kinds.EXPORTED: Label("导出、带走", "Exported"),
        kinds.CHANGED: Label("新增、修改、删除", "Changed"),
        kinds.RIGHTS: Label("授权、账号", "Rights and accounts"),
        kinds.FROZEN: Label("停用、冻结、保全", "Closed, ended, held"),
        kinds.BLOCKED: Label("被拒绝的尝试", "Blocked attempts"),
        kinds.BUDGET: Label("查看超出额度", "Beyond a budget"),
        kinds.DECIDED: Label("申请与审批", "Asked and decided"),
        kinds.SIGNED_IN: Label("登录、退出", "Signed in and out"),
        kinds.TRAIL: Label("审计记录本身", "The trail itself"),
        kinds.OTHER: Label("其他", "Other"),
    }
)
KIND_OF_RECORD = Label("记录类型", "Kind of record")
TOLD = (Label("看到的记录", "Records seen"), Label("带走的记录", "Records taken"))


def draw(said: Mapping[str, Any], digest: str, names: Mapping[str, Label]) -> bytes:
    """A report as PDF; ``names`` are those of kinds of records."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(TEMPLATE, folder / TEMPLATE.name)
        data = json.dumps(_data(said, digest, names), ensure_ascii=False)
        (folder / "data.json").write_text(data, encoding="utf-8")
        place = folder / "report.pdf"
        typst.compile(str(folder / TEMPLATE.name), output=str(place), root=str(folder),
                      font_paths=[str(Path(sans_path()).parent)], ignore_system_fonts=True)  # fmt: skip
        return place.read_bytes()


# Private


def _data(said: Mapping[str, Any], digest: str, names: Mapping[str, Label]) -> dict[str, Any]:
    period, counts, zone = said["period"], _counts(said), ZoneInfo(said["period"]["zone"])
    return {
        "head": list(_head(said, zone)),
        "title": f"{period['from']} – {period['until']}",
        "tables": [
            _table(Label("概况", "Summary"), (Label("类别", "Kind"),), [
                [_one(KINDS[kind]), count] for kind, count in counts
            ]),
            _table(Label("做了什么", "Deeds"), (Label("类别", "Kind"), Label("操作", "Deed")), [
                [_one(KINDS[one["kind"]]), f"{_deed(one['action'])} ({one['action']})", one["count"]]
                for one in said["deeds"]
            ]),
            *_accounts(said),
            _table(Label("各类记录", "Kinds of records"), (KIND_OF_RECORD, Label("操作", "Deed")), [
                [_entity(one["entity"], names), _deed(one["action"]), one["count"]] for one in said["records"]
            ]),
        ],
        "checkpoints": [
            [str(one["size"]), one["root"][:16], _moment(one["at"], zone)]
            for one in said["checkpoints"]
        ],
        "told": said["verification"]["told"],
        "digest": digest,
        "key": said["key"],
    }  # fmt: skip


def _counts(said: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The headings in their order, which canonical JSON does not keep."""
    return [(kind, said["kinds"][kind]) for kind in KINDS]


def _head(said: Mapping[str, Any], zone: ZoneInfo) -> Iterator[list[str]]:
    run, checkpoint, entries = said["verification"], said["checkpoint"], said["entries"]
    sealed = f"{checkpoint['size']}-{checkpoint['root'][:16]} · {_moment(checkpoint['at'], zone)}"
    verified = f"{run['first']} – {run['last']} · {run['checkpoints']} 检查点 checkpoints"
    found = f"{run['faults']} 处问题 faults" if run["faults"] else "未发现问题 no fault (0)"
    yield [_one(Label("记录条数", "Entries")), str(entries["count"])]
    yield [_one(Label("编号", "Numbers")), f"{entries['first']} – {entries['last']}"]
    yield [_one(Label("检查点", "Checkpoint")), sealed]
    yield [_one(Label("核验", "Verified")), f"{verified} · {found}"]
    yield [
        _one(Label("出具", "Made")),
        f"{_moment(said['made']['at'], zone)} · {said['made']['by']}",
    ]
    yield [_one(Label("日志", "Log")), f"{said['origin']} · {said['algorithm']}"]


def _accounts(said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Who did how much of what: one table, with a column for each kind that anybody did."""
    used = [kind for kind, count in _counts(said) if count]
    heads = [*(KINDS[kind] for kind in used), *TOLD]
    rows = [
        [one["account"], *(one["kinds"].get(kind, 0) for kind in used), one["looked_records"],
         one["exported_records"], one["count"]]
        for one in said["accounts"]
    ]  # fmt: skip
    yield _table(Label("谁做的", "By account"), (Label("账号", "Account"), *heads), rows)


def _table(title: Label, heads: tuple[Label, ...], rows: list[list[Any]]) -> dict[str, Any]:
    numbers = [all(isinstance(row[at], int) for row in rows) for at in range(len(heads))]
    columns = [*heads, Label("条数", "Entries")]
    return {
        "title": _one(title),
        "columns": [[one.zh, one.en] for one in columns],
        "numbers": [*numbers, True],
        "rows": [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows],
    }  # fmt: skip


def _one(label: Label) -> str:
    return f"{label.zh} {label.en}"


def _deed(action: str) -> str:
    known = DEEDS.get(action)
    return " ".join(known.zh.format(what="").split()) if known else action


def _entity(name: str, names: Mapping[str, Label]) -> str:
    return _one(names[name]) if name in names else name


def _moment(text: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M:%S}"
