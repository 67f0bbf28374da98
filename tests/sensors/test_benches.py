import json

import pytest
from click.testing import CliRunner

from sdr.source import UserError
from sensors import benches
from sensors.benches import Metric, Skip

SOURCE = '''"""What it measures.

More.
"""

from sensors.benches import Metric, Skip


def run(rounds: int = 2, name: str = "x", limit: float = 0.5):
    """Run."""
    for k in range(rounds):
        yield Metric.of(
            f"{name}{k}", 1.0, "s", reference=2.0, ratio=0.5, at_least=limit, on="ratio"
        )
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "bench_first_one.py").write_text(SOURCE)
    (tmp_path / "bench_skips.py").write_text(
        '"""Skips."""\nfrom sensors.benches import Skip\ndef run():\n    yield Skip("no dongle")\n'
    )
    monkeypatch.setattr(benches, "FOLDER", tmp_path)
    monkeypatch.setattr(benches.names, "__defaults__", (tmp_path,))
    monkeypatch.setattr(benches.load, "__defaults__", (tmp_path,))
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(benches.bench, list(arguments))


def test_without_a_name_they_are_listed_with_one_line_each(folder):
    assert run().output.splitlines() == [
        "first-one      What it measures.",
        "skips          Skips.",
    ]


def test_json_is_one_line_for_each_metric(folder):
    result = run("first-one", "--json", "--rounds", "1")
    assert json.loads(result.output) == {
        "kind": "bench",
        "name": "first-one",
        "metric": "x0",
        "value": 1.0,
        "unit": "s",
        "reference": 2.0,
        "ratio": 0.5,
        "target": "ratio >= 0.5",
        "pass": True,
    }
    assert result.exit_code == 0


def test_a_missed_target_is_exit_1_and_a_skip_3(folder):
    missed = run("first-one", "--limit=0.6", "--name", "speed")
    assert missed.exit_code == 1
    assert missed.output.startswith("MISS speed0")
    skipped = run("skips", "--json")
    assert skipped.exit_code == 3
    assert json.loads(skipped.output) == {"kind": "skip", "name": "skips", "why": "no dongle"}


@pytest.mark.parametrize(
    ("arguments", "message_id"),
    [
        (["nothing"], "bench.unknown"),
        (["first-one", "--speed", "3"], "bench.option"),
        (["first-one", "--rounds", "many"], "bench.value"),
    ],
)
def test_bad_input_is_one_message(folder, arguments, message_id):
    error = run(*arguments).exception
    assert isinstance(error, UserError)
    assert error.message_id == message_id


def test_an_installation_without_its_source_tree_says_so(tmp_path):
    with pytest.raises(UserError, match="bench.no_tree"):
        benches.load("dsp", tmp_path / "absent")


def test_limits_make_the_target_text_and_the_verdict():
    both = Metric.of("m", 1.5, "", at_least=0.5, at_most=2.0)
    assert (both.target, both.passed) == ("value >= 0.5 and <= 2", True)
    assert Metric.of("m", 2.5, "", at_least=0.5, at_most=2.0).passed is False
    assert Metric.of("m", 2.5, "").passed is None
    assert "skipped: x" in benches.render("n", Skip("x"), as_json=False)


def test_every_bench_of_the_tree_has_a_first_line_and_a_run():
    for name in benches.names():
        module = benches.load(name)
        assert (module.__doc__ or "").strip()
        assert callable(module.run)
