"""Buckets keep what is said about them, and lists are whole, in order, page by page."""

import json

import pytest
import requests
from botocore.exceptions import ClientError

from .conftest import REGION


@pytest.fixture
def client(s3):
    return s3.client()


def test_a_bucket_is_made_once_in_its_region_and_deleted_when_it_is_empty(client, s3):
    bucket, here = s3.bucket(), {"LocationConstraint": REGION}
    with pytest.raises(ClientError, match="BucketAlreadyOwnedByYou"):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration=here)
    with pytest.raises(ClientError, match="IllegalLocationConstraint"):
        client.create_bucket(Bucket="elsewhere")
    assert bucket in {each["Name"] for each in client.list_buckets()["Buckets"]}
    assert client.get_bucket_location(Bucket=bucket)["LocationConstraint"] == REGION
    client.put_object(Bucket=bucket, Key="k", Body=b"")
    with pytest.raises(ClientError, match="BucketNotEmpty"):
        client.delete_bucket(Bucket=bucket)
    client.delete_object(Bucket=bucket, Key="k")
    client.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError, match="404"):
        client.head_bucket(Bucket=bucket)


def test_what_is_configured_is_given_back(client, s3):
    bucket = s3.bucket(kms=True)
    rules = [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        }
    ]
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    policy = {"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}]}
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    owner = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=owner)
    assert client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    assert client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == block
    assert json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"]) == policy
    assert client.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert client.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == owner
    (rule,) = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["BucketKeyEnabled"] is True
    client.delete_bucket_lifecycle(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        client.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_nonsense_is_not_configured(client, s3):
    bucket = s3.bucket()
    with pytest.raises(ClientError, match="MalformedXML"):
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Sometimes"})
    with pytest.raises(ClientError, match="MalformedXML"):
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": [{"Status": "Enabled", "ID": "for nothing"}]}
        )
    with pytest.raises(ClientError, match="MalformedPolicy"):
        client.put_bucket_policy(Bucket=bucket, Policy="no json")


KEYS = ["a", "a b+c%/ü&<>", "x/1/a", "x/1/b", "x/2/c", "x/3", "y/4"]


@pytest.fixture(scope="module")
def filled(s3):
    bucket, client = s3.bucket(versioning=True), s3.client()
    for key in reversed(KEYS):
        client.put_object(Bucket=bucket, Key=key, Body=b".")
    client.put_object(Bucket=bucket, Key="z/gone", Body=b".")
    client.delete_object(Bucket=bucket, Key="z/gone")
    return bucket


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_all_keys_are_listed_in_order(client, filled, operation, size):
    pages = client.get_paginator(operation).paginate(Bucket=filled, PaginationConfig={"PageSize": size})
    assert [each["Key"] for page in pages for each in page.get("Contents", ())] == sorted(KEYS)


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_folders_stand_for_what_is_in_them(client, filled, operation, size):
    pages = list(
        client.get_paginator(operation).paginate(
            Bucket=filled, Prefix="x/", Delimiter="/", PaginationConfig={"PageSize": size}
        )
    )
    assert [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())] == ["x/1/", "x/2/"]
    assert [each["Key"] for page in pages for each in page.get("Contents", ())] == ["x/3"]


def test_a_folder_with_deleted_keys_alone_is_listed_among_versions_only(client, filled):
    folders = client.list_objects_v2(Bucket=filled, Delimiter="/")["CommonPrefixes"]
    assert {each["Prefix"] for each in folders} == {"a b+c%/", "x/", "y/"}
    versions = client.list_object_versions(Bucket=filled, Delimiter="/")["CommonPrefixes"]
    assert {each["Prefix"] for each in versions} == {"a b+c%/", "x/", "y/", "z/"}


def test_a_list_begins_behind_a_key(client, filled):
    found = client.list_objects_v2(Bucket=filled, StartAfter="x/1/b")["Contents"]
    assert [each["Key"] for each in found] == ["x/2/c", "x/3", "y/4"]


@pytest.mark.parametrize("size", [1, 3])
def test_versions_are_listed_page_by_page(client, s3, size):
    bucket = s3.bucket(versioning=True)
    made = []
    for key, count in (("a", 3), ("b", 1), ("c", 2)):
        versions = [client.put_object(Bucket=bucket, Key=key, Body=b".")["VersionId"] for _ in range(count)]
        made += [(key, each) for each in reversed(versions)]
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
    found = [(each["Key"], each["VersionId"], each["IsLatest"]) for page in pages for each in page["Versions"]]
    assert [each[:2] for each in found] == made
    assert [each[2] for each in found] == [True, False, False, True, True, False]


def test_what_a_key_may_be(client, s3):
    bucket = s3.bucket()
    for key in ("../../up", "/absolute", "a//b", ".", "ends/", "é" * 512):
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    with pytest.raises(ClientError, match="KeyTooLong"):
        client.put_object(Bucket=bucket, Key="k" * 1025, Body=b"")


def test_refusals_have_a_status_and_a_document(s3):
    unknown = requests.get(f"{s3.url}/nothing/k", timeout=5)
    assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "application/xml")
    assert "<Code>NoSuchBucket</Code>" in unknown.text
    answer = requests.get(f"{s3.url}/{s3.bucket()}/k", timeout=5)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/xml")
    assert "<Code>AccessDenied</Code>" in answer.text
    assert s3.lines()[-1]["principal"] == "anonymous of somebody"
