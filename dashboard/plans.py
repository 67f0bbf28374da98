"""Plans of the sites: a picture of the school, and where on it each sensor stands."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from PIL import Image

from dashboard.errors import Refused, StoreError
from dashboard.saving import OpenFile
from sensors.messages import Id

MAX_BYTES = 8 * 1024 * 1024
MOST_PIXELS = 40_000_000
"""A browser needs four bytes for each of them, however small the file is."""
ENDINGS = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg")}
"""Pictures that are served, and what their names end with: no format that could carry a script."""

Part = Annotated[float, Meta(ge=0, le=1)]


class PlanSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[[plan]]``: the plan of one site.

    Attributes
    ----------
    site : str
    image : Path
        PNG or JPEG, at most 8 MB and 40 million pixels, with the ending of its kind.
    sensors : dict
        Sensor id to its place on the picture: right from the left edge and down from the upper
        one, as parts of its width and height.
    """

    site: Id
    image: Path
    sensors: dict[Id, tuple[Part, Part]] = {}


class Place(Struct, frozen=True):
    """Where a sensor stands on the plan, see `PlanSection`."""

    sensor: str
    x: float
    y: float


class PlanCard(Struct, frozen=True):
    """A plan as pages and scripts see it; its picture is had under ``/plans/{site}``."""

    site: str
    sensors: list[Place]


class Plans:
    """The plans that the configuration names.

    Parameters
    ----------
    sections : sequence of PlanSection

    Raises
    ------
    StoreError
        A picture is not there, is none, is too large, or its name says that it is something else.
    """

    def __init__(self, sections: Sequence[PlanSection]) -> None:
        self._sections = {section.site: section for section in sections}
        for section in sections:
            _read(section.image)

    def cards(self) -> list[PlanCard]:
        """Every plan, by site."""
        return [
            PlanCard(site, [Place(sensor, x, y) for sensor, (x, y) in section.sensors.items()])
            for site, section in sorted(self._sections.items())
        ]

    def picture(self, site: str) -> OpenFile:
        """Picture of a site.

        Raises
        ------
        Refused
            There is none (404).
        """
        section = self._sections.get(site)
        if section is None:
            raise Refused("plan.unknown", 404, site=site)
        try:
            content, media = _read(section.image)
        except StoreError as error:
            raise Refused(error.message_id, 404, **error.fields) from None
        digest = hashlib.sha256(content).digest()
        name = f"plan{section.image.suffix.lower()}"
        return OpenFile(name, io.BytesIO(content), len(content), digest, media)


def _read(path: Path) -> tuple[bytes, str]:
    """Picture and its media type; nothing is unpacked, its head is read."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError:
        raise StoreError("config.file_missing", file=path) from None
    kind, width, height = _kind_and_size(content)
    if kind not in ENDINGS or len(content) > MAX_BYTES or not width or not height:
        raise StoreError("plan.no_picture", file=path)
    if path.suffix.lower() not in ENDINGS[kind]:
        raise StoreError("plan.wrong_name", file=path, kind=kind, endings=", ".join(ENDINGS[kind]))
    if width * height > MOST_PIXELS:
        most = MOST_PIXELS // 1_000_000
        raise StoreError("plan.too_large", file=path, width=width, height=height, most=most)
    return content, f"image/{kind.lower()}"


def _kind_and_size(content: bytes) -> tuple[str, int, int]:
    """What a picture's head says of it; an empty kind where it is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size is judged here
        try:
            with Image.open(io.BytesIO(content), formats=tuple(ENDINGS)) as picture:
                return picture.format or "", *picture.size
        except Image.DecompressionBombError:
            return "PNG" if content.startswith(b"\x89PNG") else "JPEG", 2**31, 2**31
        except (OSError, SyntaxError, ValueError, struct.error):
            return "", 0, 0
