"""The applier understands CloudFormation's functions and refuses what it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.cloudformation.apply import apply
from sandbox.aws.cloudformation.intrinsics import NO_VALUE, Scope, TemplateError, names_in
from sandbox.aws.cloudformation.package import package, read
from sandbox.aws.cloudformation.resources import Properties
from sandbox.aws.events import input_of


@pytest.fixture
def scope() -> Scope:
    template = {
        "Conditions": {"Yes": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]}, "No": {"Fn::Not": [{"Condition": "Yes"}]}},
        "Mappings": {"Sizes": {"dev": {"memory": 128}}},
    }
    scope = Scope(template, {"Stage": "dev", "AWS::Region": "us-east-2"})
    scope.references["Table"] = "leases"
    scope.attributes["Table"] = {"Arn": "arn:table"}
    return scope


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Table"}, "leases"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:table"),
        ({"Fn::GetAtt": "Table.Arn"}, "arn:table"),
        ({"Fn::Sub": "${Table.Arn}/${AWS::Region}/${!kept}"}, "arn:table/us-east-2/${kept}"),
        ({"Fn::Sub": ["${a}-${Stage}", {"a": {"Ref": "Table"}}]}, "leases-dev"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-dev"),
        ({"Fn::If": ["Yes", 1, 2]}, 1),
        ({"Fn::If": ["No", 1, 2]}, 2),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}, 128),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]}, False),
        ({"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]}, True),
    ],
)
def test_functions(scope: Scope, value: Any, expected: Any) -> None:
    assert scope.resolve(value) == expected


@pytest.mark.parametrize(
    "value", [{"Ref": "Nothing"}, {"Fn::GetAtt": "Table.Nothing"}, {"Fn::ImportValue": "x"}, {"Condition": "Nothing"}]
)
def test_unknown_names_and_functions_are_errors(scope: Scope, value: Any) -> None:
    with pytest.raises(TemplateError):
        scope.resolve(value)


def test_no_value_leaves_a_list(scope: Scope) -> None:
    assert scope.resolve([{"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, 2]) == [2]
    assert scope.resolve({"Ref": "AWS::NoValue"}) is NO_VALUE


def test_references_are_found_wherever_they_stand() -> None:
    value = {"a": [{"Ref": "A"}, {"Fn::Sub": ["${B.Arn} ${c}", {"c": {"Fn::GetAtt": ["D", "Arn"]}}]}]}
    assert set(names_in(value)) == {"A", "B", "D"}


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"X": {"Type": "AWS::Unknown::Thing"}}, "AWS::Unknown::Thing"),
        (
            {
                "A": {"Type": "AWS::SNS::Topic", "DependsOn": "B"},
                "B": {"Type": "AWS::SNS::Topic", "DependsOn": ["A"]},
            },
            "circle",
        ),
    ],
)
def test_a_template_that_cannot_be_applied_is_refused_before_anything_is_created(
    resources: dict[str, Any], message: str
) -> None:
    def no_client(service: str) -> Any:
        raise AssertionError(service)

    with pytest.raises(TemplateError, match=message):
        apply({"Resources": resources}, {}, {"AWS::StackName": "x"}, no_client)  # type: ignore[arg-type]


def test_a_number_that_was_given_as_text_is_a_number() -> None:
    template = {
        "Parameters": {"Days": {"Type": "Number"}, "Name": {"Type": "String"}},
        "Outputs": {"Days": {"Value": {"Ref": "Days"}}, "Name": {"Value": {"Ref": "Name"}}},
    }
    applied = apply(template, {"Days": "7", "Name": "7"}, {"AWS::StackName": "x"}, lambda _: None)  # type: ignore[arg-type]
    assert applied.outputs == {"Days": 7, "Name": "7"}


def test_a_property_that_no_handler_took_is_an_error() -> None:
    properties = Properties("Topic", "AWS::SNS::Topic", {"TopicName": "x", "Novelty": 1}, "stack")
    properties.name("TopicName")
    with pytest.raises(TemplateError, match="Novelty"):
        properties.finish()


def test_a_function_whose_code_is_missing_is_named(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/gone, Handler: a.b}}}\n"
    )
    with pytest.raises(TemplateError, match="functions/gone"):
        package(read(template), tmp_path, {}, lambda _name, _archive: "s3://bucket/key")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"fixed": 1}'}, '{"fixed": 1}'),
        ({"InputPath": "$.detail"}, '{"reason": "said \\"no\\"", "n": 2}'),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"why": "$.detail.reason", "n": "$.detail.n"},
                    "InputTemplate": '{"text": "because <why> <other>", "n": <n>, "why": <why>}',
                }
            },
            '{"text": "because said \\"no\\" <other>", "n": 2, "why": "said \\"no\\""}',
        ),
    ],
)
def test_event_inputs(target: dict[str, Any], expected: str) -> None:
    assert input_of(target, {"detail": {"reason": 'said "no"', "n": 2}}) == expected
