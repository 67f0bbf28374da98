"""Who does something at the machine's console: the system's user, or two people with accounts.

Where `[pairs]` lists an act, two of those who sign for exams and baselines type their names and
passwords, one after the other, at a terminal: no variable, no pipe, no script stands in for them.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click
from sqlalchemy import select

from dashboard import schema
from dashboard.access import ROLES
from dashboard.account import Account
from dashboard.approvals import NEEDS, Act
from dashboard.config import MonitorFile
from dashboard.console_tries import Tries
from dashboard.errors import StoreError
from dashboard.passwords import check_password, hash_password
from dashboard.reading import reading, told
from sensors.text import Lang, say
from sensors.toml import UserError

TRIES = 3
Ask = Callable[[str, bool], str]
"""Asks for a line; True for one that must not be seen."""


def author() -> str:
    """The system's user; a container's may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def signers(
    config: MonitorFile,
    act: Act,
    lang: Lang,
    people: Callable[[], Mapping[str, Account]] | None = None,
    ask: Ask | None = None,
) -> str:
    """Who answers for an act, for the lists and the audit log.

    Parameters
    ----------
    config : MonitorFile
    act : Act
    lang : Lang
    people : callable, optional
        Everybody with an account; by default of the monitor's store.
    ask : callable, optional
        By default `click.prompt` at a terminal.

    Returns
    -------
    str
        The system's user; after two people have signed ``li + wang (user)``.

    Raises
    ------
    UserError
        It takes two, and there is no terminal, they are not two who may, or too many passwords
        were wrong lately.
    """
    if act not in (config.pairs.acts or ()):
        return author()
    everybody = people() if people else accounts_of(config.monitor.store)
    may = {name: one for name, one in everybody.items() if _may(one, act)}
    if len(may) < 2:
        raise UserError("console.too_few", act=act)
    if ask is None and not sys.stdin.isatty():
        raise UserError("console.no_terminal", act=act)
    click.echo(say("console.takes_two", lang, act=act), err=True)
    tries = Tries(config.monitor.keys, author(), act)
    names: list[str] = []
    for _ in range(2):
        names.append(_signed(may, names, tries, lang, ask or _prompt))
    return f"{' + '.join(names)} ({author()})"


def accounts_of(url: str) -> dict[str, Account]:
    """Everybody with an account in a store, which a monitor may be using.

    Raises
    ------
    StoreError
        It cannot be read.
    """
    engine = reading(url)
    if engine is None:
        return {}
    columns = [schema.accounts.c[name] for name in Account.__struct_fields__]
    with told(url), engine.connect() as connection:
        rows = connection.execute(select(*columns)).all()
    return {row.name: Account(**row._mapping) for row in rows}


def accounts_before(url: str, copy: Path) -> dict[str, Account]:
    """Everybody with an account before a copy takes a store's place.

    Where there is no store, or nobody can read it any more, those in the copy; nobody where that
    cannot be read either.
    """
    for each in (url, f"sqlite:///{copy}"):
        with contextlib.suppress(StoreError):
            if people := accounts_of(each):
                return people
    return {}


def _may(account: Account, act: Act) -> bool:
    return not account.disabled and NEEDS[act] in ROLES[account.role]


def _signed(
    may: Mapping[str, Account], before: list[str], tries: Tries, lang: Lang, ask: Ask
) -> str:
    """Let one person sign; an unknown name takes as long as a wrong password."""
    number = len(before) + 1
    nobody = hash_password("")
    for _ in range(TRIES):
        tries.check()
        name = ask(say("console.name", lang, number=number), False).strip()
        password = ask(say("console.password", lang, name=name), True)
        account = may.get(name)
        right = check_password(password, account.password if account else nobody)
        if name in before:
            click.echo(say("pair.own", lang), err=True)
        elif account is not None and right:
            return name
        else:
            click.echo(say("console.wrong", lang), err=True)
            tries.failed(name)
    raise UserError("console.not_signed")


def _prompt(words: str, hidden: bool) -> str:
    answer: str = click.prompt(words, default="", show_default=False, hide_input=hidden, err=True)
    return answer
