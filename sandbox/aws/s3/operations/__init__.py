"""S3's operations: one function each, found by method and query as S3's REST API tells them apart."""

from __future__ import annotations

import sandbox.aws.s3.operations.buckets
import sandbox.aws.s3.operations.listing
import sandbox.aws.s3.operations.locking
import sandbox.aws.s3.operations.multipart
import sandbox.aws.s3.operations.objects
import sandbox.aws.s3.operations.reading
import sandbox.aws.s3.operations.tagging  # noqa: F401 - all of them for their registrations
from sandbox.aws.s3.operations.routes import find

__all__ = ["find"]
