"""What AWS holds before the first hosted cluster: the public DNS zone and the bucket of OIDC documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hypershift.cloud import OIDC_BUCKET, Cloud
from sandbox.plan import DOMAIN, REGION

if TYPE_CHECKING:
    from sandbox.plan import Plan


def prepare_aws(plan: Plan) -> None:
    """Make them; VPC, subnets and images are those that moto starts with. May run twice."""
    cloud = Cloud(plan)
    zones = cloud.route53.list_hosted_zones()["HostedZones"]
    if not any(zone["Name"] == f"{DOMAIN}." for zone in zones):
        cloud.route53.create_hosted_zone(Name=DOMAIN, CallerReference=plan.run.name)
    buckets = cloud.s3.list_buckets()["Buckets"]
    if not any(bucket["Name"] == OIDC_BUCKET for bucket in buckets):
        cloud.s3.create_bucket(Bucket=OIDC_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})


def worker_subnet(cloud: Cloud, zone: str) -> str:
    """A subnet of the default VPC in that zone."""
    answer = cloud.ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [zone]}])
    found: str = answer["Subnets"][0]["SubnetId"]
    return found


def worker_image(cloud: Cloud) -> str:
    """An AMI to start workers from."""
    filters = [{"Name": "architecture", "Values": ["x86_64"]}, {"Name": "virtualization-type", "Values": ["hvm"]}]
    images = cloud.ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"]
    found: str = min(each["ImageId"] for each in images)
    return found
