"""What a function's code can reach: which methods of which ports, found by following names from its handler.

Everything that is mentioned counts as called, so that a callable handed over is followed too. Receivers are told by
their names, which the code keeps the same everywhere: `store.put` is a put whatever object holds the store.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "layers" / "lifeboat"
PORTS = ("store", "signer", "leases", "dns", "instances", "load_balancers", "executions")


@functools.cache
def parts(module: str) -> dict[str, ast.AST]:
    """Top-level names of a module of the library: functions, classes, constants, and imports."""
    path = LIBRARY / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return _parts(file.read_text(encoding="utf-8"))


def _parts(text: str) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: node for alias in node.names}
        elif isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
    return found


def of_handler(folder: str) -> set[str]:
    """`services.x` that the handler asks for, `port.method` that it can reach, and `guarded`."""
    top = _parts((ROOT / "functions" / folder / "app.py").read_text(encoding="utf-8"))
    found: set[str] = set()
    _follow(top["handler"], "", top, found, set())
    decorators = [ast.unparse(each) for each in top["handler"].decorator_list]  # type: ignore[attr-defined]
    return found | ({"guarded"} if decorators == ["task(services)"] else set())


def _follow(node: ast.AST, module: str, names: dict[str, ast.AST], found: set[str], seen: set[tuple[str, str]]) -> None:
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute):
            receiver = each.value
            holder = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
            if holder == "services" or holder in PORTS:
                found.add(f"{holder}.{each.attr}")
            if isinstance(receiver, ast.Name) and (target := _module(names.get(receiver.id), receiver.id)):
                _enter(target, each.attr, found, seen)
        elif isinstance(each, ast.Name) and each.id in names:
            origin = names[each.id]
            if not isinstance(origin, ast.ImportFrom):
                if module:
                    _enter(module, each.id, found, seen)
            elif not _module(origin, each.id) and (origin.module or "").startswith("lifeboat"):
                _enter(str(origin.module), _original(origin, each.id), found, seen)


def _enter(module: str, name: str, found: set[str], seen: set[tuple[str, str]]) -> None:
    """Follow one name of the library. What stands behind the ports, and around the handlers, is not followed.

    Nor is a rehearsal: `plan.making` hands the steps rehearsed ports, which tests/unit/plan holds to writing nothing.
    """
    if (
        (module, name) in seen
        or module.startswith("lifeboat.adapters")
        or module
        in {
            "lifeboat.wiring",
            "lifeboat.runtime",
            "lifeboat.ports",
            "lifeboat.plan.making",
        }
    ):
        return
    seen.add((module, name))
    names = parts(module)
    node = names.get(name)
    if isinstance(node, ast.ImportFrom):
        _enter(str(node.module), _original(node, name), found, seen)
    elif node is not None:
        _follow(node, module, names, found, seen)


def _module(node: ast.AST | None, name: str) -> str | None:
    """The library's module that an import gives, None when it gives something else."""
    if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("lifeboat"):
        return None
    full = f"{node.module}.{_original(node, name)}"
    path = LIBRARY / Path(*full.split("."))
    return full if path.is_dir() or path.with_suffix(".py").exists() else None


def _original(node: ast.ImportFrom, name: str) -> str:
    return next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
