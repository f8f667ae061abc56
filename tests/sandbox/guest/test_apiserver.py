"""A hosted kube-apiserver in a pod, over a real etcd in another, asked by the ordinary client."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from sandbox import pki
from tests.sandbox.node.conftest import ETCDCTL, Workbench, mode, secret, workbench  # noqa: F401

_CERTS = "/etc/kubernetes/certs"


def an_apiserver(bench: Workbench, folder: Path) -> tuple[Any, client.ApiClient]:
    authority = pki.create_authority("root-ca")
    server = pki.issue(authority, "kube-apiserver", names=["api.test"])
    admin = pki.issue(authority, "system:admin", organization="system:masters")
    bench.sources.secrets["server"] = secret(**{"tls.crt": server.certificate, "tls.key": server.key})
    bench.sources.config_maps["ca"] = {"kind": "ConfigMap", "data": {"ca.crt": authority.certificate.decode()}}
    mounts = {"server": "server", "etcd-client": "etcd-client-tls"}
    spec = {
        "containers": [
            {
                "name": "kube-apiserver",
                "image": "registry.release.example.com/ocp/hosted-kube-apiserver:4.17.12",
                "args": [
                    "--bind-address=$(POD_IP)", "--secure-port=6443", "--etcd-servers=https://etcd-client:2379",
                    f"--etcd-cafile={_CERTS}/etcd-ca/ca.crt", f"--etcd-certfile={_CERTS}/etcd-client/etcd-client.crt",
                    f"--etcd-keyfile={_CERTS}/etcd-client/etcd-client.key",
                    f"--tls-cert-file={_CERTS}/server/tls.crt", f"--tls-private-key-file={_CERTS}/server/tls.key",
                    f"--client-ca-file={_CERTS}/ca/ca.crt", "--service-account-key-file=/x",
                ],
                "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                "readinessProbe": {"tcpSocket": {"port": 6443}, "periodSeconds": 1},
                "volumeMounts": [{"name": n, "mountPath": f"{_CERTS}/{n}"} for n in (*mounts, "etcd-ca", "ca")],
            }
        ],
        "volumes": [
            *({"name": n, "secret": {"secretName": s}} for n, s in mounts.items()),
            {"name": "etcd-ca", "configMap": {"name": "etcd-ca"}},
            {"name": "ca", "configMap": {"name": "ca"}},
        ],
    }  # fmt: skip
    worker = bench.start("kube-apiserver-0", spec)
    (folder / "ca.crt").write_bytes(authority.certificate)
    (folder / "admin.crt").write_bytes(admin.certificate)
    (folder / "admin.key").write_bytes(admin.key)
    configuration = client.Configuration()
    configuration.host = f"https://{worker.pod_ip}:6443"
    configuration.ssl_ca_cert = str(folder / "ca.crt")
    configuration.cert_file, configuration.key_file = str(folder / "admin.crt"), str(folder / "admin.key")
    configuration.tls_server_name = "api.test"
    return worker, client.ApiClient(configuration)


def test_hosted_api_keeps_its_objects_in_etcd(workbench: Workbench, tmp_path: Path) -> None:  # noqa: F811
    """An object that was acknowledged is in etcd byte for byte, and what etcd holds is what the API tells."""

    def use(api: client.ApiClient) -> tuple[str, bytes]:
        core = client.CoreV1Api(api)
        body = b'{"metadata":{"name":"a","namespace":"x"},"data":{"k":"1"}}'
        answer = api.rest_client.pool_manager.request(
            "POST", api.configuration.host + "/api/v1/namespaces/x/configmaps", body=body
        )
        assert answer.status == 201
        found = core.read_namespaced_config_map("a", "x")
        assert found.metadata.resource_version == answer.json()["metadata"]["resourceVersion"]
        with pytest.raises(ApiException, match="AlreadyExists"):
            core.create_namespaced_config_map("x", found.to_dict() | {"metadata": {"name": "a"}})
        found.data = {"k": "2"}
        core.replace_namespaced_config_map("a", "x", found)
        with pytest.raises(ApiException, match="Conflict"):
            core.replace_namespaced_config_map("a", "x", found)
        pod = {"metadata": {"name": "ovnkube-node-1"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        namespace = "openshift-ovn-kubernetes"
        first = core.create_namespaced_pod(namespace, pod).metadata.uid
        assert [each.metadata.uid for each in core.list_namespaced_pod(namespace).items] == [first]
        core.delete_namespaced_pod("ovnkube-node-1", namespace)
        assert core.create_namespaced_pod(namespace, pod).metadata.uid != first
        core.patch_namespaced_config_map("a", "x", {"data": {"k": None, "l": "3"}})
        assert core.read_namespaced_config_map("a", "x").data == {"l": "3"}
        core.create_namespaced_event("x", {"metadata": {"name": "e"}, "involvedObject": {}})
        return "/kubernetes.io/configmaps/x/b", body

    async def scenario() -> None:
        members = workbench.etcd(1)
        worker, api = an_apiserver(workbench, tmp_path)
        await workbench.until_ready(members[0])
        await workbench.until_ready(worker)
        await asyncio.to_thread(use, api)
        code, out, err = await workbench.run(members[0], *ETCDCTL, "get", "/kubernetes.io/", "--prefix", "--keys-only")
        assert code == 0, err
        assert "/kubernetes.io/configmaps/x/a" in out
        code, out, err = await workbench.run(members[0], *ETCDCTL, "lease", "list", "-w", "json")
        assert len(json.loads(out)["leases"]) == 1
        unauthenticated = client.Configuration()
        unauthenticated.host, unauthenticated.ssl_ca_cert = api.configuration.host, api.configuration.ssl_ca_cert
        unauthenticated.tls_server_name = "api.test"
        with pytest.raises(ApiException, match="Unauthorized"):
            await asyncio.to_thread(client.CoreV1Api(client.ApiClient(unauthenticated)).list_node)

    workbench.play(scenario())
