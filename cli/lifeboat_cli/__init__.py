"""Lifeboat CLI."""
