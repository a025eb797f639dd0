"""What a browser says of itself, as people call it: the program and the system."""

from __future__ import annotations

from app.kernel.messages import Label

# The first that occurs wins: programs that contain another's name stand before it.
PROGRAMS = (
    ("wxwork/", Label("企业微信", "WeCom")),
    ("micromessenger/", Label("微信", "WeChat")),
    ("dingtalk/", Label("钉钉", "DingTalk")),
    ("lark/", Label("飞书", "Feishu")),
    ("qqbrowser/", Label("QQ 浏览器", "QQ Browser")),
    ("ucbrowser/", Label("UC 浏览器", "UC Browser")),
    ("edg/", Label("Edge", "Edge")),
    ("opr/", Label("Opera", "Opera")),
    ("firefox/", Label("Firefox", "Firefox")),
    ("chrome/", Label("Chrome", "Chrome")),
    ("safari/", Label("Safari", "Safari")),
    ("python", Label("Python", "Python")),
    ("curl/", Label("curl", "curl")),
)
SYSTEMS = (
    ("harmony", Label("鸿蒙", "HarmonyOS")),
    ("android", Label("安卓", "Android")),
    ("iphone", Label("iPhone", "iPhone")),
    ("ipad", Label("iPad", "iPad")),
    ("windows", Label("Windows", "Windows")),
    ("mac os", Label("Mac", "Mac")),
    ("linux", Label("Linux", "Linux")),
)
UNKNOWN = Label("未知设备", "Unknown device")


def device_of(agent: str, language: str) -> str:
    """A name such as “Chrome · Windows” for a User-Agent header."""
    said = agent.lower()
    found = [
        next((label for mark, label in known if mark in said), None)
        for known in (PROGRAMS, SYSTEMS)
    ]
    return " · ".join(label.text(language) for label in found if label) or UNKNOWN.text(language)
