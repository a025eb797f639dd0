"""Types of conditions: what may be compared with what, checked before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from app.kernel.registry import nearest
from app.language.expressions import (
    Binary,
    Call,
    ExpressionFault,
    Listing,
    Literal,
    Name,
    Tree,
    Unary,
)

NUMBER, TEXT, DATE, DATETIME, TIME = "number", "text", "date", "datetime", "time"
YES_NO, SPAN, PLACES, NULL, LIST = "yes_no", "span", "places", "null", "list"
LINK = "link:"
# What is kept encrypted is there or not; nothing else can be asked of it.
ENCRYPTED = "encrypted"

KIND_NAMES_ZH = {
    NUMBER: "数字", TEXT: "文本", DATE: "日期", DATETIME: "日期时间", TIME: "时间",
    ENCRYPTED: "加密内容", YES_NO: "是/否", SPAN: "时长", PLACES: "组织范围", NULL: "空值", LIST: "列表",
}  # fmt: skip

NameKind = Callable[[tuple[str, ...]], str]


class UnknownPath(ExpressionFault):
    """A name in a condition that nothing is called."""

    def __init__(self, path: tuple[str, ...], nearest_name: str | None = None) -> None:
        super().__init__(f"there is no {'.'.join(path)}", f"没有“{'.'.join(path)}”")
        self.path = path
        self.nearest = nearest_name


@dataclass(frozen=True, slots=True)
class Function:
    """A function's argument kinds and result; ``same`` stands for the kind of the first argument."""

    arguments: tuple[str, ...]
    result: str


FUNCTIONS: dict[str, Function] = {
    "today": Function((), DATE),
    "now": Function((), DATETIME),
    "day": Function((DATETIME,), DATE),
    "date": Function((TEXT,), DATE),
    "days": Function((NUMBER,), SPAN),
    "hours": Function((NUMBER,), SPAN),
    "months": Function((NUMBER,), SPAN),
    "len": Function((TEXT,), NUMBER),
    "lower": Function((TEXT,), TEXT),
    "year": Function((DATE,), NUMBER),
    "month": Function((DATE,), NUMBER),
    "starts_with": Function((TEXT, TEXT), YES_NO),
    "contains": Function(("any", TEXT), YES_NO),
    "coalesce": Function(("any", "same"), "same"),
    "min": Function(("any", "same"), "same"),
    "max": Function(("any", "same"), "same"),
}


def kind_of(tree: Tree, name_kind: NameKind) -> str:
    """The kind of value that an expression gives; raises ExpressionFault where kinds do not fit.

    ``name_kind`` tells the kind of a path and raises UnknownPath.
    """
    match tree:
        case Literal(value):
            return _literal_kind(value)
        case Name(path):
            return name_kind(path)
        case Listing(items):
            kinds = {kind_of(item, name_kind) for item in items} - {NULL}
            if len(kinds) > 1:
                raise _mixed("a list", "列表", *sorted(kinds)[:2])
            return LIST + ":" + (kinds.pop() if kinds else NULL)
        case Call():
            return _call_kind(tree, name_kind)
        case Unary(operator, operand):
            return _unary_kind(operator, kind_of(operand, name_kind))
        case Binary(operator, left, right):
            return _binary_kind(operator, kind_of(left, name_kind), kind_of(right, name_kind))


def fits(kind: str, wanted: str) -> bool:
    """Whether a value of ``kind`` can stand where ``wanted`` is asked for."""
    return kind in (wanted, NULL) or wanted in ("any", NULL)


# Private


def _literal_kind(value: object) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return YES_NO
    if isinstance(value, str):
        return TEXT
    return DATE if isinstance(value, date) else NUMBER


def _call_kind(call: Call, name_kind: NameKind) -> str:
    function = FUNCTIONS.get(call.name)
    if function is None:
        raise UnknownPath((call.name + "()",), nearest(call.name, FUNCTIONS))
    if len(call.arguments) != len(function.arguments):
        count = len(function.arguments)
        raise ExpressionFault(
            f"{call.name}() takes {count} arguments", f"{call.name}() 需要 {count} 个参数"
        )
    kinds = [kind_of(argument, name_kind) for argument in call.arguments]
    if ENCRYPTED in kinds:
        raise _mixed(f"{call.name}()", f"{call.name}()", ENCRYPTED, NULL)
    first = next((kind for kind in kinds if kind != NULL), NULL)
    for kind, wanted in zip(kinds, function.arguments, strict=True):
        if not fits(kind, first if wanted == "same" else wanted):
            raise _mixed(f"{call.name}()", f"{call.name}()", kind, wanted)
    if call.name == "date":
        _check_date(call.arguments[0])
    if call.name in ("days", "hours", "months"):
        _check_whole(call)
    if call.name == "contains" and kinds[0] not in (TEXT, LIST + ":" + TEXT, NULL):
        raise _mixed("contains()", "contains()", kinds[0], TEXT)
    if call.name in ("min", "max") and not _ordered(first):
        raise _mixed(f"{call.name}()", f"{call.name}()", first, NUMBER)
    return first if function.result == "same" else function.result


def _check_date(argument: Tree) -> None:
    try:
        date.fromisoformat(str(argument.value) if isinstance(argument, Literal) else "")
    except ValueError as error:
        raise ExpressionFault(
            "date() takes a text like '2026-01-31'", "date() 需要形如 '2026-01-31' 的文本"
        ) from error


def _check_whole(call: Call) -> None:
    argument = call.arguments[0]
    number = argument.operand if isinstance(argument, Unary) else argument
    if (
        isinstance(number, Literal)
        and isinstance(number.value, int)
        and abs(number.value) <= 100_000
    ):
        return
    if isinstance(number, Name):
        return
    raise ExpressionFault(
        f"{call.name}() takes a whole number or a field", f"{call.name}() 需要整数或字段"
    )


def _unary_kind(operator: str, kind: str) -> str:
    if operator in ("is null", "is not null"):
        return YES_NO
    wanted = YES_NO if operator == "not" else NUMBER
    if not fits(kind, wanted):
        raise _mixed(f"'{operator}'", f"“{operator}”", kind, wanted)
    return wanted


def _binary_kind(operator: str, left: str, right: str) -> str:
    if operator in ("and", "or"):
        for kind in (left, right):
            if not fits(kind, YES_NO):
                raise _mixed(f"'{operator}'", f"“{operator}”", kind, YES_NO)
        return YES_NO
    if operator == "in":
        return _membership_kind(left, right)
    if operator in ("+", "-", "*", "/"):
        return _arithmetic_kind(operator, left, right)
    same = left == right or NULL in (left, right)
    if not same or (operator not in ("=", "!=") and not (_ordered(left) and _ordered(right))):
        raise _mixed(f"'{operator}'", f"“{operator}”", left, right)
    if left.startswith(LIST) or {left, right} & {SPAN, PLACES, ENCRYPTED}:
        raise _mixed(f"'{operator}'", f"“{operator}”", left, right)
    return YES_NO


def _membership_kind(left: str, right: str) -> str:
    members = right.removeprefix(LIST + ":") if right.startswith(LIST) else None
    in_places = right == PLACES and left.startswith(LINK)
    told = ENCRYPTED not in (left, members)
    if in_places or (told and members is not None and (fits(left, members) or members == NULL)):
        return YES_NO
    raise _mixed("'in'", "“in”", left, right)


def _arithmetic_kind(operator: str, left: str, right: str) -> str:
    table = {
        (NUMBER, NUMBER): NUMBER,
        (DATE, SPAN): DATE,
        (DATETIME, SPAN): DATETIME,
        (DATE, DATE): NUMBER,
        (TEXT, TEXT): TEXT,
    }
    kinds = (right if left == NULL else left, left if right == NULL else right)
    result = table.get(kinds, "")
    allowed = {
        NUMBER: ("-",) if kinds == (DATE, DATE) else ("+", "-", "*", "/"),
        DATE: ("+", "-"),
        DATETIME: ("+", "-"),
        TEXT: ("+",),
    }
    if not result or operator not in allowed[result] or NULL in (left, right):
        raise _mixed(f"'{operator}'", f"“{operator}”", left, right)
    return result


def _ordered(kind: str) -> bool:
    return kind in (NUMBER, TEXT, DATE, DATETIME, TIME, NULL)


def _mixed(what: str, what_zh: str, left: str, right: str) -> ExpressionFault:
    zh = [KIND_NAMES_ZH.get(kind, kind) for kind in (left, right)]
    return ExpressionFault(
        f"{what} does not fit {left} and {right}", f"{what_zh} 不能用于{zh[0]}与{zh[1]}"
    )
