"""S3's documents: elements out of nested pairs, and what a request's document says."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from sandbox.aws.s3.errors import refused

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
Content: TypeAlias = "str | int | bool | Sequence[tuple[str, Content]] | None"
"""Text, a number, a truth value, further elements; None leaves the element out."""


def document(root: str, content: Content) -> bytes:
    """A whole document."""
    text = _content(content)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">{text}</{root}>'.encode()


def _content(content: Content) -> str:
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, str):
        return escape(content, {'"': "&quot;", "\r": "&#13;"})
    if isinstance(content, int):
        return str(content)
    return "".join(f"<{name}>{_content(each)}</{name}>" for name, each in content or () if each is not None)


def parse(body: bytes, root: str | None = None) -> ElementTree.Element:
    """The root element, all names without their namespace. Raises MalformedXML; also for another root than expected."""
    try:
        element = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise refused("MalformedXML") from None
    for each in element.iter():
        each.tag = each.tag.rpartition("}")[2]
    if root and element.tag != root:
        raise refused("MalformedXML")
    return element


def text(element: ElementTree.Element, path: str) -> str | None:
    """The stripped text of the element at `path`; None when there is no such element or nothing in it."""
    found = element.findtext(path)
    return found.strip() or None if found is not None else None


def timestamp(seconds: float) -> str:
    """Unix seconds as S3 writes times in documents: whole seconds, as in `Last-Modified`."""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def url_encoded(name: str, encoding: str | None) -> str:
    """A key or prefix as a listing with `encoding-type=url` tells it."""
    return quote(name, safe="/-_.~*") if encoding == "url" else name
