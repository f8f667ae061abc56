"""The Lambda host: real handlers under the real runtime interface client, each in a process of its own."""
