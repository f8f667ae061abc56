"""Functions, layers, state machines, roles."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.aws.cloudformation.intrinsics import TemplateError
from sandbox.aws.cloudformation.resources import Clients, Created, Properties, handles, tags_of


@handles("AWS::IAM::Role")
def role(clients: Clients, properties: Properties) -> Created:
    iam = clients("iam")
    name = properties.name("RoleName")
    tags = tags_of(properties)
    created = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=_document(properties.require("AssumeRolePolicyDocument")),
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        **properties.same("Path", "Description", "MaxSessionDuration"),
    )["Role"]
    for arn in properties.take("ManagedPolicyArns", []):
        # moto holds AWS's managed policies only on demand; nothing is enforced here, so a missing one is no loss.
        if not arn.startswith("arn:aws:iam::aws:policy/"):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    for policy in properties.take("Policies", []):
        document = _document(policy["PolicyDocument"])
        iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    return Created(name, {"Arn": created["Arn"], "RoleId": created["RoleId"]})


@handles("AWS::IAM::User")
def user(clients: Clients, properties: Properties) -> Created:
    iam = clients("iam")
    name = properties.name("UserName")
    created = iam.create_user(UserName=name)["User"]
    for policy in properties.take("Policies", []):
        document = _document(policy["PolicyDocument"])
        iam.put_user_policy(UserName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    return Created(name, {"Arn": created["Arn"]})


@handles("AWS::IAM::AccessKey")
def access_key(clients: Clients, properties: Properties) -> Created:
    made = clients("iam").create_access_key(UserName=properties.require("UserName"))["AccessKey"]
    return Created(made["AccessKeyId"], {"SecretAccessKey": made["SecretAccessKey"]})


@handles("AWS::IAM::Policy")
def policy(clients: Clients, properties: Properties) -> Created:
    name = properties.require("PolicyName")
    document = _document(properties.require("PolicyDocument"))
    for role_name in properties.take("Roles", []):
        clients("iam").put_role_policy(RoleName=role_name, PolicyName=name, PolicyDocument=document)
    return Created(name)


@handles("AWS::IAM::ManagedPolicy")
def managed_policy(clients: Clients, properties: Properties) -> Created:
    created = clients("iam").create_policy(
        PolicyName=properties.name("ManagedPolicyName"),
        PolicyDocument=_document(properties.require("PolicyDocument")),
        **properties.same("Path", "Description"),
    )["Policy"]
    for role_name in properties.take("Roles", []):
        clients("iam").attach_role_policy(RoleName=role_name, PolicyArn=created["Arn"])
    return Created(created["Arn"], {"PolicyArn": created["Arn"]})


@handles("AWS::Lambda::LayerVersion")
def layer_version(clients: Clients, properties: Properties) -> Created:
    properties.ignore("CompatibleArchitectures")  # this machine's, whatever the template says
    created = clients("lambda").publish_layer_version(
        LayerName=properties.name("LayerName"),
        Content=properties.require("Content"),
        **properties.same("Description", "CompatibleRuntimes", "LicenseInfo"),
    )
    return Created(created["LayerVersionArn"], {"LayerVersionArn": created["LayerVersionArn"]})


@handles("AWS::Lambda::Function")
def function(clients: Clients, properties: Properties) -> Created:
    name = properties.name("FunctionName")
    # The runtime is the sandbox's own Python; the others mean nothing on one machine, or are what the host does anyway.
    properties.ignore("Architectures", "LoggingConfig", "RuntimeManagementConfig", "SnapStart")
    reserved = properties.take("ReservedConcurrentExecutions")
    environment = properties.take("Environment") or {}
    created = clients("lambda").create_function(
        FunctionName=name,
        Tags=tags_of(properties),
        Code=properties.require("Code"),
        # CloudFormation makes texts of numbers, as a parameter of type Number is one.
        Environment={"Variables": {key: str(value) for key, value in environment.get("Variables", {}).items()}},
        **properties.same(
            "Description",
            "DeadLetterConfig",
            "EphemeralStorage",
            "Handler",
            "KmsKeyArn",
            "Layers",
            "MemorySize",
            "PackageType",
            "Role",
            "Runtime",
            "Timeout",
            "TracingConfig",
            "VpcConfig",
        ),
    )
    if reserved is not None:
        clients("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    return Created(name, {"Arn": created["FunctionArn"]})


@handles("AWS::Lambda::Permission")
def permission(clients: Clients, properties: Properties) -> Created:
    clients("lambda").add_permission(
        StatementId=properties.logical_id,
        **properties.same("FunctionName", "Action", "Principal", "SourceArn", "SourceAccount"),
    )
    return Created(properties.logical_id)


@handles("AWS::Lambda::EventInvokeConfig")
def event_invoke_config(clients: Clients, properties: Properties) -> Created:
    properties.ignore("Qualifier")  # only $LATEST exists here
    clients("lambda").put_function_event_invoke_config(
        **properties.same("FunctionName", "MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
    )
    return Created(properties.logical_id)


@handles("AWS::StepFunctions::StateMachine")
def state_machine(clients: Clients, properties: Properties) -> Created:
    name = properties.name("StateMachineName")
    definition = properties.take("DefinitionString") or json.dumps(properties.require("Definition"))
    substitutions = properties.take("DefinitionSubstitutions", {})
    definition = re.sub(r"\$\{(\w+)\}", lambda match: _substitution(name, substitutions, match), definition)
    tags = [{"key": key, "value": value} for key, value in tags_of(properties).items()]
    created = clients("stepfunctions").create_state_machine(
        name=name,
        definition=definition,
        tags=tags,
        **properties.only(RoleArn="roleArn", StateMachineType="type"),
        **{key: _camel(value) for key, value in properties.only(
            LoggingConfiguration="loggingConfiguration",
            TracingConfiguration="tracingConfiguration",
            EncryptionConfiguration="encryptionConfiguration",
        ).items()},
    )  # fmt: skip
    arn = created["stateMachineArn"]
    return Created(arn, {"Arn": arn, "Name": name})


def _substitution(machine: str, substitutions: dict[str, Any], match: re.Match[str]) -> str:
    # CloudFormation lets an unknown name stand; Step Functions then refuses the definition without naming it.
    if match[1] not in substitutions:
        raise TemplateError(f"{machine}: DefinitionSubstitutions has no {match[1]}")
    return json.dumps(str(substitutions[match[1]]))[1:-1]


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(each) for key, each in value.items()}
    return [_camel(each) for each in value] if isinstance(value, list) else value


def _document(document: Any) -> str:
    # CloudFormation takes a policy without Version; moto refuses it.
    return json.dumps({"Version": "2012-10-17", **document})
