from __future__ import annotations

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
