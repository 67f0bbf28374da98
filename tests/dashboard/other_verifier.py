"""A second verifier of bundles, written from ``docs/evidence.md`` and importing nothing of ours."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NEEDED = {
    *("alarm.json", "records.jsonl", "keys.jsonl", "audit.jsonl", "checkpoint.txt"),
    *("README.en.txt", "README.zh.txt"),
}
ADMITTED = ("keys.allow", "keys.renew", "keys.origin_pinned", "keys.pin")


class Wrong(Exception):
    """Something is not what it should be."""


def must(true: object, what: str) -> None:
    if not true:
        raise Wrong(what)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def signed(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def unpack(data: bytes, at: int = 0) -> tuple[Any, int]:
    """One MessagePack value and where the next one begins."""
    code = data[at]
    at += 1
    if code < 0x80:
        return code, at
    if code >= 0xE0:
        return code - 256, at
    if code in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[code], at
    if 0xCA <= code <= 0xD3:
        kind = ">" + "fdBHIQbhiq"[code - 0xCA]
        size = struct.calcsize(kind)
        return struct.unpack(kind, data[at : at + size])[0], at + size
    if code < 0x90:
        kind, count = "map", code & 15
    elif code < 0xA0:
        kind, count = "array", code & 15
    elif code < 0xC0:
        kind, count = "text", code & 31
    else:
        kind, width = {
            **{0xC4: ("bytes", 1), 0xC5: ("bytes", 2), 0xC6: ("bytes", 4)},
            **{0xD9: ("text", 1), 0xDA: ("text", 2), 0xDB: ("text", 4)},
            **{0xDC: ("array", 2), 0xDD: ("array", 4), 0xDE: ("map", 2), 0xDF: ("map", 4)},
        }[code]
        count = int.from_bytes(data[at : at + width], "big")
        at += width
    if kind in ("bytes", "text"):
        raw = data[at : at + count]
        return (raw if kind == "bytes" else raw.decode()), at + count
    items = []
    for _ in range(count * (2 if kind == "map" else 1)):
        item, at = unpack(data, at)
        items.append(item)
    return (dict(zip(items[::2], items[1::2], strict=True)) if kind == "map" else items), at


def lines(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def verify(path: Path, key: bytes) -> None:
    """Raise what is wrong first."""
    with zipfile.ZipFile(path) as opened:
        names = opened.namelist()
        must(len(names) == len(set(names)), "twice")
        try:
            content = {name: opened.read(name) for name in names}
        except zipfile.BadZipFile as error:
            raise Wrong(str(error)) from None
    try:
        _manifest(content, key)
        keys, admitted_later = _keys(content)
        hashes, clips, jumps = _records(content, keys)
        taken = _audit(content, key, hashes, jumps, admitted_later)
        _recordings(content, clips, taken)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise Wrong(repr(error)) from None


def _manifest(content: dict[str, bytes], key: bytes) -> None:
    manifest = json.loads(content["manifest.json"])
    must(bytes.fromhex(manifest["key"]) == key, "another key")
    digest = sha(b"rfproctor.bundle.v1\0" + content["manifest.json"])
    must(signed(key, digest, bytes.fromhex(content["manifest.sig"].decode())), "manifest")
    must({one["name"] for one in manifest["entries"]} >= NEEDED, "needed")
    listed = [one["name"] for one in manifest["entries"]] + ["manifest.json", "manifest.sig"]
    must(sorted(listed) == sorted(content), "entries")
    for one in manifest["entries"]:
        body = content[one["name"]]
        must(len(body) == one["bytes"] and sha(body).hex() == one["sha256"], one["name"])


def _keys(content: dict[str, bytes]) -> tuple[list[Any], set[str]]:
    keys = lines(content["keys.jsonl"])
    for one in keys:
        must(sha(bytes.fromhex(one["verify"])).hex()[:16] == one["key"], "key id")
    return keys, {one["key"] for one in keys if one["how"] != "greeted"}


def _records(
    content: dict[str, bytes], keys: list[Any]
) -> tuple[dict[str, str], dict[str, str], list[Any]]:
    manifest = json.loads(content["manifest.json"])
    hashes: dict[str, str] = {}
    clips: dict[str, str] = {}
    jumps: list[Any] = []
    renewed: set[tuple[str, str]] = set()
    last: Any = None
    of_alarm = 0
    seqs: dict[Any, set[int]] = {}
    needed: dict[Any, set[int]] = {}
    named: list[tuple[str, str, str]] = []
    emitters: set[tuple[str, str]] = set()
    left = {one["name"]: "" for one in manifest["left_out"]}
    for line in lines(content["records.jsonl"]):
        record, signature = base64.b64decode(line["record"]), base64.b64decode(line["signature"])
        mine = [one for one in keys if one["peer"] == line["peer"]]
        depth, outer, event = 0, None, None
        while True:
            digest = sha(b"rfproctor.record.v1\0" + record)
            fields, _ = unpack(record)
            event, _ = unpack(fields[7])
            if outer is None:
                outer = (fields, digest)
            if depth and line["role"] == "between":
                break
            signers = [
                one for one in mine if signed(bytes.fromhex(one["verify"]), digest, signature)
            ]
            must(signers, "record signature")
            signer = signers[0]
            must(depth or signer["site"] in ("", event["site"]), "site")
            must(not 0 < signer["revoked_ns"] < line["received_ns"], "revoked")
            if event["type"] == "notice" and event["note"]["id"] == "keys.renewed":
                heir = sha(bytes.fromhex(event["note"]["args"]["verify"])).hex()[:16]
                renewed.add((signer["key"], heir))
            if event["type"] != "relayed":
                break
            mine = [one for one in keys if one["verify"] == event["verify_key"].hex()]
            record, signature, depth = event["record"], event["signature"], depth + 1
        fields, digest = outer
        place = (line["peer"], line["epoch"])
        must((fields[1].hex(), fields[2]) == (line["epoch"], line["seq"]), "misplaced")
        if last is not None and last[0] == place:
            must(line["seq"] > last[1], "order")
            if line["seq"] == last[1] + 1:
                must(fields[8] == last[2], "link")
        elif last is not None:
            must(place > last[0], "order")
        last = (place, line["seq"], digest)
        seqs.setdefault(place, set()).add(line["seq"])
        if line["role"] == "renewal":
            must(event["type"] == "notice" and event["note"]["id"] == "keys.renewed", "role")
        else:
            needed.setdefault(place, set()).add(line["seq"])
        hashes[f"{line['peer']}/{line['epoch']}/{line['seq']}"] = digest.hex()
        if line["role"] == "announcement":
            must(event["note"]["id"] == "evidence.kept", "role")
        if line["role"] == "alarm":
            of_alarm += 1
            must(event["type"] == "emitter" and event["site"] == manifest["site"], "alarm")
            emitters.add((event["sensor"], event["emitter"]))
        if event["type"] == "notice" and event["note"]["id"] == "evidence.kept":
            args = event["note"]["args"]
            name = args["file"].removesuffix(".sigmf-meta")
            named.append((event["sensor"], args["emitter"], name))
            if line["role"] != "between":
                clips[name] = args["sha256"]
    must(of_alarm, "no record")
    for place, numbers in needed.items():
        for seq in set(range(min(numbers), max(numbers) + 1)) - seqs[place]:
            if not manifest["sparse"]:
                jumps.append((place[0], seq, seq))
    for sensor, emitter, name in named:
        must((sensor, emitter) not in emitters or name in {**clips, **left}, "recording unsaid")
    for one in keys:
        must(one["how"] != "renewed" or (one["follows"], one["key"]) in renewed, "not followed")
    return hashes, clips, jumps


def _audit(
    content: dict[str, bytes],
    key: bytes,
    hashes: dict[str, str],
    jumps: list[Any],
    admitted_later: set[str],
) -> dict[str, Any]:
    manifest = json.loads(content["manifest.json"])
    text, _, line = content["checkpoint.txt"].decode().partition("\n\n")
    body = (text + "\n").encode()
    origin, size, root, head, _, broken = text.split("\n")
    dash, name, encoded = line.strip().split(" ")
    blob = base64.b64decode(encoded)
    must(dash == "\u2014" and name == origin, "note")
    must(blob[:4] == sha(name.encode() + b"\n\1" + key)[:4] and signed(key, body, blob[4:]), "note")
    must(broken == "broken 0", "audit broken")
    admitted: set[str] = set()
    gaps = []
    last: Any = None
    for row in lines(content["audit.jsonl"]):
        fields = [row["prev_hash"], row["seq"], row["time_ns"]]
        fields += [row["actor"], row["act"], row["subject"], row["detail"]]
        packed = json.dumps(
            ["rfproctor-audit-1", *fields], separators=(",", ":"), ensure_ascii=False
        )
        must(sha(packed.encode()).hex() == row["hash"], "row")
        path = [bytes.fromhex(step) for step in row["path"]]
        leaf = sha(b"\0" + bytes.fromhex(row["hash"]))
        must(_root(leaf, row["seq"] - 1, int(size), path) == base64.b64decode(root), "path")
        if last is not None:
            must(row["seq"] > last["seq"], "row order")
            if row["seq"] == last["seq"] + 1:
                must(row["prev_hash"] == last["hash"], "row link")
        detail = json.loads(row["detail"])
        if row["act"] in ADMITTED:
            admitted.add(detail["key"])
        if row["act"] == "breach.gap":
            gaps.append(detail["note"]["args"])
        if row["act"] == "checkpoint":
            for place, (seq, digest) in detail.items():
                must(hashes.get(f"{place}/{seq}", digest) == digest, "head")
        last = row
    must(last["act"] == "bundle.taken" and last["subject"] == manifest["alarm"], "not taken")
    must(last["seq"] == int(size) and f"head {last['hash']}" == head, "truncated")
    must(admitted_later <= admitted, "key not in audit")
    for peer, first, end in jumps:
        fits = (g["peer"] == peer and g["first"] <= first and end <= g["last"] for g in gaps)
        must(any(fits), "records left out")
    taken: dict[str, Any] = json.loads(last["detail"])
    must(taken["records"], "not taken")
    for place, (seq, digest) in taken["records"].items():
        must(hashes.get(f"{place}/{seq}") == digest, "end")
    return taken


def _root(value: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """RFC 9162, 2.1.3.2."""
    last = size - 1
    if index > last:
        return None
    for step in path:
        if last == 0:
            return None
        if index % 2 or index == last:
            value = sha(b"\1" + step + value)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            value = sha(b"\1" + value + step)
        index, last = index // 2, last // 2
    return value if last == 0 else None


def _recordings(content: dict[str, bytes], clips: dict[str, str], taken: dict[str, Any]) -> None:
    manifest = json.loads(content["manifest.json"])
    left = {one["name"]: one["sha256"] for one in manifest["left_out"]}
    here = {
        name.removeprefix("recordings/").rsplit(".", 1)[0]
        for name in content
        if name.startswith("recordings/")
    }
    for name in here | taken["recordings"].keys():
        listed = content[f"recordings/{name}.sha256"]
        must(sha(listed).hex() == clips[name] == taken["recordings"][name], "not signed")
        for suffix in (".sigmf-data", ".sigmf-meta"):
            body = content[f"recordings/{name}{suffix}"]
            must(f"{sha(body).hex()}  {name}{suffix}" in listed.decode().splitlines(), "not listed")
    for name, digest in left.items():
        must(clips.get(name) == digest, "not announced")
    must(clips.keys() <= here | left.keys(), "gone")
