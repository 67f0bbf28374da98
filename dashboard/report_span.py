"""The time that a session's record is about, and finding its rows without reading all others."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import Column, Connection, func, select

from dashboard.phases import Session

DAY_NS = 86_400_000_000_000
MOST = 500
"""Rows of one table that are listed; further ones are counted."""


class Span(Struct, frozen=True):
    """Times of a session, none later than the record itself.

    Attributes
    ----------
    eve_ns : int
        A day before the drill: sign-offs and drills from then on are told.
    begin_ns : int
        The drill begins.
    armed_ns, start_ns, stop_ns : int
        The watch begins; papers open; papers in.
    end_ns : int
        Sealed.
    now_ns : int
        When the record was made.
    """

    eve_ns: int
    begin_ns: int
    armed_ns: int
    start_ns: int
    stop_ns: int
    end_ns: int
    now_ns: int

    @classmethod
    def of(cls, session: Session, now_ns: int) -> Span:
        """Times of a session as far as they have come."""
        until = dict(session.until())
        begin_ns = min(until["survey"], now_ns)
        return cls(
            eve_ns=max(begin_ns - DAY_NS, 0),
            begin_ns=begin_ns,
            armed_ns=min(until["drill"], now_ns),
            start_ns=min(session.start_ns, now_ns),
            stop_ns=min(session.stop_ns, now_ns),
            end_ns=min(until["closing"], now_ns),
            now_ns=now_ns,
        )


def first_since(
    connection: Connection, number: Column[Any], time: Column[Any], since_ns: int
) -> int:
    """Number of the first row from a time on, of rows that are numbered in the order of that time.

    A search by halves over the numbers: neither time has an index, and the tables are long.  Where
    the clock was set back in between, rows around that moment may be missed or told twice.
    """
    low = connection.scalar(select(func.min(number))) or 0
    high = (connection.scalar(select(func.max(number))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            select(number, time).where(number >= middle).order_by(number).limit(1)
        ).first()
        if row is None or row[1] >= since_ns:
            high = middle
        else:
            low = row[0] + 1
    return low
