"""What AWS holds before the first hosted cluster: DNS zones, the bucket of OIDC documents, an image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.hypershift.cloud import OIDC_BUCKET, Cloud
from sandbox.hypershift.names import private_domain
from sandbox.plan import DOMAIN, REGION, ZONES

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.plan import Plan

_IMAGE_NAME = "rhcos-417.94"
_FOR_EVERYBODY = {  # as IAM reads the documents: without credentials
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{OIDC_BUCKET}/*"}
    ],
}


def prepare_aws(plan: Plan) -> None:
    """Make them; VPC and subnets are those that moto starts with. May run twice."""
    cloud = Cloud(plan)
    zones = cloud.route53.list_hosted_zones()["HostedZones"]
    if not any(zone["Name"] == f"{DOMAIN}." for zone in zones):
        cloud.route53.create_hosted_zone(Name=DOMAIN, CallerReference=plan.run.name)
    private = private_domain("blue")
    if plan.shape.is_private and not any(zone["Name"] == f"{private}." for zone in zones):
        cloud.route53.create_hosted_zone(
            Name=private,
            CallerReference=private,
            VPC={"VPCRegion": REGION, "VPCId": worker_vpc(cloud)},
            HostedZoneConfig={"PrivateZone": True},
        )
    buckets = cloud.s3.list_buckets()["Buckets"]
    if not any(bucket["Name"] == OIDC_BUCKET for bucket in buckets):
        cloud.s3.create_bucket(Bucket=OIDC_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    cloud.s3.put_bucket_policy(Bucket=OIDC_BUCKET, Policy=json.dumps(_FOR_EVERYBODY))
    if not _worker_images(cloud):
        cloud.ec2.register_image(
            Name=_IMAGE_NAME, Architecture="x86_64", VirtualizationType="hvm", RootDeviceName="/dev/xvda"
        )


def worker_vpc(cloud: Cloud) -> str:
    """The VPC of the workers, and of the way to a private cluster's API."""
    answer = cloud.ec2.describe_subnets(SubnetIds=[worker_subnet(cloud, ZONES[0])])
    found: str = answer["Subnets"][0]["VpcId"]
    return found


def worker_subnet(cloud: Cloud, zone: str) -> str:
    """A subnet of the default VPC in that zone."""
    answer = cloud.ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [zone]}])
    found: str = answer["Subnets"][0]["SubnetId"]
    return found


def worker_image(cloud: Cloud) -> str:
    """The AMI to start workers from."""
    found: str = _worker_images(cloud)[0]["ImageId"]
    return found


def _worker_images(cloud: Cloud) -> list[Object]:
    images: list[Object] = cloud.ec2.describe_images(Filters=[{"Name": "name", "Values": [_IMAGE_NAME]}])["Images"]
    return images
