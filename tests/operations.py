"""Starting operations and looking at what a source is like."""

import datetime
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass

from sandbox import client as kinds
from sandbox.aws.functions import faults
from sandbox.guest.hosted import HostedApi, HostedApiError
from sandbox.plan import REGION
from sandbox.proof import objects, writes
from sandbox.proof.clients import client_of
from sandbox.proof.observation import BLUE, NAMESPACE

DEPLOYMENTS = (
    "control-plane-operator",
    "kube-apiserver",
    "openshift-apiserver",
    "openshift-oauth-apiserver",
    "cluster-api",
    "capi-provider",
)


@dataclass(frozen=True)
class Ended:
    """How an execution ended."""

    status: str
    output: dict
    error: str
    cause: str
    arn: str


class Operations:
    """Operations on one hosted cluster, by default `clusters/blue`."""

    def __init__(self, sandbox, name=BLUE):
        self.sandbox = sandbox
        self.name = name
        self.plane = f"{NAMESPACE}-{name}"
        self.stepfunctions = sandbox.client("stepfunctions")

    def start(self, machine, name=None, **fields):
        given = {"hostedCluster": {"namespace": NAMESPACE, "name": self.name}, **fields}
        return self.stepfunctions.start_execution(
            stateMachineArn=self.sandbox.stack.state_machines[machine],
            name=name or f"{machine}-{uuid.uuid4().hex[:8]}",
            input=json.dumps(given),
        )["executionArn"]

    def end_of(self, arn, seconds=600):
        deadline = time.monotonic() + seconds
        while True:
            seen = self.stepfunctions.describe_execution(executionArn=arn)
            if seen["status"] != "RUNNING":
                output = json.loads(seen["output"]) if seen.get("output") else {}
                return Ended(seen["status"], output, seen.get("error", ""), seen.get("cause", ""), arn)
            assert time.monotonic() < deadline, f"{arn} still runs after {seconds} s"
            self.sandbox.check()
            time.sleep(0.3)

    def wait_for_state(self, arn, state):
        """Wait until an execution has entered a state."""

        def entered():
            events = self.stepfunctions.get_execution_history(executionArn=arn)["events"]
            return any(each.get("stateEnteredEventDetails", {}).get("name") == state for each in events)

        wait_until(entered)

    def wait_until_held(self, arn):
        """Wait until a planted fault holds a function of an execution, which takes minutes on a busy machine."""

        def held():
            seen = self.stepfunctions.describe_execution(executionArn=arn)
            assert seen["status"] == "RUNNING", seen.get("cause")
            return faults.held(self.sandbox.plan)

        wait_until(held, seconds=300)

    def token_of(self, arn):
        """The task token that an execution waits for, as its history holds it."""
        found = []

        def there():
            seen = self.stepfunctions.describe_execution(executionArn=arn)
            assert seen["status"] == "RUNNING", seen.get("cause")
            events = self.stepfunctions.get_execution_history(executionArn=arn)["events"]
            parameters = [each.get("taskScheduledEventDetails", {}).get("parameters", "{}") for each in events]
            found[:] = [json.loads(each)["Payload"]["token"] for each in parameters if "token" in each]
            return found

        wait_until(there)
        return found[0]

    def run(self, machine, **fields):
        return self.end_of(self.start(machine, **fields))

    def source(self):
        """What a failed operation must leave as it was: replicas, pauses, repair, marks, Routes, the marker."""
        client = client_of(self.sandbox.plan.management_cluster("mgmt-1"))
        hosted = client.get(kinds.HOSTED_CLUSTERS, self.name, NAMESPACE)
        pools = [each for each in client.list(kinds.NODE_POOLS, NAMESPACE) if each["spec"]["clusterName"] == self.name]
        cluster = client.list(kinds.CLUSTERS, self.plane)[0]
        return {
            "replicas": {
                name: client.get(kinds.DEPLOYMENTS, name, self.plane)["spec"]["replicas"] for name in DEPLOYMENTS
            },
            "paused": hosted["spec"].get("pausedUntil"),
            "marks": _ours(hosted),
            "pools": {
                each["metadata"]["name"]: (
                    each["spec"].get("pausedUntil"),
                    each["spec"]["management"].get("autoRepair"),
                    _ours(each),
                )
                for each in pools
            },
            "cluster paused": cluster["spec"].get("paused", False),
            "marker": client.get(kinds.CONFIG_MAPS, "mgmt-parent-cluster", "default"),
        }

    def serves(self, seconds=60):
        """Wait until the hosted API acknowledges a write made after this call, and HostedCluster says Available."""
        since = datetime.datetime.now(datetime.UTC)
        client = client_of(self.sandbox.plan.management_cluster("mgmt-1"))
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            hosted = client.get(kinds.HOSTED_CLUSTERS, self.name, NAMESPACE)
            if self._was_written_to(since) and objects.condition(hosted, "Available") == "True":
                return True
            time.sleep(0.3)
        return False

    def _was_written_to(self, since):
        if self.name != BLUE:  # nobody writes to the others but us
            return self.write() == ""
        return datetime.datetime.fromisoformat(writes.acknowledged(self.sandbox.plan)[-1]["time"]) > since

    def write(self):
        """Make one object through the hosted API; what it said when it refused."""
        name = f"asked-{uuid.uuid4().hex[:8]}"
        document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}
        return self.ask("POST", "configmaps", json.dumps(document).encode())

    def read(self):
        """List objects through the hosted API; what it said when it refused."""
        return self.ask("GET", "configmaps?limit=1")

    def ask(self, method, what, body=None):
        api = HostedApi(self.sandbox.plan, self.name)
        try:
            api.request(method, f"/api/v1/namespaces/default/{what}", body)
        except HostedApiError as error:
            return str(error)
        else:
            return ""
        finally:
            api.close()


def lifeboat(sandbox, *arguments, check=True):
    """Run the CLI as an operator would; what it printed, None where it failed and may."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": sandbox.plan.aws_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": sandbox.plan.access_key_id,
        "AWS_SECRET_ACCESS_KEY": sandbox.plan.secret_access_key,
    }
    command = [sys.executable, "-c", "from lifeboat_cli.main import main; raise SystemExit(main())", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode and not check:
        return None
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until(true, seconds=60):
    """Wait until `true()` is."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _ours(obj):
    return {key: value for key, value in (obj["metadata"].get("annotations") or {}).items() if "lifeboat" in key}
