"""Settings: one table, read once, and a clear word about each mistake."""

import stat
from dataclasses import fields
from zoneinfo import ZoneInfo

import pytest

from app.kernel.errors import SettingsError
from app.settings import SETTINGS_TABLE, Settings, printable, read_settings


@pytest.fixture
def environment(tmp_path):
    return {"PORTAL_HOME": str(tmp_path / "home"), "PATH": "/bin"}


def test_the_table_and_the_values_have_the_same_names_in_the_same_order():
    assert [one.attribute for one in SETTINGS_TABLE] == [one.name for one in fields(Settings)]


def test_defaults_are_those_of_the_table(environment):
    settings = read_settings(environment)
    assert (settings.port, settings.language, settings.database_url) == (8000, "zh", "")
    assert settings.timezone == ZoneInfo("Asia/Shanghai")


def test_an_empty_variable_means_the_default(environment):
    assert read_settings(environment | {"PORTAL_PORT": ""}).port == 8000


def test_the_key_is_made_once_and_only_its_owner_may_read_it(environment, tmp_path):
    first = read_settings(environment)
    place = tmp_path / "home" / "secret_key"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert len(first.secret_key) == 64
    assert read_settings(environment).secret_key == first.secret_key


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PORTAL_PROT", "1", "PORTAL_PROT is not a setting; did you mean PORTAL_PORT?"),
        ("PORTAL_QQQQQQ", "1", "PORTAL_QQQQQQ is not a setting."),
        ("PORTAL_PORT", "70000", "PORTAL_PORT must be a whole number from 1 to 65535."),
        ("PORTAL_PORT", "-1", "PORTAL_PORT must be a whole number from 1 to 65535."),
        ("PORTAL_PORT", "８０００", "PORTAL_PORT must be a whole number from 1 to 65535."),
        ("PORTAL_TIMEZONE", "Mars", "PORTAL_TIMEZONE must be a time zone such as Asia/Shanghai."),
        ("PORTAL_TIMEZONE", "../x", "PORTAL_TIMEZONE must be a time zone such as Asia/Shanghai."),
        ("PORTAL_LANGUAGE", "fr", "PORTAL_LANGUAGE must be zh or en."),
        ("PORTAL_COOKIE_SECURE", "maybe", "PORTAL_COOKIE_SECURE must be yes or no."),
        ("PORTAL_SECRET_KEY", "short", "PORTAL_SECRET_KEY must be at least 32 characters long."),
        (
            "PORTAL_DATABASE_URL",
            "sqlite:///x",
            "PORTAL_DATABASE_URL must be an address that begins with postgresql://.",
        ),
        (
            "PORTAL_DATABASE_OWNER_URL",
            "postgresql://x/y",
            "PORTAL_DATABASE_OWNER_URL is set, so PORTAL_DATABASE_URL must be set too.",
        ),
    ],
)
def test_a_mistake_is_said_in_one_sentence(environment, name, text, said):
    with pytest.raises(SettingsError) as caught:
        read_settings(environment | {name: text})
    assert str(caught.value) == said


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_database_address_names_the_driver_and_serves_both_roles(environment, scheme):
    settings = read_settings(environment | {"PORTAL_DATABASE_URL": f"{scheme}://u:p@h/d"})
    assert settings.database_url == "postgresql+psycopg://u:p@h/d"
    assert settings.database_owner_url == settings.database_url


def test_settings_survive_the_way_through_a_child_s_environment(environment):
    settings = read_settings(
        environment | {"PORTAL_TRUSTED_HOSTS": "a.example, b.example", "PORTAL_COOKIE_SECURE": "1"}
    )
    assert settings.trusted_hosts == ("a.example", "b.example")
    assert read_settings(settings.to_environment()) == settings


def test_printing_hides_every_secret(environment):
    given = {
        "PORTAL_DATABASE_URL": "postgresql://user:hush@h/d",
        "PORTAL_REDIS_URL": "redis://:hush@h/0",
        "PORTAL_SECRET_KEY": "hush" * 8,
    }
    text = "\n".join(text for _, text in printable(read_settings(environment | given)))
    assert "hush" not in text
    assert "postgresql+psycopg://user:•••@h/d" in text


def test_a_home_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(SettingsError, match="cannot be used: Not a directory"):
        read_settings({"PORTAL_HOME": str(tmp_path / "file" / "home")})


def test_a_damaged_key_is_not_used(environment, tmp_path):
    read_settings(environment)
    (tmp_path / "home" / "secret_key").write_text("", encoding="ascii")
    with pytest.raises(SettingsError, match="too short"):
        read_settings(environment)
