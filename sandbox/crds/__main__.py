"""`python -m sandbox.crds [DIR]`: which rules of the definitions in DIR the emulated API evaluates, and which not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.crds import OWN, read
from sandbox.kube import expressions


def rules(schema: Any) -> Iterator[str]:
    """Every rule in CEL of a schema, wherever it stands."""
    if isinstance(schema, dict):
        for each in schema.get("x-kubernetes-validations") or ():
            if isinstance(each, dict) and "rule" in each:
                yield each["rule"]
        for name, inner in schema.items():
            if name not in ("default", "enum", "example"):
                yield from rules(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from rules(inner)


def main() -> None:
    """Print a line per definition, and one per rule that is not evaluated."""
    evaluated = total = 0
    missing: dict[str, str] = {}
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else OWN
    definitions = read(folder)
    if not definitions:
        sys.exit(f"{folder} holds no CustomResourceDefinition")
    for definition in definitions:
        found = [rule for version in definition["spec"]["versions"] for rule in rules(version["schema"])]
        reasons = {rule: expressions.why_not(rule) for rule in found}
        missing |= {rule: why for rule, why in reasons.items() if why}
        count = sum(reasons[rule] is None for rule in found)
        evaluated, total = evaluated + count, total + len(found)
        print(f"{definition['metadata']['name']}: {count} of {len(found)} rules")
    print(f"in all: {evaluated} of {total} rules are evaluated")
    for rule, why in missing.items():
        print(f"not evaluated ({why}): {rule}")


if __name__ == "__main__":
    main()
