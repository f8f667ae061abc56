"""Register management clusters: a secret each, `lifeboat/management-clusters/<name>`."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from lifeboat_cli.stack import Stack, StackError

_INLINE = {"certificate-authority": "cluster", "client-certificate": "user", "client-key": "user", "tokenFile": "user"}


def add(stack: Stack, name: str, kubeconfig: Path, region: str, kind: str, standby: str | None) -> int:
    """Store a kubeconfig (its certificates and tokens inline) under the cluster's name, replacing an older one.

    Raises StackError for what Lifeboat could not connect to: files, programs, and clusters of EKS.
    """
    if kind == "eks":
        msg = f"{name} is not registered: Lifeboat makes no tokens for EKS yet, so it could not connect to it"
        raise StackError(msg)
    text = kubeconfig.read_text(encoding="utf-8")
    _refuse_files(text, kubeconfig)
    document = json.dumps({"kubeconfig": text, "region": region, "kind": kind, "standby": standby})
    client, secret = stack.client("secretsmanager"), f"lifeboat/management-clusters/{name}"
    try:
        client.create_secret(Name=secret, SecretString=document)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=secret, SecretString=document)
    print(f"{name} is registered")
    return 0


def _refuse_files(text: str, path: Path) -> None:
    """A kubeconfig that points to files works on this machine only; what it says is not quoted."""
    try:
        document = yaml.safe_load(text)
        entries = [*(each["cluster"] for each in document["clusters"]), *(each["user"] for each in document["users"])]
    except (yaml.YAMLError, KeyError, TypeError):
        msg = f"{path} is not a kubeconfig"
        raise StackError(msg) from None
    for entry in entries:
        if files := sorted(_INLINE.keys() & entry.keys()):
            msg = f"{path} points to files ({', '.join(files)}): make it whole by `oc config view --flatten --minify`"
            raise StackError(msg)
        if "exec" in entry:
            msg = f"{path} gets its token from a program: give one with a service account's token"
            raise StackError(msg)
