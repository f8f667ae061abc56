"""The template's user signs URLs that HyperShift takes and curl opens, of snapshots by version, until they end."""

import hashlib
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from lifeboat.adapters.snapshot_urls import OpenedUrls, UserSignedUrls
from lifeboat.errors import AwsUnavailableError, ConfigurationError
from lifeboat.restore.snapshot_url import url as urls
from sandbox.aws.cloudformation.apply import apply
from sandbox.aws.cloudformation.resources import Clients
from sandbox.aws.deploy import session
from sandbox.plan import ACCOUNT_ID, REGION

TEMPLATE = Path(__file__).parents[3] / "template.yaml"
PARTS = ("BackupBucket", "EncryptionKey", "SnapshotUrlUser", "SnapshotUrlAccessKey", "SnapshotUrlKey")
CURL = Path(__file__).parents[3] / "sandbox" / "node" / "curl.py"


@pytest.fixture(scope="module")
def stack(aws):
    """The parts of our own template that this is about."""
    document = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    document["Resources"] = {name: document["Resources"][name] for name in PARTS}
    document["Outputs"] = {}
    pseudo = {
        "AWS::AccountId": ACCOUNT_ID,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::StackName": f"urls-{uuid.uuid4().hex[:6]}",
    }
    given = {"SnapshotUrlSigner": "ENABLED"}
    return apply(document, given, pseudo, Clients(session(aws.plan), aws.plan.aws_url)).resources


@pytest.fixture
def bucket(stack):
    return stack["BackupBucket"][1]


@pytest.fixture
def user(aws, stack, bucket):
    return UserSignedUrls(aws.client("secretsmanager"), stack["SnapshotUrlKey"][1], bucket, aws.plan.s3_tls_url)


@pytest.fixture(autouse=True)
def _trusted(aws, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(aws.plan.s3_authority))
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture
def stored(aws, bucket):
    """Key and version of a snapshot; a newer version stands over it."""
    key = f"hosted-clusters/clusters/blue/blue-x7k2p/backups/b/etcd/{hashlib.sha256(b'x').hexdigest()}.db"
    version = aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"snapshot")["VersionId"]
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"another snapshot")
    return key, version


def _curl(aws, url):
    """As the init container does: no -f, no -L."""
    command = ["python3", "-I", "-S", str(CURL), "-s", url]
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin", "SSL_CERT_FILE": str(aws.plan.s3_authority)},
                          capture_output=True, check=False, timeout=60)  # fmt: skip
    return done.returncode, done.stdout


def test_what_it_signs_is_fit_and_opens_the_recorded_version(aws, user, stored):
    url = user.sign(*stored, urls.SECONDS)
    assert urls.refuse_unfit(url) == url
    assert OpenedUrls().size_behind(url) == len(b"snapshot")
    assert _curl(aws, url) == (0, b"snapshot")


def test_an_expired_one_is_refused_and_curl_takes_the_refusal_for_the_file(aws, user, stored):
    url = user.sign(*stored, 1)
    time.sleep(2.1)
    assert OpenedUrls().size_behind(url) is None
    code, body = _curl(aws, url)
    assert (code, body[:5]) == (0, b"<?xml")


def test_one_that_was_changed_opens_nothing(user, stored):
    url = user.sign(*stored, 60)
    assert OpenedUrls().size_behind(url.replace("versionId=", "versionId=x")) is None


def test_nobody_behind_it_is_worth_another_try_and_told_without_the_url(user, stored):
    url = user.sign(*stored, 60).replace(":4567/", ":4569/")
    with pytest.raises(AwsUnavailableError) as told:
        OpenedUrls().size_behind(url)
    assert "X-Amz" not in str(told.value)


def test_without_an_endpoint_of_its_own_the_url_names_the_regions_host(aws, stack, bucket, stored):
    """The longest that names can be still fits."""
    user = UserSignedUrls(aws.client("secretsmanager"), stack["SnapshotUrlKey"][1], bucket)
    url = user.sign(*stored, urls.SECONDS)
    assert url.startswith(f"https://{bucket}.s3.{REGION}.amazonaws.com/hosted-clusters/")
    assert urls.expires_at(url) is not None
    name = "n" * 63
    long = f"hosted-clusters/{name}/{name}/{name}/backups/20261103t100000z-quiesced-00000001/etcd/{'0' * 64}.db"
    assert len(user.sign(long, "v" * 32, urls.SECONDS)) <= urls.LONGEST


def test_a_secret_without_a_key_is_told_without_its_content(aws, bucket):
    made = aws.client("secretsmanager").create_secret(Name=uuid.uuid4().hex, SecretString='{"canary": "5ec3e7"}')
    with pytest.raises(ConfigurationError) as told:
        UserSignedUrls(aws.client("secretsmanager"), made["ARN"], bucket).sign("k", None, 60)
    assert "5ec3e7" not in str(told.value)


def test_the_user_may_read_snapshots_and_nothing_else():
    user = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))["Resources"]["SnapshotUrlUser"]
    (policy,) = user["Properties"]["Policies"]
    allowed = {str(each["Action"]): str(each["Resource"]) for each in policy["PolicyDocument"]["Statement"]}
    assert set(allowed) == {"['s3:GetObject', 's3:GetObjectVersion']", "kms:Decrypt"}
    assert "/etcd/*" in allowed["['s3:GetObject', 's3:GetObjectVersion']"]
    assert user["Condition"] == "SignsSnapshotUrls"
