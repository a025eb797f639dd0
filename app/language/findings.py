"""What is wrong with a schema: each kind of fault has a stable id and a sentence in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.kernel.errors import ErrorCode, PortalError
from app.kernel.messages import Label, _l
from app.language.source import Place

KINDS: Mapping[str, Label] = {
    "S001": Label("文件读不了：%(why)s", "The file cannot be read: %(why)s"),
    "S002": Label("YAML 写法有误：%(why)s", "This is not valid YAML: %(why)s"),
    "S003": Label("不允许使用 %(what)s", "%(what)s are not allowed here"),
    "S004": Label("键“%(key)s”重复", "The key '%(key)s' is written twice"),
    "S005": Label("文件过大（上限 %(limit)s）", "The file is too large (limit: %(limit)s)"),
    "S006": Label(
        "文件要以 portal、entity、role、report、reminder 或 dashboard 开头",
        "A file begins with portal, entity, role, report, reminder or dashboard",
    ),
    "S007": Label("不认识的键“%(key)s”", "Unknown key '%(key)s'"),
    "S008": Label("缺少“%(key)s”", "'%(key)s' is missing"),
    "S009": Label("“%(key)s”应为%(kind)s", "'%(key)s' must be %(kind)s"),
    "S010": Label("文本缺少 %(language)s", "The text lacks %(language)s"),
    "S011": Label(
        "名称“%(name)s”不可用：小写字母开头，只含小写字母、数字和下划线，最长 40 个字符",
        "The name '%(name)s' must begin with a small letter and hold only small letters, digits"
        " and underscores, 40 at most",
    ),
    "S012": Label("名称“%(name)s”是保留字", "The name '%(name)s' is reserved"),
    "S013": Label(
        "“%(name)s”定义了两次（另见 %(other)s）", "'%(name)s' is defined twice (also at %(other)s)"
    ),
    "S014": Label("没有 portal 文件", "There is no portal file"),
    "S015": Label(
        "取值“%(value)s”不在可选范围：%(choices)s", "'%(value)s' is none of: %(choices)s"
    ),
    "S016": Label("数值超出范围：%(why)s", "The number is out of range: %(why)s"),
    "S020": Label("没有名为“%(name)s”的实体", "There is no entity '%(name)s'"),
    "S021": Label(
        "实体“%(entity)s”没有字段“%(name)s”", "The entity '%(entity)s' has no field '%(name)s'"
    ),
    "S022": Label("没有字段类型“%(name)s”", "There is no field type '%(name)s'"),
    "S023": Label("类型 %(type)s 没有选项“%(key)s”", "The type %(type)s has no option '%(key)s'"),
    "S024": Label(
        "类型 %(type)s 需要选项“%(key)s”", "The type %(type)s needs the option '%(key)s'"
    ),
    "S025": Label("选项“%(key)s”有误：%(why)s", "The option '%(key)s' is wrong: %(why)s"),
    "S026": Label(
        "字段“%(name)s”不能用于此处：%(why)s", "The field '%(name)s' cannot be used here: %(why)s"
    ),
    "S027": Label("没有数据类别“%(name)s”", "There is no class '%(name)s' of values"),
    "S103": Label(
        "字段“%(name)s”加密保存，不能这样用：%(why)s",
        "The field '%(name)s' is kept encrypted and cannot be used like this: %(why)s",
    ),
    "S110": Label("bases 里没有“%(name)s”", "There is no basis '%(name)s' in bases"),
    "S104": Label(
        "类别“%(name)s”要求本人单独同意，请先在门户文件里写 consents",
        "The class '%(name)s' asks for consent; declare `consents` in the portal file first",
    ),
    "S105": Label(
        "类别“%(name)s”要求的“%(topic)s”不在 consents.topics 里",
        "The class '%(name)s' asks for consent to '%(topic)s', which is not under consents.topics",
    ),
    "S106": Label(
        "“%(topic)s”不是 %(entity)s.%(field)s 的选项",
        "'%(topic)s' is no choice of %(entity)s.%(field)s",
    ),
    "S107": Label(
        "字段“%(name)s”要求本人单独同意，却看不出是谁的信息",
        "The field '%(name)s' needs somebody's consent, but nothing says whose",
    ),
    "S108": Label(
        "类别“%(name)s”既要求同意又写了 must_keep_months：法律要求保存的信息不以同意为依据",
        "The class '%(name)s' has both consent and must_keep_months: what the law has kept is not held by consent",
    ),
    "S109": Label(
        "字段“%(name)s”须经同意才能填写，不能设为必填",
        "The field '%(name)s' needs consent, so it must be possible to leave it empty",
    ),
    "S111": Label(
        "consents 说的是人员，请先写 person，并给该实体写 subject",
        "consents are about persons; say 'person' first, and give its entity a 'subject'",
    ),
    "S112": Label(
        "then 的每一项只写一个：%(keys)s", "Each item of 'then' says just one of: %(keys)s"
    ),
    "S113": Label(
        "步骤不能附带改动“%(name)s”", "A step may not change '%(name)s' along with its record"
    ),
    "S114": Label(
        "附带新建“%(entity)s”时缺少必填字段“%(name)s”",
        "A new '%(entity)s' made by a step needs the field '%(name)s'",
    ),
    "S115": Label(
        "“%(name)s”的字段 %(fields)s 没有数据类别：请在字段、实体或门户文件里写 class",
        "Nothing says the class of %(name)s's fields %(fields)s: write 'class' at the field, the entity or the portal",
    ),
    "S116": Label(
        "类别“%(name)s”对能看记录的人公开、随记录保存，不能再加密、记阅读、要求同意或写保存月数",
        "The class '%(name)s' is open to readers and stays with the record: no encrypt, log_reads, consent or months",
    ),
    "S117": Label(
        "“%(name)s”是敏感类别，只能写在字段上；实体和门户的 class 要用 open 类别",
        "'%(name)s' is sensitive and stands at fields alone; the class of an entity or the portal is an open one",
    ),
    "S030": Label("条件写法有误：%(why)s", "The condition cannot be read: %(why)s"),
    "S031": Label("条件中没有“%(name)s”", "The condition names '%(name)s', which does not exist"),
    "S032": Label("条件类型不符：%(why)s", "The condition mixes types: %(why)s"),
    "S033": Label("这里的表达式应得到%(kind)s", "The expression must give %(kind)s"),
    "S040": Label("没有状态“%(name)s”", "There is no state '%(name)s'"),
    "S041": Label("起始状态应恰有一个", "Exactly one state must be the start"),
    "S042": Label("状态“%(name)s”无法到达", "The state '%(name)s' can never be reached"),
    "S043": Label("没有动作“%(name)s”", "There is no move '%(name)s'"),
    "S050": Label(
        "数据范围“%(path)s”走不到组织树 %(tree)s",
        "The scope '%(path)s' does not lead to the tree %(tree)s",
    ),
    "S051": Label("数据范围的第一个链接必须必填", "The first link of a scope must be required"),
    "S052": Label(
        "树实体“%(name)s”需要且只能有一个 parent 字段",
        "The tree entity '%(name)s' needs exactly one parent field",
    ),
    "S054": Label("实体“%(name)s”不在任何模块里", "The entity '%(name)s' stands in no module"),
    "S055": Label("实体“%(name)s”同时在两个模块里", "The entity '%(name)s' stands in two modules"),
    "S057": Label(
        "字段“%(name)s”没有出现在表单里", "The field '%(name)s' stands in no section of the form"
    ),
    "S058": Label(
        "字段“%(name)s”在表单里出现两次", "The field '%(name)s' stands twice in the form"
    ),
    "S059": Label(
        "标题不能用字段“%(name)s”：%(why)s", "The title cannot use the field '%(name)s': %(why)s"
    ),
    "S060": Label("计算字段互相引用：%(path)s", "Computed fields refer to each other: %(path)s"),
    "S061": Label(
        "可搜索的字段不能是敏感字段“%(name)s”", "The sensitive field '%(name)s' cannot be searched"
    ),
    "S070": Label(
        "列“%(name)s”应恰好写明一种取值方式：%(ways)s",
        "The column '%(name)s' needs exactly one of: %(ways)s",
    ),
    "S071": Label(
        "%(way)s 不能用于%(kind)s“%(name)s”",
        "%(way)s cannot be taken of '%(name)s', which is %(kind)s",
    ),
    "S072": Label(
        "数字“%(name)s”没有口径说明（help）", "The number '%(name)s' lacks its definition (help)"
    ),
    "S073": Label("报表里没有%(what)s“%(name)s”", "The report has no %(what)s '%(name)s'"),
    "S074": Label("“%(path)s”不是沿着关联走的路径", "'%(path)s' does not follow links"),
    "S075": Label(
        "部分“%(part)s”没有写明怎样归到分组“%(name)s”",
        "The part '%(part)s' does not say how it comes to the group '%(name)s'",
    ),
    "S076": Label(
        "各部分的分组“%(name)s”不是同一类：%(kinds)s",
        "The group '%(name)s' is not the same in all parts: %(kinds)s",
    ),
    "S077": Label("没有写明谁可以运行（for）", "Nobody may run it: say whom it is for"),
    "S078": Label(
        "报表要么逐条列出记录，要么分组汇总，不能混用",
        "A report either lists records or groups them, not both",
    ),
    "S079": Label("参数“%(name)s”没有用到", "The parameter '%(name)s' is not used"),
    "S080": Label(
        "提醒的 date 应得到日期或日期时间", "The date of a reminder must give a date or a datetime"
    ),
    "S081": Label(
        "提前量“%(text)s”写法有误：-15（天）、3w（工作日）、-2h（小时）",
        "The lead '%(text)s' cannot be read: -15 (days), 3w (working days), -2h (hours)",
    ),
    "S082": Label(
        "按小时的提前量“%(text)s”需要日期时间", "The lead '%(text)s' in hours needs a datetime"
    ),
    "S083": Label("没有角色“%(name)s”", "There is no role '%(name)s'"),
    "S084": Label(
        "接收人“%(name)s”走不到人员或账号",
        "The recipient '%(name)s' does not lead to a person or an account",
    ),
    "S085": Label(
        "文案里没有可用的“%(name)s”", "The text names '%(name)s', which cannot be shown here"
    ),
    "S086": Label("没有文案格式“%(name)s”", "There is no format '%(name)s'"),
    "S087": Label("提醒编号“%(name)s”用了两次", "The code '%(name)s' of a reminder is used twice"),
    "S088": Label(
        "提醒至少要有一个提前量和一个接收人", "A reminder needs at least one lead and one recipient"
    ),
    "S089": Label("about“%(name)s”走不到人员", "'about: %(name)s' does not lead to a person"),
    "S090": Label(
        "提醒的条件里没有 actor", "A reminder has no reader, so its conditions cannot use actor"
    ),
    "S091": Label(
        "文案里的花括号“%(text)s”不是 {字段}", "The brace in '%(text)s' names no {field}"
    ),
    "S095": Label("没有报表“%(name)s”", "There is no report '%(name)s'"),
    "S096": Label("报表“%(name)s”没有图表（chart）", "The report '%(name)s' has no chart"),
    "S097": Label(
        "报表里没有可作指标的列“%(name)s”", "The report has no column '%(name)s' that is a figure"
    ),
    "S098": Label(
        "报表“%(name)s”没有期间参数，看不出趋势", "The report '%(name)s' has no period, so no trend"
    ),
    "S099": Label(
        "角色“%(role)s”看得到看板，却不能运行报表“%(name)s”",
        "The role '%(role)s' sees the dashboard but may not run the report '%(name)s'",
    ),
    "S100": Label(
        "角色“%(role)s”可以申请 %(right)s %(name)s，却没有别的人能批准：请给某个角色写 approves",
        "The role '%(role)s' may ask to %(right)s '%(name)s', but no role approves it",
    ),
    "S101": Label(
        "角色“%(role)s”审批“%(name)s”的申请，却看不到它",
        "The role '%(role)s' approves requests about '%(name)s' but may not read it",
    ),
    "S102": Label(
        "guard.on_notice.when 说的是人员，请先写 person",
        "guard.on_notice.when is about a person; say 'person' first",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, with where it is and what might mend it."""

    id: str
    place: Place
    values: Mapping[str, object] = field(default_factory=dict, hash=False)
    hint: Label | None = None

    def text(self, language: str) -> str:
        """The sentence in ``zh`` or ``en``, with the hint."""
        values = {
            name: value.text(language) if isinstance(value, Label) else value
            for name, value in self.values.items()
        }
        sentence = KINDS[self.id].text(language) % values
        hint = self.hint.text(language) if self.hint else ""
        return f"{sentence}{';' if language == 'zh' and hint else '; ' if hint else ''}{hint}"

    def line(self, language: str) -> str:
        """The finding as one line: ``file:line  id  sentence``."""
        return f"{self.place}  {self.id}  {self.text(language)}"


class Findings:
    """Collects faults, so that one pass shows them all; stops at a limit that nobody reads beyond."""

    LIMIT = 500

    def __init__(self) -> None:
        self._found: list[Finding] = []

    def add(
        self, fault: str, place: Place, /, *, hint: Label | None = None, **values: object
    ) -> None:
        """Note a fault, such as S004, at ``place``."""
        if len(self._found) < self.LIMIT:
            self._found.append(Finding(fault, place, values, hint))

    def did_you_mean(self, nearest: str | None) -> Label | None:
        """The hint that suggests ``nearest``."""
        return Label(f"是不是“{nearest}”?", f"did you mean '{nearest}'?") if nearest else None

    def __len__(self) -> int:
        return len(self._found)

    def all(self) -> tuple[Finding, ...]:
        """Everything found, by file and line."""
        return tuple(sorted(set(self._found), key=lambda f: (f.place.file, f.place.line, f.id)))


class SchemaInvalid(PortalError):
    """The schema has faults; ``findings`` lists them all."""

    code = ErrorCode.SCHEMA
    status = 422

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(_l("Faults in the schema: %(count)s.", count=len(findings)))
        self.findings = findings
