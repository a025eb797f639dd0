"""Made-up numbers that pass every check: identity cards, phones, credit codes, bank cards."""

from __future__ import annotations

from datetime import date
from random import Random

from stdnum import luhn
from stdnum.cn import ric, uscc

# Places of issue (GB/T 2260) from which the people of the demo come. Most codes are younger than
# the reform of 1983, so whoever is older comes from a city that kept its districts.
OLD_PLACES = ("310104", "310101", "310105", "110105", "110101", "110108", "120101", "120102")
BIRTH_PLACES = (
    *OLD_PLACES, "330106", "330102", "320102", "320106", "440103", "440104", "440105", "430103",
    "420106", "420102", "340102", "410102", "370102", "350102", "360102", "450102", "610102", "530102",
)  # fmt: skip
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# Numbers under 190 0100 … and 190 02 … stand for nobody here; they only look like numbers.
STAFF_MOBILES, COMPANY_MOBILES, CUSTOMER_MOBILES = "1900", "1909", "191"
CARD_PREFIX = "621700"


def identity_number(random: Random, born: date, *, male: bool) -> str:
    """An identity number (GB 11643) with a valid check character."""
    order = random.randrange(1, 499) * 2 + (1 if male else 0)
    places = OLD_PLACES if born.year < 1985 else BIRTH_PLACES
    body = f"{random.choice(places)}{born:%Y%m%d}{order:03d}"
    return f"{body}{ric.calc_check_digit(body + '0')}"


def credit_code(number: int, place: str = "440100", kind: str = "91") -> str:
    """A social credit code (GB 32100) of organisation ``number`` with a valid check character."""
    digits = ""
    for _ in range(8):
        number, rest = divmod(number * 7 + 3, 31)
        digits = CREDIT_ALPHABET[rest] + digits
    body = f"{kind}{place}MA{digits[1:]}"
    return f"{body}{uscc.calc_check_digit(body)}"


def staff_mobile(number: int) -> str:
    """The mobile number of staff member ``number``."""
    return f"{STAFF_MOBILES}{number:07d}"


def customer_mobile(number: int) -> str:
    """The mobile number of customer ``number``."""
    return f"{CUSTOMER_MOBILES}{number:08d}"


def company_mobile(number: int) -> str:
    """A mobile number that the company keeps for canaries: whoever calls it had it from a list."""
    return f"{COMPANY_MOBILES}{number:07d}"


def bank_card(number: int) -> str:
    """A bank card of 19 digits that passes the Luhn check."""
    body = f"{CARD_PREFIX}{number:012d}"
    return f"{body}{luhn.calc_check_digit(body)}"


def phone(area_code: str, number: int) -> str:
    """A fixed line."""
    return f"{area_code}-{60000000 + number % 9999999:08d}"


def permit_number(random: Random, born: date, *, male: bool) -> str:
    """The number of a residence permit for people from Hong Kong."""
    order = random.randrange(1, 499) * 2 + (1 if male else 0)
    body = f"810000{born:%Y%m%d}{order:03d}"
    return f"{body}{ric.calc_check_digit(body + '0')}"
