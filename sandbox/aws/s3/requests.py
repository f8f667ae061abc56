"""One request and one response, as the operations see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.aws.s3 import xml
from sandbox.aws.s3.bodies import Body
from sandbox.aws.s3.store import Store


@dataclass(frozen=True)
class Piece:
    """A range of a file, to be sent."""

    path: Path
    offset: int
    count: int


@dataclass
class Request:
    """Header names are in lower case; query and path are decoded. `about`: what the record of calls says of it."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body
    about: dict[str, Any]

    @property
    def bypass(self) -> bool:
        return self.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """A query parameter as a number, no more than `most`; `default` for what is none."""
        value = self.query.get(name, "")
        return min(int(value), most) if value.isdigit() else default


@dataclass
class Response:
    """`body`: bytes, or ranges of files. `length`: what a HEAD tells of a body that it does not have."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Sequence[Piece] = b""
    length: int | None = None

    @classmethod
    def xml(cls, root: str, content: xml.Content, headers: Mapping[str, str] | None = None) -> Response:
        return cls(200, {"Content-Type": "application/xml", **(headers or {})}, xml.document(root, content))


@dataclass(frozen=True)
class Context:
    """What operations work on."""

    store: Store
