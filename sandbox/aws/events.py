"""EventBridge delivery to functions, state machines and topics, on which moto's PutEvents fails with a 500."""

from __future__ import annotations

import copy
import datetime
import json
import re
import sys
import threading
from functools import cache
from typing import Any

import boto3
from moto.events.models import Rule

from sandbox.aws.patching import replace
from sandbox.plan import REGION

EVENTS_ACCESS_KEY = "ASIAEVENTSAMAZONAWS0"
"""The key with which rules call their targets: the call log tells their calls by it."""

_OURS = ("lambda", "states", "sns")
_ATTEMPTS = 3


def deliver_to_every_target(endpoint_url: str) -> None:
    """Deliver to the targets that moto does not know; disabled rules and mere schedules deliver nothing."""
    original: Any = Rule.send_to_targets
    callers = _Callers(endpoint_url)

    def send(self: Any, original_event: dict[str, Any], *rest: Any, **named: Any) -> None:
        if self.state == "DISABLED" or not self.event_pattern.get_pattern():
            return
        theirs = copy.copy(self)
        theirs.targets = [each for each in self.targets if not _is_ours(each)]
        original(theirs, original_event, *rest, **named)
        if not self.event_pattern.matches_event(original_event):
            return
        for target in filter(_is_ours, self.targets):
            payload = input_of(target, as_delivered(original_event))
            threading.Thread(target=callers.deliver, args=(target["Arn"], payload), daemon=True).start()

    replace(Rule, "send_to_targets", send)


def _is_ours(target: dict[str, Any]) -> bool:
    return target["Arn"].split(":")[2] in _OURS


class _Callers:
    def __init__(self, endpoint_url: str) -> None:
        session = boto3.session.Session(aws_access_key_id=EVENTS_ACCESS_KEY, aws_secret_access_key="events")
        self._lock = threading.Lock()  # sessions and the cache are not made for threads
        self._client = cache(lambda service: session.client(service, region_name=REGION, endpoint_url=endpoint_url))

    def deliver(self, arn: str, payload: str) -> None:
        """Hand over one event, in a few attempts; give up with a line in the log, as there is no dead-letter queue."""
        for _ in range(_ATTEMPTS):
            try:
                self._call(arn, payload)
            except Exception as error:
                print(f"EventBridge: {arn}: {error}", file=sys.stderr)
            else:
                return

    def _call(self, arn: str, payload: str) -> None:
        service = arn.split(":")[2]
        with self._lock:
            client = self._client({"states": "stepfunctions"}.get(service, service))
        if service == "lambda":
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=payload.encode("utf-8"))
        elif service == "states":
            client.start_execution(stateMachineArn=arn, input=payload)
        else:
            client.publish(TopicArn=arn, Message=payload)


def as_delivered(event: dict[str, Any]) -> dict[str, Any]:
    """The event as consumers get it: time in ISO 8601, nothing of moto's own."""
    moment = event["time"]
    if isinstance(moment, int | float):
        stamp = datetime.datetime.fromtimestamp(moment, datetime.UTC)
        moment = stamp.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"version": "0", **{key: each for key, each in event.items() if key != "ingestion-time"}, "time": moment}


def input_of(target: dict[str, Any], event: dict[str, Any]) -> str:
    """What a target is given: its constant Input, a part of the event, a template filled from it, or the event."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if transformer:
        values = {name: _at(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
        return _fill(transformer["InputTemplate"], values)
    return json.dumps(event)


def _at(event: Any, path: str) -> Any:
    for part in path.removeprefix("$").strip(".").split("."):
        if part:
            event = event.get(part) if isinstance(event, dict) else None
    return event


def _fill(template: str, values: dict[str, Any]) -> str:
    """Placeholders within quotes become text within that string, the others JSON values."""

    def within(match: re.Match[str]) -> str:
        return re.sub(r"<([\w-]+)>", lambda each: _text(values, each), match[0])

    quoted = re.sub(r'"(?:[^"\\]|\\.)*"', within, template)
    return re.sub(r"<([\w-]+)>", lambda each: json.dumps(values[each[1]]) if each[1] in values else each[0], quoted)


def _text(values: dict[str, Any], match: re.Match[str]) -> str:
    if match[1] not in values:
        return match[0]
    value = values[match[1]]
    return json.dumps(value if isinstance(value, str) else json.dumps(value))[1:-1]
