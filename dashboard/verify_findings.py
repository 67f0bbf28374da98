"""What the verifier found, one line each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal, get_args

Check = Literal["manifest", "key", "entries", "keys", "records", "recordings", "audit", "times"]
CHECKS: tuple[Check, ...] = get_args(Check)
Verdict = Literal["pass", "fail", "remark"]

MOST = 20
"""Findings of one kind that are shown; the others are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.

    Attributes
    ----------
    check : Check
    verdict : Verdict
        A remark is something that a person should know; it decides nothing.
    message_id : str
    fields : dict
    """

    check: Check
    verdict: Verdict
    message_id: str
    fields: dict[str, object]


class Findings:
    """All of them, in order.

    Attributes
    ----------
    found : list of Finding
    failed : int
        How many checks said no, shown or not.
    """

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.failed = 0
        self._failed_checks: set[Check] = set()
        self._kinds: Counter[str] = Counter()

    def fail(self, check: Check, message_id: str, **fields: object) -> None:
        """It is not what it should be."""
        self.failed += 1
        self._failed_checks.add(check)
        self._add(check, "fail", message_id, fields)

    def remark(self, check: Check, message_id: str, **fields: object) -> None:
        """Something to know."""
        self._add(check, "remark", message_id, fields)

    def settle(self, check: Check, message_id: str, **fields: object) -> None:
        """A check is over: it holds, unless something of it has failed."""
        if check not in self._failed_checks:
            self.found.append(Finding(check, "pass", message_id, fields))

    def finish(self) -> None:
        """Say how many were not shown; put what belongs together in one place."""
        for message_id, count in self._kinds.items():
            if count > MOST:
                check = next(one.check for one in self.found if one.message_id == message_id)
                fields = {"count": count - MOST, "what": message_id}
                self.found.append(Finding(check, "remark", "verify.more", fields))
        self.found.sort(key=lambda one: CHECKS.index(one.check))

    def _add(
        self, check: Check, verdict: Verdict, message_id: str, fields: dict[str, object]
    ) -> None:
        self._kinds[message_id] += 1
        if self._kinds[message_id] <= MOST:
            self.found.append(Finding(check, verdict, message_id, fields))
