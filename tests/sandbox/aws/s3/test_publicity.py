"""A document is public by its bucket's policy alone; Lifeboat's reader of public documents finds it, or nothing."""

import json

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config

from lifeboat.adapters.looking import PublicDocuments

from .conftest import REGION


def allow(bucket, **changed):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return {**statement, **changed}


@pytest.fixture
def published(s3):
    """A bucket with one document; gives its name and `policy(*statements)`."""
    bucket = s3.bucket()
    s3.client().put_object(Bucket=bucket, Key="id/openid/v1/jwks", Body=b"{}")

    def policy(*statements):
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        s3.client().put_bucket_policy(Bucket=bucket, Policy=document)

    return bucket, policy


def documents(s3):
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    return PublicDocuments(lambda region: boto3.client("s3", endpoint_url=s3.url, region_name=region, config=config))


def test_what_the_policy_lets_everybody_read_is_read_without_credentials(s3, published):
    bucket, policy = published
    policy(allow(bucket))
    url = f"https://{bucket}.s3.{REGION}.amazonaws.com/id/openid/v1/jwks"
    assert documents(s3).fetch(url) == b"{}"
    assert documents(s3).fetch(url.replace("jwks", "gone")) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Action": "s3:ListBucket"},
        {"Resource": "arn:aws:s3:::other/*"},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
    ],
)
def test_anything_else_is_not_public(s3, published, changed):
    bucket, policy = published
    policy(allow(bucket, **changed))
    assert documents(s3).fetch(f"https://{bucket}.s3.{REGION}.amazonaws.com/id/openid/v1/jwks") is None


def test_a_denial_counts_and_without_a_policy_nothing_is_public(s3, published):
    bucket, policy = published
    url = f"{s3.url}/{bucket}/id/openid/v1/jwks"
    assert requests.get(url, timeout=5).status_code == 403
    policy(allow(bucket), allow(bucket, Effect="Deny"))
    assert requests.get(url, timeout=5).status_code == 403
    policy(allow(bucket))
    assert requests.get(url, timeout=5).status_code == 200
    assert requests.put(url, data=b"x", timeout=5).status_code == 403


def test_only_https_is_read():
    assert PublicDocuments(None).fetch("http://169.254.169.254/latest/meta-data") is None
