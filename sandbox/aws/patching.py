"""The one way in which moto is corrected: a named attribute of it is replaced, loudly when it is not there."""

from __future__ import annotations

from typing import Any


class NothingToReplaceError(RuntimeError):
    """Moto has changed: the attribute that a correction replaces is gone."""


def replace(owner: Any, name: str, replacement: Any) -> Any:
    """Put `replacement` in the place of `owner.name` and return what stood there.

    Corrections bind to moto's inside, so its version is pinned; one that no longer fits has to fail at start
    instead of leaving moto uncorrected.
    """
    if not hasattr(owner, name):
        raise NothingToReplaceError(f"{owner!r} has no {name}")
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    return original
