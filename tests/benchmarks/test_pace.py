"""The pace of the template comes back, however often it was taken off."""

from types import SimpleNamespace

from benchmarks.backups import Backups

TEMPLATE = {"SNAPSHOT_READ_MIB_PER_SECOND": "16", "SNAPSHOT_UPLOAD_MIB_PER_SECOND": "32"}


class _Functions:
    """Lambda, as far as it is asked."""

    def __init__(self):
        self.variables = {"lifeboat-start-snapshot": {**TEMPLATE, "BUCKET": "b"}, "lifeboat-accept": {"BUCKET": "b"}}

    def list_functions(self):
        each = self.variables.items()
        return {"Functions": [{"FunctionName": n, "Environment": {"Variables": dict(v)}} for n, v in each]}

    def update_function_configuration(self, FunctionName, Environment):  # noqa: N803 - boto3's names
        self.variables[FunctionName] = Environment["Variables"]


def test_the_pace_of_the_template_comes_back():
    functions = _Functions()
    backups = Backups(SimpleNamespace(client=lambda _: functions), "blue-green")
    backups.unpace()
    backups.unpace()
    assert functions.variables["lifeboat-start-snapshot"] == {**dict.fromkeys(TEMPLATE, "0"), "BUCKET": "b"}
    assert backups.pace() == TEMPLATE
    assert functions.variables["lifeboat-start-snapshot"] == {**TEMPLATE, "BUCKET": "b"}
