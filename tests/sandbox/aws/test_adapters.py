"""The ports of AWS: one body of tests over the forms in memory and over the adapters that ship."""

import hashlib
import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from lifeboat.adapters.aws import Ec2Instances, KmsSigner, RegisteredClusters, Route53, StepFunctions
from lifeboat.adapters.leases import LeaseTable
from lifeboat.adapters.s3 import BackupBucket
from lifeboat.errors import BackupUnprovenError, PreflightError
from tests.unit.memory import MemoryDns, MemoryLeases, MemorySigner, MemoryStore

BLUE = "clusters/blue"
CURL = Path(__file__).parents[3] / "sandbox" / "node" / "curl.py"
"""The sandbox's own curl: not every machine has one."""


@pytest.fixture(params=["memory", "aws"])
def leases(request):
    if request.param == "memory":
        return MemoryLeases()
    client = request.getfixturevalue("aws").client("dynamodb")
    table = f"leases-{uuid.uuid4().hex[:8]}"
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "hostedCluster", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "hostedCluster", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return LeaseTable(client, table)


@pytest.fixture(params=["memory", "aws"])
def store(request):
    if request.param == "memory":
        return MemoryStore()
    client = request.getfixturevalue("aws").client("s3")
    bucket = f"backups-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return BackupBucket(client, bucket)


@pytest.fixture(params=["memory", "aws"])
def signer(request):
    if request.param == "memory":
        return MemorySigner()
    client = request.getfixturevalue("aws").client("kms")
    key = client.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    return KmsSigner(client, key)


def test_only_one_of_two_takers_gets_the_lease(leases):
    first = leases.take(BLUE, "one", "arn:1", 60, None)
    assert (first.holder, first.execution) == ("one", "arn:1")
    assert leases.take(BLUE, "two", "arn:2", 60, None) is None
    assert leases.read(BLUE).holder == "one"


def test_a_lease_is_taken_over_only_from_the_state_that_was_read(leases):
    first = leases.take(BLUE, "one", "arn:1", 60, None)
    second = leases.take(BLUE, "two", "arn:2", 60, first)
    assert second.epoch == first.epoch + 1
    assert leases.take(BLUE, "three", "arn:3", 60, first) is None


def test_only_the_holder_of_that_epoch_renews_and_releases(leases):
    first = leases.take(BLUE, "one", "arn:1", 60, None)
    second = leases.take(BLUE, "one", "arn:2", 60, first)
    assert not leases.renew(BLUE, "one", first.epoch, 60)
    assert not leases.release(BLUE, "one", first.epoch)
    assert leases.renew(BLUE, "one", second.epoch, 600)
    assert leases.release(BLUE, "one", second.epoch)
    assert not leases.renew(BLUE, "one", second.epoch, 60)
    free = leases.read(BLUE)
    assert (free.holder, free.epoch) == (None, second.epoch)


def test_a_lease_that_was_renewed_meanwhile_is_not_taken_over(leases):
    """Its epoch is the same, and its holder alive."""
    seen = leases.take(BLUE, "one", "arn:1", 60, None)
    assert leases.renew(BLUE, "one", seen.epoch, 600)
    assert leases.take(BLUE, "two", "arn:2", 60, seen) is None


def test_an_owner_is_named_by_the_holder_alone_and_outlives_its_lease(leases):
    first = leases.take(BLUE, "one", "arn:1", 60, None)
    assert not leases.claim(BLUE, "one", first.epoch - 1, "mgmt-2", "mgmt-1")
    assert not leases.claim(BLUE, "two", first.epoch, "mgmt-2", "mgmt-1")
    assert leases.claim(BLUE, "one", first.epoch, "mgmt-2", "mgmt-1")
    assert leases.claim(BLUE, "one", first.epoch, "mgmt-2", "mgmt-1")
    assert leases.renew(BLUE, "one", first.epoch, 60)
    assert leases.release(BLUE, "one", first.epoch)
    second = leases.take(BLUE, "two", "arn:2", 60, leases.read(BLUE))
    assert second.owner == leases.read(BLUE).owner == "mgmt-2"
    assert not leases.claim(BLUE, "two", second.epoch, "mgmt-3", "mgmt-1")
    assert leases.claim(BLUE, "two", second.epoch, "mgmt-3", "mgmt-2")


def test_an_object_is_written_once(store):
    first = store.put("a/b.json", b"one")
    assert (first.size, first.sha256) == (3, hashlib.sha256(b"one").hexdigest())
    assert store.put("a/b.json", b"one").version_id == first.version_id
    with pytest.raises(BackupUnprovenError):
        store.put("a/b.json", b"two")
    assert store.get("a/b.json", first.version_id) == b"one"


def test_what_is_not_there_is_none(store):
    assert store.get("nothing") is None
    assert store.head("nothing") is None
    assert store.keys("nothing/") == []


def test_listing_tells_keys_and_folders(store):
    for key in ("x/1/a", "x/2/b/c", "y/3"):
        store.put(key, b".")
    assert store.keys("x/") == ["x/1/a", "x/2/b/c"]
    assert store.folders("x/") == ["1", "2"]


def test_a_signature_holds_for_its_digest_alone(signer):
    one, two = hashlib.sha256(b"1").digest(), hashlib.sha256(b"2").digest()
    signature = signer.sign(one)
    assert signer.verify(one, signature)
    assert not signer.verify(two, signature)
    assert not signer.verify(one, b"")
    assert not signer.verify(one, b"0" * 7000)


@pytest.fixture
def bucket(aws):
    client = aws.client("s3")
    name = f"uploads-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    return BackupBucket(client, name)


@pytest.fixture
def upload(tmp_path):
    """Upload by curl, as pods do; the HTTP status that it gets."""

    def put(url, headers, body):
        (tmp_path / "body").write_bytes(body)
        command = [
            sys.executable,
            str(CURL),
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-T",
            str(tmp_path / "body"),
            url,
        ]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout.decode()

    return put


def test_a_presigned_upload_takes_only_the_bytes_it_was_signed_for_and_only_once(bucket, upload):
    sha256 = hashlib.sha256(b"snapshot").hexdigest()
    url, headers = bucket.presigned_put("etcd/snapshot.db", sha256, 60)
    assert upload(url, headers, b"snapshoT") == "400"
    assert upload(url, {**headers, "x-amz-checksum-sha256": "A" * 43 + "="}, b"snapshot") == "403"
    assert upload(url, headers, b"snapshot") == "200"
    assert upload(url, headers, b"snapshot") == "412"
    assert bucket.head("etcd/snapshot.db").sha256 == sha256


def test_records_of_exactly_these_names_are_found_and_deleted(aws):
    client = aws.client("route53")
    zone = client.create_hosted_zone(Name="dns.example.org", CallerReference=uuid.uuid4().hex)["HostedZone"]["Id"]
    records = {"api-blue": "CNAME", "api-blue-green": "CNAME", "api-blue-external-dns": "TXT"}
    values = {"CNAME": "lb.example.net", "TXT": '"heritage=external-dns"'}
    client.change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={
            "Changes": [
                {
                    "Action": "CREATE",
                    "ResourceRecordSet": {
                        "Name": f"{name}.dns.example.org",
                        "Type": kind,
                        "TTL": 60,
                        "ResourceRecords": [{"Value": values[kind]}],
                    },
                }
                for name, kind in records.items()
            ]
        },
    )
    dns = Route53(client)
    found = dns.records(["api-blue.dns.example.org", "api-blue-external-dns.dns.example.org"])
    assert {(each.name, each.type) for each in found} == {
        ("api-blue.dns.example.org", "CNAME"),
        ("api-blue-external-dns.dns.example.org", "TXT"),
    }
    dns.delete(found)
    dns.delete(found)  # gone already: done
    assert dns.records(["api-blue.dns.example.org"]) == []
    assert len(dns.records(["api-blue-green.dns.example.org"])) == 1


def test_memory_dns_finds_exact_names_too():
    dns = MemoryDns()
    dns.add("api-blue.example", "CNAME", "lb")
    dns.add("api-blue-green.example", "CNAME", "lb")
    dns.delete(dns.records(["api-blue.example"]))
    assert [each.name for each in dns.held] == ["api-blue-green.example"]


def test_instances_are_found_by_their_clusters_tag_alone(aws):
    ec2 = aws.client("ec2")
    image = ec2.register_image(Name="worker", RootDeviceName="/dev/xvda")["ImageId"]
    wanted = {}
    for infra_id in ("blue-x1", "blue-x1-green"):
        tags = [{"Key": f"kubernetes.io/cluster/{infra_id}", "Value": "owned"}]
        started = ec2.run_instances(
            ImageId=image,
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )
        wanted[infra_id] = started["Instances"][0]["InstanceId"]
    assert Ec2Instances(ec2).of("blue-x1") == {wanted["blue-x1"]: "running"}


def test_an_execution_that_never_was_is_none(aws):
    arn = "arn:aws:states:us-east-2:123456789012:execution:nothing:nothing"
    assert StepFunctions(aws.client("stepfunctions")).describe(arn) is None


@pytest.mark.parametrize(
    ("stored", "told"),
    [(None, "not registered"), ("no json: token-xyz", "not a JSON object"), ('{"region": "r"}', "not a JSON object")],
)
def test_a_broken_registration_is_told_without_its_content(aws, stored, told):
    client = aws.client("secretsmanager")
    name = f"mgmt-{uuid.uuid4().hex[:8]}"
    if stored:
        client.create_secret(Name=f"lifeboat/management-clusters/{name}", SecretString=stored)
    with pytest.raises(PreflightError, match=told) as refused:
        RegisteredClusters(client).read(name)
    assert "token-xyz" not in str(refused.value)


def test_a_registered_cluster_is_read_as_it_was_stored(aws):
    client = aws.client("secretsmanager")
    document = {"kubeconfig": "apiVersion: v1", "region": "us-east-2", "kind": "openshift", "standby": None}
    client.create_secret(Name="lifeboat/management-clusters/good", SecretString=json.dumps(document))
    assert RegisteredClusters(client).read("good") == document


def test_whether_a_cluster_is_registered_is_seen_without_reading_it(aws):
    client = aws.client("secretsmanager")
    for name in ("known", "going"):
        client.create_secret(Name=f"lifeboat/management-clusters/{name}", SecretString="{}")
    client.delete_secret(SecretId="lifeboat/management-clusters/going", RecoveryWindowInDays=7)
    registry = RegisteredClusters(client)
    assert [registry.knows(each) for each in ("known", "going", "mgmt")] == [True, False, False]
