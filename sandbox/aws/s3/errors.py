"""What S3 answers when it refuses: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html."""

from __future__ import annotations

from collections.abc import Mapping


class S3Error(Exception):
    """One refusal: HTTP status, S3's code, a message for people, further headers."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


_COMMON = {
    "AccessDenied": (403, "Access Denied"),
    "BadDigest": (400, "The Content-MD5 you specified did not match what we received."),
    "ConditionalRequestConflict": (
        409,
        "The conditional request cannot succeed due to a conflicting operation against this resource.",
    ),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed size"),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed size"),
    "IncompleteBody": (
        400,
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    ),
    "InvalidPart": (
        400,
        (
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the "
            "specified entity tag or checksum may not match the part's."
        ),
    ),
    "InvalidPartOrder": (
        400,
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
    ),
    "MalformedXML": (
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    ),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (
        404,
        (
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
            "completed."
        ),
    ),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
}


def refused(code: str, headers: Mapping[str, str] | None = None) -> S3Error:
    """One of S3's common errors, with its own status and message."""
    status, message = _COMMON[code]
    return S3Error(status, code, message, headers)


def invalid(message: str) -> S3Error:
    """`InvalidRequest`, which stands for many things."""
    return S3Error(400, "InvalidRequest", message)


def not_offered(what: str) -> S3Error:
    """A part of S3 that AWS has and this server has not."""
    return S3Error(501, "NotImplemented", f"the sandbox's S3 does not offer {what}")


def malformed_trailer() -> S3Error:
    return S3Error(400, "MalformedTrailerError", "The request contained trailing data that was not well-formed")
