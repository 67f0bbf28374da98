"""Is a bundle what the sites signed, and is all of it there?  Reads one file and nothing else.

No network, no database, no configuration: it must run at somebody's who trusts neither the monitor
nor us.  How to write another one: ``docs/evidence.md``.
"""

from __future__ import annotations

from pathlib import Path

from dashboard.bundle_format import MANIFEST, NEEDED
from dashboard.verify_audit import check_audit
from dashboard.verify_entries import check_entries, check_manifest
from dashboard.verify_findings import Findings
from dashboard.verify_keys import KeyBook
from dashboard.verify_recordings import check_recordings
from dashboard.verify_records import check_records
from dashboard.verify_zip import BadBundle, BundleFile


def verify(path: Path, key: str = "") -> Findings:
    """Check a bundle.

    Parameters
    ----------
    path : Path
    key : str
        Of the monitor, as it was told on another way: key id, words or all of it.

    Raises
    ------
    BadBundle
        It cannot be a bundle at all.
    """
    findings = Findings()
    with BundleFile(path) as bundle:
        if not bundle.places.keys() & {MANIFEST, *NEEDED}:
            raise BadBundle("verify.no_bundle", file=str(path))
        manifest = check_manifest(bundle, key, findings)
        if manifest is None:
            findings.finish()
            return findings
        listed = {entry.name for entry in manifest.entries}
        for name in NEEDED:
            if name not in listed:
                findings.fail("entries", "verify.not_in_manifest", name=name)
        hashes = check_entries(bundle, manifest, findings)
        keys = KeyBook(bundle, findings)
        records = check_records(bundle, manifest, keys, findings)
        taken = check_audit(bundle, manifest, keys, records, findings)
        keys.settle(findings)
        whole = "verify.records_sparse" if manifest.sparse else "verify.records_ok"
        findings.settle("records", whole, count=records.count)
        check_recordings(bundle, manifest, hashes, records, taken, findings)
    findings.finish()
    return findings
