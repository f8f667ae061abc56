"""What a definition's schema makes of custom objects: defaults, pruning, nulls, limits, rules, and what may change."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.crds import definitions
from tests.contract.backends import Backend
from tests.contract.client import JSON, Api, at
from tests.contract.words import Object, a_hosted_cluster

_numbers = itertools.count(1)
_GROUP = "schemas.example.com"
_TEXT = {"type": "string"}
_KEYED = {
    "type": "array",
    "maxItems": 5,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    "items": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": _TEXT,
            "fixed": {**_TEXT, "maxLength": 9, "x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
        },
    },
}
_SCHEMA: Object = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["kind"],
            "x-kubernetes-validations": [
                {"rule": "!has(self.low) || !has(self.high) || self.low <= self.high", "message": "low above high"},
                {"rule": "!has(self.high) || self.high < 100", "messageExpression": "'too high for ' + self.colour"},
                {"rule": 'self.?extra.note.orValue("") != "never"', "message": "note says never"},
            ],
            "properties": {
                "kind": {**_TEXT, "enum": ["one", "two"]},
                "colour": {**_TEXT, "default": "red"},
                "low": {"type": "integer", "minimum": 0},
                "high": {"type": "integer", "format": "int32"},
                "ratio": {"type": "number", "x-kubernetes-validations": [{"rule": "self < 1.0"}]},
                "share": {"x-kubernetes-int-or-string": True},
                "until": {**_TEXT, "format": "date-time"},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "extra": {"type": "object", "properties": {"note": {**_TEXT, "maxLength": 20}}},
                "empty": {"type": "array", "nullable": True, "items": _TEXT},
                "words": {
                    "type": "array",
                    "maxItems": 3,
                    "x-kubernetes-list-type": "set",
                    "items": {**_TEXT, "maxLength": 9},
                    "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "words cannot be changed"}],
                },
                "keyed": _KEYED,
                "address": {**_TEXT, "maxLength": 43, "x-kubernetes-validations": [{"rule": "isCIDR(self)"}]},
            },
        }
    },
}


def _definition(plural: str, schema: Object) -> Object:
    kind = plural.capitalize()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural, "kind": kind, "listKind": f"{kind}List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


class Kind:
    """Objects of a custom kind: made, changed, looked at."""

    def __init__(self, api: Api, namespace: str, plural: str) -> None:
        self._api, self._path = api, at(plural, namespace, version=f"{_GROUP}/v1")
        self._kind = plural.capitalize()

    def make(self, **spec: Any) -> Any:
        body = {
            "apiVersion": f"{_GROUP}/v1",
            "kind": self._kind,
            "metadata": {"name": f"object-{next(_numbers)}"},
            "spec": {"kind": "one", **spec},
        }
        return self._api.post(self._path, body)

    def change(self, made: Object, **spec: Any) -> Any:
        return self._api.patch(f"{self._path}/{made['metadata']['name']}", {"spec": spec})

    def replace(self, made: Object, **spec: Any) -> Any:
        body = {**made, "spec": {**made["spec"], **spec}}
        return self._api.put(f"{self._path}/{made['metadata']['name']}", body)


def _install(api: Api, plural: str, schema: Object) -> None:
    api.post(at("customresourcedefinitions"), _definition(plural, schema)).ok()
    api.eventually(lambda: api.get(at(plural, version=f"{_GROUP}/v1")).code == 200)


@pytest.fixture(scope="module")
def _things(api: Api) -> str:
    _install(api, "things", _SCHEMA)
    return "things"


@pytest.fixture
def things(api: Api, home: str, _things: str) -> Iterator[Kind]:
    return Kind(api, home, _things)


def test_unknown_fields_are_dropped_where_the_schema_does_not_keep_them(things):
    made = things.make(unknown=1, free={"any": {"deep": [1]}}, extra={"note": "a", "other": 1}).ok()
    assert made["spec"] == {"kind": "one", "colour": "red", "free": {"any": {"deep": [1]}}, "extra": {"note": "a"}}


def test_null_is_the_default_or_nothing_unless_it_may_be(things):
    made = things.make(colour=None, low=None, empty=None).ok()
    assert made["spec"] == {"kind": "one", "colour": "red", "empty": None}


def test_merge_patch_takes_a_null_away(things):
    made = things.make(empty=None).ok()
    assert "empty" not in things.change(made, empty=None).ok()["spec"]
    assert things.replace(things.make().ok(), empty=None).ok()["spec"]["empty"] is None


@pytest.mark.parametrize(
    ("spec", "field", "text"),
    [
        ({"kind": "three"}, "spec.kind", 'Unsupported value: "three": supported values: "one", "two"'),
        ({"kind": None}, "spec.kind", "Required value"),
        ({"low": "1"}, "spec.low", 'must be of type integer: "string"'),
        ({"low": -1}, "spec.low", "should be greater than or equal to 0"),
        ({"share": 1.5}, "spec.share", "must be of type integer,string"),
        ({"until": "tomorrow"}, "spec.until", 'must be of type date-time: "tomorrow"'),
        ({"words": ["a", "b", "c", "d"]}, "spec.words", "Too many: 4: must have at most 3 items"),
        ({"words": ["longer than nine"]}, "spec.words[0]", "Too long: may not be more than 9 bytes"),
        ({"words": ["a", "b", "a"]}, "spec.words[2]", 'Duplicate value: "a"'),
        ({"keyed": [{"name": "a"}, {"name": "a"}]}, "spec.keyed[1]", 'Duplicate value: {"name":"a"}'),
        ({"low": 3, "high": 2}, "spec", "low above high"),
        ({"extra": {"note": "never"}}, "spec", "note says never"),
        ({"high": 100}, "spec", "too high for red"),
        ({"ratio": 1}, "spec.ratio", "failed rule: self < 1.0"),
        ({"address": "10.0.0.0"}, "spec.address", "failed rule: isCIDR(self)"),
    ],
)
def test_object_that_is_not_as_the_schema_says_is_refused(things, spec, field, text):
    body = things.make(**spec).refused(422, "Invalid", text)
    assert field in {each["field"] for each in body["details"]["causes"]}


def test_rules_wait_until_the_rest_is_right(things):
    things.make(kind="three", low=3, high=2).refused(422, "Invalid", "some validation rules were not checked")


@pytest.mark.parametrize(
    "spec", [{"share": 1}, {"share": "10%"}, {"until": "2026-11-22T10:00:00Z"}, {"ratio": 0}, {"address": "10.0.0.0/8"}]
)
def test_object_that_is_as_the_schema_says_is_taken(things, spec):
    assert things.make(**spec).ok()["spec"].items() >= spec.items()


def test_rule_about_the_old_state_is_asked_of_updates_only(things):
    made = things.make(words=["a", "b"]).ok()
    things.change(made, words=["a"]).refused(422, "Invalid", "words cannot be changed")
    things.change(made, colour="blue").ok()
    things.change(made, words=None).ok()  # what is not there is not asked


def test_order_of_a_set_is_no_change(things):
    made = things.make(words=["a", "b"]).ok()
    assert things.change(made, words=["b", "a"]).ok()["spec"]["words"] == ["b", "a"]


def test_items_of_a_map_are_compared_by_their_keys(things):
    made = things.make(keyed=[{"name": "a", "fixed": "1"}, {"name": "b", "fixed": "2"}]).ok()
    things.change(made, keyed=[{"name": "b", "fixed": "2"}, {"name": "c", "fixed": "3"}]).ok()
    refused = things.change(made, keyed=[{"name": "c", "fixed": "3"}, {"name": "b", "fixed": "9"}])
    assert refused.refused(422, "Invalid")["details"]["causes"][0]["field"] == "spec.keyed[1].fixed"


def test_what_is_wrong_already_and_does_not_change_is_let_be(api, home):
    _install(api, "olds", {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "kind": _TEXT, "name": _TEXT, "other": _TEXT}}}})  # fmt: skip
    olds = Kind(api, home, "olds")
    made = olds.make(name="UPPER").ok()
    stricter = [{"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/name",
                 "value": {**_TEXT, "pattern": "^[a-z]*$"}}]  # fmt: skip
    api.patch(at("customresourcedefinitions", name=f"olds.{_GROUP}"), stricter, JSON).ok()
    api.eventually(lambda: olds.make(name="OTHER").code == 422)
    assert olds.change(made, other="changed").ok()["spec"]["name"] == "UPPER"
    olds.change(made, name="STILL").refused(422, "Invalid", "should match")


_TRUE = {
    "a,b,c": [
        "self.split(',') == ['a', 'b', 'c']",
        "self.split(',', 2) == ['a', 'b,c']",
        "['a', 'b'].exists_one(each, each == 'b')",
        "self.replace(',', ';') == 'a;b;c'",
        "self.replace(',', ';', 1) == 'a;b,c'",
        "self.indexOf('b') == 2 && self.indexOf('z') == -1",
        "self.substring(2) == 'b,c' && self.substring(0, 1) == 'a'",
        "self.find('[bc]') == 'b' && self.find('z') == ''",
        "self.findAll('[a-z]') == ['a', 'b', 'c'] && self.findAll('[a-z]', 1) == ['a']",
        "self.upperAscii() == 'A,B,C' && self.upperAscii().lowerAscii() == self",
        "(' ' + self + ' ').trim() == self",
        "[1, 2, 3].sum() == 6",
        "self.matches('^[[:alpha:]](,[a-z])+$')",
        "!isIP(self) && !isCIDR(self) && !isURL(self)",
    ],
    "10.1.0.0/16": [
        "cidr(self).prefixLength() == 16",
        "cidr(self).ip().family() == 4",
        "isIP('::1') && ip('::1').family() == 6 && !isIP(self)",
    ],
    "https://user@host.example.com:8443/path?a=1&a=2": [
        "isURL(self) && url(self).getScheme() == 'https'",
        "url(self).getHost() == 'host.example.com:8443' && url(self).getHostname() == 'host.example.com'",
        "url(self).getPort() == '8443' && url(self).getEscapedPath() == '/path'",
        "url(self).getQuery()['a'] == ['1', '2']",
    ],
}


@pytest.mark.parametrize(("plural", "form"), [("holds", "{}"), ("fails", "!({})")])
def test_functions_of_rules(api, home, plural, form):
    """Each is true of its text; refused with its opposite as the rule, none left out."""
    rules = [(text, form.format(rule)) for text, rules in _TRUE.items() for rule in rules]
    fields = {
        f"field{index}": {**_TEXT, "maxLength": 64, "x-kubernetes-validations": [{"rule": rule}]}
        for index, (_, rule) in enumerate(rules)
    }
    spec = {"type": "object", "properties": {"kind": _TEXT, **fields}}
    _install(api, plural, {"type": "object", "properties": {"spec": spec}})
    values = {f"field{index}": text for index, (text, _) in enumerate(rules)}
    answer = Kind(api, home, plural).make(**values)
    if plural == "holds":
        answer.ok()
    else:
        causes = answer.refused(422, "Invalid", "failed rule")["details"]["causes"]
        assert {each["field"] for each in causes} == {f"spec.{name}" for name in values}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"services": None}, "spec.services"),
        ({"services": []}, "spec"),
        ({"controllerAvailabilityPolicy": "SingleReplica"}, "spec.controllerAvailabilityPolicy"),
        ({"infraID": "other"}, "spec.infraID"),
        ({"clusterID": "00000000-0000-0000-0000-000000000001"}, "spec.clusterID"),
        ({"issuerURL": "https://other.example.com"}, "spec.issuerURL"),
        ({"pausedUntil": "2026-11-22"}, "spec.pausedUntil"),
        ({"pausedUntil": "yes!"}, "spec.pausedUntil"),
        ({"etcd": {"managed": {"storage": {"restoreSnapshotURL": ["https://x"]}}}}, "spec.etcd.managed.storage"),
        ({"etcd": {"managed": {"storage": {"persistentVolume": {"size": "9Gi"}}}}},
         "spec.etcd.managed.storage.persistentVolume.size"),
        ({"platform": {"type": "KubeVirt"}}, "spec.platform.type"),
        ({"release": {"image": "with space"}}, "spec.release.image"),
    ],
)  # fmt: skip
def test_hosted_cluster_cannot_become_what_its_definition_forbids(api, home, spec, field):
    identity = {"infraID": "blue-x", "clusterID": "00000000-0000-0000-0000-000000000000"}
    api.post(at("hostedclusters", home), a_hosted_cluster("blue", **identity, issuerURL="https://x.example.com")).ok()
    refused = api.patch(at("hostedclusters", home, "blue"), {"spec": spec}).refused(422, "Invalid")
    assert field in {each["field"] for each in refused["details"]["causes"]}


def test_identity_of_a_hosted_cluster_cannot_be_removed(api, home):
    api.post(at("hostedclusters", home), a_hosted_cluster("blue", infraID="blue-x")).ok()
    api.patch(at("hostedclusters", home, "blue"), {"spec": {"infraID": None}}).refused(422, "Invalid", "infraID")


@pytest.mark.parametrize("time", ["2026-11-22T10:00:00Z", "2026-11-22T10:00:00", "true", "False"])
def test_pause_without_a_zone_is_taken_although_nobody_can_read_it(api, home, time):
    api.post(at("hostedclusters", home), a_hosted_cluster("blue", pausedUntil=time)).ok()


def test_definitions_of_the_sandbox_are_accepted_whole(api, backend: Backend):
    """Established, structural, and every rule within the budget that a real API has for it."""
    wanted = definitions(backend.plan, backend.cluster)
    for each in wanted:
        live = api.get(at("customresourcedefinitions", name=each["metadata"]["name"])).ok()
        conditions = {one["type"]: one["status"] for one in live["status"]["conditions"]}
        assert conditions.pop("Established") == conditions.pop("NamesAccepted") == "True", conditions
        assert "NonStructuralSchema" not in conditions
        stored = [version["name"] for version in each["spec"]["versions"] if version["storage"]]
        assert live["status"]["storedVersions"] == stored
