"""Alarms of a session: how many of what, and of those that matter what was decided by whom, when.

Every alarm is counted; they go by one at a time, so that a hundred thousand need no more memory
than the list that is kept.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, select

from dashboard import schema
from dashboard.actions import Action
from dashboard.alarms import OPEN_STATES
from dashboard.cards import Card
from dashboard.phases import EVERY_SITE
from dashboard.report_span import MOST, Span

AT_A_TIME = 2000


class AlarmLine(Card, frozen=True):
    """One alarm: its card, and everything that people did about it."""

    actions: tuple[Action, ...] = ()


class Alarms(Struct, frozen=True):
    """Alarms that were heard in a session.

    Attributes
    ----------
    total, drills, explained, open : int
        All; those of injected test signals; dismissed by a known emitter; in which somebody still
        has something to do.
    by_state, by_label : dict
        Without those of drills.
    decided : dict
        How often people did what; by action, and by ``action.reason`` where they gave one.
    taken_s : list of float
        Time from each listed alarm to the first person who took notice: the middle and the longest;
        empty where nobody did anything.
    lines : list of AlarmLine
        In order of time; the weightiest where there are too many.
    left_out : int
    """

    total: int
    drills: int
    explained: int
    open: int
    by_state: dict[str, int]
    by_label: dict[str, int]
    decided: dict[str, int]
    taken_s: list[float]
    lines: list[AlarmLine]
    left_out: int


def alarms_of(connection: Connection, site: str, span: Span) -> Alarms:
    """Count the alarms that were on the air in a session, and list those that matter."""
    table = schema.alarms
    heard = (table.c.last_seen_ns >= span.begin_ns) & (table.c.first_seen_ns < span.end_ns)
    if site != EVERY_SITE:
        heard &= table.c.site == site
    found, decided = _decided(connection, heard)
    states, labels, totals = Counter[str](), Counter[str](), Counter[str]()
    best: list[tuple[tuple[bool, bool, int, int], str, AlarmLine]] = []
    for line in _lines(connection, heard):
        totals["total"] += 1
        if line.drill:
            totals["drills"] += 1
        else:
            states[line.state] += 1
            labels[line.label] += 1
            totals["explained"] += bool(line.known)
            totals["open"] += line.state in OPEN_STATES
        is_open = line.state in OPEN_STATES and not line.drill
        weight = (line.id in found, is_open, line.suspicion, line.last_seen_ns)
        put = heapq.heappush if len(best) < MOST else heapq.heappushpop
        put(best, (weight, line.id, line))
    lines = sorted((line for *_, line in best), key=lambda line: (line.first_seen_ns, line.id))
    lines = _with_actions(connection, lines)
    return Alarms(
        total=totals["total"],
        drills=totals["drills"],
        explained=totals["explained"],
        open=totals["open"],
        by_state=dict(states.most_common()),
        by_label=dict(labels.most_common()),
        decided=decided,
        taken_s=_taken_s(lines),
        lines=lines,
        left_out=totals["total"] - len(lines),
    )


def _lines(connection: Connection, heard: ColumnElement[bool]) -> Iterator[AlarmLine]:
    cards = select(schema.alarms.c.card).where(heard).execution_options(yield_per=AT_A_TIME)
    decoder = msgspec.json.Decoder(AlarmLine)
    for card in connection.scalars(cards):
        yield decoder.decode(card)


def _decided(connection: Connection, heard: ColumnElement[bool]) -> tuple[set[str], dict[str, int]]:
    """Alarms whose emitter was found, and how often people did what."""
    actions = schema.actions
    ours = actions.join(schema.alarms, schema.alarms.c.id == actions.c.alarm)
    count = (
        select(actions.c.action, actions.c.reason, func.count())
        .select_from(ours)
        .where(heard)
        .group_by(actions.c.action, actions.c.reason)
        .order_by(actions.c.action, actions.c.reason)
    )
    decided: dict[str, int] = Counter()
    for action, reason, times in connection.execute(count):
        decided[action] += times
        if reason:
            decided[f"{action}.{reason}"] += times
    found = (
        select(actions.c.alarm)
        .select_from(ours)
        .where(heard, actions.c.reason == "found")
        .limit(MOST)
    )
    return set(connection.scalars(found)), dict(decided)


def _with_actions(connection: Connection, lines: Sequence[AlarmLine]) -> list[AlarmLine]:
    done = actions_of(connection, [line.id for line in lines])
    return [msgspec.structs.replace(line, actions=tuple(done.get(line.id, ()))) for line in lines]


def actions_of(connection: Connection, alarms: Sequence[str]) -> dict[str, list[Action]]:
    """What people did about these alarms, in order."""
    table = schema.actions
    columns: list[Any] = [table.c[name] for name in Action.__struct_fields__]
    query = select(*columns).where(table.c.alarm.in_(alarms)).order_by(table.c.id)
    done: dict[str, list[Action]] = defaultdict(list)
    for row in connection.execute(query):
        done[row.alarm].append(Action(*row))
    return done


def _taken_s(lines: Sequence[AlarmLine]) -> list[float]:
    times = sorted(
        (line.actions[0].time_ns - line.opened_ns) / 1e9
        for line in lines
        if line.actions and not line.drill
    )
    return [round(times[len(times) // 2], 1), round(times[-1], 1)] if times else []
