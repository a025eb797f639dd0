"""Each reminder that ships, with dates worked out by hand."""

from __future__ import annotations

from datetime import date

from tests.support.chain import Chain


def test_n1_contract_due(chain: Chain) -> None:
    # 2026-06-30 is a Tuesday. −60 is Friday 05-01 (holiday until 05-05), −45 Saturday 05-16, −30 Sunday 05-31,
    # −15 Monday 06-15, −7 Tuesday 06-23.
    contract = chain.contract(chain.person("李合同"), date(2026, 6, 30))
    chain.days(date(2026, 4, 28), date(2026, 7, 10))
    hr = ("head", "east_hr", "store")
    late = ("boss", "head", "east_hr", "store")
    assert chain.told("contract_due", contract) == [
        *[("2026-05-06", "-60", who) for who in hr],
        *[("2026-05-18", "-45", who) for who in hr],
        *[("2026-06-01", "-30", who) for who in hr],
        *[("2026-06-15", "-15", who) for who in late],
        *[("2026-06-23", "-7", who) for who in late],
        *[("2026-06-30", "0", who) for who in late],
    ]
