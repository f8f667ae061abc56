"""Runs one of etcd's programs with its arguments rewritten: `etcd_wrapper.py MAPPING PROGRAM ARGUMENT…`.

Short answers about members (`member …`, `endpoint …`) are turned back, so that members have their names in them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from sandbox.node.rewriting import rewrite

_SERVICES = {2379: "etcd-client", 2380: "etcd-discovery"}


def _names_back(text: str, mapping: dict[str, str]) -> str:
    for name, address in mapping.items():
        for port, service in _SERVICES.items():
            if f".{service}." in name and name.endswith(".svc"):
                text = text.replace(f"https://{address}:{port}", f"https://{name}:{port}")
    return text


def main() -> None:
    mapping = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    program, arguments = sys.argv[2], [rewrite(word, mapping) for word in sys.argv[3:]]
    for name, value in os.environ.items():
        if name.startswith("ETCD"):
            os.environ[name] = rewrite(value, mapping)
    if {"member", "endpoint"} & set(arguments):
        done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, check=False)
        sys.stdout.write(_names_back(done.stdout.decode(), mapping))
        sys.exit(done.returncode)
    os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
