"""The recordings of a bundle: each is the one whose hash its site has signed."""

from __future__ import annotations

from dashboard.bundle_format import FOLDER, Manifest, Taken
from dashboard.clips import DATA, LIST, META, SUFFIXES
from dashboard.verify_findings import Findings
from dashboard.verify_records import Records
from dashboard.verify_zip import BundleFile


def check_recordings(
    bundle: BundleFile,
    manifest: Manifest,
    hashes: dict[str, str],
    records: Records,
    taken: Taken | None,
    findings: Findings,
) -> None:
    """Follow the hashes: signed record, list, samples and description."""
    here = {
        name.removeprefix(FOLDER).removesuffix(suffix)
        for name in {*hashes, *bundle.places}
        for suffix in SUFFIXES
        if name.startswith(FOLDER) and name.endswith(suffix)
    }
    listed = {} if taken is None else taken.recordings
    for name in sorted(here | listed.keys()):
        base = FOLDER + name
        for suffix in SUFFIXES:
            if base + suffix not in bundle.places:
                findings.fail("recordings", "verify.missing", name=base + suffix)
        if listed.get(name) not in records.announced.get(name, set()):
            findings.fail("recordings", "verify.not_announced", name=name)
        if base + LIST not in bundle.places:
            continue
        if hashes.get(base + LIST) not in records.announced.get(name, set()):
            findings.fail("recordings", "verify.not_signed", name=name)
        lines = bundle.read(base + LIST).decode(errors="replace").splitlines()
        for suffix in (DATA, META):
            if f"{hashes.get(base + suffix, '')}  {name}{suffix}" not in lines:
                findings.fail("recordings", "verify.not_listed", name=name + suffix)
    for left in manifest.left_out:
        findings.remark("recordings", f"verify.without_{left.why}", name=left.name)
        if left.sha256 not in records.announced.get(left.name, set()):
            findings.fail("recordings", "verify.not_announced", name=left.name)
    for name in sorted(records.recordings - here - {left.name for left in manifest.left_out}):
        findings.fail("recordings", "verify.gone", name=name)
    findings.settle("recordings", "verify.recordings_ok", count=len(here))
