"""Time as Kubernetes writes it: RFC 3339, UTC, whole seconds."""

from __future__ import annotations

import datetime


def now() -> datetime.datetime:
    """Return the time now, in UTC."""
    return datetime.datetime.now(datetime.UTC)


def timestamp(moment: datetime.datetime | None = None) -> str:
    """Return a moment (now, when not given) as `2026-01-31T12:00:00Z`."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime.datetime:
    """Return the moment that a timestamp names."""
    return datetime.datetime.fromisoformat(text)


def age_seconds(text: str, moment: datetime.datetime) -> float:
    """Return how long before `moment` a timestamp was."""
    return (moment - parse(text)).total_seconds()


def human(seconds: float) -> str:
    """Return a duration as kubectl's AGE column shows it (`12s`, `4m5s`, `3h12m`, `2d`)."""
    total = int(max(seconds, 0))
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def from_epoch(seconds: int) -> datetime.datetime:
    """Return the moment so many seconds after 1970."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
