from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="Windows has no such limit")

PROGRAM = """
import resource
from dashboard.process import raise_file_limit
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, min({hard}, hard)))
raise_file_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard"), [(256, 4096), (4096, 4096)])
def test_as_many_files_as_the_system_allows(soft: int, hard: int) -> None:
    program = PROGRAM.format(soft=soft, hard=hard)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.split() == ["4096", "4096"]


GIVING = """
import os
from pathlib import Path
from dashboard.process import memory_returner
def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
kept = [os.urandom(700) for _ in range(150_000)]
full = resident()
kept = kept[::100]
before = resident()
memory_returner()()
print(full, before, resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc has it")
def test_what_a_storm_took_is_given_back() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", GIVING], capture_output=True, text=True, check=True, timeout=30
    )
    full, before, after = map(int, ran.stdout.split())
    assert before > full - 20
    assert after < before - 50
