"""Fetch the page's three libraries with npm; the only time that the project needs Node.

``python3 dashboard/static/vendor/refresh.py`` writes the files below, their licences and
``manifest.json``.  To move to a newer version, change it here, run, look at the page.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

PACKAGES = {
    "uplot": ("1.6.32", "MIT", {"dist/uPlot.esm.js": "uplot.js", "dist/uPlot.min.css": "uplot.css"}),
    "lit-html": ("3.3.3", "BSD-3-Clause", {"lit-html.js": "lit-html.js"}),
    "@preact/signals-core": ("1.14.5", "MIT", {"dist/signals-core.mjs": "signals-core.js"}),
}
"""npm name -> (version, licence, file in the package -> file here)."""

SOURCE_MAP = re.compile(rb"\n?(//|/\*)[#@] ?sourceMappingURL=[^\n]*\n?")


def without_source_map(text: bytes) -> bytes:
    """Drop the pointer to a map that is not shipped: it would be a 404 in every console."""
    return SOURCE_MAP.sub(b"\n", text)


def take(folder: Path, name: str) -> dict[str, object]:
    """Copy one package's files and licence out of ``node_modules``; return its manifest row."""
    version, licence, files = PACKAGES[name]
    package = folder / "node_modules" / name
    described = json.loads((package / "package.json").read_text(encoding="utf-8"))
    if (described["version"], described["license"]) != (version, licence):
        raise SystemExit(
            f"{name}: got {described['version']} under {described['license']}, "
            f"expected {version} under {licence}"
        )
    licence_name = f"LICENSE.{name.rpartition('/')[2]}"
    content = {new: without_source_map((package / old).read_bytes()) for old, new in files.items()}
    content[licence_name] = (package / "LICENSE").read_bytes()
    for new, data in content.items():
        (HERE / new).write_bytes(data)
    return {
        "name": name,
        "version": version,
        "licence": licence,
        "files": {new: hashlib.sha256(data).hexdigest() for new, data in sorted(content.items())},
    }


def main() -> None:
    """Install into a temporary folder, without running any package's scripts, and copy."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        wanted = [f"{name}@{version}" for name, (version, _, _) in PACKAGES.items()]
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *wanted]
        if subprocess.run(command, cwd=folder, check=False).returncode != 0:
            raise SystemExit("npm failed; nothing was changed")
        rows = [take(folder, name) for name in PACKAGES]
    manifest = json.dumps({"packages": rows}, indent=2) + "\n"
    (HERE / "manifest.json").write_text(manifest, encoding="utf-8")
    sys.stdout.write(manifest)


if __name__ == "__main__":
    main()
