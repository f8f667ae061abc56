"""Buckets, tables, keys, secrets, log groups."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.cloudformation.resources import Clients, Created, Properties, handles, tags_of
from sandbox.plan import ACCOUNT_ID, REGION


@handles("AWS::S3::Bucket")
def bucket(clients: Clients, properties: Properties) -> Created:
    s3 = clients("s3")
    name = str(properties.take("BucketName") or f"{properties.stack}-{properties.logical_id}-{ACCOUNT_ID}".lower())
    lock = bool(properties.take("ObjectLockEnabled"))
    s3.create_bucket(
        Bucket=name,
        CreateBucketConfiguration={"LocationConstraint": REGION},
        **({"ObjectLockEnabledForBucket": True} if lock else {}),
    )
    if versioning := properties.take("VersioningConfiguration"):
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
    if encryption := properties.take("BucketEncryption"):
        rules = [_encryption_rule(each) for each in encryption["ServerSideEncryptionConfiguration"]]
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    if block := properties.take("PublicAccessBlockConfiguration"):
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    if ownership := properties.take("OwnershipControls"):
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=ownership)
    if lifecycle := properties.take("LifecycleConfiguration"):
        rules = [_lifecycle_rule(each) for each in lifecycle["Rules"]]
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    if object_lock := properties.take("ObjectLockConfiguration"):
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=object_lock)
    if notification := properties.take("NotificationConfiguration"):
        configuration: dict[str, Any] = (
            {"EventBridgeConfiguration": {}} if "EventBridgeConfiguration" in notification else {}
        )
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=configuration)
    if tags := tags_of(properties):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]})
    properties.ignore("LoggingConfiguration")  # access logs: the call log has them
    domain = f"{name}.s3.{REGION}.amazonaws.com"
    return Created(name, {"Arn": f"arn:aws:s3:::{name}", "RegionalDomainName": domain})


def _encryption_rule(rule: dict[str, Any]) -> dict[str, Any]:
    renamed = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    return {renamed.get(key, key): value for key, value in rule.items()}


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation flattens what the API nests."""
    rule = dict(rule)
    prefix = rule.pop("Prefix", "")
    result: dict[str, Any] = {"ID": rule.pop("Id", "rule"), "Status": rule.pop("Status"), "Filter": {"Prefix": prefix}}
    if "ExpirationInDays" in rule:
        result["Expiration"] = {"Days": rule.pop("ExpirationInDays")}
    if rule.pop("ExpiredObjectDeleteMarker", False):
        result["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    if "NoncurrentVersionExpirationInDays" in rule:
        result["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule.pop("NoncurrentVersionExpirationInDays")}
    if "Transitions" in rule:
        result["Transitions"] = [
            {("Days" if key == "TransitionInDays" else key): value for key, value in each.items()}
            for each in rule.pop("Transitions")
        ]
    return {**result, **rule}


@handles("AWS::S3::BucketPolicy")
def bucket_policy(clients: Clients, properties: Properties) -> Created:
    name = properties.require("Bucket")
    document = {"Version": "2012-10-17", **properties.require("PolicyDocument")}
    clients("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(document))
    return Created(name)


@handles("AWS::DynamoDB::Table")
def table(clients: Clients, properties: Properties) -> Created:
    dynamodb = clients("dynamodb")
    name = properties.name("TableName")
    expiry = properties.take("TimeToLiveSpecification")
    recovery = properties.take("PointInTimeRecoverySpecification")
    encryption = properties.take("SSESpecification")
    if encryption:
        encryption = {("Enabled" if key == "SSEEnabled" else key): value for key, value in encryption.items()}
    stream = properties.take("StreamSpecification")
    created = dynamodb.create_table(
        TableName=name,
        Tags=[{"Key": key, "Value": value} for key, value in tags_of(properties).items()],
        **({"SSESpecification": encryption} if encryption else {}),
        **({"StreamSpecification": {"StreamEnabled": True, **stream}} if stream else {}),
        **properties.same(
            "AttributeDefinitions",
            "KeySchema",
            "BillingMode",
            "ProvisionedThroughput",
            "GlobalSecondaryIndexes",
            "LocalSecondaryIndexes",
            "DeletionProtectionEnabled",
        ),
    )["TableDescription"]
    if expiry:
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
    if recovery:
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    return Created(name, {"Arn": created["TableArn"], "StreamArn": created.get("LatestStreamArn")})


@handles("AWS::KMS::Key")
def key(clients: Clients, properties: Properties) -> Created:
    kms = clients("kms")
    properties.ignore("PendingWindowInDays", "Enabled")  # what matters only when a stack is deleted; keys start enabled
    document = properties.take("KeyPolicy")
    rotation = properties.take("EnableKeyRotation")
    created = kms.create_key(
        Tags=[{"TagKey": name, "TagValue": value} for name, value in tags_of(properties).items()],
        **({"Policy": json.dumps(document)} if document else {}),
        **properties.same("Description", "KeyUsage", "KeySpec", "MultiRegion"),
    )["KeyMetadata"]
    if rotation:
        kms.enable_key_rotation(KeyId=created["KeyId"])
    return Created(created["KeyId"], {"Arn": created["Arn"], "KeyId": created["KeyId"]})


@handles("AWS::KMS::Alias")
def alias(clients: Clients, properties: Properties) -> Created:
    name = properties.require("AliasName")
    clients("kms").create_alias(AliasName=name, TargetKeyId=properties.require("TargetKeyId"))
    return Created(name)


@handles("AWS::SecretsManager::Secret")
def secret(clients: Clients, properties: Properties) -> Created:
    generate = properties.take("GenerateSecretString")
    given = properties.same("Name", "Description", "KmsKeyId", "SecretString")
    if generate is not None:
        parts = {
            key: generate[key]
            for key in ("PasswordLength", "ExcludeCharacters", "ExcludePunctuation")
            if key in generate
        }
        password = clients("secretsmanager").get_random_password(**parts)["RandomPassword"]
        template = generate.get("SecretStringTemplate")
        filled = {**json.loads(template), generate["GenerateStringKey"]: password} if template else None
        given["SecretString"] = json.dumps(filled) if filled else password
    given.setdefault("Name", f"{properties.stack}-{properties.logical_id}")
    tags = [{"Key": name, "Value": value} for name, value in tags_of(properties).items()]
    created = clients("secretsmanager").create_secret(Tags=tags, **given)
    return Created(created["ARN"], {"Id": created["ARN"]})


@handles("AWS::Logs::LogGroup")
def log_group(clients: Clients, properties: Properties) -> Created:
    name = str(properties.take("LogGroupName") or f"{properties.stack}-{properties.logical_id}")
    retention = properties.take("RetentionInDays")
    kms_key = properties.take("KmsKeyId")
    clients("logs").create_log_group(
        logGroupName=name, tags=tags_of(properties), **({"kmsKeyId": kms_key} if kms_key else {})
    )
    if retention:
        clients("logs").put_retention_policy(logGroupName=name, retentionInDays=int(retention))
    return Created(name, {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{name}:*"})
