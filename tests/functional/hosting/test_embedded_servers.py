"""The embedded servers: who may do what, and what is in them."""

import stat

import psycopg
import pytest
from redis import Redis

from tests.support.servers import database_name


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def test_chinese_trigrams_work_in_every_new_database(own_servers):
    with own_servers.database() as urls, connect(urls.app) as connection:
        row = connection.execute("SELECT cardinality(show_trgm('王小明'))").fetchone()
        assert row == (4,)


def test_owner_makes_tables(own_servers):
    with own_servers.database() as urls, connect(urls.owner) as connection:
        connection.execute("CREATE TABLE store (id bigint)")
        connection.execute("GRANT SELECT ON store TO portal_app")
        with connect(urls.app) as app:
            assert app.execute("SELECT count(*) FROM store").fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE x (id bigint)",
        "CREATE TEMPORARY TABLE x (id bigint)",
        "CREATE SCHEMA x",
        "CREATE DATABASE x",
        "CREATE ROLE x",
        "SET ROLE portal_owner",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "INSERT INTO store VALUES (1)",
        "DROP TABLE store",
    ],
)
def test_app_role_may_only_what_is_granted(own_servers, statement):
    with own_servers.database() as urls:
        with connect(urls.owner) as owner:
            owner.execute("CREATE TABLE store (id bigint)")
        with connect(urls.app) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(statement)


def test_a_copy_of_a_database_has_its_rows(own_servers):
    with own_servers.database() as urls:
        with connect(urls.owner) as owner:
            owner.execute("CREATE TABLE store AS SELECT 7 AS id")
        with (
            own_servers.database(template=database_name(urls)) as copied,
            connect(copied.owner) as owner,
        ):
            assert owner.execute("SELECT id FROM store").fetchone() == (7,)


def test_roles_of_one_database_have_no_way_into_template_or_maintenance(own_servers):
    for name in ("postgres", "template1"):
        url = own_servers.postgres.urls(name).app
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            connect(url)


def test_a_wrong_password_is_refused_on_the_socket(own_servers):
    url = own_servers.postgres.urls("portal").app
    head, _, tail = url.partition("@")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(head.rpartition(":")[0] + ":wrong@" + tail)


def test_nothing_listens_on_tcp_and_only_the_owner_reaches_the_sockets(own_servers):
    with own_servers.database() as urls, connect(urls.owner) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    for name in ("postgres", "valkey"):
        folder = own_servers.home / "run" / name
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    passwords = own_servers.home / "postgres_passwords.json"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600


def test_data_has_checksums_and_is_utf8(own_servers):
    with own_servers.database() as urls, connect(urls.owner) as connection:
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)


def test_valkey_answers_on_its_socket_only(own_servers):
    with Redis.from_url(own_servers.redis_url) as connection:
        connection.set("a", "1")
        assert connection.get("a") == b"1"
        assert connection.config_get("port") == {"port": "0"}
