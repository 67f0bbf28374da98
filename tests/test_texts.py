"""Every text exists in both languages with the same placeholders, and every use of one is right."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("dsp", "sdr", "sensors", "dashboard")
FOLDERS = ("sensors/locale", "dashboard/static/locale")
LANGS = ("en", "zh")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def catalogue(folder: str, lang: str) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(source(folder, lang))
    return loaded


def source(folder: str, lang: str) -> str:
    return (REPOSITORY / folder / f"{lang}.json").read_text(encoding="utf-8")


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("folder", FOLDERS)
def test_same_keys(folder: str) -> None:
    assert catalogue(folder, "en").keys() == catalogue(folder, "zh").keys()


@pytest.mark.parametrize("folder", FOLDERS)
def test_same_placeholders(folder: str) -> None:
    chinese = catalogue(folder, "zh")
    for key, text in catalogue(folder, "en").items():
        assert placeholders(text) == placeholders(chinese[key]), key


@pytest.mark.parametrize("folder", FOLDERS)
def test_placeholders_have_names(folder: str) -> None:
    """Another language orders its words otherwise, so ``{}`` and ``{0}`` cannot be translated."""
    for lang in LANGS:
        for key, text in catalogue(folder, lang).items():
            assert all(name.isidentifier() for name in placeholders(text)), (lang, key)


def test_page_needs_no_format_specifications() -> None:
    """The page's own replacement knows ``{name}`` only."""
    for lang in LANGS:
        for key, text in catalogue("dashboard/static/locale", lang).items():
            assert "{" not in re.sub(r"\{\w+\}", "", text), (lang, key)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_file_is_sorted_and_no_key_twice(folder: str, lang: str) -> None:
    """Sorted, so that two people's additions merge; json would silently keep the later twin."""
    loaded = catalogue(folder, lang)
    canonical = json.dumps(loaded, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert source(folder, lang) == canonical


@pytest.mark.parametrize("folder", FOLDERS)
def test_languages_are_not_swapped(folder: str) -> None:
    english = catalogue(folder, "en")
    switch = {key for key in english if "lang" in key.split(".")}  # "中文" is meant there
    assert [key for key in english.keys() - switch if CHINESE.search(english[key])] == []
    chinese = catalogue(folder, "zh")
    words = [key for key, text in chinese.items() if re.search(r"[A-Za-z]{4}.* [a-z]{3}", text)]
    assert [key for key in words if not CHINESE.search(chinese[key])] == []


def modules() -> dict[str, ast.Module]:
    """Every module of ours, parsed, by its dotted name."""
    paths = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]
    return {
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in paths
    }


def speakers(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Names, module by module, that take a message id first: `say`, `UserError`, what derives."""
    known = {module: set[str]() for module in trees}
    known["sdr.source"].add("UserError")
    known["sensors.text"].add("say")
    before = -1
    while before != (before := sum(map(len, known.values()))):
        for module, tree in trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom):
                    there = known.get(node.module or "", set())
                    known[module] |= {a.asname or a.name for a in node.names if a.name in there}
                elif isinstance(node, ast.ClassDef):
                    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
                    known[module] |= {node.name} if bases & known[module] else set()
    return known


def uses() -> Iterator[tuple[str, str, set[str] | None]]:
    """(place, message id, its arguments or None where they are not literal) of each literal use."""
    trees = modules()
    known = speakers(trees)
    for module, tree in trees.items():
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args):
                continue
            first = call.args[0]
            if call.func.id in known[module] and isinstance(first, ast.Constant):
                keywords = {keyword.arg for keyword in call.keywords}
                named = {name for name in keywords if name is not None}
                place = f"{module}:{call.lineno}"
                yield place, str(first.value), None if None in keywords else named


def test_python_uses_known_texts_with_all_their_arguments() -> None:
    english = catalogue("sensors/locale", "en")
    found = list(uses())
    assert len(found) > 20, "the search no longer finds the calls"
    wrong = [f"{place}: {key} is in no catalogue" for place, key, _ in found if key not in english]
    wrong += [
        f"{place}: {key} lacks {sorted(missing)}"
        for place, key, named in found
        if named is not None and (missing := placeholders(english.get(key, "")) - named)
    ]
    assert not wrong, "\n".join(wrong)


def test_page_uses_known_texts() -> None:
    english = catalogue("dashboard/static/locale", "en")
    used = {
        key: path.name
        for path in (REPOSITORY / "dashboard" / "static").glob("*.js")
        for key in re.findall(r"""\bt\(\s*["']([\w.-]+)["']""", path.read_text(encoding="utf-8"))
    }
    assert {key: name for key, name in used.items() if key not in english} == {}
