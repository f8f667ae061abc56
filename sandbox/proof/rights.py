"""Whether the deployed roles grant the AWS calls that were made: the sandbox's AWS enforces no rights itself.

Every call of the log by a function's role is judged against the policies of that role as IAM tells them. State
machines call as their service, so that a call of theirs is granted when any machine's role grants it. Looked at are
actions, resources and the conditions told in `_OPERATORS`; a condition that is not understood grants nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox.proof import needs
from sandbox.proof.needs import Need

if TYPE_CHECKING:
    from sandbox.running import Sandbox

_MACHINES = "states.amazonaws.com"
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringLike": lambda value, wanted: matches(wanted, value),
}


@dataclass(frozen=True)
class Judgement:
    """How many calls were judged, and those that no policy grants: `role: action on resource`, each once."""

    judged: int
    not_granted: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Statement:
        return cls(
            document["Effect"] == "Allow",
            _listed(document.get("Action", ())),
            _listed(document.get("Resource", ())),
            document.get("Condition", {}),
        )

    def applies(self, need: Need) -> bool:
        """Whether the statement is about this need. A condition that is not understood: only a Deny applies."""
        return (
            any(matches(each.lower(), need.action.lower()) for each in self.actions)
            and any(matches(each, need.resource) for each in self.resources)
            and all(
                self._holds(operator, _listed(wanted), need.context.get(key))
                for operator, keys in self.conditions.items()
                for key, wanted in keys.items()
            )
        )

    def _holds(self, operator: str, wanted: Sequence[str], found: Sequence[str] | None) -> bool:
        quantifier, _, test = operator.rpartition(":")
        negated = test.startswith("StringNot")
        compare = _OPERATORS.get(test.replace("Not", ""))
        if compare is None or quantifier not in {"", "ForAllValues", "ForAnyValue"}:
            return not self.allows
        if found is None:
            return quantifier == "ForAllValues" or (negated and not quantifier)
        results = [any(compare(value, each) for each in wanted) != negated for value in found]
        return any(results) if quantifier == "ForAnyValue" else all(results)


def grants(statements: Iterable[Statement], need: Need) -> bool:
    """IAM's rule: some statement allows, none denies."""
    applying = [each.allows for each in statements if each.applies(need)]
    return bool(applying) and all(applying)


def matches(pattern: str, text: str) -> bool:
    """IAM's patterns know `*` and `?` only."""
    translated = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(translated, text, re.DOTALL) is not None


def judge(
    calls: Iterable[Mapping[str, Any]], roles: Mapping[str, Sequence[Sequence[Statement]]], keys: Mapping[str, str]
) -> Judgement:
    """Judge lines of the call log. `roles`: principal of the log → statements of every role that it may stand for."""
    judged, missing = 0, dict[str, None]()
    for call in calls:
        principal = call["principal"]
        if principal not in roles:
            if ":role/" in principal:
                missing[f"{principal}: no such role"] = None
            continue
        judged += 1
        for need in needs.of_call(call, keys):
            if not any(grants(statements, need) for statements in roles[principal]):
                missing[f"{principal.rpartition('/')[2]}: {need}"] = None
    return Judgement(judged, tuple(missing))


def of_run(sandbox: Sandbox) -> Judgement:
    """Judge all calls that were made in a running sandbox so far."""
    buckets, topics = _encrypted_buckets(sandbox.client("s3")), _encrypted_topics(sandbox.client("sns"))
    with sandbox.plan.aws_calls.open(encoding="utf-8") as lines:
        calls = [json.loads(line) for line in lines if line.endswith("\n")]
    return judge(calls, _roles(sandbox.client("iam")), {**buckets, **topics})


def _roles(iam: Any) -> dict[str, list[list[Statement]]]:
    found: dict[str, list[list[Statement]]] = {}
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            statements = [Statement.of(each) for policy in _policies(iam, role["RoleName"]) for each in policy]
            found[role["Arn"]] = [statements]
            if _MACHINES in json.dumps(role["AssumeRolePolicyDocument"]):
                found.setdefault(_MACHINES, []).append(statements)
    return found


def _policies(iam: Any, role: str) -> Iterator[list[dict[str, Any]]]:
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        yield _statements(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        yield _statements(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _encrypted_buckets(s3: Any) -> dict[str, str]:
    found = {}
    for bucket in s3.list_buckets()["Buckets"]:
        try:
            rules = s3.get_bucket_encryption(Bucket=bucket["Name"])["ServerSideEncryptionConfiguration"]["Rules"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
                raise
            continue
        for rule in rules:
            if key := rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID"):
                found[bucket["Name"]] = needs.key_arn(key)
    return found


def _encrypted_topics(sns: Any) -> dict[str, str]:
    arns = [each["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for each in page["Topics"]]
    attributes = {arn: sns.get_topic_attributes(TopicArn=arn)["Attributes"] for arn in arns}
    return {
        arn: needs.key_arn(each["KmsMasterKeyId"]) for arn, each in attributes.items() if each.get("KmsMasterKeyId")
    }


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
