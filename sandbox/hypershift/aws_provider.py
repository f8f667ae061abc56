"""Cluster API's AWS provider: an EC2 instance for each AWSMachine, found by its tags or else made.

Deleting an AWSMachine while this lives terminates the instance. It ignores an AWSMachine that no Machine owns, and
everything of a paused Cluster, deletion included.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sandbox.client import AWS_MACHINES, CLUSTERS
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift.carriers import LOOK_AGAIN
from sandbox.hypershift.cluster_api import RelatedKeys, cluster_of, is_paused
from sandbox.informer import Controller, Key, key_of
from sandbox.objects import set_finalizer, status_of, update_status, with_conditions

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers
    from sandbox.hypershift.cloud import Cloud

_log = logging.getLogger(__name__)
FINALIZER = "awsmachine.infrastructure.cluster.x-k8s.io"
_ALIVE = ("pending", "running", "stopping", "stopped")
_CHECK_SECONDS = 30.0


def owned_tag(infra_id: str) -> str:
    """The tag by which the provider knows the instances of a cluster."""
    return f"sigs.k8s.io/cluster-api-provider-aws/cluster/{infra_id}"


class _Provider:
    def __init__(self, context: Context, carriers: Carriers, cloud: Cloud) -> None:
        self._client = context.client
        self._carriers = carriers
        self._cloud = cloud

    def reconcile(self, key: Key) -> float | None:
        machine = self._client.get(AWS_MACHINES, key[1], key[0])
        if machine is None:
            return None
        if not self._carriers.capi_provider(key[0]):
            return LOOK_AGAIN
        owners = machine["metadata"].get("ownerReferences") or []
        if not any(each["kind"] == "Machine" for each in owners):
            return None  # CAPI has not tied it to a Machine yet
        cluster = cluster_of(self._client, machine)
        if cluster is None or is_paused(cluster, machine):
            return 1.0
        if is_leaving(machine):
            return self._terminate(cluster, machine)
        return self._ensure_instance(cluster, machine) if status_of(cluster).get("infrastructureReady") else 0.5

    def _ensure_instance(self, cluster: Object, machine: Object) -> float:
        key = key_of(machine)
        machine = set_finalizer(self._client, AWS_MACHINES, machine, FINALIZER, present=True)
        instance = self._find(cluster, machine) or self._run(cluster, machine)
        instance_id, zone = instance["InstanceId"], instance["Placement"]["AvailabilityZone"]
        wanted = {"instanceID": instance_id, "providerID": f"aws:///{zone}/{instance_id}"}
        if any(machine["spec"].get(field) != value for field, value in wanted.items()):
            machine = self._client.patch(AWS_MACHINES, key[1], {"spec": wanted}, key[0])
        self._write_status(machine, instance)
        return _CHECK_SECONDS if instance["State"]["Name"] == "running" else 1.0

    def _find(self, cluster: Object, machine: Object) -> Object | None:
        instance_id = machine["spec"].get("instanceID")
        provider_id = machine["spec"].get("providerID") or ""
        instance_id = instance_id or provider_id.rpartition("/")[2]
        if instance_id:
            try:
                answer = self._cloud.ec2.describe_instances(InstanceIds=[instance_id])
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                    raise
                raise LookupError(f"instance {instance_id} of {machine['metadata']['name']} is gone") from error
        else:
            infra_id = cluster["metadata"]["name"]
            answer = self._cloud.ec2.describe_instances(
                Filters=[
                    {"Name": f"tag:{owned_tag(infra_id)}", "Values": ["owned"]},
                    {"Name": "tag:Name", "Values": [machine["metadata"]["name"]]},
                    {"Name": "instance-state-name", "Values": list(_ALIVE)},
                ]
            )
        found: list[Object] = [each for group in answer["Reservations"] for each in group["Instances"]]
        return found[0] if found else None

    def _run(self, cluster: Object, machine: Object) -> Object:
        infra_id, name, spec = cluster["metadata"]["name"], machine["metadata"]["name"], machine["spec"]
        tags = {
            "Name": name,
            owned_tag(infra_id): "owned",
            "sigs.k8s.io/cluster-api-provider-aws/role": "node",
            **(spec.get("additionalTags") or {}),
            f"kubernetes.io/cluster/{infra_id}": "owned",
        }
        answer = self._cloud.ec2.run_instances(
            ImageId=spec["ami"]["id"],
            InstanceType=spec["instanceType"],
            SubnetId=spec["subnet"]["id"],
            MinCount=1,
            MaxCount=1,
            # The machine's uid: a second attempt for the same machine makes no second instance.
            ClientToken=machine["metadata"]["uid"],
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            ],
        )
        instance: Object = answer["Instances"][0]
        _log.info("%s: started %s", name, instance["InstanceId"])
        return instance

    def _terminate(self, cluster: Object, machine: Object) -> float | None:
        try:
            instance = self._find(cluster, machine)
        except LookupError:
            instance = None
        if instance is not None and instance["State"]["Name"] in _ALIVE:
            _log.info("%s: terminating %s", machine["metadata"]["name"], instance["InstanceId"])
            self._cloud.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
        set_finalizer(self._client, AWS_MACHINES, machine, FINALIZER, present=False)
        return None

    def _write_status(self, machine: Object, instance: Object) -> None:
        state = instance["State"]["Name"]
        addresses = [{"type": "InternalIP", "address": instance["PrivateIpAddress"]}]
        status = {
            **status_of(machine),
            "ready": state == "running",
            "instanceState": state,
            "addresses": addresses,
            "conditions": with_conditions(
                status_of(machine).get("conditions"),
                [("InstanceReady", str(state == "running"), "InstanceProvisioned", "")],
                bare=True,
            ),
        }
        update_status(self._client, AWS_MACHINES, machine, status)


def aws_provider(context: Context, carriers: Carriers, cloud: Cloud) -> Controller:
    work = _Provider(context, carriers, cloud)
    return (
        Controller("aws-machine", work.reconcile, resync=10.0)
        .watch(context.informers.of(AWS_MACHINES))
        .watch(context.informers.of(CLUSTERS), RelatedKeys(context, AWS_MACHINES))
    )
