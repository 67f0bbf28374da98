"""Plans of the sites: only pictures are served, and only those that the configuration names."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from dashboard.config import load_config
from dashboard.errors import Refused, StoreError
from dashboard.plans import MAX_BYTES, Plans, PlanSection
from sensors.toml import BadConfig


def picture(kind: str, width: int = 3, height: int = 2) -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("L", (width, height)).save(out, kind)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of 100 bytes that says it is so large."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [head, b"IDAT" + zlib.compress(b"")]
    framed = [
        struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks
    ]
    return PNG[:8] + b"".join(framed)


PNG = picture("PNG")
TOML = """\
[monitor]
id = "city"
insecure = true
{plans}
"""
PLAN = """\
[[plan]]
site = "school-3"
image = "plan.png"
[plan.sensors]
"school-3/hall" = [0.25, {y}]
"""


def write(folder: Path, plans: str) -> Path:
    (folder / "plan.png").write_bytes(PNG)
    file = folder / "monitor.toml"
    file.write_text(TOML.format(plans=plans), encoding="utf-8")
    return file


def test_the_configuration_names_pictures_and_places(tmp_path: Path) -> None:
    plans = Plans(load_config(write(tmp_path, PLAN.format(y=1.0))).plan)
    (card,) = plans.cards()
    assert card.site == "school-3"
    assert [(one.sensor, one.x, one.y) for one in card.sensors] == [("school-3/hall", 0.25, 1.0)]
    picture = plans.picture("school-3")
    assert (picture.media, picture.num_bytes) == ("image/png", len(PNG))
    assert picture.file.read() == PNG


@pytest.mark.parametrize("plans", [PLAN.format(y=1.01), PLAN.format(y=0.5) + PLAN.format(y=0.5)])
def test_a_place_off_the_picture_and_a_second_plan_are_refused(tmp_path: Path, plans: str) -> None:
    with pytest.raises(BadConfig, match="plan"):
        load_config(write(tmp_path, plans))


def test_a_site_without_a_plan_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        Plans([]).picture("../monitor.toml")
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("name", "content", "message_id"),
    [
        ("plan.png", b"", "plan.no_picture"),
        ("plan.png", b"<svg onload='x'/>", "plan.no_picture"),
        ("plan.svg", b"<svg xmlns='x'><script>alert(1)</script></svg>", "plan.no_picture"),
        ("plan.png", PNG[:6], "plan.no_picture"),
        ("plan.png", PNG[:8] + b"\0" * 100, "plan.no_picture"),
        ("plan.jpg", b"\xff\xd8\xff" + b"\0" * 100, "plan.no_picture"),
        ("plan.png", PNG + b"\0" * MAX_BYTES, "plan.no_picture"),
        ("plan.gif", picture("GIF"), "plan.no_picture"),
        ("plan.html", PNG, "plan.wrong_name"),
        ("plan.jpg", PNG, "plan.wrong_name"),
        ("plan.png", picture("JPEG"), "plan.wrong_name"),
        ("plan.png", bomb(7000, 7000), "plan.too_large"),
        ("plan.png", bomb(60_000, 60_000), "plan.too_large"),
    ],
)
def test_what_is_no_small_picture_is_not_served(
    tmp_path: Path, name: str, content: bytes, message_id: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(StoreError) as refused:
        Plans([PlanSection(site="a", image=file)])
    assert refused.value.message_id == message_id


def test_a_picture_that_went_away_is_missing_not_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "plan.jpg"
    file.write_bytes(picture("JPEG"))
    plans = Plans([PlanSection(site="a", image=file)])
    assert plans.picture("a").media == "image/jpeg"
    file.unlink()
    with pytest.raises(Refused) as refused:
        plans.picture("a")
    assert refused.value.status == 404
