"""What the bucket holds of a backup, read as an operator would."""

import json

import yaml

from sandbox.proof import leftovers
from sandbox.world.large import LargeSeed

INFRA = {"blue": "blue-x7k2p", "blue-green": "blue-green-q9w4z", "large": LargeSeed().infra_id}


def _keys(operations, below):
    """Every key below the hosted cluster's folder of backups that begins so."""
    s3, bucket, name = operations.sandbox.client("s3"), operations.sandbox.stack.bucket, operations.name
    prefix = f"hosted-clusters/clusters/{name}/{INFRA[name]}/backups/{below}"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [each["Key"] for page in pages for each in page.get("Contents", ())]


def _texts(operations, below):
    s3, bucket = operations.sandbox.client("s3"), operations.sandbox.stack.bucket
    return [s3.get_object(Bucket=bucket, Key=each)["Body"].read().decode() for each in _keys(operations, below)]


def record(operations, backup_id):
    """What is signed in the commit record."""
    (text,) = _texts(operations, f"{backup_id}/backup.json")
    return json.loads(text)["payload"]


def manifests(operations, backup_id):
    """Every Kubernetes object of the export."""
    texts = _texts(operations, f"{backup_id}/manifests/")
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def of_snapshot(operations, backup_id):
    """What the record's evidence says of the snapshot."""
    (text,) = _texts(operations, f"{backup_id}/evidence/snapshot.")
    return json.loads(text)


def listed(operations):
    """Ids of the backups that are there: those with a record."""
    return {key.split("/")[-2] for key in _keys(operations, "") if key.endswith("/backup.json")}


def left_behind(operations):
    """What a backup, successful or not, may not leave: files and processes in the pods, open uploads."""
    home = operations.sandbox.plan.management_cluster("mgmt-1")
    s3, bucket = operations.sandbox.client("s3"), operations.sandbox.stack.bucket
    return leftovers.in_pods(home, operations.plane) + leftovers.open_uploads(s3, bucket)
