"""The keys of a bundle: whose they are, and which of them followed which."""

from __future__ import annotations

from dashboard.bundle_format import KEYS, KeyLine
from dashboard.bundle_layers import Signature
from dashboard.verify_findings import Findings
from dashboard.verify_lines import lines_of
from dashboard.verify_zip import BundleFile
from sensors.keys import key_id, signed_by
from sensors.renewal import certificate_of


class KeyBook:
    """Keys by whom they sign for.

    Attributes
    ----------
    lines : list of KeyLine
    """

    def __init__(self, bundle: BundleFile, findings: Findings) -> None:
        self.lines: list[KeyLine] = []
        self._followed: set[tuple[str, str]] = set()
        for line in lines_of(bundle, KEYS, KeyLine, "keys", findings):
            if key_id(bytes.fromhex(line.verify)) != line.key:
                findings.fail("keys", "verify.key_id", key=line.key)
                continue
            self.lines.append(line)

    def of_peer(self, peer: str) -> list[KeyLine]:
        """Keys of who sent a record."""
        return [line for line in self.lines if line.peer == peer]

    def of_site(self, site: str) -> list[KeyLine]:
        """Keys of a site that a relay brought."""
        return [line for line in self.lines if line.site == site]

    def signer(self, level: Signature, keys: list[KeyLine]) -> KeyLine | None:
        """Which of these keys has signed one level of a record; notes the next key in it."""
        for line in keys:
            key = bytes.fromhex(line.verify)
            if level.verify_key and level.verify_key != key:
                continue
            if signed_by(key, level.hash, level.signature):
                heir = certificate_of(level.event, key)
                if heir is not None:
                    self._followed.add((line.key, key_id(heir.verify_key)))
                return line
        return None

    def settle(self, findings: Findings) -> None:
        """Every key that replaced another one was named by it, in a record that is here."""
        for line in self.lines:
            if line.how == "renewed" and (line.follows, line.key) not in self._followed:
                findings.fail("keys", "verify.not_followed", key=line.key, before=line.follows)
            if line.how == "greeted":
                findings.remark("keys", "verify.greeted", key=line.key)
        findings.settle("keys", "verify.keys_ok", count=len(self.lines))
