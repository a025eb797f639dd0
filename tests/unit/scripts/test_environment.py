"""The set-up knows a finished environment from a half-made, outdated or moved one."""

import errno
import json
import subprocess
import sys

import pytest

from app.settings import ROOT
from setup import environment, front_end, interpreter


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


@pytest.mark.parametrize(
    "complaint",
    [
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
        "npm error code ENOSPC\nnpm error syscall write\nnpm error errno -28\n",
        "OSError: [Errno 122] Disk quota exceeded: '/x'\n",
    ],
)
def test_a_full_disk_during_the_installation_is_one_sentence(project, monkeypatch, complaint):
    monkeypatch.setattr(environment, "run", lambda *words, **named: complaint)
    with pytest.raises(SystemExit) as ended:
        environment._install("a.lock")
    said = str(ended.value.code).splitlines()
    assert len(said) == 2
    assert "磁盘已满" in said[0]
    assert "The disk is full" in said[1]


def test_npm_on_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    npm = tmp_path / "npm"
    npm.write_text(
        '#!/bin/sh\ntest "$1" = --version && echo 10.0.0 && exit\n'
        "echo 'npm error code ENOSPC' >&2\nexit 1\n"
    )
    npm.chmod(0o755)
    monkeypatch.setattr(front_end, "MARKER", tmp_path / "none")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SystemExit) as ended:
        front_end.ensure_front_end()
    assert "The disk is full" in str(ended.value.code)
    assert "npm error" not in str(ended.value.code)


def test_what_we_write_ourselves_on_a_full_disk_is_the_same_sentence():
    with pytest.raises(SystemExit, match="磁盘已满"), environment.stopping_when_full():
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), environment.stopping_when_full():
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_python_that_is_new_enough_goes_on(monkeypatch):
    monkeypatch.setattr("os.execv", lambda *words: pytest.fail(str(words)))
    interpreter.require_python()


def test_an_old_python_hands_over_to_the_newest_that_there_is(tmp_path, monkeypatch):
    for name in ("python3.11", "python3.12"):
        place = tmp_path / name
        place.write_text('#!/bin/sh\necho "$(basename $0) $*"\n')
        place.chmod(0o755)
    done = old_python(tmp_path)
    assert done.stdout.split() == ["python3.12", "start", "--port", "9"]
    assert done.returncode == 0


def test_an_old_python_alone_says_what_is_missing(tmp_path):
    done = old_python(tmp_path)
    assert done.returncode == 1
    assert "需要 Python 3.11 或更新的版本" in done.stderr
    assert "Python 3.11 or newer is needed, this is" in done.stderr
    assert "Traceback" not in done.stderr


def old_python(path):
    """What happens when a script is run by a Python that says it is too old."""
    words = (
        "import sys; sys.version_info = (3, 9, 2); sys.argv = ['start', '--port', '9'];"
        "from setup.interpreter import require_python; require_python()"
    )
    own = {"PATH": str(path), "PYTHONPATH": str(ROOT / "scripts"), "PYTHONUTF8": "1"}
    own["PATH"] += ":/bin" if any(path.iterdir()) else ""
    return subprocess.run([sys.executable, "-c", words], env=own, capture_output=True,
                          text=True, check=False)  # fmt: skip
