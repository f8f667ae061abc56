"""The backup bucket as the template makes it, with and without Object Lock: reading, deleting, retention, restore."""

import datetime
import time
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

from lifeboat import backups, catalog, examining
from lifeboat.adapters.aws import KmsSigner, StepFunctions
from lifeboat.adapters.s3 import BackupBucket
from lifeboat.errors import BackupUnprovenError
from lifeboat.retention.rules import Rules
from lifeboat.retention.running import Bounds, World, run
from sandbox.aws.cloudformation.apply import apply
from sandbox.aws.cloudformation.package import read
from sandbox.aws.cloudformation.resources import Clients
from sandbox.aws.deploy import REPOSITORY
from sandbox.plan import ACCOUNT_ID, REGION
from tests.unit.memory import NOW, MemoryClock, MemoryExecutions, MemoryLeases, MemoryStore
from tests.unit.stored_backups import BLUE, a_committed_backup, backup_id_at

_PARTS = ("BackupBucket", "BackupBucketPolicy", "EncryptionKey")
DAY = datetime.timedelta(days=1)
IDS = [backup_id_at(NOW - DAY * days) for days in (2, 3, 4)]


def a_bucket(aws, **parameters):
    """The template's bucket, its key and policy, in a stack of their own."""
    template = read(REPOSITORY / "template.yaml")
    template["Resources"] = {name: template["Resources"][name] for name in _PARTS}
    del template["Outputs"]
    stack = f"stack-{uuid.uuid4().hex[:8]}"
    session = boto3.Session(aws.plan.access_key_id, aws.plan.secret_access_key, region_name=REGION)
    pseudo = {"AWS::AccountId": ACCOUNT_ID, "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::StackName": stack}
    applied = apply(template, parameters, pseudo, Clients(session, aws.plan.aws_url))
    return applied.resources["BackupBucket"][1]


@pytest.fixture(params=["memory", "NONE", "COMPLIANCE"])
def store(request):
    if request.param == "memory":
        return MemoryStore()
    aws = request.getfixturevalue("aws")
    name = a_bucket(aws, ObjectLockMode=request.param, ObjectLockDays=30)
    return BackupBucket(aws.client("s3"), name)


def test_objects_are_listed_with_size_and_time_and_read_by_ranges(store):
    stored = store.put("a/b", b"0123456789")
    store.put("a/c", b"")
    assert [(each.key, each.size) for each in store.objects_below("a/")] == [("a/b", 10), ("a/c", 0)]
    assert all(each.modified.tzinfo for each in store.objects_below("a/"))
    assert store.get_range("a/b", stored.version_id, 3, 4) == b"3456"
    assert store.get_range("a/b", stored.version_id, 8, 4) == b"89"
    assert store.get_range("a/b", None, 10, 1) is None
    assert store.get_range("a/none", None, 0, 1) is None


def test_what_is_deleted_is_gone_by_name_and_there_by_version(store):
    first = store.put("a/b", b"one")
    store.delete("a/b")
    store.delete("a/never")
    assert (store.get("a/b"), store.head("a/b"), store.keys("a/"), store.objects_below("a/")) == (None, None, [], [])
    assert store.get("a/b", first.version_id) == b"one"
    assert store.head("a/b", first.version_id).sha256 == first.sha256
    second = store.put("a/b", b"two")
    assert second.version_id != first.version_id
    assert (store.get("a/b"), store.get("a/b", first.version_id)) == (b"two", b"one")


@pytest.mark.parametrize("mode", ["NONE", "COMPLIANCE"])
def test_retention_works_with_and_without_a_lock(aws, mode):
    """Delete markers are all it needs; a locked version stays, and a restore that chose it reads it."""
    client, name = aws.client("s3"), a_bucket(aws, ObjectLockMode=mode, ObjectLockDays=30)
    key = aws.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    store, signer = BackupBucket(client, name), KmsSigner(aws.client("kms"), key)
    records = [a_committed_backup(store, signer, each, part_size=8 * 1024**2) for each in IDS]
    version = store.head(records[2].layout.record).version_id
    assert examining.examine(store, signer, BLUE, IDS[2], deep=True).is_proven

    world = World(store, signer, MemoryLeases(), MemoryExecutions(), MemoryClock(), [])
    report = run(world, Rules(newest=2, daily_days=0, weekly_days=0), Bounds())

    assert report.deleted == IDS[2:]
    assert [each.state for each in catalog.entries(store)] == ["committed", "committed", "deleted"]
    with pytest.raises(BackupUnprovenError):
        backups.load(store, signer, BLUE, IDS[2])
    pinned, _ = backups.open_version(store, signer, BLUE, "blue-x", IDS[2], version)
    backups.verify_parts(store, pinned, current=False)
    assert len(backups.read_manifests(store, pinned, "secrets")) == 3
    if mode == "COMPLIANCE":
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(Bucket=name, Key=records[2].layout.record, VersionId=version)
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(
                Bucket=name, Key=records[2].layout.record, VersionId=version, BypassGovernanceRetention=True
            )


def test_two_commits_of_one_task_sign_differently_and_are_one_backup(aws):
    """As KMS does: no two signatures of ECDSA are the same."""
    key = aws.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    signer, store = KmsSigner(aws.client("kms"), key), MemoryStore()
    record = a_committed_backup(store, signer, IDS[0])
    first = store.objects[record.layout.record]
    assert signer.sign(bytes(32)) != signer.sign(bytes(32))

    class Twin(MemoryStore):
        """It looked before the first one wrote."""

        looked = False

        def get(self, key, version_id=None):
            if key == record.layout.record and not self.looked:
                self.looked = True
                return None
            return super().get(key, version_id)

    twin = Twin()
    vars(twin).update(vars(store))
    assert backups.commit(twin, signer, record) == backups.load(store, signer, BLUE, IDS[0])[1]
    assert twin.looked
    assert store.objects[record.layout.record] == first


def test_executions_that_run_are_told_and_those_that_ended_are_not(aws):
    client = aws.client("stepfunctions")
    wait = '{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": %d, "End": true}}}'
    machines = [
        client.create_state_machine(
            name=f"waits-{uuid.uuid4().hex[:8]}",
            definition=wait % seconds,
            roleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/any",
        )["stateMachineArn"]
        for seconds in (600, 0)
    ]
    started = [client.start_execution(stateMachineArn=each, input="{}")["executionArn"] for each in machines]
    executions = StepFunctions(client)
    deadline = time.monotonic() + 30
    while executions.describe(started[1]).status == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [executions.running(each) for each in machines] == [[started[0]], []]
    executions.stop(started[0], "no longer wanted")
    while executions.describe(started[0]).status == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert executions.describe(started[0]).status == "ABORTED"
