"""What `blue` is like can be chosen in one place, and every process of the sandbox learns it."""

import argparse
import json

import pytest

from sandbox.plan import Plan
from sandbox.shape import Shape, add_arguments, of_arguments
from sandbox.world.hosted import _hosted_cluster, _node_pool, seeds


def asked(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return of_arguments(parser.parse_args(words))


class Ec2:
    def describe_subnets(self, **_):
        return {"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1"}]}

    def describe_images(self, **_):
        return {"Images": [{"ImageId": "ami-1"}]}


class Cloud:
    ec2 = Ec2()


def test_without_options_it_is_as_it_always_was():
    assert asked() == Shape()
    assert asked().pools() == ("workers-a", "workers-b")


def test_every_field_has_an_option():
    options = (
        "--availability SingleReplica --encryption none --namespace own --access Private --publishing LoadBalancer"
    )
    wanted = Shape("SingleReplica", "none", "own", "Private", "LoadBalancer", "4.22", 8, 5)
    assert asked(*options.split(), "--release", "4.22", "--node-pools", "8", "--machines", "5") == wanted


@pytest.mark.parametrize("wrong", [{"access": "private"}, {"node_pools": 0}, {"machines": 65}])
def test_a_shape_that_cannot_be_made_is_refused(wrong):
    with pytest.raises(ValueError, match="it has to be"):
        Shape(**wrong)


def test_every_process_reads_it_from_the_plan(tmp_path):
    shape = Shape(access="Private", machines=5)
    Plan.create(tmp_path, isolation="namespaces", shape=shape)
    assert Plan.load(tmp_path / "plan.json").shape == shape


def test_the_hosted_cluster_is_made_as_asked_and_its_neighbour_as_always(tmp_path):
    shape = Shape("SingleReplica", "none", "own", "PublicAndPrivate", "LoadBalancer", "4.17", 3, 5)
    blue, green = seeds(Plan.create(tmp_path, isolation="namespaces", shape=shape))
    spec = _hosted_cluster(Cloud(), blue)["spec"]
    assert spec["controllerAvailabilityPolicy"] == "SingleReplica"
    assert "secretEncryption" not in spec
    assert spec["platform"]["aws"]["endpointAccess"] == "PublicAndPrivate"
    strategies = {each["service"]: each["servicePublishingStrategy"] for each in spec["services"]}
    assert strategies.pop("APIServer") == {
        "type": "LoadBalancer",
        "loadBalancer": {"hostname": "api-blue.hosted.example.com"},
    }
    assert {each["type"] for each in strategies.values()} == {"Route"}
    pools = [_node_pool(Cloud(), blue, name, "us-east-2a") for name in blue.pools]
    assert [each["spec"]["replicas"] for each in pools] == [5, 5, 5]
    assert (blue.namespace, green.namespace) == ("clusters", "neighbours")
    neighbour = _hosted_cluster(Cloud(), green)
    assert neighbour["metadata"]["namespace"] == "neighbours"
    assert neighbour["spec"]["platform"]["aws"]["endpointAccess"] == "Public"
    assert json.dumps(neighbour["spec"]["secretEncryption"]).count("blue-green-etcd-encryption-key") == 1
