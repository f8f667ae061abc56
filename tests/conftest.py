"""What may share a process: whole sandboxes and their parts are started once, by the one worker that needs them."""

from pathlib import Path

import pytest

_TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    for item in items:
        room, *rest = item.path.relative_to(_TESTS).parts
        if room == "e2e":
            item.add_marker(pytest.mark.xdist_group("e2e"))
        elif room == "sandbox":
            item.add_marker(pytest.mark.xdist_group(f"sandbox/{rest[0]}"))
