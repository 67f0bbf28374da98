"""``rfproctor bench NAME``: run a benchmark of the source tree and print what it measured.

A bench is a module ``tests/bench/bench_NAME.py`` whose first docstring line says what it measures
and whose ``run()`` yields `Metric` and `Skip`.  Keyword arguments of ``run`` are its options.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal, Self

import click

from sdr.source import UserError

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "bench"


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured figure.

    Attributes
    ----------
    metric : str
    value : float
    unit : str
    reference : float or None
        What theory, the bare FFT or another program gives in the same unit.
    ratio : float or None
        ``value / reference`` or the difference in decibels; whatever the target is about.
    target : str
        In words, for example ``"ratio >= 0.5"``; empty where there is none.
    passed : bool or None
        None without a target.
    """

    metric: str
    value: float
    unit: str
    reference: float | None = None
    ratio: float | None = None
    target: str = ""
    passed: bool | None = None

    @classmethod
    def of(
        cls,
        metric: str,
        value: float,
        unit: str,
        *,
        reference: float | None = None,
        ratio: float | None = None,
        at_least: float | None = None,
        at_most: float | None = None,
        on: Literal["value", "ratio"] = "value",
    ) -> Self:
        """Build a metric whose target text and verdict come from the same two limits."""
        judged = value if on == "value" else ratio
        limits = [(">=", at_least), ("<=", at_most)]
        words = [f"{sign} {limit:g}" for sign, limit in limits if limit is not None]
        target = f"{on} {' and '.join(words)}" if words else ""
        passed = None
        if words:
            assert judged is not None, f"{metric=} has a target but nothing to judge"
            passed = (at_least is None or judged >= at_least) and (
                at_most is None or judged <= at_most
            )
        return cls(metric, value, unit, reference, ratio, target, passed)


@dataclass(frozen=True, slots=True)
class Skip:
    """The bench cannot run here."""

    why: str


def names(folder: Path = FOLDER) -> list[str]:
    """Names of all benches, dashes for underscores."""
    return sorted(p.stem[6:].replace("_", "-") for p in folder.glob("bench_*.py"))


def load(name: str, folder: Path = FOLDER) -> ModuleType:
    """Import a bench by its name.

    Raises
    ------
    UserError
        There is no such bench, or this is an installation without its source tree.
    """
    path = folder / f"bench_{name.replace('-', '_')}.py"
    if not path.is_file():
        if not folder.is_dir():
            raise UserError("bench.no_tree", folder=str(folder))
        raise UserError("bench.unknown", name=name, names=", ".join(names(folder)))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def options(module: ModuleType, arguments: list[str]) -> dict[str, object]:
    """``--name value`` pairs as keyword arguments of the bench's ``run``, typed by its defaults.

    Raises
    ------
    UserError
        An option that the bench does not have, or a value that is not of the default's type.
    """
    known = {
        parameter.name.replace("_", "-"): parameter
        for parameter in inspect.signature(module.run).parameters.values()
    }
    chosen: dict[str, object] = {}
    rest = list(arguments)
    while rest:
        flag, _, value = rest.pop(0).partition("=")
        parameter = known.get(flag.removeprefix("--"))
        if parameter is None or not flag.startswith("--"):
            have = ", ".join(f"--{name}" for name in known) or "-"
            raise UserError("bench.option", option=flag, options=have)
        if not value and rest:
            value = rest.pop(0)
        kind = str if parameter.default is None else type(parameter.default)
        try:
            chosen[parameter.name] = kind(value)
        except ValueError:
            raise UserError("bench.value", option=flag, value=value, type=kind.__name__) from None
    return chosen


def render(name: str, result: Metric | Skip, as_json: bool) -> str:
    """One line for a program or for a person."""
    if as_json:
        if isinstance(result, Skip):
            return json.dumps({"kind": "skip", "name": name, "why": result.why})
        return json.dumps(
            {
                "kind": "bench",
                "name": name,
                "metric": result.metric,
                "value": result.value,
                "unit": result.unit,
                "reference": result.reference,
                "ratio": result.ratio,
                "target": result.target or None,
                "pass": result.passed,
            }
        )
    if isinstance(result, Skip):
        return f"skipped: {result.why}"
    verdict = {True: "ok  ", False: "MISS", None: "    "}[result.passed]
    text = f"{verdict} {result.metric:<44} {result.value:>10.4g} {result.unit:<10}"
    if result.reference is not None:
        text += f" reference {result.reference:.4g}"
    if result.ratio is not None:
        text += f" ratio {result.ratio:.3g}"
    return text + (f"  ({result.target})" if result.target else "")


@click.command(
    context_settings={"ignore_unknown_options": True}, epilog="Example: rfproctor bench dsp --json"
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON line per metric.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(name: str | None, as_json: bool, arguments: tuple[str, ...]) -> None:
    """Run the benchmark NAME; without a name, list them.

    Exit code 0: every target met; 1: at least one missed; 3: something it needs is absent.
    """
    if name is None:
        for each in names():
            first_line = (inspect.getdoc(load(each)) or "").partition("\n")[0]
            click.echo(f"{each:<14} {first_line}")
        return
    module = load(name)
    chosen = options(module, list(arguments))
    results: Iterator[Metric | Skip] = module.run(**chosen)
    failed = skipped = False
    for result in results:
        click.echo(render(name, result, as_json))
        skipped |= isinstance(result, Skip)
        failed |= isinstance(result, Metric) and result.passed is False
    raise SystemExit(3 if skipped else 1 if failed else 0)
