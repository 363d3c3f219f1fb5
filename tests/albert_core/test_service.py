"""A real server on loopback, asked, flooded, mistreated and stopped."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.parameters import Heads
from albert_core.prediction import Predictor
from albert_core.task_model import TaskModel, write_task
from albert_core.tasks import TASKS
from tests.albert_core.small_dataset import SENTENCES, VOCABULARY
from tests.albert_core.small_run import WITHOUT_DROPOUT

pytestmark = [pytest.mark.slow, pytest.mark.integration]
PAIRS = [[first, second] for first in SENTENCES for second in SENTENCES]


def write_model(folder, heads):
    write_description(folder, WITHOUT_DROPOUT, "".join(f"{token}\n" for token in VOCABULARY).encode(), {"lower_case": True})
    write_weights(folder, Albert(WITHOUT_DROPOUT, heads=heads, seed=1))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = write_model(tmp_path_factory.mktemp("service") / "model", Heads(masked_words=False, sentence_order=False, num_labels=2))
    write_task(folder, TASKS["afqmc"], ("0", "1"), 32)
    return folder


def start(model, *options):
    """(process, its address) once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from cli.train import main; main()", "serve", "--model", str(model), "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ})
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                return process, address
        except httpx.TransportError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError("the service did not become ready")


@pytest.fixture(scope="module")
def service(model):
    process, address = start(model, "--max-texts", "8", "--max-characters", "100", "--max-body-bytes", "20000", "--max-queue", "64")
    yield address
    process.kill()
    process.communicate()


def test_answers_are_those_of_python(service, model):
    task = TaskModel.load(model)
    expected = [answer.scores for answer in task.answer([task.record_of(pair) for pair in PAIRS])]
    predictor = Predictor(task.model, task.encoder.tokenizer)
    for at in range(0, len(PAIRS), 8):
        answers = httpx.post(f"{service}/v1/predict", json={"texts": PAIRS[at : at + 8]}).json()["answers"]
        for answer, scores in zip(answers, expected[at : at + 8], strict=True):
            assert [answer["scores"][label] for label in ("0", "1")] == pytest.approx(scores, abs=1e-5)
        similarities = httpx.post(f"{service}/v1/similarity", json={"pairs": PAIRS[at : at + 8]}).json()["similarities"]
        assert similarities == pytest.approx(predictor.similarity(PAIRS[at : at + 8]), abs=1e-5)
    assert len(httpx.post(f"{service}/v1/embed", json={"texts": ["花"]}).json()["vectors"][0]) == 32


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("predict", {"texts": [["花"]]}, 422, "entry 0: 1 texts, afqmc takes 2: first and second"),
        ("predict", {"texts": [["花", " "]]}, 422, "entry 0: the second is empty"),
        ("predict", {"texts": [["花" * 101, "花"]]}, 422, "entry 0: 101 characters, at most 100"),
        ("predict", {"texts": [["花", "花"]] * 9}, 422, "9 entries in a request, 1 to 8 are taken"),
        ("predict", {"texts": []}, 422, "0 entries in a request"),
        ("predict", {"texts": [["花", "天"]], "model": "/etc/passwd"}, 422, "Extra inputs are not permitted"),
        ("predict", {"text": 3}, 422, "Field required"),
        ("similarity", {"pairs": [["花", "天", "黑"]]}, 422, "should have at most 2 items"),
        ("similarity", {"pairs": [["花", "   "]]}, 422, "has no tokens"),
        ("masked", {"texts": ["花[MASK]"]}, 404, "no head for masked words"),
        ("embed", {"texts": ["花" * 9000]}, 413, "a body has at most 20,000 bytes"),
    ],
)
def test_what_is_wrong_is_said_and_the_status_tells_it(service, path, body, status, message):
    answer = httpx.post(f"{service}/v1/{path}", json=body)
    assert (answer.status_code, message in answer.text) == (status, True), answer.text


def test_bytes_that_are_no_json_and_bodies_that_never_end(service):
    headers = {"Content-Type": "application/json"}
    assert httpx.post(f"{service}/v1/predict", content=b'{"texts": [', headers=headers).status_code == 422
    assert httpx.post(f"{service}/v1/predict", content=b"\xff\xfe\x00", headers=headers).status_code == 400
    endless = (b"x" * 1000 for _ in range(10**6))
    with contextlib.suppress(httpx.TransportError):  # it may still be sending when the service closes the connection
        assert httpx.post(f"{service}/v1/predict", content=endless).status_code == 413
    assert httpx.get(f"{service}/healthz").json() == {"status": "alive"}


def test_a_flood_is_refused_in_part_and_never_hangs(service):
    async def flood():
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(timeout=60, limits=limits) as client:
            posts = [client.post(f"{service}/v1/predict", json={"texts": PAIRS[:8]}) for _ in range(200)]
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    statuses = asyncio.run(flood())
    assert set(statuses) <= {200, 429, 503}
    assert statuses.count(200) >= 8
    assert statuses.count(429) > 0
    metrics = httpx.get(f"{service}/metrics").text
    assert re.search(r'albert_requests_total\{path="/v1/predict",status="429"\} [1-9]', metrics)
    assert 'albert_waiting_texts{path="predict"} 0.0' in metrics
    assert httpx.post(f"{service}/v1/predict", json={"texts": PAIRS[:1]}).status_code == 200


def test_the_page_and_health(service):
    paths = httpx.get(f"{service}/openapi.json").json()["paths"]
    assert {"/v1/predict", "/v1/similarity", "/v1/embed", "/healthz", "/readyz"} <= set(paths)
    assert "/v1/masked" not in paths
    assert httpx.get(f"{service}/docs").status_code == 200
    assert httpx.get(f"{service}/../../etc/passwd").status_code == 404


def test_it_stops_gracefully_and_answers_what_it_has_taken(model):
    process, address = start(model)

    async def ask_and_stop():
        async with httpx.AsyncClient(timeout=60) as client:
            posts = [asyncio.create_task(client.post(f"{address}/v1/predict", json={"texts": PAIRS[:32]})) for _ in range(8)]
            await asyncio.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            return await asyncio.gather(*posts, return_exceptions=True)

    answers = asyncio.run(ask_and_stop())
    output, _ = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGTERM), output
    assert "Traceback" not in output
    taken = [answer for answer in answers if isinstance(answer, httpx.Response)]
    assert taken
    assert all(answer.status_code == 200 for answer in taken)


def test_masked_words_of_a_pretrained_model(tmp_path):
    process, address = start(write_model(tmp_path / "pretrained", Heads()))
    try:
        answer = httpx.post(f"{address}/v1/masked?top_k=2", json={"texts": ["花[MASK]了。"]}).json()["answers"][0]
        expected = Predictor.load(tmp_path / "pretrained").masked_words(["花[MASK]了。"], top_k=2)[0]
        assert (answer["filled"], [each["token"] for each in answer["masks"][0]]) == (
            expected.filled,
            [each.token for each in expected.masks[0]],
        )
        assert httpx.post(f"{address}/v1/masked", json={"texts": ["花"]}).status_code == 422
        refused = httpx.post(f"{address}/v1/predict", json={"texts": ["花"]})
        assert (refused.status_code, refused.json()["detail"]) == (
            404,
            "the model was not fine-tuned on a task: serve one that albert-train finetune has made, or give --task;"
            " this one has /v1/embed, /v1/masked, /v1/similarity",
        )
        assert json.loads(httpx.get(f"{address}/openapi.json").text)["info"]["title"] == "albert-zh"
    finally:
        process.kill()
        process.communicate()
