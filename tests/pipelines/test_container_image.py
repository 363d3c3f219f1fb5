import pytest

from pipelines.container_image import ImageName, parse_image, read_labels
from pipelines.errors import BuildError
from tests.engines.json_server import json_server, worker_registry


@pytest.mark.parametrize(
    ("name", "registry", "repository", "reference", "can_be_asked"),
    [
        ("europe-docker.pkg.dev/p/albert-zh/worker:1", "europe-docker.pkg.dev", "p/albert-zh/worker", "1", True),
        ("gcr.io/p/worker", "gcr.io", "p/worker", "latest", True),
        ("localhost:5000/worker@sha256:ab", "localhost:5000", "worker", "sha256:ab", True),
        ("apache/beam_python3.11_sdk:2.77.0", "docker.io", "apache/beam_python3.11_sdk", "2.77.0", False),
        ("notgcr.io.example.org/w:1", "notgcr.io.example.org", "w", "1", False),
    ],
)
def test_names_of_images(name, registry, repository, reference, can_be_asked):
    image = parse_image(name)
    assert image == ImageName(registry=registry, repository=repository, reference=reference)
    assert image.can_be_asked is can_be_asked


@pytest.mark.parametrize("index", [False, True])
def test_labels_are_read_with_the_token(index):
    with json_server(worker_registry({"a": "b"}, index=index)) as server:
        assert read_labels(parse_image(f"{server.address}/albert-zh/worker:1"), "secret") == {"a": "b"}
    assert len(server.requests) == 2 + index
    assert {request.authorization for request in server.requests} == {"Bearer secret"}


def test_an_image_without_labels_has_none_and_an_absent_one_is_none():
    with json_server(worker_registry(None)) as server:
        assert read_labels(parse_image(f"{server.address}/albert-zh/worker:1"), None) == {}
        assert read_labels(parse_image(f"{server.address}/albert-zh/worker:2"), None) is None


def test_a_registry_that_lets_nobody_in_or_is_not_there_is_an_error():
    with json_server({"/v2/albert-zh/worker/manifests/1": (403, {})}) as server:
        image = parse_image(f"{server.address}/albert-zh/worker:1")
        with pytest.raises(BuildError, match=f"the registry {server.address} answers 403 for albert-zh/worker\n.*artifactregistry.reader"):
            read_labels(image, None)
    with pytest.raises(BuildError, match=f"the registry {server.address} does not answer"):
        read_labels(image, None)
