"""House rules of `template.yaml`: it knows every function and machine, and its rights are narrow."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from tests.statemachine import machines

ROOT = Path(__file__).parents[2]
FOLDERS = {path.parent.name for path in ROOT.glob("functions/*/app.py")}
KEY_ADMINISTRATION = "RightsComeFromIam"


@functools.cache
def template() -> dict[str, Any]:
    document: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    return document


def resources(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template()["Resources"].items() if each["Type"] == kind}


@functools.cache
def transformed() -> dict[str, Any]:
    """What CloudFormation would get; code and definitions stand for themselves elsewhere."""
    document = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    for each in document["Resources"].values():
        properties = each.get("Properties", {})
        if "CodeUri" in properties:
            properties["CodeUri"] = "s3://bucket/key"
        if "ContentUri" in properties:
            properties["ContentUri"] = "s3://bucket/key"
        if "DefinitionUri" in properties:
            del properties["DefinitionUri"]
            properties["Definition"] = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    result: dict[str, Any] = transform(document, {}, _NoManagedPolicies())
    return result


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def pascal(folder: str) -> str:
    return "".join(word.capitalize() for word in folder.split("_"))


def statements() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("Effect") == "Allow" and "Action" in value:
                found.append(value)
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(transformed()["Resources"])
    return found


@pytest.fixture(autouse=True)
def _region(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")


def test_every_folder_is_a_function_and_every_function_a_folder():
    """Names follow from the folder: `pause_source` is PauseSourceFunction, `lifeboat-pause-source`."""
    found = {
        name: (each["Properties"]["CodeUri"], each["Properties"]["FunctionName"]["Fn::Sub"])
        for name, each in resources("AWS::Serverless::Function").items()
    }
    wanted = {
        f"{pascal(folder)}Function": (f"functions/{folder}/", f"${{AWS::StackName}}-{folder.replace('_', '-')}")
        for folder in FOLDERS
    }
    assert found == wanted


def test_every_machine_is_a_file_and_every_file_a_machine():
    found = {
        each["Properties"]["DefinitionUri"]: name for name, each in resources("AWS::Serverless::StateMachine").items()
    }
    assert found == {f"statemachine/{name}.asl.yaml": f"{name.capitalize()}StateMachine" for name in machines.NAMES}


@pytest.mark.parametrize("name", machines.NAMES)
def test_a_machine_gets_the_functions_that_it_calls_and_may_invoke_no_other(name):
    properties = resources("AWS::Serverless::StateMachine")[f"{name.capitalize()}StateMachine"]["Properties"]
    used = set(re.findall(r"\$\{(\w+)\}", machines.text(name)))
    assert set(properties["DefinitionSubstitutions"]) == used
    for substitution, value in properties["DefinitionSubstitutions"].items():
        assert value in (
            {"Fn::GetAtt": [substitution.removesuffix("Arn"), "Arn"]},
            {"Ref": substitution.removesuffix("Arn")},
        )
    invocable = {
        each["Fn::GetAtt"][0]
        for policy in properties["Policies"]
        for statement in policy.get("Statement", ())
        for each in statement["Resource"]
    }
    assert invocable == {each.removesuffix("Arn") for each in used if each.endswith("FunctionArn")}


def test_no_action_has_a_wildcard():
    """Besides the administration of keys, which is how IAM comes to decide about them at all."""
    actions = [
        action
        for each in statements()
        if each.get("Sid") != KEY_ADMINISTRATION
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    ]
    assert actions
    assert [action for action in actions if "*" in action] == []


def test_every_resource_is_named_where_its_action_knows_one():
    """An action on `*` must be one that knows no resources."""
    without = {
        "ec2:DescribeInstances",
        "ec2:DescribeVpcEndpointConnections",
        "ec2:DescribeVpcEndpoints",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "route53:ListHostedZones",
    }
    delivery = re.compile(r"logs:\w*(LogDelivery|LogDeliveries|ResourcePolic\w+|LogGroups)")
    for each in statements():
        if each.get("Resource") == "*" and each.get("Sid") != KEY_ADMINISTRATION:
            actions = {each["Action"]} if isinstance(each["Action"], str) else set(each["Action"])
            assert actions <= without or all(map(delivery.fullmatch, actions)), actions


def _actions(of: list[dict[str, Any]]) -> set[str]:
    return {
        action for each in of for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }


def test_nothing_may_end_a_version_or_a_lock_or_touch_an_instance():
    forbidden = r"s3:Delete(?!Object$)|s3:Bypass|s3:PutObjectRetention|ec2:(Terminate|Stop|Run)"
    assert not [action for action in _actions(statements()) if re.match(forbidden, action)]


def test_retention_alone_may_delete_in_the_bucket():
    policies = template()["Resources"]
    deleting = {
        name
        for name, each in policies.items()
        if each["Type"] == "AWS::IAM::ManagedPolicy"
        and "s3:DeleteObject" in _actions(each["Properties"]["PolicyDocument"]["Statement"])
    }
    assert deleting == {"RetentionPolicy"}
    having = [
        name
        for name, each in resources("AWS::Serverless::Function").items()
        if {"Ref": "RetentionPolicy"} in each["Properties"].get("Policies", ())
    ]
    assert having == ["RetainBackupsFunction"]


def test_retention_asks_every_machine_what_runs():
    """One that is forgotten would not keep its backups from being deleted."""
    asked = resources("AWS::Serverless::Function")["RetainBackupsFunction"]["Properties"]["Environment"]["Variables"]
    named = set(re.findall(r"\$\{(\w+)\}", asked["STATE_MACHINES"]["Fn::Sub"]))
    assert named == set(resources("AWS::Serverless::StateMachine"))
    listed = template()["Resources"]["RetentionPolicy"]["Properties"]["PolicyDocument"]["Statement"][-1]
    assert listed["Action"] == "states:ListExecutions"
    assert {each["Ref"] for each in listed["Resource"]} == named


def test_the_bucket_refuses_what_is_not_encrypted_by_its_key_or_comes_without_tls():
    bucket = resources("AWS::S3::BucketPolicy")["BackupBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert {each["Sid"] for each in bucket} == {"OnlyOverTls", "OnlyByKms", "OnlyByThisKey", "NotByKeysOfCallers"}
    assert all((each["Effect"], each["Principal"]) == ("Deny", "*") for each in bucket)
    for each in bucket[1:]:  # the header of a put is looked at only where there is one: the bucket has a default
        assert set(each["Condition"]["Null"].values()) == {"false"}


def test_every_function_has_a_role_of_its_own():
    functions = {
        name: each for name, each in transformed()["Resources"].items() if each["Type"] == "AWS::Lambda::Function"
    }
    roles = [each["Properties"]["Role"]["Fn::GetAtt"][0] for each in functions.values()]
    assert len(set(roles)) == len(functions)


def test_functions_log_into_a_group_with_retention():
    for each in transformed()["Resources"].values():
        if each["Type"] == "AWS::Lambda::Function":
            assert each["Properties"]["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLogs"}}
        if each["Type"] == "AWS::Logs::LogGroup":
            assert each["Properties"]["RetentionInDays"]


@pytest.mark.parametrize("name", ["BackupBucket", "LeaseTable", "EncryptionKey", "SigningKey"])
def test_what_holds_backups_outlives_the_stack(name):
    assert template()["Resources"][name]["DeletionPolicy"] == "Retain"
    assert template()["Resources"][name]["UpdateReplacePolicy"] == "Retain"


def test_functions_run_out_of_time_before_their_tasks():
    """A task that times out first would be retried beside its own twin."""
    default = template()["Globals"]["Function"]["Timeout"]
    for name in machines.NAMES:
        for _, state in machines.states(name):
            if (called := re.fullmatch(r"\$\{(\w+)Arn\}", str(state.get("Resource", "")))) is not None:
                properties = template()["Resources"][called[1]]["Properties"]
                assert properties.get("Timeout", default) < state["TimeoutSeconds"]


def test_the_template_is_plain_yaml_without_anchors():
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    tokens = yaml.scan(text, Loader=yaml.SafeLoader)
    assert not [each for each in tokens if isinstance(each, (yaml.AnchorToken, yaml.AliasToken))]
