"""Lines of JSON out of a bundle, each checked against its type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct

from dashboard.errors import NOT_JSON
from dashboard.verify_findings import Check, Findings
from dashboard.verify_zip import BundleFile

Line = TypeVar("Line", bound=Struct)


def lines_of(
    bundle: BundleFile, name: str, kind: type[Line], check: Check, findings: Findings
) -> Iterator[Line]:
    """Lines of an entry; one that cannot be read is a finding and is passed over."""
    if name not in bundle.places:
        findings.fail(check, "verify.missing", name=name)
        return
    decoder = msgspec.json.Decoder(kind)
    for number, line in enumerate(bundle.lines(name), 1):
        try:
            yield decoder.decode(line)
        except NOT_JSON as error:
            findings.fail(check, "verify.bad_line", name=name, line=number, why=str(error))
