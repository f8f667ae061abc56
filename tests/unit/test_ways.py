from lifeboat import ways
from lifeboat.source_state import SourceState, load_source_state
from tests.unit.a_move import FirstHalf
from tests.unit.builders import a_management_cluster, an_object

ROUTER = an_object(
    "v1",
    "Service",
    "router",
    "clusters-blue",
    spec={"type": "LoadBalancer", "ports": [{"port": 443}]},
    status={"loadBalancer": {"ingress": [{"hostname": "lb-1.elb.example"}]}},
)


def test_load_balancers_are_those_of_this_control_plane():
    cluster = a_management_cluster()
    cluster.add(
        ROUTER,
        {**ROUTER, "metadata": {**ROUTER["metadata"], "namespace": "clusters-blue-green"}},
        an_object("v1", "Service", "etcd-client", "clusters-blue", spec={"type": "ClusterIP"}),
    )
    assert ways.load_balancers(cluster, "clusters-blue") == [
        {"service": "router", "address": "lb-1.elb.example", "ports": [443]}
    ]


def test_an_endpoint_service_without_a_name_is_not_there_yet():
    cluster = a_management_cluster()
    api = "hypershift.openshift.io/v1beta1"
    named = {"endpointServiceName": "com.amazonaws.vpce.us-east-2.vpce-svc-1"}
    cluster.add(
        an_object(api, "AWSEndpointService", "private-router", "clusters-blue", status=named),
        an_object(api, "AWSEndpointService", "new", "clusters-blue"),
    )
    assert ways.endpoint_services(cluster, "clusters-blue") == ["com.amazonaws.vpce.us-east-2.vpce-svc-1"]


def test_every_backup_records_on_which_ways_its_source_is_reached():
    half = FirstHalf()
    state = load_source_state(half.store, half.layout, half.move.record.backup_id)
    assert (state.load_balancers, state.endpoint_services) == ([], [])
    assert state.external_dns["owner"] == "owner-1"


def test_a_backup_from_before_they_were_recorded_can_be_restored_as_ever():
    document = FirstHalf().move.state.to_json()
    for name in ("load_balancers", "endpoint_services", "external_dns"):
        del document[name]
    assert SourceState.from_json(document).load_balancers is None
