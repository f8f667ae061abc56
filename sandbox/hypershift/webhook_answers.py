"""What the operator's webhooks answer: ConversionReview at /convert, AdmissionReview at /validate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hypershift.conversion import ConversionError, convert

if TYPE_CHECKING:
    from sandbox.client import Object

VALIDATED = ("HostedCluster", "NodePool")


class ReviewError(Exception):
    """A body that is no review of the right kind."""


def converted(review: Any) -> Object:
    """Every object of a ConversionReview in the version that is asked for, or why not."""
    request = _request(review, "ConversionReview")
    response: Object = {"uid": request["uid"], "result": {"status": "Success"}}
    try:
        response["convertedObjects"] = [convert(each, request["desiredAPIVersion"]) for each in request["objects"]]
    except (ConversionError, KeyError, TypeError, AttributeError) as error:
        response["result"] = {"status": "Failure", "message": f"{type(error).__name__}: {error}"}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


def validated(review: Any) -> Object:
    """Every change of the kinds that the operator validates is allowed: the schemas have refused what is wrong."""
    request = _request(review, "AdmissionReview")
    response: Object = {"uid": request["uid"], "allowed": request["kind"]["kind"] in VALIDATED}
    if not response["allowed"]:
        response["status"] = {"code": 400, "message": f"no validator for {request['kind']['kind']}"}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}


def _request(review: Any, kind: str) -> Object:
    if not isinstance(review, dict) or review.get("kind") != kind or "uid" not in (review.get("request") or {}):
        raise ReviewError(f"not a {kind}")
    request: Object = review["request"]
    return request
