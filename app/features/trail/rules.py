"""What each kind of deed is called, as a sentence about somebody."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.audit.actions import AuditAction as Did
from app.kernel.messages import Label

# ``{what}`` stands for the thing that it was done to.
DEEDS: Mapping[str, Label] = MappingProxyType(
    {
        Did.RECORD_CREATED: Label("新建了{what}", "created {what}"),
        Did.RECORD_CHANGED: Label("修改了{what}", "changed {what}"),
        Did.RECORD_MOVED: Label("变更了{what}的状态", "changed the state of {what}"),
        Did.RECORD_REMOVED: Label("删除了{what}", "deleted {what}"),
        Did.RECORD_RESTORED: Label("把{what}恢复了原样", "put {what} back as it was"),
        Did.RECORD_ERASED: Label("删除了{what}的个人信息", "erased the personal data of {what}"),
        Did.RECORD_PUT_AWAY: Label(
            "归档了{what}的个人信息", "put the personal data of {what} away"
        ),
        Did.RECORD_FETCHED_BACK: Label(
            "从归档恢复了{what}", "fetched {what} back from the archive"
        ),
        Did.HOLD_SET: Label("对{what}设置了保全", "put a legal hold on {what}"),
        Did.HOLD_LIFTED: Label("解除了{what}的保全", "lifted the legal hold on {what}"),
        Did.CONSENT_GIVEN: Label("本人同意了：{what}", "agreed as {what}"),
        Did.CONSENT_WITHDRAWN: Label("本人撤回了同意：{what}", "withdrew consent as {what}"),
        Did.DEEDS_UNDONE: Label("撤销了某人的改动", "undid what somebody had done"),
        Did.RECORDS_LOADED: Label("批量导入了{what}", "loaded {what}"),
        Did.REPORT_TAKEN: Label("导出了报表{what}", "took the report {what}"),
        Did.REPORT_SAVED: Label("保存了报表{what}", "saved the report {what}"),
        Did.REPORT_DELETED: Label("删除了报表{what}", "deleted the report {what}"),
        Did.REPORT_SCHEDULED: Label("设置了定时报表{what}", "scheduled the report {what}"),
        Did.REPORT_UNSCHEDULED: Label("取消了定时报表{what}", "unscheduled the report {what}"),
        Did.SNAPSHOT_REMOVED: Label("删除了报表存档{what}", "removed the snapshot {what}"),
        Did.SCHEMA_APPLIED: Label("应用了新的配置版本", "applied a new revision of the schema"),
        Did.SCHEMA_PURGED: Label("清除了到期的停用字段", "dropped fields whose time was over"),
        Did.ROLE_CHANGED: Label("修改了角色权限{what}", "changed the rights of {what}"),
        Did.ROLE_CREATED: Label("新建了角色{what}", "made the role {what}"),
        Did.ROLE_REMOVED: Label("删除了角色{what}", "removed the role {what}"),
        Did.ROLES_RESET: Label("把角色权限恢复成配置文件", "put the roles back to the files"),
        Did.SIGNED_IN: Label("登录了", "signed in"),
        Did.SIGN_IN_REFUSED: Label("登录失败", "was refused to sign in"),
        Did.SIGNED_OUT: Label("退出了", "signed out"),
        Did.FACTOR_SET: Label("为账号{what}设置了二次验证", "set up the second factor of {what}"),
        Did.FACTOR_REMOVED: Label(
            "取消了账号{what}的二次验证", "removed the second factor of {what}"
        ),
        Did.FACTOR_REFUSED: Label("输错了二次验证码", "entered a wrong second factor"),
        Did.PROVED_AGAIN: Label("重新验证了身份", "proved again who they are"),
        Did.ACCESS_REFUSED: Label(
            "想打开或改动够不到的{what}，被拒绝", "was kept from {what} out of reach"
        ),
        Did.SESSION_ENDED: Label("结束了会话{what}", "ended the session {what}"),
        Did.SESSIONS_ENDED: Label("结束了{what}的全部会话", "ended all sessions of {what}"),
        Did.PASSWORD_SET: Label("重设了账号{what}的密码", "set the password of {what}"),
        Did.ACCOUNT_CREATED: Label("新建了账号{what}", "created the account {what}"),
        Did.ACCOUNT_OPENED: Label("启用了账号{what}", "opened the account {what}"),
        Did.ACCOUNT_CLOSED: Label("停用了账号{what}", "closed the account {what}"),
        Did.ROLE_GIVEN_ALONE: Label("独自授予了角色：{what}", "alone gave a role: {what}"),
        Did.RESET_SENT: Label(
            "给账号{what}发了重设密码的链接", "sent {what} a link for a new password"
        ),
        Did.HELP_ASKED: Label("请别人处理账号{what}", "asked others to see to the account {what}"),
        Did.BREAK_GLASS_ASKED: Label("启动了紧急授权：{what}", "broke the glass for {what}"),
        Did.BREAK_GLASS_CANCELLED: Label(
            "取消了紧急授权：{what}", "stopped the breaking of the glass for {what}"
        ),
        Did.BREAK_GLASS_DONE: Label(
            "紧急授权生效：{what}", "was given what the glass was broken for: {what}"
        ),
        Did.TASK_CANCELLED: Label("取消了后台任务{what}", "cancelled the task {what}"),
        Did.TASK_RETRIED: Label("重新开始了后台任务{what}", "began the task {what} anew"),
        Did.REQUEST_ASKED: Label("提交了申请{what}", "asked for {what}"),
        Did.REQUEST_APPROVED: Label("批准了申请{what}", "approved the request {what}"),
        Did.REQUEST_REFUSED: Label("拒绝了申请{what}", "refused the request {what}"),
        Did.REQUEST_WITHDRAWN: Label("撤回了申请{what}", "withdrew the request {what}"),
        Did.REQUEST_EXPIRED: Label("让申请{what}过期了", "let the request {what} expire"),
        Did.EXPORT_MADE: Label("生成了导出文件{what}", "made the export {what}"),
        Did.EXPORT_TAKEN: Label("下载了导出文件{what}", "took the export {what}"),
        Did.EXPORT_BLOCKED: Label("导出{what}被拦下", "was kept from the export {what}"),
        Did.REMINDER_CHANGED: Label("修改了提醒{what}", "changed the reminder {what}"),
        Did.REMINDER_RESTORED: Label("还原了提醒{what}", "restored the reminder {what}"),
        Did.VALUES_ERASED: Label(
            "从审计记录里删除了{what}的内容", "erased what the trail told of {what}"
        ),
        Did.KEY_ANNOUNCED: Label("登记了检查点的签名密钥", "announced a key for checkpoints"),
        Did.KEY_CHANGED: Label("更换了加密字段的密钥", "changed the key of encrypted fields"),
        Did.LOG_RESTORED: Label(
            "确认数据库是用备份恢复的", "accepted that the database was restored"
        ),
        Did.BACKUP_MADE: Label("做了备份{what}", "made the backup {what}"),
        Did.BACKUP_RESTORED: Label(
            "用备份{what}恢复了门户", "restored the portal from the backup {what}"
        ),
        Did.EVIDENCE_TAKEN: Label("导出了证据包{what}", "took evidence about {what}"),
        Did.AUDIT_REPORTED: Label("出具了审计报告{what}", "made the audit report {what}"),
        Did.RECORDS_SHOWN: Label("查看了{what}", "looked at {what}"),
        Did.VIEWING_STOPPED: Label(
            "查看{what}过多，被拦下", "looked at too many {what} and was stopped"
        ),
        Did.VALUE_REVEALED: Label("查看了{what}的隐藏内容", "uncovered a value of {what}"),
        Did.REVEALING_STOPPED: Label(
            "查看隐藏内容过多，被拦下：{what}",
            "uncovered too many values and was stopped at {what}",
        ),
        Did.CANARY_SEEN: Label("打开或导出了诱饵{what}", "opened or took a canary among {what}"),
        Did.CANARY_SET: Label("设置了诱饵记录", "made a record a canary"),
        Did.CANARY_CLEARED: Label("撤掉了诱饵记录的标记", "took the mark off a canary"),
        Did.DUPLICATE_KEPT: Label(
            "确认{what}与另一条并存", "let {what} stand beside its duplicate"
        ),
        Did.VALUES_READ: Label("查看了{what}的敏感信息", "saw sensitive values of {what} in clear"),
        Did.SEARCHED: Label("检索了{what}", "searched {what}"),
        Did.VIEWING_READ: Label("查看了{what}的浏览回溯", "looked back at who had seen {what}"),
        Did.TRAIL_READ: Label("查看了审计记录", "looked at the audit trail"),
        Did.TRAIL_EXPORTED: Label("导出了审计记录{what}", "exported the audit trail {what}"),
    }
)
# What the values of an entry are called where they are no fields of a record.
NAMES: Mapping[str, Label] = MappingProxyType(
    {
        "account": Label("人员", "Person"),
        "approved_by": Label("批准人账号", "Approved by account"),
        "action": Label("操作", "Deed"),
        "asked": Label("查询条件", "Asked for"),
        "count": Label("条数", "Number"),
        "digest": Label("配置指纹", "Digest"),
        "entity": Label("记录类型", "Kind of record"),
        "export": Label("导出编号", "Export"),
        "fields": Label("字段", "Fields"),
        "figures": Label("统计数字", "Figures"),
        "first_id": Label("首条编号", "First number"),
        "format": Label("格式", "Format"),
        "kind": Label("种类", "Kind"),
        "last_id": Label("末条编号", "Last number"),
        "left": Label("保持不动", "Left as they are"),
        "lines": Label("行数", "Lines"),
        "record": Label("编号", "Number of the record"),
        "method": Label("请求方式", "Method of the request"),
        "reason": Label("理由", "Reason"),
        "report": Label("报表", "Report"),
        "request": Label("申请编号", "Request"),
        "restored": Label("已恢复", "Put back"),
        "role": Label("角色", "Role"),
        "rows": Label("行数", "Rows"),
        "revealed_field": Label("查看的字段", "Uncovered field"),
        "revealed_for": Label("查看理由", "Uncovered for"),
        "read_classes": Label("信息类别", "Classes of values"),
        "searched": Label("检索词指纹", "Digest of the words"),
        "since": Label("从", "From"),
        "topic": Label("同意事项", "Topic"),
        "edition": Label("告知书版本", "Edition of the notice"),
        "step": Label("随步骤", "Along with"),
        "steps": Label("变更", "Steps"),
        "task": Label("任务编号", "Task"),
        "until": Label("到", "Until"),
        "what": Label("内容", "What"),
        "why": Label("审批意见", "Why it was decided so"),
        "words": Label("关键词", "Words"),
    }
)
TONES: Mapping[str, str] = MappingProxyType(
    {
        Did.RECORD_CREATED: "success",
        Did.RECORD_REMOVED: "danger",
        Did.RECORD_MOVED: "info",
        Did.RECORD_ERASED: "danger",
        Did.SIGN_IN_REFUSED: "warning",
        Did.ACCESS_REFUSED: "warning",
        Did.EXPORT_BLOCKED: "danger",
        Did.REPORT_TAKEN: "warning",
        Did.EXPORT_TAKEN: "warning",
        Did.EVIDENCE_TAKEN: "warning",
        Did.AUDIT_REPORTED: "info",
        Did.VALUE_REVEALED: "warning",
        Did.REVEALING_STOPPED: "danger",
        Did.LOG_RESTORED: "danger",
        Did.BACKUP_RESTORED: "danger",
    }
)


def sentence(action: str, what: str, language: str) -> str:
    """What was done, after the name of who did it; a kind that nobody named is told by its own name."""
    deed = DEEDS.get(action)
    if deed is None:
        return f"{action} {what}".strip()
    chinese = language.startswith("zh")
    about = f"“{what}”" if what and not chinese else f"「{what}」" if what else ""
    return " ".join(deed.text(language).format(what=about).split())
