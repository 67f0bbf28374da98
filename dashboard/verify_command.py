"""``rfproctor verify``: whether what somebody was handed is what the sites signed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dashboard import verify as verifier
from dashboard.verify_findings import Finding
from sensors.text import Lang, plain, say


@click.command(
    epilog="Example: rfproctor verify rfproctor-fyxwjmetl5igvnf4.zip --key 0123456789abcdef"
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--key",
    default="",
    metavar="FINGERPRINT",
    help="Of the monitor, from somebody you trust: key id or eight words.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line per check.")
@click.pass_obj
def verify(lang: Lang, bundle: Path, key: str, as_json: bool) -> None:
    """Check a bundle of evidence: signatures, hashes, sequence, recordings, audit log.

    Reads this one file and nothing else.  Exit code 0: everything holds; 1: something does not.
    """
    findings = verifier.verify(bundle, key)
    for one in findings.found:
        click.echo(_json(one, lang) if as_json else _line(one, lang))
    verdict = "fail" if findings.failed else "pass"
    if as_json:
        click.echo(json.dumps({"kind": "verdict", "verdict": verdict, "failed": findings.failed}))
    else:
        click.echo("\n" + say(f"verify.verdict_{verdict}", lang, count=findings.failed))
    raise SystemExit(1 if findings.failed else 0)


def _line(one: Finding, lang: Lang) -> str:
    sign = say(f"verify.sign_{one.verdict}", lang)
    check = say(f"verify.check_{one.check}", lang)
    return say("verify.line", lang, sign=sign, check=check, text=_text(one, lang))


def _text(one: Finding, lang: Lang) -> str:
    return plain(say(one.message_id, lang, **one.fields))


def _json(one: Finding, lang: Lang) -> str:
    fields = {"kind": "check", "check": one.check, "verdict": one.verdict, "id": one.message_id}
    return json.dumps({**fields, **one.fields, "text": _text(one, lang)}, ensure_ascii=False)
