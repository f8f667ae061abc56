"""Sets of fields: what is recorded can be read again, and an apply of what is there changes nothing."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as some

from sandbox.kube import fields, patches
from sandbox.kube.kinds import BUILT_IN

PODS = next(kind for kind in BUILT_IN if kind.resource == "pods")

texts = some.text("abc./", min_size=1, max_size=4)
containers = some.lists(
    some.fixed_dictionaries(
        {"name": texts, "image": texts},
        optional={
            "env": some.lists(
                some.fixed_dictionaries({"name": texts, "value": texts}),
                max_size=3,
                unique_by=lambda each: each["name"],
            ),
            "args": some.lists(texts, max_size=2),
            "ports": some.lists(
                some.fixed_dictionaries({"containerPort": some.integers(1, 9)}),
                max_size=2,
                unique_by=lambda each: each["containerPort"],
            ),
        },
    ),
    max_size=3,
    unique_by=lambda each: each["name"],
)
pods = some.fixed_dictionaries(
    {
        "metadata": some.fixed_dictionaries(
            {"name": some.just("one")},
            optional={
                "labels": some.dictionaries(texts, texts, max_size=3),
                "finalizers": some.lists(texts, max_size=3, unique=True),
            },
        ),
        "spec": some.fixed_dictionaries({"containers": containers}, optional={"nodeSelector": some.just({"a": "b"})}),
    }
)


@settings(deadline=None)
@given(pods)
def test_recorded_fields_are_read_again(pod):
    paths = set(fields.leaves(PODS, pod))
    assert fields.decode(fields.encode(paths)) == paths


@settings(deadline=None)
@given(pods)
def test_merge_of_the_same_is_the_same(pod):
    assert fields.merge(copy.deepcopy(pod), copy.deepcopy(pod), fields.Shape.of(PODS)) == pod
    assert patches.merge(pod, pod) == pod
    assert patches.strategic(pod, pod) == pod


@given(pods, pods)
@settings(max_examples=60, deadline=None)
def test_merge_has_every_field_that_was_applied(live, applied):
    merged = fields.leaves(PODS, fields.merge(live, applied, fields.Shape.of(PODS)))
    wanted = fields.leaves(PODS, applied)
    # an applied list or map that is empty says nothing about what others have put there
    assert {path: merged.get(path) for path, value in wanted.items() if value not in ([], {})} == {
        path: value for path, value in wanted.items() if value not in ([], {})
    }
