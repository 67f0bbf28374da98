"""Foreign files that we ship: unchanged, licensed, in need of nothing from outside."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont


@pytest.fixture(scope="module")
def vendor(repository: Path) -> Path:
    return repository / "dashboard" / "static" / "vendor"


def test_every_file_is_in_the_manifest_unchanged(vendor: Path) -> None:
    manifest = json.loads((vendor / "manifest.json").read_text(encoding="utf-8"))
    listed = {name: digest for row in manifest["packages"] for name, digest in row["files"].items()}
    there = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.iterdir()
        if path.is_file() and path.name not in {"manifest.json", "refresh.py"}
    }
    assert there == listed


def test_every_package_has_its_licence(vendor: Path) -> None:
    manifest = json.loads((vendor / "manifest.json").read_text(encoding="utf-8"))
    assert {row["licence"] for row in manifest["packages"]} <= {"MIT", "BSD-3-Clause"}
    for row in manifest["packages"]:
        (licence,) = [name for name in row["files"] if name.startswith("LICENSE.")]
        assert "Copyright" in (vendor / licence).read_text(encoding="utf-8")


def test_scripts_are_whole_by_themselves(vendor: Path) -> None:
    """No import of another file and no source map: either would be a request that fails."""
    for path in vendor.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert "sourceMappingURL" not in text, path.name
        assert not re.search(r"""(?m)(^|;)import\s*["'{*]|\bimport\(|\brequire\(""", text), (
            path.name
        )
        assert re.search(r"\bexport\s*\{", text), f"{path.name} is not an ES module"


def test_fonts_hold_all_of_gb2312(repository: Path) -> None:
    rows = [bytes([high, low]) for high in range(0xA1, 0xF8) for low in range(0xA1, 0xFF)]
    wanted = {ord(sign) for row in rows for sign in row.decode("gb2312", "ignore")}
    wanted |= {ord(sign) for sign in "0123456789 MHz dBFS µ°±≥≤−–—▲●■✓"}
    path = repository / "sensors" / "font" / "NotoSansSC-GB2312.otf"
    with TTFont(path) as font:
        assert wanted <= font.getBestCmap().keys()
    assert path.stat().st_size < 1_700_000


def test_page_font_is_woff2_with_its_licence(repository: Path) -> None:
    folder = repository / "dashboard" / "static" / "font"
    assert (folder / "NotoSansSC-GB2312.woff2").read_bytes()[:4] == b"wOF2"
    assert "SIL OPEN FONT LICENSE" in (folder / "OFL.txt").read_text(encoding="utf-8")
