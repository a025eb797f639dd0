"""The front-end files: those that templates ask for are those that are served."""

import json
import re
from pathlib import Path

from app.hosting.assets import SERVED, SPRITE

ROOT = Path(__file__).resolve().parents[2]
ASKED = re.compile(r"""vendor\(["']([^"']+)["']\)""")


def test_templates_ask_for_what_is_served_and_for_all_of_it():
    asked = {
        name
        for place in (ROOT / "app").rglob("*.html")
        for name in ASKED.findall(place.read_text(encoding="utf-8"))
    }
    assert asked == {Path(name).name for name in SERVED} | {SPRITE}


def test_lock_files_name_no_address():
    for place in (*ROOT.glob("requirements*.lock"), ROOT / "package-lock.json"):
        assert "://" not in place.read_text(encoding="utf-8"), place.name


def test_every_package_is_pinned_by_its_content():
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert all("integrity" in entry for name, entry in packages.items() if name)
    for place in ROOT.glob("requirements*.lock"):
        entries = re.split(r"\n(?=\S)", place.read_text(encoding="utf-8").strip())
        assert all("--hash=sha256:" in entry for entry in entries), place.name


def test_the_run_time_versions_are_those_that_are_tested():
    def pinned(name: str) -> set[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return set(re.findall(r"^[\w.\-]+==\S+", text, flags=re.MULTILINE))

    assert pinned("requirements.lock") <= pinned("requirements-dev.lock")
