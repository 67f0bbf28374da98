"""Sending one message: web hooks, the robots of DingTalk, WeCom and Feishu, and what apprise knows.

The three robots answer 200 to what they refuse (a wrong key, a missing keyword, too many messages)
and say so in the body alone.  apprise does not read it, and an alarm that nobody got would count as
told: these three are sent from here, in the addresses that apprise uses for them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import importlib.util
import time
import urllib.request
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec

from dashboard.errors import NOT_JSON, Refused

TIMEOUT_S = 15.0
MAX_ANSWER = 64 * 1024
ROBOTS = ("dingtalk", "wecombot", "feishu")
DINGTALK = "https://oapi.dingtalk.com/robot/send?access_token="
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key="
FEISHU = "https://open.feishu.cn/open-apis/bot/v2/hook/"


def needs_apprise(url: str) -> bool:
    """Whether an address is one that only apprise knows."""
    scheme = url.partition(":")[0].lower()
    return scheme not in ("http", "https", *ROBOTS)


def has_apprise() -> bool:
    """Whether it is installed."""
    return importlib.util.find_spec("apprise") is not None


def deliver(url: str, title: str, body: str) -> None:
    """Send one message now.

    Parameters
    ----------
    url : str
        ``https://...``: a web hook, which gets ``{"title", "text"}``.
        ``dingtalk://[SECRET@]TOKEN[/PHONE...]``, ``wecombot://KEY``, ``feishu://[SECRET@]TOKEN``.
        Anything else is apprise's.
    title, body : str

    Raises
    ------
    Exception
        It did not arrive.
    """
    scheme = url.partition(":")[0].lower()
    if scheme in ("http", "https"):
        _post(url, {"title": title, "text": body})
    elif scheme in ROBOTS:
        address, message = _to_robot(url, f"{title}\n{body}")
        _check(_post(address, message))
    else:
        apprise = importlib.import_module("apprise")
        sender = apprise.Apprise()
        if not sender.add(url) or not sender.notify(title=title, body=body):
            raise Refused("notify.not_taken")


def _to_robot(url: str, text: str) -> tuple[str, dict[str, Any]]:
    """Address and message of a robot, signed where it has a secret."""
    parts = urlsplit(url)
    secret, _, token = parts.netloc.rpartition("@")
    secret, token = unquote(secret), unquote(token)
    if parts.scheme.lower() == "wecombot":
        return WECOM + quote(token), {"msgtype": "text", "text": {"content": text}}
    if parts.scheme.lower() == "feishu":
        message = {"msg_type": "text", "content": {"text": text}}
        if secret:
            now = str(round(time.time()))
            message |= {"timestamp": now, "sign": _sign(f"{now}\n{secret}", "")}
        return FEISHU + quote(token), message
    phones = [phone for phone in parts.path.split("/") if phone]
    address = DINGTALK + quote(token)
    if secret:
        now = str(round(time.time() * 1000))
        address += f"&timestamp={now}&sign={quote(_sign(secret, f'{now}{chr(10)}{secret}'))}"
    return address, {"msgtype": "text", "text": {"content": text}, "at": {"atMobiles": phones}}


def _sign(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


def _post(url: str, message: dict[str, Any]) -> bytes:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    request = urllib.request.Request(url, msgspec.json.encode(message), kind)  # noqa: S310
    opener = urllib.request.build_opener()  # asks each time which proxy is set
    with opener.open(request, timeout=TIMEOUT_S) as answer:
        return bytes(answer.read(MAX_ANSWER))


def _check(answer: bytes) -> None:
    """Read what a robot says of a message that it got.

    Raises
    ------
    Refused
        It did not pass it on.
    """
    try:
        said = msgspec.json.decode(answer, type=dict[str, Any])
    except NOT_JSON:
        said = {"errmsg": answer[:80].decode("utf-8", "replace")}
    code = said.get("errcode", said.get("code", said.get("StatusCode", "?")))
    if code != 0:
        why = said.get("errmsg", said.get("msg", said.get("StatusMessage", "")))
        raise Refused("notify.robot", 502, code=code, why=why)
