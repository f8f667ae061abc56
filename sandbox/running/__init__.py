"""A whole sandbox: its process tree, its world, the deployed stack."""

from sandbox.running.sandbox import Sandbox, SandboxError

__all__ = ["Sandbox", "SandboxError"]
