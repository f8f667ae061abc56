"""Services: settings in, adapters out. Everything is made on first use, so a function pays only for what it needs."""

from __future__ import annotations

import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lifeboat.errors import ConfigurationError, InvalidInputError
from lifeboat.settings import Settings

if TYPE_CHECKING:
    from lifeboat.approvals import Approvals
    from lifeboat.model import Task
    from lifeboat.plan.keeping import Shelf
    from lifeboat.ports import (
        Clock,
        Dns,
        Documents,
        Executions,
        Instances,
        Keys,
        Leases,
        ManagementCluster,
        ObjectStore,
        Registry,
        Signer,
    )
    from lifeboat.restore.snapshot_url.signing import Opened, SnapshotUrls
    from lifeboat.unreachable.world import Outside
    from lifeboat.vpc_endpoints import VpcEndpoints


class SystemClock:
    """`ports.Clock` of the machine."""

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC)


class Services:
    """All that a handler may need. Tests set the attributes they want to replace."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings
        self._clusters: dict[str, ManagementCluster] = {}

    @cached_property
    def settings(self) -> Settings:
        return self._settings or Settings.from_env()

    @cached_property
    def clock(self) -> Clock:
        return SystemClock()

    @cached_property
    def store(self) -> ObjectStore:
        from lifeboat.adapters.s3 import BackupBucket, s3_client  # noqa: PLC0415

        return BackupBucket(s3_client(), self.settings.bucket)

    @cached_property
    def plans(self) -> Shelf:
        """The bucket for a role that may put plans there and nothing else."""
        return self.store

    @cached_property
    def leases(self) -> Leases:
        from lifeboat.adapters.leases import LeaseTable  # noqa: PLC0415

        return LeaseTable(_client("dynamodb"), self.settings.lease_table)

    @cached_property
    def executions(self) -> Executions:
        from lifeboat.adapters.aws import StepFunctions  # noqa: PLC0415

        return StepFunctions(_client("stepfunctions"))

    @cached_property
    def signer(self) -> Signer:
        from lifeboat.adapters.aws import KmsSigner  # noqa: PLC0415

        return KmsSigner(_client("kms"), self.settings.signing_key)

    @cached_property
    def dns(self) -> Dns:
        from lifeboat.adapters.aws import Route53  # noqa: PLC0415

        return Route53(_client("route53"))

    @cached_property
    def instances(self) -> Instances:
        from lifeboat.adapters.aws import Ec2Instances  # noqa: PLC0415

        return Ec2Instances(_client("ec2"))

    @cached_property
    def keys(self) -> Keys:
        from lifeboat.adapters.looking import KmsKeys  # noqa: PLC0415

        return KmsKeys(_client("kms"))

    @cached_property
    def documents(self) -> Documents:
        from lifeboat.adapters.looking import PublicDocuments  # noqa: PLC0415

        return PublicDocuments(_anonymous_s3)

    @cached_property
    def endpoints(self) -> VpcEndpoints:
        from lifeboat.adapters.vpc_endpoints import Ec2VpcEndpoints  # noqa: PLC0415

        return Ec2VpcEndpoints(_client("ec2"))

    @cached_property
    def outside(self) -> Outside:
        """What an unreachable source is judged and cut by."""
        from lifeboat.adapters.traffic import ElbLoadBalancers, TlsDoors, VpcEndpointServices  # noqa: PLC0415
        from lifeboat.unreachable.world import Outside  # noqa: PLC0415

        return Outside(
            store=self.store,
            signer=self.signer,
            clock=self.clock,
            dns=self.dns,
            instances=self.instances,
            load_balancers=ElbLoadBalancers(_client("elbv2")),
            endpoint_services=VpcEndpointServices(_client("ec2")),
            doors=TlsDoors(),
        )

    @cached_property
    def approvals(self) -> Approvals:
        from lifeboat.adapters.approvals import ApprovalTable  # noqa: PLC0415

        if self.settings.approval_topic is None:
            raise ConfigurationError("environment variable APPROVAL_TOPIC is not set: deploy the stack again")
        return ApprovalTable(
            _client("dynamodb"), _client("sns"), self.settings.lease_table, self.settings.approval_topic
        )

    @property
    def signs_urls(self) -> bool:
        """Whether the stack has a user that signs snapshot URLs. Nothing of it is read."""
        return self.settings.snapshot_url_key is not None

    @cached_property
    def snapshot_urls(self) -> SnapshotUrls:
        from lifeboat.adapters.snapshot_urls import UserSignedUrls  # noqa: PLC0415

        key = self.settings.snapshot_url_key
        if key is None:
            raise ConfigurationError("no user signs snapshot URLs: deploy the stack with SnapshotUrlSigner=ENABLED")
        return UserSignedUrls(_client("secretsmanager"), key, self.settings.bucket, self.settings.snapshot_url_endpoint)

    @cached_property
    def opened_urls(self) -> Opened:
        from lifeboat.adapters.snapshot_urls import OpenedUrls  # noqa: PLC0415

        return OpenedUrls()

    @cached_property
    def registry(self) -> Registry:
        from lifeboat.adapters.aws import RegisteredClusters  # noqa: PLC0415

        return RegisteredClusters(_client("secretsmanager"))

    def guest(self, task: Task) -> ManagementCluster:
        """The hosted cluster's own API by its public name, with the credentials that the destination holds."""
        from lifeboat.adapters.kube import KubernetesCluster  # noqa: PLC0415
        from lifeboat.guest import admin_kubeconfig  # noqa: PLC0415

        kubeconfig = admin_kubeconfig(self.destination(task), task.hosted_cluster)
        return KubernetesCluster.from_kubeconfig(f"hosted cluster {task.hosted_cluster}", kubeconfig)

    def management_cluster(self, name: str) -> ManagementCluster:
        """The registered management cluster of that name; its connection lives as long as the function does."""
        if name not in self._clusters:
            from lifeboat.adapters.aws import RegisteredClusters  # noqa: PLC0415
            from lifeboat.adapters.kube import KubernetesCluster  # noqa: PLC0415

            document = RegisteredClusters(_client("secretsmanager")).read(name)
            self._clusters[name] = KubernetesCluster.from_kubeconfig(name, document["kubeconfig"])
        return self._clusters[name]

    def region(self, name: str) -> str | None:
        """The AWS region that is registered for a management cluster."""
        from lifeboat.adapters.aws import RegisteredClusters  # noqa: PLC0415

        return RegisteredClusters(_client("secretsmanager")).region(name)

    def source(self, task: Task) -> ManagementCluster:
        if task.source is None:
            raise InvalidInputError("this task needs a source")
        return self.management_cluster(task.source)

    def destination(self, task: Task) -> ManagementCluster:
        if task.destination is None:
            raise InvalidInputError("this task needs a destination")
        return self.management_cluster(task.destination)


def _client(service: str) -> Any:
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(service, config=Config(retries={"mode": "standard", "max_attempts": 5}))


def _anonymous_s3(region: str) -> Any:
    import boto3  # noqa: PLC0415
    from botocore import UNSIGNED  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(signature_version=UNSIGNED, retries={"mode": "standard", "max_attempts": 3})
    return boto3.client("s3", region_name=region, config=config)
