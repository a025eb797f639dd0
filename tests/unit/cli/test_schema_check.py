"""``portal schema check`` looks at files alone, so it loads neither the web nor the database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import sys
from app.cli.main import main
main(["schema", "check", "schema"], standalone_mode=False)
print(sorted({"flask", "sqlalchemy", "flask_appbuilder", "alembic"} & set(sys.modules)))
"""


def test_a_check_loads_neither_the_web_nor_the_database() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
