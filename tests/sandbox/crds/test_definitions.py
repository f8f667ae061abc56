"""The sandbox's definitions, and what installing them chooses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from sandbox.crds import CLUSTER_API, OWN, definitions, read
from sandbox.kube import expressions
from sandbox.plan import Plan

LIMITS = (
    "type", "enum", "required", "nullable", "default", "format", "minLength", "maxLength", "minItems", "maxItems",
    "minimum", "maximum", "minProperties", "maxProperties", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type", "x-kubernetes-int-or-string",
)  # fmt: skip


@pytest.fixture
def plan(tmp_path) -> Plan:
    return Plan.create(tmp_path, isolation="rewrite", cluster_api=("v1beta1", "v1beta2"))


def test_stored_version_of_cluster_api_is_the_plans(plan):
    old, new = plan.management_clusters
    (new.pki / "ca.crt").write_bytes(b"authority")
    for cluster, served in ((old, {"v1beta1"}), (new, {"v1beta1", "v1beta2"})):
        found = [each["spec"] for each in definitions(plan, cluster) if each["spec"]["group"] == CLUSTER_API]
        assert len(found) == 5
        for spec in found:
            assert [each["name"] for each in spec["versions"] if each["storage"]] == [cluster.cluster_api]
            assert {each["name"] for each in spec["versions"] if each["served"]} == served
            assert ("conversion" in spec) == (cluster is new)
    webhook = found[0]["conversion"]["webhook"]
    assert webhook["clientConfig"] == {"url": f"{new.webhook_url}/convert", "caBundle": "YXV0aG9yaXR5"}


def test_published_definitions_take_the_place_of_the_sandboxs_own(plan, tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    published = next(each for each in read(OWN) if each["spec"]["names"]["kind"] == "HostedCluster")
    published["metadata"]["labels"] = {"from": "elsewhere"}
    (folder / "one.yaml").write_text(yaml.safe_dump(published), encoding="utf-8")
    found = definitions(replace(plan, crds=str(folder)), plan.management_clusters[0])
    assert [each["spec"]["names"]["kind"] for each in found if each["metadata"].get("labels")] == ["HostedCluster"]
    assert [each["metadata"]["name"] for each in found] == sorted(each["metadata"]["name"] for each in read(OWN))


def test_empty_folder_of_published_definitions_is_an_error(plan, tmp_path):
    with pytest.raises(FileNotFoundError, match="no CustomResourceDefinition"):
        definitions(replace(plan, crds=str(tmp_path / "nothing")), plan.management_clusters[0])


def test_every_rule_of_the_sandbox_is_evaluated():
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.crds"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert "not evaluated" not in done.stdout
    evaluated, total = re.search(r"in all: (\d+) of (\d+) rules", done.stdout).groups()
    assert int(evaluated) == int(total) > 50


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("self.isSemver()", "no function isSemver"),
        ("self.a[?0] == 1", "Failed to parse"),
        ("self.(", "Failed to parse"),
    ],
)
def test_rule_beyond_the_library_is_named_with_the_reason(rule, why):
    assert why in (expressions.why_not(rule) or "")


def _places(schema, path="") -> Iterator[tuple[str, dict]]:
    yield path, schema
    for name, inner in (schema.get("properties") or {}).items():
        yield from _places(inner, f"{path}.{name}")
    for word, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(word), dict):
            yield from _places(schema[word], path + mark)


def _published() -> list:
    folder = os.environ.get("LIFEBOAT_CRDS")
    own = {each["metadata"]["name"]: each for each in read(OWN)}
    published = {each["metadata"]["name"]: each for each in read(Path(folder))} if folder else {}
    return [
        pytest.param(mine, theirs, id=f"{name}-{mine['name']}")
        for name in sorted(own.keys() & published.keys())
        for mine in own[name]["spec"]["versions"]
        for theirs in published[name]["spec"]["versions"]
        if mine["name"] == theirs["name"] and (mine["served"] or own[name]["spec"]["group"] == CLUSTER_API)
    ] or [pytest.param(None, None, marks=pytest.mark.skip("LIFEBOAT_CRDS names no published definitions"))]


@pytest.mark.parametrize(("mine", "theirs"), _published())
def test_own_schema_asks_what_the_published_one_asks_of_the_same_fields(mine, theirs):
    """Neither more nor less, so that neither set lets a write pass that the other refuses."""
    published = dict(_places(theirs["schema"]["openAPIV3Schema"]))
    differing = []
    for path, schema in _places(mine["schema"]["openAPIV3Schema"]):
        if path not in published:
            differing.append(f"{path} is unknown")
            continue
        differing += [
            f"{path}: {limit} is {schema.get(limit)!r}, published {published[path].get(limit)!r}"
            for limit in LIMITS
            if _plain(schema.get(limit)) != _plain(published[path].get(limit))
        ]
        fixed, theirs_fixed = _fixed(schema), _fixed(published[path])
        if fixed != theirs_fixed:
            differing.append(f"{path}: immutable {fixed}, published {theirs_fixed}")
    assert differing == []


def _plain(value):
    return sorted(value, key=str) if isinstance(value, list) else value


def _fixed(schema) -> bool:
    return any(each["rule"] in ("self == oldSelf", 'oldSelf == "" || self == oldSelf')
               for each in schema.get("x-kubernetes-validations") or ())  # fmt: skip
