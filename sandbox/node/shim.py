"""Starts one process inside a container's namespaces: `run` makes them, `exec` joins them.

A program of its own (standard library only, started with `-I -S`) because a user namespace can only be entered by
a process with a single thread. It needs no privilege: inside its user namespace the ordinary user is root.

    shim.py run SPEC REPORT_FD        SPEC is JSON: root, hostname, binds [[from, to, read_only]], argv, env, cwd
    shim.py exec SPEC PID ARGV...     environment, folder from SPEC; PID is the container's first process
    shim.py plain ARGV...             without namespaces: only ends with its parent
    shim.py probe                     exit code 0 when this machine allows all that `run` needs

`run` writes the host's pid of the container's first process to REPORT_FD once that process is about to start.
Exit codes are the process's own, 128 + n for signal n, 127 and 126 as a shell has them.
"""

import ctypes
import json
import os
import signal
import sys

_CLONE = {"mnt": 0x00020000, "uts": 0x04000000, "user": 0x10000000, "pid": 0x20000000}
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
_MS_LOCKED = {os.ST_NOSUID: 2, os.ST_NODEV: 4, os.ST_NOEXEC: 8, os.ST_NOATIME: 1024, os.ST_RELATIME: 1 << 21}
_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_DEVICES = ("null", "zero", "full", "random", "urandom")

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _mount(source: str, target: str, kind: str | None, flags: int) -> None:
    try:
        _call("mount", source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags), None)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({source} on {target})") from error


def _enter_new_namespaces() -> None:
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", _CLONE["user"] | _CLONE["mnt"] | _CLONE["pid"] | _CLONE["uts"])
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(text)


def _bind(source: str, target: str, *, read_only: bool) -> None:
    if os.path.isdir(source):  # noqa: PTH112
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    _mount(source, target, None, _MS_BIND | _MS_REC)
    if read_only:
        # A user namespace may not clear the flags that its source has, so they are said again.
        kept = os.statvfs(target).f_flag
        flags = sum(flag for status, flag in _MS_LOCKED.items() if kept & status)
        _mount("none", target, None, _MS_BIND | _MS_REMOUNT | _MS_RDONLY | flags)


def _become_root(root: str, binds: list[tuple[str, str, bool]]) -> None:
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount(root, root, None, _MS_BIND | _MS_REC)
    for device in _DEVICES:
        _bind(f"/dev/{device}", f"{root}/dev/{device}", read_only=False)
    for source, target, read_only in binds:
        _bind(source, root + target, read_only=read_only)
    os.makedirs(f"{root}/proc", exist_ok=True)  # noqa: PTH103
    _mount("proc", f"{root}/proc", "proc", 0)
    os.chdir(root)
    _call("pivot_root", b".", b".")  # the old root lies over the new one until it is detached
    _call("umount2", b".", _MNT_DETACH)
    os.chdir("/")


def _execute(argv: list[str], env: dict[str, str], cwd: str) -> None:
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.chdir(cwd)
        os.execvpe(argv[0], argv, env)
    except FileNotFoundError:
        print(f'exec: "{argv[0]}": executable file not found in $PATH', file=sys.stderr)
        os._exit(127)
    except OSError as error:
        print(f'exec: "{argv[0]}": {error.strerror}', file=sys.stderr)
        os._exit(126)


def _wait(pid: int) -> int:
    status = os.waitpid(pid, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def run(spec_path: str, report: int) -> int:
    with open(spec_path, encoding="utf-8") as file:  # noqa: PTH123
        spec = json.load(file)
    _enter_new_namespaces()
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _call("sethostname", spec["hostname"].encode(), len(spec["hostname"].encode()))
            _become_root(spec["root"], spec["binds"])
            os.close(report)
            os.write(tell, b"x")
        except OSError as error:
            print(f"container: {error}", file=sys.stderr)
            os._exit(125)
        _execute(spec["argv"], spec["env"], spec["cwd"])
    os.close(tell)
    if os.read(ready, 1):
        os.write(report, str(pid).encode())
    os.close(report)
    return _wait(pid)


def execute(spec_path: str, target: str, argv: list[str]) -> int:
    with open(spec_path, encoding="utf-8") as file:  # noqa: PTH123
        spec = json.load(file)
    try:
        namespaces = {name: os.open(f"/proc/{target}/ns/{name}", os.O_RDONLY) for name in ("user", "mnt", "uts", "pid")}
        for name, handle in namespaces.items():
            _call("setns", handle, _CLONE[name])
            os.close(handle)
        pid = os.fork()
    except OSError as error:
        print(f"container is gone: {error}", file=sys.stderr)
        return 128 + signal.SIGKILL
    if pid == 0:
        _execute(argv, spec["env"], spec["cwd"])
    for handle in (0, 1, 2):
        os.close(handle)  # a reader sees the end when the process ends, not when this one does
    return _wait(pid)


def probe() -> int:
    try:
        _enter_new_namespaces()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
                _mount("proc", "/proc", "proc", 0)
                code = 0
            finally:
                os._exit(code)
        return _wait(pid)
    except OSError:
        return 1


if __name__ == "__main__":
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    match sys.argv[1:]:
        case ["run", spec_file, report_fd]:
            sys.exit(run(spec_file, int(report_fd)))
        case ["exec", spec_file, first_process, *command]:
            sys.exit(execute(spec_file, first_process, command))
        case ["plain", *command]:
            _execute(command, dict(os.environ), ".")
        case ["probe"]:
            sys.exit(probe())
        case _:
            sys.exit(__doc__)
