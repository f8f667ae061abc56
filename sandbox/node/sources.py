"""What pods refer to, read from the API."""

from __future__ import annotations

from sandbox.client import (
    CONFIG_MAPS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    SECRETS,
    SERVICE_ACCOUNTS,
    ApiError,
    Client,
    Object,
    Resource,
)
from sandbox.node.environment import ConfigError

_TOKEN_SECONDS = 3600  # the API's default


class ApiSources:
    """Reads Secrets, ConfigMaps and claims when a pod needs them. An API that does not answer is a ConfigError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def secret(self, namespace: str, name: str) -> Object | None:
        return self._get(SECRETS, name, namespace)

    def config_map(self, namespace: str, name: str) -> Object | None:
        return self._get(CONFIG_MAPS, name, namespace)

    def claim_folder(self, namespace: str, claim: str) -> str:
        found = self._get(PERSISTENT_VOLUME_CLAIMS, claim, namespace)
        if found is None:
            msg = f'persistentvolumeclaim "{claim}" not found'
            raise ConfigError(msg)
        volume = (found.get("spec") or {}).get("volumeName")
        if not volume or (found.get("status") or {}).get("phase") != "Bound":
            msg = f'persistentvolumeclaim "{claim}" is not bound'
            raise ConfigError(msg)
        spec = (self._get(PERSISTENT_VOLUMES, volume, None) or {}).get("spec") or {}
        path = (spec.get("local") or spec.get("hostPath") or {}).get("path")
        if not path:
            msg = f'persistentvolume "{volume}" has no folder'
            raise ConfigError(msg)
        return str(path)

    def token(self, pod: Object, source: Object) -> str:
        metadata = pod["metadata"]
        spec: Object = {
            "audiences": [source["audience"]] if source.get("audience") else [],
            "expirationSeconds": source.get("expirationSeconds") or _TOKEN_SECONDS,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]},
        }
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        account = pod["spec"].get("serviceAccountName") or "default"
        try:
            answer = self._client.create_subresource(SERVICE_ACCOUNTS, account, "token", request, metadata["namespace"])
        except ApiError as error:
            raise ConfigError(str(error)) from error
        return str(answer["status"]["token"])

    def pull_secrets(self, pod: Object) -> list[Object]:
        namespace = pod["metadata"]["namespace"]
        names = [each["name"] for each in pod["spec"].get("imagePullSecrets") or []]
        account = self._try(SERVICE_ACCOUNTS, pod["spec"].get("serviceAccountName") or "default", namespace)
        names += [each["name"] for each in (account or {}).get("imagePullSecrets") or []]
        found = [self._try(SECRETS, name, namespace) for name in dict.fromkeys(names)]
        return [each for each in found if each and each.get("type") == "kubernetes.io/dockerconfigjson"]

    def _try(self, resource: Resource, name: str, namespace: str) -> Object | None:
        try:
            return self._get(resource, name, namespace)
        except ConfigError:
            return None

    def _get(self, resource: Resource, name: str, namespace: str | None) -> Object | None:
        try:
            found = self._client.get(resource, name, namespace)
        except ApiError as error:
            raise ConfigError(str(error)) from error
        return found and {"kind": resource.kind} | found
