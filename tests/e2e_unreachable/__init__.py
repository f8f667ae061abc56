"""Recovering from a source whose API is dead, whole, on a sandbox of its own."""
