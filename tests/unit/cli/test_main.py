"""The command ``portal``: every command is found, every expected error is one sentence."""

import pytest
from click.testing import CliRunner

from app.cli.main import COMMANDS, main


@pytest.fixture
def portal(tmp_path, monkeypatch):
    """Run ``portal`` in a home of its own, in English."""
    monkeypatch.setenv("PORTAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PORTAL_LANGUAGE", "en")
    return lambda *words: CliRunner().invoke(main, words)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_of_the_table_can_be_called(portal, name):
    result = portal(name, "--help")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage: ")


def test_an_unknown_command_is_refused(portal):
    assert portal("sevre").exit_code == 2


def test_an_expected_error_is_one_sentence_without_traceback(portal, monkeypatch):
    monkeypatch.setenv("PORTAL_PROT", "1")
    result = portal("settings")
    assert result.exit_code == 1
    assert result.output == "Error: PORTAL_PROT is not a setting; did you mean PORTAL_PORT?\n"


def test_settings_are_shown_in_the_reader_s_language_and_secrets_are_not(portal, monkeypatch):
    monkeypatch.setenv("PORTAL_SECRET_KEY", "hush" * 8)
    assert "Port to listen on" in portal("settings").output
    monkeypatch.setenv("PORTAL_LANGUAGE", "zh")
    shown = portal("settings").output
    assert "监听端口" in shown
    assert "hush" not in shown


def test_version(portal):
    assert portal("version").output.startswith("storewarden ")
