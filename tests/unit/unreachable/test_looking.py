import pytest

from lifeboat.errors import FenceUnprovenError, ObjectRefusedError, PreflightError
from lifeboat.unreachable import looking


def test_silence_has_to_last(source):
    looks = [source.look() for _ in range(6)]
    assert [each["done"] for each in looks] == [False] * 5 + [True]


def test_one_answer_refuses_it(source):
    for _ in range(5):
        source.look()
    source.silent = False
    with pytest.raises(PreflightError, match="leave unreachableSource out"):
        source.look()


def test_a_refusal_is_an_answer(source):
    """A token that expired, a right that is missing: somebody is there, and what is there can be stopped."""
    source.silent = False
    source.cluster.fail_next(ObjectRefusedError("mgmt-1 refused GET (401)"))
    assert looking.answers(source.cluster, source.hosted.ref)


def test_an_operation_that_has_begun_goes_on_and_looks_again_where_it_cuts(chosen):
    chosen.silent = False
    assert chosen.look() == {"done": True, "looks": 0}
    with pytest.raises(FenceUnprovenError, match="answers again"):
        chosen.cut()
