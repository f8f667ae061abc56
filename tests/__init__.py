"""Tests: unit (no I/O), sandbox (its parts), statemachine and template (house rules), e2e (the whole move)."""
