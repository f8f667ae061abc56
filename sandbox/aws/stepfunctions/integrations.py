"""What a task sends to a service and what it gets back.

moto 5.2.5 has emptied the two hooks in which parameters and responses change between the spelling of Step
Functions (PascalCase everywhere) and that of the SDK, so that every `startExecution` fails for want of its
`stateMachineArn` and S3 objects cannot be read. The converters themselves are still there.
"""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService

from sandbox.aws.patching import replace

# https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html: the exception prefix column.
_ERROR_PREFIXES = {
    "cloudwatch": "CloudWatch",
    "cloudwatchlogs": "CloudWatchLogs",
    "ec2": "Ec2",
    "eventbridge": "EventBridge",
    "kms": "Kms",
    "lambda": "Lambda",
    "route53": "Route53",
    "s3": "S3",
    "scheduler": "Scheduler",
    "secretsmanager": "SecretsManager",
    "sns": "Sns",
    "sqs": "Sqs",
    "ssm": "Ssm",
    "sts": "Sts",
}


@cache
def _operation(service: str, method: str) -> OperationModel | None:
    session = botocore.session.get_session()
    model = session.get_service_model(service)
    wanted = method.replace("_", "").lower()
    for name in model.operation_names:
        if name.lower() == wanted:
            return model.operation_model(name)
    return None


def shape_parameters_by_the_service_model() -> None:
    """Rename a task's parameters to the SDK's spelling, and turn objects into strings and blobs where it wants them."""

    def normalise(
        self: Any,
        parameters: dict[str, Any],
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        operation = _operation(
            self._get_boto_service_name(boto_service_name), self._get_boto_service_action(service_action_name)
        )
        if operation is not None and operation.input_shape is not None:
            self._to_boto_request(parameters, operation.input_shape)

    replace(StateTaskService, "_normalise_parameters", normalise)


def shape_responses_by_the_service_model() -> None:
    """Rename a response's fields to Step Functions' spelling, and leave only JSON in it.

    Times become what Step Functions shows: milliseconds since 1970 in its own integration, ISO 8601 elsewhere.
    """

    def normalise(
        self: Any,
        response: Any,
        boto_service_name: str | None = None,
        service_action_name: str | None = None,
    ) -> None:
        operation = _operation(
            self._get_boto_service_name(boto_service_name), self._get_boto_service_action(service_action_name)
        )
        if operation is not None and operation.output_shape is not None:
            self._from_boto_response(response, operation.output_shape)
        if isinstance(response, dict):
            _make_plain(response, milliseconds=self.resource.service_name == "states")

    replace(StateTaskService, "_normalise_response", normalise)


def _make_plain(value: Any, *, milliseconds: bool) -> Any:
    if isinstance(value, dict):
        for key, each in value.items():
            value[key] = _make_plain(each, milliseconds=milliseconds)
    elif isinstance(value, list):
        value[:] = [_make_plain(each, milliseconds=milliseconds) for each in value]
    elif isinstance(value, datetime.datetime):
        return int(value.timestamp() * 1000) if milliseconds else iso(value)
    return value


def iso(moment: datetime.datetime) -> str:
    """A time as Step Functions writes it: UTC, milliseconds, `Z`."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def name_errors_as_aws_does() -> None:
    """Prefix the errors of aws-sdk tasks with the service's name in Step Functions' spelling (`S3.`, not `s3.`)."""
    state_task_service_aws_sdk._SERVICE_ERROR_NAMES.update(_ERROR_PREFIXES)  # noqa: SLF001
