"""``monitor.toml``: what a centre is told about itself, checked whole before anything is opened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dashboard.approvals import PairSection, in_force
from dashboard.content import ContentSection
from dashboard.fuse import Weights
from dashboard.notify import NotifySection
from dashboard.plans import PlanSection
from sensors.address import HIGHEST_PORT, can_be_dialled, is_key
from sensors.bandplan import PlanId
from sensors.messages import Id
from sensors.toml import BadConfig, load_toml

_HTTP = re.compile(r"^(?P<host>[A-Za-z0-9.:-]+|\[[0-9a-fA-F:]+\]):(?P<port>[0-9]{1,5})$")
_TCP = re.compile(r"^tcp://(?P<host>[A-Za-z0-9.*-]+|\[[0-9a-fA-F:]+\]):(?P<port>[0-9]{1,5})$")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class MonitorSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[monitor]``: who we are and where we listen.

    Attributes
    ----------
    id : str
    http : str
        ``HOST:PORT`` of the page.
    events : str
        ``tcp://HOST:PORT`` for the sites; the live and evidence planes are the next two ports.
    store : str
        SQLAlchemy URL; a relative SQLite path counts from the file's folder.
    insecure : bool
        Without keys, on loopback only.
    keys : Path or None
        Folder of our own key and of the list of sites that may speak here (`rfproctor keys`).
    certificate, certificate_key : Path or None
        PEM files for HTTPS.  Away from loopback the page is served over HTTPS only; without these
        a certificate is made beside the keys.
    band_plan : PlanId
        Says who normally lives where: the page shows it, and what it calls safety or cellular may
        not be listened to.
    hosts : list of str
        Further names by which browsers reach the page; addresses need not be listed.
    """

    id: Annotated[Id, Meta(examples=["city"])]
    http: str = "127.0.0.1:8470"
    events: str = "tcp://127.0.0.1:8471"
    store: str = "sqlite:///var/monitor.db"
    insecure: bool = False
    keys: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    band_plan: PlanId = "cn"
    hosts: list[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]+$", examples=["monitor.example.org"])]
    ] = []

    def __post_init__(self) -> None:
        http, tcp = _HTTP.match(self.http), _TCP.match(self.events)
        if http is None or int(http["port"]) > 65535:
            raise ValueError("http: config.http_address")
        if tcp is None or not 0 < int(tcp["port"]) <= HIGHEST_PORT:
            raise ValueError("events: config.tcp_address")
        for key, host in (("http", http["host"]), ("events", tcp["host"])):
            if self.insecure and host not in LOOPBACK:
                raise ValueError(f"{key}: config.insecure_not_loopback")
        if (self.certificate is None) != (self.certificate_key is None):
            key = "certificate_key" if self.certificate is None else "certificate"
            raise ValueError(f"{key}: config.certificate_pair")

    @property
    def is_local(self) -> bool:
        """Whether the page is for this machine only."""
        return self.http_host in LOOPBACK

    @property
    def http_host(self) -> str:
        """Where the page is served."""
        return self.http.rpartition(":")[0]

    @property
    def http_port(self) -> int:
        """Port of the page; 0 lets the system choose one."""
        return int(self.http.rpartition(":")[2])


class UpstreamSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[upstream]``: the centre above this one.

    Attributes
    ----------
    events : str
    server_key : str
        As printed by ``rfproctor keys list`` there; empty on loopback without keys.
    """

    events: str
    server_key: str = ""

    def __post_init__(self) -> None:
        if not can_be_dialled(self.events):
            raise ValueError("events: config.tcp_address")
        if self.server_key and not is_key(self.server_key):
            raise ValueError("server_key: config.server_key")


class HistorySection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[history]``: recorded waterfalls.

    Attributes
    ----------
    folder : Path or None
        One file per day; None: ``history`` beside the SQLite store.
    days : int
        Older files are deleted; 0 records nothing.
    n_bins : int
        Bins of one recorded row.
    """

    folder: Path | None = None
    days: Annotated[int, Meta(ge=0, le=3650)] = 14
    n_bins: Annotated[int, Meta(ge=64, le=8192)] = 4096


class DeskSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[desk]``: how alarms are worked on.

    Attributes
    ----------
    acknowledge_s : float
        An alarm that nobody took notice of for so long is overdue; 0 for never.
    escalate_s : float
        Every further time as long it is told one level higher.
    review_s : float
        Time since which an exam was recorded may be looked through again; 0 for no such rule.
    """

    acknowledge_s: Annotated[float, Meta(ge=0, le=86_400)] = 120.0
    escalate_s: Annotated[float, Meta(ge=10, le=86_400)] = 300.0
    review_s: Annotated[float, Meta(ge=0, le=30 * 86_400)] = 21_600.0


class MonitorFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    monitor: MonitorSection
    upstream: UpstreamSection | None = None
    history: HistorySection = HistorySection()
    suspicion: Weights = Weights()
    desk: DeskSection = DeskSection()
    pairs: PairSection = PairSection()
    content: ContentSection = ContentSection()
    notify: list[NotifySection] = []
    plan: list[PlanSection] = []

    def __post_init__(self) -> None:
        sites = [plan.site for plan in self.plan]
        for index, site in enumerate(sites):
            if site in sites[:index]:
                raise ValueError(f"plan[{index}].site: config.plan_sites")
        names = [receiver.name for receiver in self.notify]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ValueError(f"notify[{index}].name: config.notify_names")


def load_config(path: str | Path) -> MonitorFile:
    """Read ``monitor.toml``.

    Raises
    ------
    BadConfig
        With file, line, path and what would do.
    """
    path = Path(path)
    config = load_toml(path, MonitorFile)
    monitor = config.monitor
    if not monitor.insecure and monitor.keys is None:
        raise BadConfig("config.keys_missing", file=str(path), path="monitor.insecure")
    try:
        url = make_url(monitor.store)
    except ArgumentError:
        raise BadConfig(
            "config.store_url", file=str(path), path="monitor.store", got=monitor.store
        ) from None
    folder = config.history.folder
    if url.get_backend_name() == "sqlite" and url.database:
        database = path.absolute().parent / url.database
        store = url.set(database=str(database)).render_as_string(hide_password=False)
        monitor = msgspec.structs.replace(monitor, store=store)
        folder = folder or database.parent / "history"
    folder = folder or path.absolute().parent / "history"
    history = msgspec.structs.replace(config.history, folder=folder)
    pairs = in_force(config.pairs, insecure=monitor.insecure)
    return msgspec.structs.replace(config, monitor=monitor, history=history, pairs=pairs)
