"""Is what came out what went in? Looked at from outside, at the destination, before anything is deleted at the source.

Two kinds of findings: *not yet* (a member starts, a name is not written: looked at again until a deadline) and *never*
(two cluster ids, a new instance: waiting mends nothing, VerificationError at once). Each module looks at one thing and
answers with facts for the report and what is not yet there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """What one look gave."""

    facts: dict[str, Any] = field(default_factory=dict)
    """Figures and names for the report; never anything secret."""
    not_yet: list[str] = field(default_factory=list)
