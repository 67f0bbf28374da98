"""`analyze --cluster` with a real Dask scheduler and worker on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from rfproctor import main

pytest.importorskip("distributed", reason="without the extra: pip install 'rfproctor[cluster]'")

ANALYZE = [sys.executable, "-m", "rfproctor", "--lang", "en", "analyze"]
FILES = ["voice_210.3M.sigmf-meta", "buttons_433.92M.sigmf-meta"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Address of a scheduler with one worker, both started in a folder of their own."""
    folder = tmp_path_factory.mktemp("dask")
    contact = folder / "contact.json"
    scheduler = ["distributed.cli.dask_scheduler", "--port", "0"]
    worker = ["distributed.cli.dask_worker", "--nworkers", "1", "--nthreads", "1", "--no-nanny"]
    common = ["--host", "127.0.0.1", "--scheduler-file", str(contact), "--no-dashboard"]
    processes = []
    try:
        with (folder / "log").open("w") as log:
            for command in (scheduler, worker):
                whole = [sys.executable, "-m", *command, *common]
                processes.append(
                    subprocess.Popen(whole, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
                )
        for _ in range(300):
            if contact.exists() and contact.stat().st_size:
                break
            time.sleep(0.1)
        else:
            pytest.fail((folder / "log").read_text())
        yield json.loads(contact.read_text())["address"]
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(20)


def lines(repository, *arguments):
    done = subprocess.run(
        [*ANALYZE, *FILES, "--json", *arguments],
        cwd=repository / "recordings", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_the_same_lines_as_with_processes(cluster, repository):
    here = lines(repository, "--jobs", "2")
    there = lines(repository, "--cluster", cluster)
    assert here[0] == there[0] == 0, there[2]
    assert here[1] == there[1]
    assert len(here[1]) > 4
    assert there[2] == ""


def test_a_bad_file_is_one_line(cluster, repository):
    code, _, err = lines(repository, "missing.sigmf-meta", "--cluster", cluster)
    assert (code, err.count("\n")) == (2, 1)
    assert "missing.sigmf-meta" in err


@pytest.mark.parametrize("address, code", [("tcp://127.0.0.1:9", 3), ("nonsense", 2)])
def test_an_address_without_a_scheduler_is_one_line(address, code, repository, capsys):
    begun = time.monotonic()
    with pytest.raises(SystemExit) as end:
        path = repository / "recordings" / FILES[0]
        main(["--lang", "en", "analyze", str(path), "--cluster", address])
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (code, "", 1)
    assert address in err
    assert time.monotonic() - begun < 10
