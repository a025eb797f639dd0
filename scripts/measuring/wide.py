"""Measures large schemas: the check of 60 entities with 30 fields each, and a form of 240 fields.

``python -m measuring.wide``: over a schema and a home of its own, which are thrown away afterwards.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

ENTITIES, FIELDS, WIDE, RUNS = 60, 30, 240, 21
PORT = 8197
PASSWORD = "Wide-Forms-240-are-long"  # noqa: S105 - of a home that is thrown away
# Kinds of fields in turn, so that the form draws every common control.
KINDS = (
    "{type: text, max: 80}", "{type: long_text}", "{type: integer}", "{type: decimal}", "{type: date}",
    "{type: yes_no}", "{type: choice, choices: {a: {zh: 甲, en: A}, b: {zh: 乙, en: B}}}", "{type: link, to: yard}",
)  # fmt: skip
PORTAL = """
portal: wide
label: {{zh: 宽, en: Wide}}
tree: yard
class: plain
bases: {{contract: {{zh: 合同, en: Contract}}}}
classes:
  plain: {{label: {{zh: 业务, en: Business}}, purpose: {{zh: 业务, en: Business}}, basis: contract, open: true}}
modules:
  ground: {{label: {{zh: 全部, en: All}}, icon: table, entities: [{names}]}}
  portal: {{label: {{zh: 系统, en: System}}, icon: settings, entities: [role_assignment]}}
"""


def main() -> None:
    """Print two rows of the table of figures."""
    with tempfile.TemporaryDirectory() as folder:
        home, schema = Path(folder) / "home", Path(folder) / "schema"
        home.mkdir(0o700)
        write_schema(schema)
        environment = os.environ | {
            "PORTAL_HOME": str(home), "PORTAL_SCHEMA": str(schema), "PORTAL_PORT": str(PORT),
            "PORTAL_SECOND_FACTOR": "no", "LANG": "C.UTF-8",
        }  # fmt: skip
        times = [checked(environment) for _ in range(5)]
        print(f"| `portal schema check` of {ENTITIES} entities with {FIELDS} fields, as a process, s | 1"
              f" | {statistics.median(times):.2f} |", flush=True)  # fmt: skip
        with serving(environment) as password:
            milliseconds, size = opened(signed_in(password))
        print(f"| form of {WIDE} fields ({size / 1000:.0f} kB), ms | 200 | {milliseconds:.0f} |")


def write_schema(folder: Path) -> None:
    """One wide entity and as many others as it takes."""
    folder.mkdir()
    names = ["yard", "wide", *(f"thing{number}" for number in range(ENTITIES - 2))]
    (folder / "portal.yaml").write_text(PORTAL.format(names=", ".join(names)), "utf-8")
    for name in names:
        lines = [f"entity: {name}", f"label: {{zh: {name}, en: {name}}}", 'title: "{name}"']
        lines += ["scope: self"] if name == "yard" else ["scope: yard"]
        lines += ["fields:", "  name: {type: text, label: {zh: 名称, en: Name}, required: true}"]
        lines.append(
            "  upper: {type: parent, label: {zh: 上级, en: Above}}" if name == "yard"
            else "  yard: {type: link, to: yard, label: {zh: 地方, en: Place}, required: true}"
        )  # fmt: skip
        for number in range((WIDE if name == "wide" else FIELDS) - 2):
            said = f", label: {{zh: 字段{number}, en: Field {number}}}}}"
            lines.append(f"  field{number}: " + KINDS[number % len(KINDS)].removesuffix("}") + said)
        (folder / f"{name}.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    may = "\n".join(f"  {name}: {{read: true, create: true, edit: true}}" for name in names)
    (folder / "role.yaml").write_text(
        "role: head\nlabel: {zh: 负责人, en: Head}\nadministers: [accounts, roles, schema, trail]\n"
        f"may:\n{may}\n  role_assignment: {{read: true, create: true, edit: true, delete: true}}\n", "utf-8",
    )  # fmt: skip


def checked(environment: dict[str, str]) -> float:
    """Seconds of one check."""
    start = time.perf_counter()
    words = [sys.executable, "-m", "app.cli", "schema", "check"]
    subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[str]:
    """A running portal; the password of its first account."""
    words = [sys.executable, "-m", "app.cli", "serve", "--no-demo"]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        password = ""
        for line in process.stderr or ():
            found = re.search(r"admin\D+?([A-Za-z0-9]{16})\b", line)
            password = found[1] if found else password
            if f":{PORT}/" in line:
                break
        yield password
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def signed_in(password: str) -> urllib.request.OpenerDirector:
    """The first account, with a password of its own."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
    )
    send(opener, "/login/", username="admin", password=password)
    send(opener, "/login/password", password=PASSWORD, again=PASSWORD)
    return opener


def send(opener: urllib.request.OpenerDirector, path: str, **form: str) -> None:
    """Fill in a form of the portal."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page(opener, path))
    sent = urlencode({**form, "csrf_token": found[1] if found else ""}).encode()
    with opener.open(f"http://127.0.0.1:{PORT}{path}", sent) as answer:
        answer.read()


def page(opener: urllib.request.OpenerDirector, path: str) -> str:
    """A page of the portal."""
    with opener.open(f"http://127.0.0.1:{PORT}{path}") as answer:
        text: str = answer.read().decode()
    return text


def opened(opener: urllib.request.OpenerDirector) -> tuple[float, int]:
    """The median of a form in milliseconds, and its size in bytes."""
    times, text = list[float](), ""
    for _ in range(RUNS + 3):
        start = time.perf_counter()
        text = page(opener, "/wide/add")
        times.append((time.perf_counter() - start) * 1000)
    assert text.count('name="field') >= WIDE - 10, "this is not the form"
    return statistics.median(times[3:]), len(text.encode())


if __name__ == "__main__":
    main()
