import json

import pytest
import yaml

from lifeboat import backups, export, inventory, publishing
from lifeboat.errors import (
    BackupUnprovenError,
    PreflightError,
)
from lifeboat.layout import BackupLayout
from lifeboat.model import BackupKind
from lifeboat.resources import MACHINES, STATEFUL_SETS
from tests.unit.a_backup import Backup, without_versions
from tests.unit.builders import a_secret, an_object, blue
from tests.unit.memory import MemoryStore


def test_a_quiesced_backup_holds_everything_and_names_its_parts():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    answer = backup.capture()
    record, sha256 = backups.load(backup.store, backup.signer, backup.hosted.ref, "latest")
    backups.verify_parts(backup.store, record)
    assert (answer["recordSha256"], record.kind, record.snapshot.revision) == (sha256, BackupKind.QUIESCED, 4711)
    assert (record.snapshot.total_keys, record.snapshot.members) == (3000, 3)
    assert record.evidence.keys() >= {"source.json", "ownership.json", "observed.json"}
    assert backups.read_evidence(backup.store, record, "source.json")["replicas"]["kube-apiserver"] == 3
    assert len(backups.read_manifests(backup.store, record, "machines")) == 4


def test_an_online_backup_writes_nothing_at_the_source():
    backup = Backup(kind="online")
    before = without_versions(backup.cluster)
    backup.preflight()
    backup.capture()
    assert backup.cluster.writes == []
    assert without_versions(backup.cluster) == before
    assert backup.data["verified"]["member"] != "etcd-0"  # the leader is spared


def test_committing_twice_gives_the_same_record():
    backup = Backup(kind="online")
    backup.preflight()
    first = backup.capture()
    backup.clock.pass_by(60)
    assert backup.capture() == first


def test_a_committed_backup_that_lost_a_part_is_not_committed_again():
    """By a second start of its operation, which would go on with a move."""
    backup = Backup(kind="online")
    backup.preflight()
    backup.capture()
    backup.store.delete(backup.data["verified"]["key"])
    with pytest.raises(BackupUnprovenError, match="deleted or overwritten"):
        backup.commit()


def test_the_source_state_is_what_was_there_before():
    backup = Backup()
    prefix = backup.preflight()["prefix"]
    state = json.loads(backup.store.objects[f"{prefix}evidence/source.json"])
    assert state["replicas"] == {
        "control-plane-operator": 1,
        "cluster-api": 1,
        "capi-provider": 1,
        "kube-apiserver": 3,
        "openshift-apiserver": 3,
        "openshift-oauth-apiserver": 3,
    }
    assert state["operator_replicas"] == 2
    assert len(state["dns"]) == 8
    assert len(state["instances"]) == len(state["provider_ids"]) == 4
    assert state["etcd"]["storageClass"] == "gp3-csi"
    assert state["crd_storage_versions"]["machines.cluster.x-k8s.io"] == "v1beta1"
    assert state["release_version"] == "4.17.12"


@pytest.mark.parametrize("history", [[], [{"version": "4.16.9", "image": "another", "state": "Completed"}]])
def test_a_version_of_another_release_is_not_taken_for_this_ones(history):
    backup = Backup()
    backup.cluster._objects["HostedCluster", "clusters", "blue"]["status"]["version"] = {"history": history}
    prefix = backup.preflight()["prefix"]
    assert json.loads(backup.store.objects[f"{prefix}evidence/source.json"])["release_version"] == ""


def test_the_preflight_tells_all_problems_at_once_and_writes_nothing():
    backup = Backup(blue().without_hostname("Konnectivity").with_spec(platform={"type": "Azure"}))
    backup.data["firstHalfOfMove"] = True
    machine = backup.cluster.get(MACHINES, "clusters-blue", "workers-a-abc-0")
    backup.cluster.patch(MACHINES, "clusters-blue", "workers-a-abc-0", {"spec": {"providerID": None}})
    assert machine
    backup.etcd.silent = {"etcd-0", "etcd-1", "etcd-2"}
    with pytest.raises(PreflightError) as refused:
        backup.preflight()
    for part in ("Konnectivity has no fixed hostname", "Azure", "workers-a-abc-0 has no instance", "no member of etcd"):
        assert part in str(refused.value)
    assert backup.store.objects == {}


@pytest.mark.parametrize(
    ("access", "missing", "told"),
    [
        ("Public", ("Ignition", "Konnectivity"), ["Ignition", "Konnectivity"]),
        ("PublicAndPrivate", ("Ignition", "Konnectivity"), []),
        ("PublicAndPrivate", ("APIServer", "OAuthServer"), ["APIServer", "OAuthServer"]),
        ("Private", ("APIServer", "OAuthServer", "Ignition", "Konnectivity"), []),
    ],
)
def test_only_services_that_somebody_knows_by_name_need_a_fixed_one(access, missing, told):
    """As `hypershift create cluster aws --external-dns-domain` names them."""
    services = [
        {
            "service": each,
            "servicePublishingStrategy": {
                "type": "Route",
                "route": {} if each in missing else {"hostname": f"{each.lower()}-blue.example.com"},
            },
        }
        for each in ("APIServer", "Ignition", "Konnectivity", "OAuthServer")
    ]
    spec = {"platform": {"aws": {"endpointAccess": access}}, "services": services}
    assert publishing.without_fixed_name(spec) == told


def test_a_plain_backup_needs_no_fixed_hostnames():
    backup = Backup(blue().without_hostname("Konnectivity"), kind="online")
    assert backup.preflight()["infraId"] == "blue-x7k2p"


def test_a_minority_of_silent_members_does_not_stop_a_backup():
    backup = Backup(kind="online")
    backup.etcd.silent = {"etcd-2"}
    assert backup.preflight()["keys"] == 3000


def test_split_brain_is_refused():
    backup = Backup()
    backup.etcd.cluster_ids = {"etcd-1": 99}
    with pytest.raises(PreflightError, match="split brain"):
        backup.preflight()


def test_shards_are_refused():
    backup = Backup()
    shard = backup.cluster.get(STATEFUL_SETS, "clusters-blue", "etcd")
    shard["metadata"] = {"name": "etcd-events", "namespace": "clusters-blue"}
    backup.cluster.add(shard)
    with pytest.raises(PreflightError, match="etcd-events"):
        backup.preflight()


def test_the_export_takes_what_belongs_and_nothing_of_the_neighbour():
    backup = Backup()
    backup.cluster.add(a_secret("blue-unrelated", "clusters"))
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    names = {
        (group.resource.plural, group.namespace): {o["metadata"]["name"] for o in group.objects}
        for group in (*found.groups, *found.records)
    }
    assert names["secrets", "clusters"] == {"pull-secret", "blue-ssh-key", "blue-etcd-encryption-key"}
    assert names["configmaps", "clusters"] == {"blue-trust-bundle", "workers-kubelet-config"}
    assert names["secrets", "clusters-blue"] == {
        "root-ca",
        "sa-signing-key",
        "etcd-client-tls",
        "user-data-workers-a-1e5a2",
        "user-data-workers-b-1e5a2",
    }
    assert names["nodepools", "clusters"] == {"workers-a", "workers-b"}
    assert names["clusterroles", None] == {"clusters-blue-cpo"}
    assert not any("green" in name for group in names.values() for name in group)
    assert found.missing == ()


def test_what_the_operator_marked_as_referenced_is_taken_for_its_own_cluster_only():
    backup = Backup()
    mark = "referenced-resource.hypershift.openshift.io/"
    backup.cluster.add(
        a_secret("a", "clusters", annotations={f"{mark}blue": "true"}),
        a_secret("b", "clusters", annotations={f"{mark}blue-green": "true"}),
    )
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    names = {each["metadata"]["name"] for group in found.groups for each in group.objects}
    assert "a" in names
    assert "b" not in names


def test_manifests_are_fit_for_kubectl_apply():
    backup = Backup()
    machine = inventory.collect(backup.cluster, backup.hosted.ref).of(MACHINES)[0]
    cleaned = export.clean(machine)
    assert cleaned["metadata"].keys() == {"name", "namespace", "labels", "finalizers"}
    assert "status" not in cleaned


@pytest.mark.parametrize(
    "value", ["1e5", "12e4567", "0x1f", "yes", "no", "y", "on", "2026-11-03", "1_000", "~", "", "-.inf"]
)
def test_strings_stay_strings_for_every_yaml_reader(value):
    text = export.to_yaml([{"value": value}]).decode()
    assert yaml.safe_load(text) == {"value": value}
    assert text.split("value: ")[1].strip()[0] in "\"'"


def test_ownership_keeps_every_uid_and_owner():
    backup = Backup()
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    by_name = {(each["plural"], each["name"]): each for each in export.ownership(found)}
    machine = by_name["machines", "workers-a-abc-0"]
    assert machine["owners"][0]["uid"] == by_name["machinesets", "workers-a-abc"]["uid"]


def test_a_machine_without_an_instance_is_never_exported():
    backup = Backup()
    backup.cluster.patch(MACHINES, "clusters-blue", "workers-a-abc-0", {"spec": {"providerID": None}})
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    with pytest.raises(PreflightError, match="workers-a-abc-0"):
        export.export(MemoryStore(), _layout(), found)


@pytest.mark.parametrize(
    ("kind", "namespace", "name"),
    [("Machine", "clusters-blue", "workers-a-abc-0"), ("NodePool", "clusters", "workers-b")],
)
def test_what_is_being_deleted_is_never_exported(kind, namespace, name):
    """Restored, a Machine would live again while its instance dies."""
    backup = Backup()
    backup.cluster._objects[kind, namespace, name]["metadata"]["deletionTimestamp"] = "2026-11-03T10:00:00Z"
    store = MemoryStore()
    with pytest.raises(PreflightError, match=f"{kind} {name} is being deleted"):
        export.export(store, _layout(), inventory.collect(backup.cluster, backup.hosted.ref))
    assert store.objects == {}


def _replace_machine(backup):
    spec = {"providerID": "aws:///us-east-2a/i-new"}
    backup.cluster.patch(MACHINES, "clusters-blue", "workers-a-abc-0", {"spec": spec})


def _states(backup):
    return backup.instances.states["blue-x7k2p"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_replace_machine, "Machine workers-a-abc-0 is aws:///us-east-2a/i-new, was"),
        (
            lambda backup: backup.cluster.remove("Machine", "clusters-blue", "workers-a-abc-0"),
            "Machine workers-a-abc-0 is gone",
        ),
        (lambda backup: _states(backup).update({"i-new": "pending"}), "instance i-new is new"),
        (
            lambda backup: _states(backup).update({"i-blue-workers-a-0": "shutting-down"}),
            "instance i-blue-workers-a-0 is gone",
        ),
    ],
)
def test_machines_that_changed_while_the_controllers_still_ran_end_a_quiesced_backup(change, told):
    """The preflight's figures are what a move is verified by: they must be those of the source at rest."""
    backup = Backup()
    backup.preflight()
    change(backup)
    backup.quiesce()
    with pytest.raises(PreflightError, match=told):
        backup.capture()
    assert backups_of(backup) == []


def backups_of(backup):
    return [key for key in backup.store.objects if key.endswith("backup.json")]


def test_machines_may_change_during_an_online_backup():
    backup = Backup(kind="online")
    backup.preflight()
    _states(backup)["i-new"] = "pending"
    assert backup.capture()["backupId"]


def test_instances_of_the_past_do_not_matter():
    backup = Backup()
    _states(backup)["i-old"] = "terminated"
    backup.preflight()
    del _states(backup)["i-old"]
    backup.quiesce()
    assert backup.capture()["backupId"]


def test_a_reference_that_leads_nowhere_is_told():
    backup = Backup(blue().with_spec(auditWebhook={"name": "gone"}))
    assert inventory.collect(backup.cluster, backup.hosted.ref).missing == ("gone",)


def test_a_cluster_being_deleted_is_refused():
    backup = Backup()
    backup.cluster.add({**backup.hosted.hosted_cluster(), **_deleting(backup)})
    with pytest.raises(PreflightError, match="being deleted"):
        backup.preflight()


def _deleting(backup):
    metadata = backup.hosted.hosted_cluster()["metadata"]
    return {"metadata": {**metadata, "deletionTimestamp": "2026-11-03T10:00:00Z"}}


def _layout():
    return BackupLayout("x/")


def test_ready_made_objects_carry_no_field_that_the_dumper_changes():
    manifest = an_object("v1", "ConfigMap", "a", "b", data={"k": "line\nline\n", "n": "null", "t": "true"})
    assert yaml.safe_load(export.to_yaml([manifest])) == manifest
