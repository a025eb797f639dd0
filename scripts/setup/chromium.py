"""A Chromium of the system for the tests in a browser."""

from __future__ import annotations

import os
import shutil
import subprocess

from .speech import note

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a Chinese font a page cannot be judged by its looks.
PACKAGES = ("chromium", "fonts-noto-cjk")


def ensure_chromium() -> None:
    """Install it where that is possible; else say how, and let the other tests run."""
    if any(shutil.which(name) for name in NAMES):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        note(
            "没有找到 Chromium，浏览器测试无法进行：请安装 chromium。",
            "There is no Chromium, so the browser tests cannot run: install chromium.",
        )
        return
    note("正在安装 Chromium…", "Installing Chromium …")
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
    ):
        subprocess.run(
            words, check=True, env=quiet, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
