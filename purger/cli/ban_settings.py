"""Defines the settings of `purger ban`, for one subject and for lists alike."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BanSettings:
    """The flags of `purger ban`."""

    reason: str
    banned_by: str
    ahead: bool
    again: bool
    dry_run: bool
    wait: float | None  # seconds; None: return at once
    as_json: bool
