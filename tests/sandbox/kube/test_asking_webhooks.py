"""What the emulated API makes of a webhook's answer. That it asks at all, the contract tests show."""

import asyncio
import copy

import pytest

from sandbox.kube.conversion import Converter
from sandbox.kube.errors import ApiError
from sandbox.kube.kinds import Kinds
from sandbox.kube.store import Store, Stored
from sandbox.kube.validating import RESOURCE, Operation, ValidatingWebhooks
from sandbox.kube.webhooks import CallError

OLD, NEW = "example.com/v1", "example.com/v2"
CREATE = Operation("CREATE", "", None, dry_run=False)


class Answering:
    """A `Webhooks` that answers as it is told, and keeps what it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    async def post(self, url, authority, review, seconds):
        self.asked.append((url, authority, review, seconds))
        answer = self.answer(review["request"]) if callable(self.answer) else self.answer
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def kinds():
    kinds = Kinds()
    webhook = {"clientConfig": {"url": "https://there/convert", "caBundle": "ca"}, "conversionReviewVersions": ["v1"]}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer"}}}}}}  # fmt: skip
    kinds.define(
        {
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"plural": "things", "kind": "Thing"},
                "conversion": {"strategy": "Webhook", "webhook": webhook},
                "versions": [
                    {"name": "v1", "served": True, "storage": False, "schema": schema},
                    {"name": "v2", "served": True, "storage": True, "schema": schema},
                ],
            }
        }
    )
    return kinds


def a_thing(version=NEW, name="one", **metadata):
    meta = {"name": name, "namespace": "home", "uid": f"u-{name}", **metadata}
    return {"apiVersion": version, "kind": "Thing", "metadata": meta, "spec": {"size": 1}}


def converting(request):
    objects = [{**copy.deepcopy(each), "apiVersion": request["desiredAPIVersion"]} for each in request["objects"]]
    return {"result": {"status": "Success"}, "convertedObjects": objects}


def converted(*objects):
    return {"result": {"status": "Success"}, "convertedObjects": list(objects)}


def ensure(kinds, answer, found, **how):
    webhooks = Answering(answer)
    kind = kinds.find("example.com", "v1", "things")
    asyncio.run(Converter(kinds, webhooks).ensure(kind, found, **how))
    return webhooks.asked


class TestConversion:
    def test_all_objects_of_a_list_go_in_one_review_and_are_kept(self, kinds):
        found = [Stored(a_thing(name=each), 1) for each in ("one", "two")]
        ((url, authority, review, seconds),) = ensure(kinds, converting, found)
        assert (url, authority, seconds) == ("https://there/convert", "ca", 30)
        assert [each["metadata"]["name"] for each in review["request"]["objects"]] == ["one", "two"]
        assert ensure(kinds, CallError("gone"), found) == []
        kind = kinds.find("example.com", "v1", "things")
        assert found[0].copy(kind)["apiVersion"] == OLD

    def test_a_fresh_look_asks_again(self, kinds):
        stored = Stored(a_thing(), 1)
        ensure(kinds, converting, [stored])
        with pytest.raises(ApiError, match="failed: gone"):
            ensure(kinds, CallError("gone"), [stored], fresh=True)

    def test_the_stored_version_asks_nobody(self, kinds):
        webhooks = Answering(CallError("gone"))
        kind = kinds.in_storage("things.example.com")
        converter = Converter(kinds, webhooks)
        asyncio.run(converter.ensure(kind, [Stored(a_thing(), 1)], fresh=True))
        assert asyncio.run(converter.to_storage(kind, a_thing()))["apiVersion"] == NEW
        assert webhooks.asked == []

    def test_what_the_other_schema_does_not_know_is_dropped(self, kinds):
        def more(request):
            answer = converting(request)
            answer["convertedObjects"][0]["spec"]["colour"] = "blue"
            return answer

        stored = Stored(a_thing(), 1)
        ensure(kinds, more, [stored])
        assert stored.copy(kinds.find("example.com", "v1", "things"))["spec"] == {"size": 1}

    def test_of_the_metadata_only_labels_and_annotations_change(self, kinds):
        def meddling(request):
            answer = converting(request)
            answer["convertedObjects"][0]["metadata"] |= {"labels": {"a": "b"}, "finalizers": ["mine"]}
            return answer

        stored = Stored(a_thing(annotations={"c": "d"}), 1)
        ensure(kinds, meddling, [stored])
        metadata = stored.copy(kinds.find("example.com", "v1", "things"))["metadata"]
        assert (metadata["labels"], metadata["annotations"]) == ({"a": "b"}, {"c": "d"})
        assert "finalizers" not in metadata

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            (CallError("Post: refused"), "failed: Post: refused"),
            ({"result": {"status": "Failure", "message": "too hard"}}, "failed: too hard"),
            (converted(), "returned 0 objects, expected 1"),
            (converted(a_thing(NEW)), "returned invalid object: Thing in example.com/v2"),
            (converted(a_thing(OLD, "two")), "returned invalid object: must have the same name"),
        ],
    )
    def test_anything_else_fails_the_request(self, kinds, answer, told):
        with pytest.raises(ApiError, match=f"conversion webhook for {NEW}, Kind=Thing {told}") as failed:
            ensure(kinds, answer, [Stored(a_thing(), 1)])
        assert (failed.value.code, failed.value.reason) == (500, "")


class TestValidation:
    @pytest.fixture
    def store(self):
        store = Store()
        for name in ("home", "marked"):
            labels = {"labels": {"watched": "yes"}} if name == "marked" else {}
            store.put("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **labels}})
        return store

    def configure(self, store, **webhook):
        rule = {"operations": ["CREATE"], "apiGroups": ["example.com"], "apiVersions": ["*"], "resources": ["things"]}
        given = {"name": "w.example.com", "clientConfig": {"url": "https://there/"}, "rules": [rule], **webhook}
        store.put(RESOURCE, {"apiVersion": "a/v1", "kind": "V", "metadata": {"name": "w"}, "webhooks": [given]})

    def review(self, store, kinds, answer, obj=None, operation=CREATE):
        webhooks = Answering(answer)
        validating = ValidatingWebhooks(store, webhooks)
        kind = kinds.in_storage("things.example.com")
        asyncio.run(validating.review(kind, operation, obj or a_thing(), None))
        return webhooks.asked

    def test_it_is_asked_about_what_its_rules_name(self, store, kinds):
        self.configure(store, timeoutSeconds=3)
        ((url, _, review, seconds),) = self.review(store, kinds, {"allowed": True})
        assert (url, seconds, review["request"]["operation"]) == ("https://there/", 3, "CREATE")
        assert review["request"]["object"] == a_thing()

    @pytest.mark.parametrize(
        "rule",
        [{"operations": ["DELETE"]}, {"apiGroups": [""]}, {"resources": ["things/status"]}, {"scope": "Cluster"}],
    )
    def test_about_nothing_else(self, store, kinds, rule):
        whole = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], **rule}
        self.configure(store, rules=[whole])
        assert self.review(store, kinds, {"allowed": False}) == []

    @pytest.mark.parametrize(("namespace", "asked"), [("home", 0), ("marked", 1)])
    def test_selectors_choose(self, store, kinds, namespace, asked):
        self.configure(store, namespaceSelector={"matchExpressions": [{"key": "watched", "operator": "Exists"}]})
        found = self.review(
            store, kinds, {"allowed": True}, a_thing() | {"metadata": {"name": "x", "namespace": namespace}}
        )
        assert len(found) == asked

    def test_a_refusal_is_told_in_its_own_words(self, store, kinds):
        self.configure(store)
        with pytest.raises(
            ApiError, match=r'admission webhook "w\.example\.com" denied the request: too big'
        ) as refused:
            self.review(store, kinds, {"allowed": False, "status": {"code": 403, "message": "too big"}})
        assert refused.value.code == 403

    def test_one_that_fails_refuses_unless_that_is_ignored(self, store, kinds):
        self.configure(store)
        with pytest.raises(ApiError, match=r'failed calling webhook "w\.example\.com": failed to call webhook: gone'):
            self.review(store, kinds, CallError("gone"))
        self.configure(store, failurePolicy="Ignore")
        assert len(self.review(store, kinds, CallError("gone"))) == 1
