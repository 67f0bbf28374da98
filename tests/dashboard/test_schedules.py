"""The protocol's schedules, a few of each kind, and every mutant at a seed that catches it."""

from __future__ import annotations

import pytest

from sensors.benches import load

schedules = load("schedules")


@pytest.mark.parametrize("block", range(6))
def test_shipped_code_keeps_every_promise(block: int) -> None:
    for seed in range(10_000 + 8 * block, 10_008 + 8 * block):
        why, events = schedules.schedule(seed, schedules.Parts())
        assert why == "", f"seed {seed}: {why}"
        assert events > 0


@pytest.mark.parametrize("name", sorted(schedules.MUTANTS))
def test_every_mutant_is_caught(name: str) -> None:
    _, seed, why = schedules._hunt(name, 1, 250)
    assert seed > 0
    assert why
