"""What may be asked for together with `etcdRestore: snapshotUrl`."""

import pytest

from lifeboat import requests
from lifeboat.errors import InvalidInputError

BLUE = {"namespace": "clusters", "name": "blue"}


def test_nothing_can_be_prepared_by_a_url_and_no_source_be_unreachable():
    operation = {"id": "o", "epoch": 1, "parentExecution": "arn:aws:states:us-east-2:123456789012:execution:m:e"}
    given = {"hostedCluster": BLUE, "destination": "m", "backupId": "latest", "etcdRestore": "snapshotUrl"}
    assert requests.restore(given).extra["etcdRestore"] == "snapshotUrl"
    with pytest.raises(InvalidInputError, match="nothing to prepare"):
        requests.restore({**given, "prepareOnly": True, "operation": operation})
    moved = {"hostedCluster": BLUE, "source": "a", "destination": "b", "etcdRestore": "snapshotUrl"}
    assert requests.recover(moved).extra["etcdRestore"] == "snapshotUrl"
    with pytest.raises(InvalidInputError, match="cannot raise the revision"):
        requests.recover({**moved, "unreachableSource": {"accept": "data-loss", "reason": "dead"}})
