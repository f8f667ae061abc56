from lifeboat import approvals
from lifeboat.model import Task

EXECUTION = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-recover:op-1"
TOKEN = "bearer-token"


class MemoryApprovals:
    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.told: list[tuple[str, str]] = []

    def keep(self, execution: str, token: str, seconds: int) -> None:
        self.tokens[execution] = token

    def notify(self, subject: str, message: str) -> None:
        self.told.append((subject, message))


def test_people_are_told_what_will_happen_and_never_the_token():
    kept = MemoryApprovals()
    data = {
        "operation": {"id": "op-1", "epoch": 0, "execution": EXECUTION},
        "hostedCluster": {"namespace": "clusters", "name": "blue"},
        "source": "mgmt-1",
        "destination": "mgmt-2",
        "plan": {
            "digest": "ab" * 32,
            "key": "hosted-clusters/clusters/blue/x/operations/op-1/plan-abababababab.json",
            "writes": 155,
            "counts": {"mgmt-1 patch": 44},
            "approve": ["etcd has no quorum: 1 of 3 members answer"],
            "first": ["DynamoDB: update lease clusters/blue", "mgmt-1: create ConfigMap default/mgmt-parent-cluster"],
        },
    }
    answer = approvals.ask(kept, Task.from_event({"task": data, "token": TOKEN}))
    assert kept.tokens == {EXECUTION: TOKEN}
    ((subject, message),) = kept.told
    assert "clusters/blue" in subject
    assert f"lifeboat approve {EXECUTION}" in message
    assert "155 writes: 44 mgmt-1 patch" in message
    assert "TO BE APPROVED: etcd has no quorum" in message
    assert "mgmt-1: create ConfigMap default/mgmt-parent-cluster" in message
    assert "and 153 more: hosted-clusters/clusters/blue/x/operations/op-1/plan-abababababab.json" in message
    assert TOKEN not in str(kept.told) + str(answer)


def test_an_operation_that_has_begun_is_approved_without_a_plan():
    kept = MemoryApprovals()
    data = {
        "operation": {"id": "op-1", "epoch": 0, "execution": EXECUTION},
        "hostedCluster": {"namespace": "clusters", "name": "blue"},
        "source": "mgmt-1",
        "destination": "mgmt-2",
        "plan": {"begun": True},
    }
    approvals.ask(kept, Task.from_event({"task": data, "token": TOKEN}))
    assert "goes on with what an earlier start" in kept.told[0][1]


def test_people_are_told_what_a_backup_without_quorum_may_lose():
    kept = MemoryApprovals()
    risk = "etcd has no quorum: 1 of 3 members answer; the snapshot is of etcd-2 at revision 4711, raft index 5002"
    data = {
        "operation": {"id": "op-1", "epoch": 1, "execution": EXECUTION},
        "hostedCluster": {"namespace": "clusters", "name": "blue"},
        "source": "mgmt-1",
        "kind": "quiesced",
        "backup": {"backupId": "b", "infraId": "i", "etcd": {"approvalNeeded": risk}},
    }
    approvals.ask(kept, Task.from_event({"task": data, "token": TOKEN, "about": "quorum"}))
    assert kept.tokens == {EXECUTION: TOKEN}
    ((subject, message),) = kept.told
    assert len(subject) <= 100  # SNS
    assert risk in message
    assert f"lifeboat reject {EXECUTION}" in message
    assert TOKEN not in str(kept.told)
