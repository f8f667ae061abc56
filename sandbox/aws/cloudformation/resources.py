"""What a handler of a resource type gets and gives, and the registry of all types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.config import Config

from sandbox.aws.cloudformation.intrinsics import TemplateError


@dataclass(frozen=True)
class Created:
    """A resource that now exists: what `Ref` gives, and its attributes for `Fn::GetAtt`."""

    reference: Any
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Clients:
    """boto3 clients of one session, built once each."""

    def __init__(self, session: Any, endpoint_url: str) -> None:
        self._client = cache(
            lambda service: session.client(
                service, endpoint_url=endpoint_url, config=Config(s3={"addressing_style": "path"})
            )
        )

    def __call__(self, service: str) -> Any:
        return self._client(service)


class Properties:
    """Properties of one resource. Handlers `take` what they know; what is left over is an error, not silently lost."""

    def __init__(self, logical_id: str, kind: str, properties: Mapping[str, Any], stack: str) -> None:
        self.logical_id = logical_id
        self.kind = kind
        self.stack = stack
        self._left = dict(properties)

    def take(self, name: str, default: Any = None) -> Any:
        return self._left.pop(name, default)

    def require(self, name: str) -> Any:
        if name not in self._left:
            raise TemplateError(f"{self.logical_id} ({self.kind}) has no {name}")
        return self._left.pop(name)

    def name(self, field_name: str) -> str:
        """The resource's given name, or one made of stack and logical id (without CloudFormation's random end)."""
        return str(self.take(field_name) or f"{self.stack}-{self.logical_id}")

    def only(self, **renamed: str) -> dict[str, Any]:
        """Those of the named properties that are set, under the SDK's names: `only(Property="parameter")`."""
        return {new: self._left.pop(old) for old, new in renamed.items() if old in self._left}

    def same(self, *names: str) -> dict[str, Any]:
        """Those of the named properties that are set, under their own names."""
        return self.only(**{name: name for name in names})

    def ignore(self, *names: str) -> None:
        """Drop properties that mean nothing here; say why where this is called."""
        for name in names:
            self._left.pop(name, None)

    def finish(self) -> None:
        if self._left:
            raise TemplateError(f"{self.logical_id} ({self.kind}): {', '.join(sorted(self._left))} not supported")


Handler = Callable[[Clients, Properties], Created]
HANDLERS: dict[str, Handler] = {}


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Register the handler of a resource type."""

    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register


def tags_of(properties: Properties, name: str = "Tags") -> dict[str, str]:
    """Tags as a mapping, whichever of CloudFormation's two forms the type uses."""
    tags = properties.take(name) or {}
    return dict(tags) if isinstance(tags, dict) else {each["Key"]: str(each["Value"]) for each in tags}
