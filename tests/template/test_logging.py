"""Execution logs hold data only where data can hold no bearer."""

import pytest

from tests.statemachine import machines
from tests.template.test_template import resources

MACHINES = {
    each["Properties"]["DefinitionUri"].rpartition("/")[2].partition(".")[0]: each["Properties"]
    for each in resources("AWS::Serverless::StateMachine").values()
}


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_a_machine_that_hands_out_task_tokens_logs_no_data(name):
    uses_tokens = "$$.Task.Token" in str(machines.load(name))
    assert MACHINES[name]["Logging"]["Level"] == "ALL"
    assert MACHINES[name]["Logging"]["IncludeExecutionData"] is not uses_tokens
