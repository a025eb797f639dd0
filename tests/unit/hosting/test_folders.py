"""Folders of a home: closed to others, short enough for sockets, held by one start."""

import os
import stat

import pytest

from app.hosting.accounts import Account
from app.hosting.folders import LONGEST_SOCKET, make_home, only_start, socket_folder
from app.kernel.errors import SettingsError

ME = Account(os.geteuid(), os.getegid())


def test_a_socket_folder_is_short_even_where_the_home_is_deep(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    make_home(deep)
    place = socket_folder(deep, "postgres", ME)
    try:
        assert len(os.fsencode(place / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert socket_folder(deep, "postgres", ME) == place
    finally:
        place.rmdir()


def test_a_socket_folder_that_is_a_link_is_refused(tmp_path):
    make_home(tmp_path / "h")
    (tmp_path / "h" / "run").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "h" / "run" / "valkey").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="belongs to another account"):
        socket_folder(tmp_path / "h", "valkey", ME)


def test_a_second_start_of_one_home_is_told_who_holds_it(tmp_path):
    with only_start(tmp_path), pytest.raises(SettingsError) as caught, only_start(tmp_path):
        pass
    assert str(caught.value) == (
        f"The portal of {tmp_path} is already running (process {os.getpid()})."
    )


def test_a_home_is_free_again_after_its_end(tmp_path):
    for _ in range(2):
        with only_start(tmp_path):
            pass


def test_a_file_in_place_of_the_home_is_said(tmp_path):
    (tmp_path / "home").write_text("", encoding="ascii")
    with pytest.raises(SettingsError, match="cannot be used"):
        make_home(tmp_path / "home")
