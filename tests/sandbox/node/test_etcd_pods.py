"""Three real etcd members with TLS in three pods, and the commands that operators run in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.etcds import BOTH

from .conftest import ETCDCTL, Workbench


@pytest.fixture(params=BOTH)
def workbench(request: pytest.FixtureRequest, tmp_path: Path, mode: str) -> Workbench:
    """With either etcd in the images."""
    return Workbench(tmp_path, mode, request.param)


def test_operators_commands_work_verbatim_in_every_member(workbench: Workbench) -> None:
    """GIVEN three etcd pods WHEN the documented commands are run in them THEN one cluster of three answers."""

    async def scenario() -> None:
        members = workbench.etcd()
        for member in members:
            await workbench.until_ready(member)
        seen = []
        for member in members:
            code, out, err = await workbench.run(member, *ETCDCTL, "member", "list", "-w", "json")
            assert code == 0, err
            answer = json.loads(out)
            peers = [each["peerURLs"] for each in answer["members"]]
            assert ["https://etcd-1.etcd-discovery.clusters-blue.svc:2380"] in peers
            seen.append((answer["header"]["cluster_id"], len(answer["members"])))
            code, out, err = await workbench.run(member, *ETCDCTL, "endpoint", "status", "-w", "json")
            assert answer["header"]["member_id"] == json.loads(out)[0]["Status"]["header"]["member_id"]
        assert len(set(seen)) == 1
        assert seen[0][1] == 3
        code, out, err = await workbench.run(members[0], *ETCDCTL, "put", "/a", "1")
        assert (code, out.strip()) == (0, "OK")
        code, out, err = await workbench.run(
            members[2], "env", "ETCDCTL_API=3", *ETCDCTL[:-1], "--endpoints=localhost:2379",
            "snapshot", "save", "/var/lib/snapshot.db",
        )  # fmt: skip
        assert code == 0, err
        code, out, err = await workbench.run(
            members[2], "sh", "-c", "sha256sum /var/lib/snapshot.db; hostname; df -P /var/lib/data"
        )
        assert code == 0, err
        assert "etcd-2" in out

    workbench.play(scenario())
