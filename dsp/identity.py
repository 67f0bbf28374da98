"""Under which conditions a baseline was learnt, and the refusal to use it under others."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .values import WindowName


class BaselineMismatch(ValueError):
    """A baseline was to be used where it does not fit.

    Attributes
    ----------
    field : str
        Which part of the identity differs.
    learnt, offered : object
        Its two values.
    """

    def __init__(self, field: str, learnt: object, offered: object) -> None:
        self.field, self.learnt, self.offered = field, learnt, offered
        super().__init__(f"baseline was learnt with {field}={learnt!r}, not {offered!r}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Under which conditions a baseline was learnt; with others its levels mean nothing.

    Attributes
    ----------
    serial, antenna : str
    gain_db : float or None
    sample_rate_hz : float
    nfft : int
    window : WindowName
    plan : str
        `Plan.digest`: centres and kept bins.
    site_state : str
        For example ``"jammer on"``; empty for the ordinary state.
    overlap : float
        Of the segments.
    ppm : float
        Frequency correction; noted, not compared, for it moves no level.
    """

    serial: str
    antenna: str
    gain_db: float | None
    sample_rate_hz: float
    nfft: int
    window: WindowName
    plan: str
    site_state: str = ""
    overlap: float = 0.5
    ppm: float = 0.0

    def require(self, other: Identity) -> None:
        """Refuse another dongle, antenna, gain, plan or state.

        Raises
        ------
        BaselineMismatch
            Naming the first difference and both values.
        """
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name != "ppm" and mine != theirs:
                raise BaselineMismatch(field.name, mine, theirs)
