"""Lifeboat."""
