"""After all of the above: what people are told that they have."""

import json

from sandbox.proof import leftovers
from tests.operations import lifeboat
from tests.stored import listed


def test_no_half_backup_is_listed(sandbox, blue, green):
    """Rejected, stopped and failed ones among them, every backup that the catalog shows as there has its record."""
    found = json.loads(lifeboat(sandbox, "backups", "--json"))
    assert {each["backupId"] for each in found} == listed(blue) | listed(green)
    assert {each["state"] for each in found} <= {"committed", "verified"}
    half = leftovers.unfinished(sandbox.client("s3"), sandbox.stack.bucket)
    assert not {each.rpartition("/")[2] for each in half} & {each["backupId"] for each in found}


def test_the_newest_backup_is_proven_by_reading_all_of_it(sandbox, blue, green):
    """By the CLI, as an operator would: signature, versions, digests, every byte."""
    for operations in (blue, green):
        told = lifeboat(sandbox, "verify", f"clusters/{operations.name}", "--deep")
        assert max(listed(operations)) in told
