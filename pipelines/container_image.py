"""A container image as its registry describes it: whether it is there, and its labels. Nothing is downloaded but two small JSON documents.

The registry's protocol is the Open Container Initiative's (distribution-spec v1.1, "Pulling manifests", "Pulling blobs").
"""

import contextlib
import dataclasses
import json
import urllib.error
import urllib.request
from typing import Any

from pipelines.errors import BuildError

ENVIRONMENT_LABEL = "albert-zh.environment"
LOCAL = ("localhost:", "127.0.0.1:")
GOOGLES = ("gcr.io", "-docker.pkg.dev")
"""Registries that take Google's credentials; beside them, only those of this machine are asked."""
INDEX_TYPES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFEST_TYPES = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
SECONDS = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageName:
    """`REGISTRY/REPOSITORY:TAG`, or `…@sha256:DIGEST`."""

    registry: str
    repository: str
    reference: str

    @property
    def can_be_asked(self) -> bool:
        """Whether its registry is one of those that we know how to ask."""
        return self.is_local or self.registry.endswith(GOOGLES)

    @property
    def is_local(self) -> bool:
        """Whether the registry runs on this machine, without encryption and credentials."""
        return self.registry.startswith(LOCAL)


def parse_image(name: str) -> ImageName:
    """The parts of an image's name; without a registry it is Docker Hub's.

    >>> parse_image("europe-docker.pkg.dev/project/albert-zh/worker:0.1.0").reference
    '0.1.0'
    """
    first, _, rest = name.partition("/")
    registry, path = (first, rest) if rest and ("." in first or ":" in first or first == "localhost") else ("docker.io", name)
    if "@" in path:
        repository, _, reference = path.partition("@")
    else:
        repository, colon, reference = path.rpartition(":")
        repository, reference = (repository, reference) if colon else (path, "latest")
    return ImageName(registry=registry, repository=repository, reference=reference)


def read_labels(image: ImageName, token: str | None) -> dict[str, str] | None:
    """The labels of an image; None if there is no such image. `token`: of Google's OAuth.

    Raises:
      BuildError: the registry does not answer, or does not let us in.
    """
    try:
        manifest = _get(image, f"manifests/{image.reference}", token)
        if "manifests" in manifest:  # one image for each kind of processor, and what attests them
            wanted = {"os": "linux", "architecture": "amd64"}
            chosen = [entry for entry in manifest["manifests"] if wanted.items() <= entry.get("platform", {}).items()]
            if not chosen:
                return None
            manifest = _get(image, f"manifests/{chosen[0]['digest']}", token)
        config = _get(image, f"blobs/{manifest['config']['digest']}", token)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise BuildError(
            f"the registry {image.registry} answers {error.code} for {image.repository}"
            "\nread it: gcloud artifacts repositories add-iam-policy-binding … --role=roles/artifactregistry.reader"
        ) from error
    except OSError as error:
        raise BuildError(f"the registry {image.registry} does not answer: {error}\nis the name right? --sdk_container_image") from error
    return dict(config.get("config", {}).get("Labels") or {})


def _get(image: ImageName, what: str, token: str | None) -> dict[str, Any]:
    scheme = "http" if image.is_local else "https"
    request = urllib.request.Request(f"{scheme}://{image.registry}/v2/{image.repository}/{what}")
    request.add_header("Accept", ", ".join(INDEX_TYPES + MANIFEST_TYPES))
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")  # a blob lies elsewhere, under an address that is signed itself
    with contextlib.closing(urllib.request.urlopen(request, timeout=SECONDS)) as answer:
        return dict(json.load(answer))
