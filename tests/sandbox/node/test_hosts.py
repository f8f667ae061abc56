"""What /etc/hosts of a pod says, from the Services and pods of its namespace."""

from __future__ import annotations

from typing import Any

from sandbox.node import hosts


def a_pod(name: str, address: str | None, *, ready: bool = True, **metadata: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    status = {"phase": "Running", "conditions": conditions, **({"podIP": address} if address else {})}
    return {
        "metadata": {"name": name, "namespace": "n", "labels": {"app": "a"}, **metadata},
        "spec": {},
        "status": status,
    }


def a_service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": "a"}, **spec}}


def names(service: dict[str, Any], *pods: dict[str, Any]) -> dict[str, list[str]]:
    """The addresses of each name, as a pod that is none of `pods` would see them."""
    found: dict[str, list[str]] = {}
    for line in hosts.render(a_pod("me", None, labels={}), "127.9.16.9", [service], pods).splitlines():
        address, *words = line.split()
        for word in words:
            found.setdefault(word, []).append(address)
    return found


def test_names_of_a_service_and_its_members_lead_to_its_ready_pods() -> None:
    """Pods that are not ready, leave, have ended, lack an address or a label are not behind a Service."""
    ended = a_pod("ended", "127.9.16.5")
    ended["status"]["phase"] = "Succeeded"
    found = names(
        a_service("s"),
        a_pod("b", "127.9.16.2"),
        a_pod("a", "127.9.16.1"),
        a_pod("unready", "127.9.16.3", ready=False),
        a_pod("leaving", "127.9.16.4", deletionTimestamp="now"),
        ended,
        a_pod("starting", None),
        a_pod("other", "127.9.16.6", labels={"app": "b"}),
    )
    for name in ("s", "s.n", "s.n.svc", "s.n.svc.cluster.local"):
        assert found[name] == ["127.9.16.1", "127.9.16.2"]
    assert found["a.s.n.svc"] == ["127.9.16.1"]
    assert not any(word.startswith(("unready", "leaving", "ended", "starting", "other")) for word in found)


def test_a_service_that_publishes_early_names_members_before_they_are_ready() -> None:
    """As etcd's discovery needs it: members find each other to become ready; a pod's `hostname` is its name there."""
    early = a_service("discovery", publishNotReadyAddresses=True)
    member = a_pod("m-x1", "127.9.16.1", ready=False)
    member["spec"]["hostname"] = "m"
    found = names(early, member, a_pod("leaving", "127.9.16.4", deletionTimestamp="now"))
    assert found["m.discovery.n.svc"] == ["127.9.16.1"]
    assert found["leaving.discovery.n.svc"] == ["127.9.16.4"]
    assert "m-x1.discovery.n.svc" not in found


def test_a_service_without_a_selector_leads_nowhere() -> None:
    """It would need Endpoints that somebody writes by hand."""
    assert "s" not in names({"metadata": {"name": "s"}, "spec": {}}, a_pod("a", "127.9.16.1"))


def test_what_files_show_changes_when_they_must_be_written_anew() -> None:
    """Readiness and address matter, a restart count does not."""
    before, after = a_pod("a", "127.9.16.1"), a_pod("a", "127.9.16.1")
    after["status"]["containerStatuses"] = [{"restartCount": 3}]
    assert hosts.shows(before) == hosts.shows(after)
    assert hosts.shows(before) != hosts.shows(a_pod("a", "127.9.16.1", ready=False))
    assert hosts.shows(before) != hosts.shows(a_pod("a", "127.9.16.2"))
