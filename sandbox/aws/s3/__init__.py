"""S3: a server of its own that keeps objects as files, in bounded memory, and refuses what AWS refuses.

`service` puts the parts together; `operations/` has S3's operations, `store` what they change, `disk` where it lies.

What differs from S3: rights, bucket policies and public access blocks are stored and not enforced; nothing is
encrypted, SSE headers are told as the bucket says; life cycles and notifications are stored and never run.
CRC32C, CRC64NVME, FULL_OBJECT checksums of uploads in parts, SSE-C, ACLs, UploadPartCopy and conditional deletes are
answered with 501; an object that was put without a checksum has none. Buckets are in the path, never in the host's
name.
"""
