"""Gathering front-end files: complete, small, and under an address that changes with them."""

import gzip
import json
import os
import time

import pytest

from app.hosting.assets import ICONS, SERVED, publish
from app.kernel.errors import SettingsError


@pytest.fixture
def packages(tmp_path):
    folder = tmp_path / "node_modules"
    drawn = {name: [["path", {"d": "M1 1"}]] for name in ("user", "truck", "rare", "home")}
    for name in (*SERVED, ICONS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a{}\n/*# sourceMappingURL=a.css.map */\n", encoding="ascii")
    (folder / ICONS).write_text(json.dumps(drawn), encoding="ascii")
    return folder


def test_files_lie_under_a_name_of_their_content(packages, tmp_path):
    target = tmp_path / "assets"
    first = publish(packages, target, [])
    assert (target / "current").resolve() == first
    assert publish(packages, target, []) == first
    (packages / SERVED[0]).write_text("b{}", encoding="ascii")
    second = publish(packages, target, [])
    assert second != first
    assert (target / "current").resolve() == second


def test_only_versions_of_the_last_days_are_kept(packages, tmp_path):
    target = tmp_path / "assets"
    for name, age in (("old", 8 * 86_400), ("young", 86_400)):
        (target / name).mkdir(parents=True)
        os.utime(target / name, (time.time() - age,) * 2)
    newest = publish(packages, target, [])
    os.utime(newest, (0, 0))
    publish(packages, target, [])
    assert {place.name for place in target.iterdir()} == {"young", newest.name, "current"}


def test_each_file_has_a_gzip_form_and_no_source_map(packages, tmp_path):
    folder = publish(packages, tmp_path / "assets", [])
    plain = folder / "tabler.min.css"
    assert plain.read_bytes() == b"a{}\n"
    assert gzip.decompress((folder / "tabler.min.css.gz").read_bytes()) == plain.read_bytes()


def test_the_sprite_holds_the_icons_that_are_named_somewhere(packages, tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "car.yaml").write_text("entity: car\nicon: rare\n", encoding="utf-8")
    sprite = (publish(packages, tmp_path / "assets", [sources]) / "icons.svg").read_text("utf-8")
    assert '<symbol id="rare"' in sprite
    assert '<symbol id="user"' in sprite
    without = (publish(packages, tmp_path / "assets", []) / "icons.svg").read_text("utf-8")
    assert '<symbol id="rare"' not in without


def test_a_missing_file_is_named(packages, tmp_path):
    (packages / SERVED[1]).unlink()
    with pytest.raises(SettingsError, match=r"echarts\.common\.min\.js"):
        publish(packages, tmp_path / "assets", [])
