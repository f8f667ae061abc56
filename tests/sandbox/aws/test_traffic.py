"""Load balancers, protection and records over the sandbox's AWS: what ships, and what the sandbox makes for it."""

import contextlib
import socket
import ssl
import threading
import uuid

import pytest

from lifeboat.adapters.aws import Ec2Instances, Route53
from lifeboat.adapters.traffic import ElbLoadBalancers, TlsDoors
from lifeboat.traffic import AT_ONCE
from sandbox.controllers.targets import Targets
from sandbox.pki import create_authority, issue


class Cloud:
    """Clients as the simulated controllers have them."""

    def __init__(self, aws):
        self.elbv2, self.ec2 = aws.client("elbv2"), aws.client("ec2")


@pytest.fixture
def cloud(aws):
    return Cloud(aws)


def a_service(name, namespace, port=443):
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"ports": [{"port": port}]}}


@pytest.fixture
def balancer(cloud):
    """`(host name, namespace, what its cluster was told)` of a load balancer as the cloud controller makes it."""
    namespace, told = f"clusters-{uuid.uuid4().hex[:6]}", []
    number = uuid.uuid4().int % 200 + 1
    targets = Targets(cloud, "mgmt-1", lambda *what: told.append(what))
    targets.ensure(namespace, f"lb-127-9-24-{number}", a_service("router", namespace), "10.0.0.1")
    yield f"lb-127-9-24-{number}.elb.us-east-2.amazonaws.example", namespace, told
    targets.remove(namespace, f"lb-127-9-24-{number}")


def test_a_load_balancer_is_found_by_its_name_with_whom_it_serves(cloud, balancer):
    host, namespace, _ = balancer
    (found,) = ElbLoadBalancers(cloud.elbv2).of_namespace(namespace, [host])
    assert (found.host_name, found.service, found.ports) == (host, f"{namespace}/router", (443,))
    assert found.owners == ("kubernetes.io/cluster/mgmt-1=owned",)
    assert [each.id for group in found.groups for each in group.targets] == ["10.0.0.1"]
    assert ElbLoadBalancers(cloud.elbv2).of_namespace(namespace, ["lb-else"]) == []


def test_deregistered_it_has_no_targets_and_registered_it_has_them_again(cloud, balancer):
    host, namespace, told = balancer
    port = ElbLoadBalancers(cloud.elbv2)
    (group,) = port.of_namespace(namespace, [host])[0].groups
    assert group.attributes["deregistration_delay.timeout_seconds"] == "300"
    port.set_attributes(group.arn, AT_ONCE)
    port.deregister(group.arn, group.targets)
    port.deregister(group.arn, group.targets)  # a second run
    (after,) = port.of_namespace(namespace, [host])[0].groups
    assert (after.targets, dict(after.attributes)) == ((), AT_ONCE)
    wait(lambda: told == [(namespace, False, True)])  # its open connections end as well
    assert port.register(group.arn, group.targets) == []
    port.set_attributes(group.arn, group.attributes)
    (again,) = port.of_namespace(namespace, [host])[0].groups
    assert again == group
    wait(lambda: told == [(namespace, False, True), (namespace, True, False)])


def test_what_is_gone_is_told_or_left_alone(cloud, balancer):
    host, namespace, _ = balancer
    port = ElbLoadBalancers(cloud.elbv2)
    (group,) = port.of_namespace(namespace, [host])[0].groups
    gone = group.arn[:-4] + "0000"
    port.set_attributes(gone, AT_ONCE)
    port.deregister(gone, group.targets)
    assert port.register(gone, group.targets) == list(group.targets)


def test_instances_are_protected_and_freed_again(cloud):
    infra_id = f"blue-{uuid.uuid4().hex[:5]}"
    image = cloud.ec2.register_image(Name=infra_id, Architecture="x86_64", RootDeviceName="/dev/xvda")["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": f"kubernetes.io/cluster/{infra_id}", "Value": "owned"}]}]
    made = cloud.ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2, TagSpecifications=tags)["Instances"]
    first, second = sorted(each["InstanceId"] for each in made)
    port = Ec2Instances(cloud.ec2)
    port.protect(first, on=True)
    port.protect("i-0123456789abcdef0", on=True)  # gone
    found = port.protections(infra_id)
    assert {each: told.on for each, told in found.items()} == {first: True, second: False}
    with pytest.raises(Exception, match="disableApiTermination"):
        cloud.ec2.terminate_instances(InstanceIds=[first])
    port.protect(first, on=False)
    cloud.ec2.terminate_instances(InstanceIds=[first])
    assert port.protections(infra_id).keys() == {second}


def test_a_record_is_put_back_only_where_none_stands(aws):
    client = aws.client("route53")
    domain = f"{uuid.uuid4().hex[:8]}.example.com"
    zone = client.create_hosted_zone(Name=domain, CallerReference=domain)["HostedZone"]["Id"]
    name, port = f"api.{domain}", Route53(client)
    record = {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "lb-1"}]}
    change = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
    before = port.records([name])
    port.delete(before)
    port.create(before)
    port.create(before)
    assert port.records([name]) == before
    port.delete(before)
    record["ResourceRecords"] = [{"Value": "lb-2"}]
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
    port.create(before)
    assert [each.values for each in port.records([name])] == [("lb-2",)]


def serve(answer):
    listening = socket.create_server(("127.0.0.1", 0))

    def accept():
        with contextlib.suppress(OSError):  # the test is over
            while True:
                plain, _ = listening.accept()
                with plain, contextlib.suppress(OSError):
                    answer(plain)

    threading.Thread(target=accept, daemon=True).start()
    return listening


def test_whoever_shakes_hands_answers_and_whoever_hangs_up_does_not(tmp_path):
    pair = issue(create_authority("test"), "server", names=["localhost"])
    (tmp_path / "crt").write_bytes(pair.certificate)
    (tmp_path / "key").write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")

    def shake(plain):
        context.wrap_socket(plain, server_side=True).close()

    def complain(plain):
        plain.recv(65536)
        plain.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    def route(plain):
        """By the name that is asked for, as a router does that passes TLS on."""
        if b"api.example.com" in plain.recv(65536, socket.MSG_PEEK):
            shake(plain)

    for answer, answers in ((shake, True), (lambda _: None, False), (complain, True), (route, True)):
        with serve(answer) as listening:
            port = listening.getsockname()[1]
            assert TlsDoors().answers("127.0.0.1", port, ["else.example.com", "api.example.com"]) is answers
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert not TlsDoors().answers("127.0.0.1", port, ["api.example.com"])
    assert not TlsDoors().answers("nowhere.invalid", 443, ["api.example.com"])


def wait(true):
    for _ in range(100):
        if true():
            return
        threading.Event().wait(0.1)
    pytest.fail("waited 10 s")
