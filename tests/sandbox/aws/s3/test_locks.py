"""Object Lock: what is held stays, whoever asks."""

import datetime

import pytest
import requests
from botocore.exceptions import ClientError

from sandbox.aws.s3 import locks

HELD = "protected by object lock"


def later(**delta):
    return datetime.datetime.now(datetime.UTC) + datetime.timedelta(**delta)


@pytest.fixture
def client(s3):
    return s3.client()


@pytest.fixture
def bucket(s3):
    return s3.bucket(lock=True)


def put(client, bucket, **lock):
    return client.put_object(Bucket=bucket, Key="k", Body=b"1", **lock)["VersionId"]


def test_a_version_under_compliance_is_deleted_by_nobody_and_hidden_by_anybody(client, bucket):
    version = put(client, bucket, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(days=1))
    for bypass in (False, True):
        with pytest.raises(ClientError, match=HELD):
            client.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=bypass)
    assert client.delete_object(Bucket=bucket, Key="k")["DeleteMarker"] is True
    put(client, bucket)
    assert client.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"1"


def test_governance_yields_to_those_who_ask_past_it(client, bucket):
    version = put(client, bucket, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=1))
    with pytest.raises(ClientError, match=HELD):
        client.delete_object(Bucket=bucket, Key="k", VersionId=version)
    refused = client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": version}]})
    assert refused["Errors"][0]["Code"] == "AccessDenied"
    client.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert "Versions" not in client.list_object_versions(Bucket=bucket)


def test_a_legal_hold_holds_until_it_is_lifted(client, bucket):
    version = put(client, bucket, ObjectLockLegalHoldStatus="ON")
    with pytest.raises(ClientError, match=HELD):
        client.delete_object(Bucket=bucket, Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert client.head_object(Bucket=bucket, Key="k")["ObjectLockLegalHoldStatus"] == "ON"
    client.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "OFF"})
    assert client.get_object_legal_hold(Bucket=bucket, Key="k")["LegalHold"]["Status"] == "OFF"
    client.delete_object(Bucket=bucket, Key="k", VersionId=version)


def test_what_is_written_takes_the_default_of_its_bucket(client, bucket):
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 7}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)
    assert client.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == configuration
    version = put(client, bucket)
    names = {"Bucket": bucket, "Key": "large"}
    names["UploadId"] = client.create_multipart_upload(**names, ChecksumAlgorithm="SHA256")["UploadId"]
    part = client.upload_part(**names, PartNumber=1, Body=b"1", ChecksumAlgorithm="SHA256")
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]
    uploaded = client.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})["VersionId"]
    for key, held in (("k", version), ("large", uploaded)):
        until = client.get_object_retention(Bucket=bucket, Key=key)["Retention"]["RetainUntilDate"]
        assert later(days=6) < until <= later(days=7)
        with pytest.raises(ClientError, match=HELD):
            client.delete_object(Bucket=bucket, Key=key, VersionId=held)


def test_a_write_under_lock_must_prove_its_bytes(client, bucket):
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)
    url = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    refused = requests.put(url, data=b"1", timeout=5)
    assert (refused.status_code, "Content-MD5 OR x-amz-checksum-" in refused.text) == (400, True)


def test_compliance_is_made_longer_but_never_shorter(client, bucket):
    first, longer = later(days=1), later(days=2)
    put(client, bucket, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=first)
    client.put_object_retention(Bucket=bucket, Key="k", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": longer})
    for weaker in (("COMPLIANCE", first), ("GOVERNANCE", longer)):
        retention = dict(zip(("Mode", "RetainUntilDate"), weaker, strict=True))
        with pytest.raises(ClientError, match=HELD):
            client.put_object_retention(Bucket=bucket, Key="k", Retention=retention, BypassGovernanceRetention=True)


def test_a_lock_that_has_ended_holds_nothing(client, bucket, monkeypatch):
    version = put(client, bucket, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(hours=1))
    now = locks.time.time()
    monkeypatch.setattr(locks.time, "time", lambda: now + 3601)
    client.delete_object(Bucket=bucket, Key="k", VersionId=version)


def test_locks_need_a_bucket_that_has_them(client, s3):
    plain = s3.bucket(versioning=True)
    with pytest.raises(ClientError, match="missing Object Lock"):
        put(client, plain, ObjectLockLegalHoldStatus="ON")
    with pytest.raises(ClientError, match="ObjectLockConfigurationNotFound"):
        client.get_object_lock_configuration(Bucket=plain)


@pytest.mark.parametrize("until", [{"days": -1}])
def test_a_retention_that_is_past_is_refused(client, bucket, until):
    with pytest.raises(ClientError, match="must be in the future"):
        put(client, bucket, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(**until))


def test_a_bucket_with_locks_keeps_versions(client, bucket):
    with pytest.raises(ClientError, match="InvalidBucketState"):
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def test_the_record_of_calls_tells_the_rights_that_locks_need(client, bucket, s3):
    put(client, bucket, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later(days=1))
    assert s3.lines()[-1]["resources"] == {"bucket": bucket, "key": "k", "also": ["PutObjectRetention"]}
