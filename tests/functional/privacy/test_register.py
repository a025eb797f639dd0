"""The register of processing says what the schema says, to those who answer for it and to nobody else."""

from __future__ import annotations

import re
from html import unescape

from app.access.actor import Actor, Grant
from app.features.privacy.register import CLEAR, may_read, register_of
from app.language.compiler import compile_schema
from app.settings import ROOT
from tests.support.portals import Portal

ADDRESS = "/privacy/register"
MOST_STATEMENTS = 8


def plain(html: str) -> str:
    """The words of a piece of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def parts(page: str) -> dict[str, tuple[dict[str, str], list[list[str]]]]:
    """Each class by its title, with its facts and the rows of its table."""
    found = {}
    for section in re.findall(r"<section.*?</section>", page, re.S):
        title = re.search(r"<h2[^>]*>(.*?)</h2>", section)
        facts = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", section)
        rows = re.findall(r"<tr><td.*?</tr>", section, re.S)
        cells = [[plain(one) for one in re.findall(r"<td.*?</td>", row, re.S)] for row in rows]
        assert title
        found[plain(title[1])] = ({plain(k): plain(v) for k, v in facts}, cells)
    return found


def test_every_class_is_told_with_who_sees_it(nursery: Portal) -> None:
    """Worked out by hand from portal.yaml, gardener.yaml, buyer.yaml and the files of the roles."""
    page = nursery.browser("boss").get(f"{ADDRESS}?_l_=en").text
    told = parts(page)
    assert list(told) == ["Private", "Confidential", "Whereabouts", "Journal"]
    facts, rows = told["Private"]
    assert facts == {
        "Purpose": "To reach people",
        "Legal basis": "Needed to perform a contract",
        "Separate consent": "Not asked for",
        "Kept": "12 months after the purpose has ended",
        "Masked":
            "all but the first three and the last four characters, such as 138****0001",
        "Encrypted at rest": "Yes",
    }  # fmt: skip
    assert rows == [
        ["Buyer", "Mobile", "Buyer", "Owner", "Clerk, Keeper, Inspector", "Keeper", "Owner"],
        ["Gardener", "Mobile, Phone", "Gardener", "Owner", "Keeper, Inspector (Mobile)", "–", "Owner"],
    ]  # fmt: skip
    facts, rows = told["Confidential"]
    assert facts["Kept"] == "30 months after the purpose has ended; the law has it kept 24 months"
    assert rows == [
        ["Gardener", "Identity card, Bank card", "Gardener", "Owner", "Keeper, Inspector",
         "Keeper (Bank card)", "Owner"],
    ]  # fmt: skip
    facts, rows = told["Whereabouts"]
    assert facts["Separate consent"] == "Location on rounds, by the notice of edition 2"
    assert [row[:3] for row in rows] == [["Round", "Spot", "Gardener"]]
    facts, rows = told["Journal"]
    assert facts == {
        "Purpose": "Growing and selling plants",
        "Legal basis": "Needed to perform a contract",
        "Kept": "with the record",
        "Seen by": "whoever may read the record",
    }
    (gardener,) = [row for row in rows if row[0] == "Gardener"]
    assert gardener == [
        "Gardener", "fields: 9", "Gardener", "Owner, Keeper (fields: 8), Inspector (fields: 6)",
        "Inspector (fields: 1)", "–", "Owner",
    ]  # fmt: skip


def test_it_is_told_in_chinese_and_reached_from_the_menu(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    assert f'href="{ADDRESS}"' in boss.get("/").text
    page = boss.get(f"{ADDRESS}?_l_=zh").text
    facts, rows = parts(page)["保密"]
    assert facts["依据"] == "税法要求"
    assert facts["保存期限"] == "目的结束后 30 个月，其中法定保存 24 个月"
    assert rows[0][5] == "床长（银行卡）"
    assert re.search(r"第 1 版", page)


def test_only_those_who_answer_for_it_read_it(nursery: Portal) -> None:
    for name in ("west", "helper"):
        browser = nursery.browser(name)
        answer = browser.get(ADDRESS)
        assert answer.status_code == 404
        assert "Keeper" not in answer.text
        assert ADDRESS not in browser.get("/").text


def test_it_takes_few_statements(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    boss.get(ADDRESS)
    with nursery.statements() as said:
        assert boss.get(ADDRESS).status_code == 200
    assert len(said) <= MOST_STATEMENTS, said


def test_of_the_shipped_roles_three_read_it() -> None:
    schema = compile_schema(ROOT / "schema")
    readers = [
        role.name
        for role in schema.roles.values()
        if may_read(Actor(1, "x", "x", None, (Grant(role, None),)))
    ]
    assert sorted(readers) == ["admin", "auditor", "owner"]


def test_the_shipped_portal_says_what_is_held_in_its_own_words() -> None:
    """Bank cards: an own row in clear for self service, and a basis that can be read."""
    schema = compile_schema(ROOT / "schema")
    (finance,) = [one for one in register_of(schema) if one.known.name == "finance"]
    assert "第十三条第一款第二项" in schema.portal.bases[finance.known.basis].zh
    staff = next(one for one in finance.holdings if one.entity.name == "staff")
    assert [field.name for field in staff.fields] == ["bank_account"]
    own = [one for one in staff.reached[CLEAR] if one.role.en == "Self service"]
    assert [one.some_rows for one in own] == [True]
    assert staff.subject is staff.entity
