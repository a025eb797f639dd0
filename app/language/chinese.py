"""Chinese numbers: identity cards, social credit codes, bank cards, regions."""

from __future__ import annotations

import re
from datetime import date

from stdnum import luhn, numdb
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

FOREIGN_RESIDENT = ("81", "82", "83", "9")
REGION_ENDS = {"province": "0000", "city": "00", "district": ""}


def identity_card(text: str) -> str:
    """The 18 characters of an identity number (GB 11643); raises ValueError.

    Permits of residents from Hong Kong, Macao, Taiwan and abroad have the same form with
    other places of issue.
    """
    number: str = ric.compact(text)
    if not (len(number) == 18 and number.startswith(FOREIGN_RESIDENT)):
        return str(ric.validate(number))
    if not number[:-1].isdigit() or ric.calc_check_digit(number) != number[-1]:
        raise ValidationError
    birth_date(number)
    return number


def birth_date(number: str) -> date:
    """The date of birth in an identity number; raises ValueError."""
    born: date = ric.get_birth_date(number)
    return born


def sex(number: str) -> str:
    """``male`` or ``female``, by the 17th digit of an identity number."""
    return "male" if int(number[16]) % 2 else "female"


def credit_code(text: str) -> str:
    """The 18 characters of a social credit code (GB 32100); raises ValueError."""
    return str(uscc.validate(text))


def bank_card(text: str) -> str:
    """The 16 to 19 digits of a bank card; raises ValueError.

    Some cards fail the Luhn check, so that is no reason to refuse: see ``fails_luhn``.
    """
    number = re.sub(r"[\s\-]", "", text)
    if not re.fullmatch(r"[0-9]{16,19}", number):
        raise ValueError(text)
    return number


def fails_luhn(number: str) -> bool:
    """Whether a card number fails the Luhn check, which is worth a warning."""
    return not luhn.is_valid(number)


def region(text: str, level: str) -> str:
    """A GB/T 2260 code of a level (province, city, district); raises ValueError."""
    good = re.fullmatch(r"[1-9][0-9]{5}", text) and text.endswith(REGION_ENDS[level])
    if not good or not region_names(text):
        raise ValueError(text)
    return text


def region_names(code: str) -> tuple[str, ...]:
    """Province, city and district of a GB/T 2260 code, as far as it goes; empty when unknown."""
    table = numdb.get("cn/loc")
    names: dict[str, None] = {}
    for part in (code[:2] + "0000", code[:4] + "00", code):
        found = {key: text for _, info in table.info(part) for key, text in info.items()}
        name = re.sub(r"\[[^\]]*\]", "", found.get("county", "")).split(",")[-1]
        if name and name not in ("市辖区", "县"):
            names[name] = None
    known = any(info for _, info in table.info(code)[1:])
    return tuple(names) if known else ()
