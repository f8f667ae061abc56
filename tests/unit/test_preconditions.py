"""No write rests on a check before it: each carries a condition of its own, or stands in decision 0005 with its reason.

A process may sleep between check and write for as long as it likes. What is found here is found in the code as it is
and in what a whole move writes, so that a new write without a condition fails a test.
"""

import ast
from pathlib import Path

import pytest

from lifeboat import errors
from lifeboat.plan.scripts import ACTING
from tests.statemachine.walker import of_a_function
from tests.template import reach
from tests.template.test_template import FOLDERS
from tests.unit.builders import blue
from tests.unit.plan.moving import Moving

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "layers" / "lifeboat" / "lifeboat"
UNGUARDED = (ROOT / "docs/decisions/0005-plan-own-and-fence.md").read_text().partition("## Unguarded")[2]


def calls(path):
    return [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)]


def modules(*left_out):
    found = {path.relative_to(LIBRARY).as_posix(): path for path in LIBRARY.rglob("*.py")}
    return {name: path for name, path in found.items() if not name.startswith(left_out)}


def method(call):
    """`(receiver, method)` of `a.b.method()`: the last word of what it is called on."""
    if not isinstance(call.func, ast.Attribute):
        return None
    return ast.unparse(call.func.value).rsplit(".", 1)[-1], call.func.attr


def moved():
    """One that arrives, and one that fails at its last moment and goes back."""
    arrives, returns = Moving(blue()), Moving(blue())
    call = returns._call

    def refuses(function, event):
        if function == "CreateHostedCluster":
            raise of_a_function(errors.RestoreFailedError.__name__, "a webhook says no")
        return call(function, event)

    returns._call = refuses
    assert arrives.run().error is None
    assert returns.run().error == "RestoreFailedError"
    return [arrives, returns]


@pytest.fixture(scope="module")
def written():
    """All writes of both to Kubernetes APIs."""
    ends = [side for each in moved() for side in (each.source, each.destination, each.guest)]
    found = [write for side in ends for write in side.writes]
    assert {verb for verb, *_ in found} == {"create", "patch", "delete"}
    return found


def test_every_patch_of_a_move_rests_on_one_read(written):
    for verb, kind, _, name, body in written:
        if verb == "patch":
            assert {"uid", "resourceVersion"} <= body["metadata"].keys(), (kind, name, body)


def test_everything_that_a_move_creates_has_a_fixed_name(written):
    for verb, kind, _, name, body in written:
        if verb == "create":
            assert name, kind
            assert "generateName" not in body["metadata"], (kind, name)


def test_patches_are_made_by_edits_alone():
    """`relink` sets the owners of a list that it has read whole, with the versions of that list."""
    found = {name for name, path in modules("adapters", "plan").items() for each in calls(path) if _is(each, "patch")}
    assert found == {"edits.py", "restore/relink.py"}


def _is(call, name):
    return bool(method(call)) and method(call)[1] == name


def test_every_delete_names_the_very_object():
    kept = {"store", "_store", "dns"}
    found = []
    for name, path in modules("adapters", "plan").items():
        for each in calls(path):
            if _is(each, "delete") and method(each)[0] not in kept:
                found.append(name)
                assert "uid" in {word.arg for word in each.keywords}, f"{name}: {ast.unparse(each)}"
    assert len(found) >= 9


READS = ("get_", "describe_", "list_", "head_", "verify", "sign", "generate_presigned_url")
WRITES = {
    "update_item": "conditional",
    "put_object": "conditional",
    "complete_multipart_upload": "conditional",
    "create_multipart_upload": "unguarded",
    "upload_part": "unguarded",
    "abort_multipart_upload": "unguarded",
    "delete_object": "unguarded",
    "put_item": "unguarded",
    "publish": "unguarded",
    "stop_execution": "unguarded",
    "change_resource_record_sets": "conditional",
    "deregister_targets": "unguarded",
    "register_targets": "unguarded",
    "reject_vpc_endpoint_connections": "unguarded",
    "accept_vpc_endpoint_connections": "unguarded",
    "modify_instance_attribute": "unguarded",
    "modify_target_group_attributes": "unguarded",
}
"""What changes something in AWS. Route53 deletes a record with its exact values, or creates what is absent."""
CONDITIONS = {
    "update_item": "ConditionExpression",
    "put_object": "IfNoneMatch",
    "complete_multipart_upload": "IfNoneMatch",
}


def asked_of_aws():
    for path in sorted((LIBRARY / "adapters").glob("*.py")):
        for each in calls(path):
            found = method(each)
            if found and found[0] in {"_client", "_s3", "_dynamodb", "_sns"} and not found[1].startswith(READS):
                yield found[1], each


def test_every_write_to_aws_is_known():
    assert {name for name, _ in asked_of_aws()} == set(WRITES)


def test_what_aws_can_hold_to_a_condition_has_one():
    for name, call in asked_of_aws():
        if name in CONDITIONS:
            assert CONDITIONS[name] in {word.arg for word in call.keywords}, ast.unparse(call)
    signed = [each for each in calls(LIBRARY / "adapters/s3.py") if _is(each, "generate_presigned_url")]
    puts = [ast.unparse(each) for each in signed if "'put_object'" in ast.unparse(each)]
    assert puts
    assert all("'IfNoneMatch': '*'" in each for each in puts)
    actions = {
        value.value
        for each in ast.walk(ast.parse((LIBRARY / "adapters/aws.py").read_text()))
        if isinstance(each, ast.Dict)
        for key, value in zip(each.keys, each.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "Action" and isinstance(value, ast.Constant)
    }
    assert actions == {"DELETE", "CREATE"}


@pytest.mark.parametrize("name", [name for name, how in WRITES.items() if how == "unguarded"])
def test_what_has_no_condition_is_told_with_its_reason(name):
    assert f"`{name}`" in UNGUARDED


@pytest.mark.parametrize("script", ACTING, ids=lambda each: ACTING[each].told)
def test_every_script_that_acts_in_a_pod_looks_at_the_epoch_there(script):
    assert "epoch" in script


BEFORE_THE_LEASE = {"ask_for_approval", "make_plan", "meet_conflict", "release_lease", "take_lease"}
"""They work without it, or on it."""
MARKS = {"store.put", "store.delete", "store.open_upload", "store.presigned_put", "dns.delete", "dns.create"}
MARKS |= {"signer.sign", "leases.take", "leases.claim", "leases.release", "executions.stop", "instances.protect"}


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_a_function_that_writes_asks_for_the_lease_first(folder):
    used = reach.of_handler(folder)
    text = (ROOT / "functions" / folder / "app.py").read_text()
    if "guarded=False" in text and folder not in BEFORE_THE_LEASE:
        assert not used & MARKS
