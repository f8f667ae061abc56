"""Corrections to moto's Step Functions, a function each; a test fails when moto has mended one."""

from __future__ import annotations

from moto.core.config import default_user_config

from sandbox.aws.stepfunctions import callbacks, executions, integrations, nested, speed, stopping


def switch_on(endpoint_url: str) -> None:
    """Let moto run state machines, with tasks calling `endpoint_url`, and apply every correction."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    integrations.shape_parameters_by_the_service_model()
    integrations.shape_responses_by_the_service_model()
    integrations.name_errors_as_aws_does()
    executions.name_unnamed_executions()
    executions.keep_outputs_plain()
    executions.tell_why_an_execution_was_stopped()
    executions.page_histories()
    stopping.wake_what_waits_for_a_token()
    stopping.let_a_stop_stand()
    callbacks.keep_the_cause_of_a_failed_task()
    callbacks.accept_any_heartbeat()
    nested.stop_what_nobody_waits_for()
    speed.share_clients(endpoint_url)
    speed.remember_parsed_definitions()
    speed.forget_finished_threads()
