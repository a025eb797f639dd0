"""The set-up knows a finished environment from a half-made, outdated or moved one."""

import json

import pytest

from setup import environment


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two lock files and an environment that holds the first."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(environment, "MARKER", tmp_path / ".venv" / "storewarden.json")
    environment.PYTHON.parent.mkdir(parents=True)
    environment.PYTHON.touch(mode=0o755)
    for name in ("a.lock", "b.lock"):
        (tmp_path / name).write_text(name, encoding="ascii")
    mark(environment._place())
    return tmp_path


def mark(place):
    content = {"place": place, "locks": {"a.lock": environment.digest("a.lock")}}
    environment.MARKER.write_text(json.dumps(content), encoding="ascii")


def missing():
    return environment._missing(("a.lock", "b.lock"))


def test_only_what_is_not_installed_is_missing(project):
    assert missing() == ["b.lock"]


def test_a_changed_lock_file_is_missing_again(project):
    (project / "a.lock").write_text("newer", encoding="ascii")
    assert missing() == ["a.lock", "b.lock"]


@pytest.mark.parametrize("content", ["", "{", '{"place": {}}'])
def test_a_half_written_environment_counts_for_nothing(project, content):
    environment.MARKER.write_text(content, encoding="ascii")
    assert missing() == ["a.lock", "b.lock"]


def test_an_environment_without_its_python_counts_for_nothing(project):
    environment.PYTHON.unlink()
    assert missing() == ["a.lock", "b.lock"]


def test_an_environment_of_another_folder_or_python_counts_for_nothing(project):
    for change in ({"root": "/elsewhere"}, {"python": "3.99"}):
        mark(environment._place() | change)
        assert missing() == ["a.lock", "b.lock"]


def test_a_full_disk_is_said_before_anything_is_installed(project, monkeypatch):
    monkeypatch.setattr(environment, "NEEDED_BYTES", 10**18)
    with pytest.raises(SystemExit, match="磁盘空间不足"):
        environment._require_space()


def test_a_full_disk_during_the_installation_is_said(project):
    with pytest.raises(SystemExit, match="磁盘已满"):
        environment._stop_for("ERROR: [Errno 28] No space left on device")
