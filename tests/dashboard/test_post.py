"""Messages on their real way: TLS to the robots' own host names, SMTP, web hooks; all of it here.

A proxy on this machine stands where the internet is: what asks for oapi.dingtalk.com gets a
connection to it with a certificate of that name, and no packet leaves.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.errors import Refused
from dashboard.notify import NotifySection
from dashboard.post import deliver, has_apprise
from dashboard.tls import own_certificate

HOSTS = ["oapi.dingtalk.com", "qyapi.weixin.qq.com", "open.feishu.cn"]


class Internet(http.server.BaseHTTPRequestHandler):
    """A proxy that answers itself, as the hosts that it is asked for would."""

    got: ClassVar[list[tuple[str, str, dict[str, Any]]]]
    answer: ClassVar[bytes]
    context: ssl.SSLContext
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.host = self.path.partition(":")[0]
        with contextlib.ExitStack() as plain:
            plain.callback(self.rfile.close)
            plain.callback(self.wfile.close)
            try:
                self.connection = self.context.wrap_socket(self.connection, server_side=True)
            except OSError:  # it does not trust us, or has gone
                plain.pop_all()
                self.close_connection = True
                return
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")
        self.close_connection = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.got.append((getattr(self, "host", ""), self.path, body))
        self.send_response(200 if self.answer else 500)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)
        self.wfile.flush()
        self.close_connection = True

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def log_message(self, *_: object) -> None:
        return


@contextlib.contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]  # type: ignore[index]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Internet]]:
    certificate, key = own_certificate(tmp_path, HOSTS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Here(Internet):
        got: ClassVar[list[tuple[str, str, dict[str, Any]]]] = []
        answer = b'{"errcode": 0, "errmsg": "ok"}'

    Here.context = context
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Here)) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield Here


def test_dingtalk(internet: type[Internet]) -> None:
    deliver("dingtalk://token-1/13800000000/", "第三中学：发现可疑信号", "169.5 MHz")
    ((host, path, body),) = internet.got
    assert (host, path) == ("oapi.dingtalk.com", "/robot/send?access_token=token-1")
    assert body == {
        "msgtype": "text",
        "text": {"content": "第三中学：发现可疑信号\n169.5 MHz"},
        "at": {"atMobiles": ["13800000000"]},
    }


def test_dingtalk_with_a_secret(internet: type[Internet]) -> None:
    deliver("dingtalk://SEC%2F1@token", "title", "text")
    query = parse_qs(urlsplit(internet.got[0][1]).query)
    stamp = query["timestamp"][0]
    assert abs(int(stamp) / 1000 - time.time()) < 60
    digest = hmac.new(b"SEC/1", f"{stamp}\nSEC/1".encode(), hashlib.sha256).digest()
    assert base64.b64decode(query["sign"][0]) == digest


def test_wecom(internet: type[Internet]) -> None:
    deliver("wecombot://key-1-2", "title", "text")
    assert internet.got == [
        (
            "qyapi.weixin.qq.com",
            "/cgi-bin/webhook/send?key=key-1-2",
            {"msgtype": "text", "text": {"content": "title\ntext"}},
        )
    ]


def test_feishu(internet: type[Internet]) -> None:
    internet.answer = b'{"code": 0, "msg": "success", "data": {}}'
    deliver("feishu://token", "title", "text")
    deliver("feishu://secret@token", "title", "text")
    (first, second) = internet.got
    assert first == (
        "open.feishu.cn",
        "/open-apis/bot/v2/hook/token",
        {"msg_type": "text", "content": {"text": "title\ntext"}},
    )
    key = f"{second[2]['timestamp']}\nsecret".encode()
    wanted = base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
    assert second[2]["sign"] == wanted


@pytest.mark.parametrize(
    ("url", "answer", "code"),
    [
        ("dingtalk://t", '{"errcode":310000,"errmsg":"keywords not in content"}', 310000),
        ("wecombot://t", '{"errcode":93000,"errmsg":"invalid webhook url"}', 93000),
        ("feishu://t", '{"code":19024,"msg":"Key Words Not Found"}', 19024),
        ("feishu://t", '{"StatusCode":9499,"StatusMessage":"bad"}', 9499),
        ("wecombot://t", "<html>a hotel's sign-in page</html>", "?"),
        ("wecombot://t", "[]", "?"),
        ("wecombot://t", "{}", "?"),
    ],
)
def test_a_robot_that_says_200_and_refuses_has_not_told(
    internet: type[Internet], url: str, answer: str, code: object
) -> None:
    internet.answer = answer.encode()
    with pytest.raises(Refused) as caught:
        deliver(url, "title", "text")
    assert (caught.value.message_id, caught.value.fields["code"]) == ("notify.robot", code)


def test_a_robot_that_fails_is_an_error(internet: type[Internet]) -> None:
    internet.answer = b""
    with pytest.raises(OSError, match="500"):
        deliver("wecombot://t", "title", "text")


def test_a_wrong_certificate_gets_nothing(
    internet: type[Internet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        deliver("dingtalk://t", "title", "text")
    assert internet.got == []


class Post(socketserver.StreamRequestHandler):
    """Enough of SMTP for one message."""

    got: ClassVar[list[tuple[list[str], bytes]]]
    refuses = False

    def handle(self) -> None:
        envelope: list[str] = []
        self.wfile.write(b"220 post\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word in (b"MAIL", b"RCPT"):
                envelope.append(line.decode().strip())
                self.wfile.write(b"550 no such person\r\n" if self.refuses else b"250 ok\r\n")
            elif word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                message = b""
                while (text := self.rfile.readline()) != b".\r\n":
                    message += text
                self.got.append((envelope, message))
                self.wfile.write(b"250 ok\r\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 post\r\n")


def needs_apprise(test: Callable[[], None]) -> Callable[[], None]:
    """Skip without it; what it imports is none of our business."""
    quiet = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
    return pytest.mark.skipif(not has_apprise(), reason="needs apprise")(quiet(test))


@needs_apprise
def test_mail() -> None:
    class Here(Post):
        got: ClassVar[list[tuple[list[str], bytes]]] = []

    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Here)) as port:
        url = f"mailto://127.0.0.1:{port}?from=monitor@city.cn&to=duty@city.cn&mode=insecure"
        deliver(url, "第三中学：发现可疑信号", "169.5 MHz 可疑度 86")
        ((envelope, raw),) = Here.got
        message = message_from_bytes(raw)
        assert "monitor@city.cn" in envelope[0] and "duty@city.cn" in envelope[1]
        assert str(make_header(decode_header(message["Subject"]))) == "第三中学：发现可疑信号"
        parts = [part.get_payload(decode=True) for part in message.walk()]
        text = "".join(part.decode() for part in parts if isinstance(part, bytes))
        assert "169.5 MHz 可疑度 86" in text
        Here.refuses = True
        with pytest.raises(Refused, match="not_taken"):
            deliver(url, "title", "text")


@needs_apprise
def test_any_other_address_of_apprise() -> None:
    class Here(Internet):
        got: ClassVar[list[tuple[str, str, dict[str, Any]]]] = []
        answer = b"{}"

    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Here)) as port:
        deliver(f"json://127.0.0.1:{port}/alarm", "title", "text")
        ((_, path, body),) = Here.got
        assert (path, body["title"], body["message"]) == ("/alarm", "title", "text")
        Here.answer = b""
        with pytest.raises(Refused, match="not_taken"):
            deliver(f"json://127.0.0.1:{port}/alarm", "title", "text")


@needs_apprise
def test_an_address_that_nobody_knows() -> None:
    with pytest.raises(Refused, match="not_taken"):
        deliver("carrierpigeon://loft", "title", "text")


def test_robots_need_nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.notify.has_apprise", lambda: False)
    for url in ("https://x/y", "dingtalk://t", "WECOMBOT://t", "feishu://t"):
        NotifySection(name="x", url=url)
    with pytest.raises(ValueError, match=r"notify\.no_apprise"):
        NotifySection(name="x", url="mailtos://x")
