"""The OCP releases that the sandbox's release registry holds."""

from __future__ import annotations

from sandbox.plan import RELEASE_REGISTRY

VERSION = "4.17.12"
RELEASE_IMAGE = (
    f"{RELEASE_REGISTRY}/ocp/release@sha256:6c9ed3a1b8f6e2a4d07c5b913f2e8d60a4b7c1e95d3f08726ab4c9e1d5f70b32"
)
NEWER_RELEASE_IMAGE = (
    f"{RELEASE_REGISTRY}/ocp/release@sha256:2b7f1c9e4d803a65f1e29c7b0d5a8436e9f1b2c3d4a5968778695a4b3c2d1e0f"
)
IMAGES = {"4.17": RELEASE_IMAGE, "4.22": NEWER_RELEASE_IMAGE}
_VERSIONS = {RELEASE_IMAGE: VERSION, NEWER_RELEASE_IMAGE: "4.22.3"}
SUPPORTED_VERSIONS = ("4.22", "4.18", "4.17", "4.16", "4.15", "4.14")


def version_of(release_image: str) -> str | None:
    """The version of a release image; None when the registry has no such image."""
    return _VERSIONS.get(release_image)


def component(name: str, version: str) -> str:
    """The image of one component of a release."""
    return f"{RELEASE_REGISTRY}/ocp/{name}:{version}"
