"""Stands in for namespaces where a machine refuses them: what a command says is made to fit the host.

Paths inside the container become those of its folders, etcd's names and `localhost` become loopback addresses, in
arguments, in environment variables, and in scripts given to a shell by argument or by stdin. Names that a script puts
together at run time reach etcd's programs through a wrapper that looks at its arguments once more.

Limits, all of them harmless to the documented commands: output shows the host's paths and addresses, `ps` shows the
whole machine, and programs that a script reads paths from a file for are not followed.
"""

from __future__ import annotations

import json
import re
import shlex
import signal
from contextlib import suppress
from os import kill
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.node.isolation import PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.node.container import ContainerSpec

MARK = "SANDBOX_CONTAINER"  # names the container in the environment of all its processes, so that all can be found
_ETCD = ("etcd", "etcdctl", "etcdutl")
_OF_ROOT = ("/tmp", "/var", "/run", "/root", "/etc/hosts", "/dev/termination-log")
# `getent hosts NAME` from the pod's own hosts file. A name may have become an address already: that is the answer.
_GETENT = r"""#!/bin/sh
case $1 in *hosts*) ;; *) exec /usr/bin/getent "$@" ;; esac
case $2 in 127.*) echo "$2 $2"; exit 0 ;; esac
exec awk -v name="$2" \
  '{ for (i = 2; i <= NF; i++) if ($i == name) { print; n++; break } } END { exit n ? 0 : 2 }' "$SANDBOX_HOSTS"
"""


def rewrite(text: str, mapping: dict[str, str]) -> str:
    """Replace the keys of `mapping` (paths and host names) in `text`; what is already a value is left alone."""
    names = sorted((key for key in mapping if not key.startswith("/")), key=len, reverse=True)
    paths = sorted((key for key in mapping if key.startswith("/")), key=len, reverse=True)
    done = sorted({value for value in mapping.values() if value.startswith("/")}, key=len, reverse=True)
    pattern = "|".join(
        (
            rf"(?<![\w./-])(?:{_any(done)})[^\s\"':;]*",
            rf"(?P<path>(?<![\w./}})-])(?:{_any(paths)})(?=[/\s\"':;)|&>*]|$))",
            rf"(?P<name>(?<![\w.-])(?:{_any(names)})(?![\w.-]))",
        )
    )

    def replacement(match: re.Match[str]) -> str:
        found = match["path"] or match["name"]
        return mapping[found] if found else match[0]

    return re.sub(pattern, replacement, text)


def _any(words: list[str]) -> str:
    return "|".join(map(re.escape, words)) or "(?!)"


class Rewriting:
    """The mapping of one container, and the programs it may use."""

    def __init__(self, spec: ContainerSpec) -> None:
        self._spec = spec
        self._root = Path(spec.root)
        self._programs = self._root / ".programs"
        self._mapping = {path: f"{spec.root}{path}" for path in _OF_ROOT}
        image = ""
        self._etcd = ""
        for source, target, _ in spec.binds:
            if target == "/usr":
                image = source
            elif target == "/.host/etcd":
                self._etcd = source
            elif target != "/.host/usr":  # folders bound to the same path stand for themselves, below /tmp too
                self._mapping[target] = source
        self._image = Path(image)
        for program in (self._image / "bin").iterdir():
            for folder in ("/usr/bin", "/bin"):
                self._mapping[f"{folder}/{program.name}"] = str(self._programs / program.name)
        self._mapping |= spec.names

    def install(self) -> None:
        """Make the folder of programs: links to the host's tools, wrappers for etcd's."""
        self._programs.mkdir(exist_ok=True)
        (self._root / ".mapping.json").write_text(json.dumps(self._mapping), encoding="utf-8")
        for program in (self._image / "bin").iterdir():
            made = self._programs / program.name
            made.unlink(missing_ok=True)
            if program.name in _ETCD:
                wrapper = Path(__file__).with_name("etcd_wrapper.py")
                words = [
                    PYTHON,
                    "-I",
                    "-S",
                    "-B",
                    wrapper,
                    self._root / ".mapping.json",
                    f"{self._etcd}/{program.name}",
                ]
                _script(made, " ".join(shlex.quote(str(word)) for word in words))
            elif program.name == "getent":
                made.write_text(_GETENT, encoding="utf-8")
                made.chmod(0o755)
            elif program.name == "curl":
                _script(made, f"{shlex.quote(str(PYTHON))} -I -S -B {self._image / 'libexec/sandbox/curl.py'}")
            else:
                target = program.readlink() if program.is_symlink() else program
                made.symlink_to(str(target).removeprefix("/.host"))

    def argv(self, argv: list[str]) -> list[str]:
        return [rewrite(word, self._mapping) for word in argv]

    def environment(self) -> dict[str, str]:
        own = {"PATH": str(self._programs), "HOME": f"{self._root}/root", "TMPDIR": f"{self._root}/tmp"}
        given = {name: rewrite(value, self._mapping) for name, value in self._spec.env.items()}
        return given | own | {MARK: self._spec.root, "SANDBOX_HOSTS": f"{self._root}/etc/hosts"}

    def path(self, path: str) -> str:
        """Where a folder of the container lies on the host."""
        if path == "/":
            return self._spec.root
        return rewrite(path, self._mapping)

    def stdin(self, argv: list[str]) -> Callable[[bytes], bytes] | None:
        """How the lines of stdin are to be changed when the command is a shell that reads its script there."""
        words = [word for word in argv[1:] if word != "-s"]
        if Path(argv[0]).name not in ("sh", "bash") or (words[:1] and not words[0].startswith("-")):
            return None
        if any(word.startswith("-") and not word.startswith("--") and "c" in word for word in words[:1]):
            return None

        def change(line: bytes) -> bytes:
            try:
                return rewrite(line.decode(), self._mapping).encode()
            except UnicodeDecodeError:
                return line

        return change


def _script(path: Path, command: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def kill_marked(root: str) -> None:
    """Kill every process of a container, those included that left its process group."""
    mark = f"{MARK}={root}".encode()
    for _ in range(100):
        found = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _carries(each, mark)]
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)


def _carries(process: Path, mark: bytes) -> bool:
    try:
        return mark in (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
