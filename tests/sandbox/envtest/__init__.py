"""The real Kubernetes API of the sandbox: its processes, not what it answers (see tests/contract)."""
