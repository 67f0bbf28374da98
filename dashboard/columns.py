"""Columns as the tables of the central store have them, alike on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String, Text

ROW = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts by itself in SQLite


def row_id(*, counted: bool = True) -> Column[int]:
    """Number of a row; not ``counted``: the program numbers the rows itself."""
    return Column("id", ROW, primary_key=True, autoincrement=counted)


def name(called: str, length: int = 64, **options: Any) -> Column[str]:
    """Short text."""
    return Column(called, String(length), nullable=False, **options)


def names(*called: str) -> list[Column[str]]:
    """Short texts."""
    return [name(one) for one in called]


def text(called: str) -> Column[str]:
    """Text of any length."""
    return Column(called, Text, nullable=False)


def count(called: str) -> Column[int]:
    """Whole number, times in nanoseconds too."""
    return Column(called, BigInteger, nullable=False)


def counts(*called: str) -> list[Column[int]]:
    """Whole numbers."""
    return [count(one) for one in called]


def floats(*called: str) -> list[Column[float]]:
    """Numbers of double precision."""
    return [Column(one, Float(53), nullable=False) for one in called]


def raw(called: str) -> Column[bytes]:
    """Bytes."""
    return Column(called, LargeBinary, nullable=False)


def life() -> list[Column[Any]]:
    """Who made a row and who ended it: nothing that people wrote is ever deleted."""
    return [name("author"), count("created_ns"), count("ended_ns"), name("ended_by")]
