"""Runs one of etcd's programs with its arguments rewritten: `etcd_wrapper.py MAPPING PROGRAM ARGUMENT…`."""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from sandbox.node.rewriting import rewrite

if __name__ == "__main__":
    mapping = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    environment = {
        name: rewrite(value, mapping) if name.startswith("ETCD") else value for name, value in os.environ.items()
    }
    os.execve(sys.argv[2], [sys.argv[2], *(rewrite(word, mapping) for word in sys.argv[3:])], environment)
