"""The machines as files, and every state in them, branches of Parallel and Map included."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "statemachine"
NAMES = sorted(path.name.removesuffix(".asl.yaml") for path in FOLDER.glob("*.asl.yaml"))


def text(name: str) -> str:
    return (FOLDER / f"{name}.asl.yaml").read_text(encoding="utf-8")


@functools.cache
def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(text(name))
    return document


def levels(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine itself and every machine inside its states."""
    yield machine
    for state in machine["States"].values():
        for inner in [
            *state.get("Branches", ()),
            *(state[key] for key in ("ItemProcessor", "Iterator") if key in state),
        ]:
            yield from levels(inner)


def states(name: str) -> list[tuple[str, dict[str, Any]]]:
    return [item for level in levels(load(name)) for item in level["States"].items()]


def targets(state: dict[str, Any]) -> list[str]:
    """Every state that may come next."""
    found = [state[key] for key in ("Next", "Default") if key in state]
    return found + [each["Next"] for key in ("Choices", "Catch") for each in state.get(key, ())]
