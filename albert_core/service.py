"""The HTTP service: JSON in and out, everything bounded. What is asked never names a file or a model.

POST /v1/predict      a fine-tuned model's answers        GET /healthz   alive
POST /v1/similarity   how alike two texts are             GET /readyz    loaded and not leaving
POST /v1/embed        vectors                             GET /metrics   for Prometheus
POST /v1/masked       the words behind [MASK]             GET /docs      this, to try out

400 not UTF-8   408 too slow
413 too many bytes   422 not what is asked for, or too many or too long texts   429 the queue is full   503 leaving, or too late
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from albert_core.batching import Batcher, QueueFullError
from albert_core.bounded_requests import Bounded
from albert_core.errors import AlbertError
from albert_core.prediction import Predictor
from albert_core.task_files import Record
from albert_core.task_model import RECORD, TaskModel
from albert_core.tasks import CHOICE, Task

MAX_TOP_K = 20
MAX_PARTS = 28  # of an entry: two texts and 26 choices
LATENCIES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
RETRY_AFTER = "1"  # seconds


class Texts(BaseModel):
    """Texts, each by itself."""

    model_config = ConfigDict(extra="forbid")
    texts: list[str]


class Entries(BaseModel):
    """What a task asks about: texts, or lists of the texts that belong together."""

    model_config = ConfigDict(extra="forbid")
    texts: list[list[str] | str]


class Pairs(BaseModel):
    """Texts in pairs."""

    model_config = ConfigDict(extra="forbid")
    pairs: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a service takes on."""

    max_body_bytes: int = 1 << 20
    max_texts: int = 64  # of a request
    max_characters: int = 10_000  # of a text
    max_queue: int = 1024  # texts that wait
    max_batch: int = 32  # texts of a call of the model
    max_wait: float = 0.005  # seconds that the first text of a batch waits for others
    timeout: float = 10.0  # seconds until a request that has no answer is told so
    body_timeout: float = 30.0  # seconds until the body of a request is there

    def check(self, rows: Sequence[Sequence[str]]) -> None:
        """Refuse a request of no or too many entries, or with a text that is too long.

        Raises:
          AlbertError: value and limit are named.
        """
        if not 1 <= len(rows) <= self.max_texts:
            raise AlbertError(f"{len(rows)} entries in a request, 1 to {self.max_texts} are taken: send several requests")
        for number, row in enumerate(rows):
            longest = max(map(len, row), default=0)
            if longest > self.max_characters:
                raise AlbertError(f"entry {number}: {longest:,} characters, at most {self.max_characters:,} are taken: cut the text")
            if len(row) > MAX_PARTS:
                raise AlbertError(f"entry {number}: {len(row)} texts, at most {MAX_PARTS} are taken")


class Model:
    """What the service asks: the model's own heads, and its task where it was fine-tuned on one."""

    def __init__(self, path: str | Path, task: Task | None = None):
        """Load the model at `path`; `task` is for one that another program has fine-tuned. Raises AlbertError as the two `load` do."""
        self.task = TaskModel.load(path, task=task) if task is not None or (Path(path) / RECORD).exists() else None
        self.predictor = Predictor(self.task.model, self.task.encoder.tokenizer) if self.task else Predictor.load(path)

    def warm_up(self) -> None:
        """Trace what the first requests would wait for."""
        self.predictor.embed(["预热"])
        if self.task is not None:
            choices = ("一", "二") if self.task.task.kind == CHOICE else ()
            self.task.answer([Record("warm-up", "", ("预热",) * self.task.num_texts, choices=choices)])


MISSING = {
    "masked": "the model has no head for masked words: serve a pretrained one",
    "predict": "the model was not fine-tuned on a task: serve one that albert-train finetune has made, or give --task",
}
"""What a model lacks that does not answer on a path."""


class Metrics:
    """Counters for Prometheus, of this service alone."""

    def __init__(self, batchers: dict[str, Batcher]):
        self.registry = CollectorRegistry()
        self.requests = Counter("albert_requests", "Requests by path and status.", ["path", "status"], registry=self.registry)
        self.latency = Histogram("albert_request_seconds", "Time of a request.", ["path"], buckets=LATENCIES, registry=self.registry)
        self.batch = Histogram(
            "albert_batch_texts", "Texts of a call of the model.", ["path"], buckets=(1, 2, 4, 8, 16, 32, 64), registry=self.registry
        )
        waiting = Gauge("albert_waiting_texts", "Texts that wait.", ["path"], registry=self.registry)
        for name, batcher in batchers.items():
            batcher.observe = lambda items, seconds, name=name: self.batch.labels(name).observe(items)  # type: ignore[misc]
            waiting.labels(name).set_function(lambda batcher=batcher: batcher.num_waiting)  # type: ignore[misc]

    def count(self, path: str, status: int, seconds: float) -> None:
        """A request has been answered."""
        self.requests.labels(path, str(status)).inc()
        self.latency.labels(path).observe(seconds)


def make_app(path: str | Path, limits: Limits = Limits(), *, task: Task | None = None) -> FastAPI:
    """The ASGI application that serves the model at `path`; `task` says what it was fine-tuned on, where no task.json does.

    Raises:
      AlbertError: there is no model there.
    """
    model = Model(path, task)
    batchers = {
        name: Batcher(call, max_batch=limits.max_batch, max_wait=limits.max_wait, max_queue=limits.max_queue)
        for name, call in _calls(model).items()
    }
    metrics = Metrics(batchers)
    state = {"ready": False}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(batcher.run()) for batcher in batchers.values()]
        await asyncio.to_thread(model.warm_up)
        state["ready"] = True
        yield
        state["ready"] = False
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    app = FastAPI(title="albert-zh", description=__doc__.split("\n\n", 1)[1].replace("\n", "\n\n"), lifespan=lifespan)
    app.add_middleware(Bounded, max_bytes=limits.max_body_bytes, timeout=limits.body_timeout, observe=metrics.count)
    _add_questions(app, model, batchers, limits)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> Response:
        return JSONResponse({"status": "ready" if state["ready"] else "not ready"}, 200 if state["ready"] else 503)

    @app.get("/metrics", include_in_schema=False)
    async def show_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


def _calls(model: Model) -> dict[str, Callable[[list[Any]], list[Any]]]:
    """What a batch of each path goes through."""
    calls: dict[str, Callable[[list[Any]], list[Any]]] = {"embed": lambda texts: list(model.predictor.embed(texts))}
    if model.predictor.heads.masked_words:
        calls["masked"] = lambda texts: model.predictor.masked_words(texts, top_k=MAX_TOP_K)
    if (task := model.task) is not None:
        calls["predict"] = lambda records: [
            task.describe(r, a, top_k=MAX_TOP_K) for r, a in zip(records, task.answer(records), strict=True)
        ]
    return calls


def _add_questions(app: FastAPI, model: Model, batchers: dict[str, Batcher], limits: Limits) -> None:
    """The paths that ask the model."""
    _say_what_is_missing(app, batchers)

    async def ask(name: str, items: list[Any]) -> list[Any]:
        try:
            return await asyncio.wait_for(batchers[name].submit(items), limits.timeout)
        except QueueFullError:
            raise HTTPException(429, "too many texts wait: come again", {"Retry-After": RETRY_AFTER}) from None
        except TimeoutError:
            raise HTTPException(503, f"no answer within {limits.timeout:g} s", {"Retry-After": RETRY_AFTER}) from None

    @app.post("/v1/embed")
    async def embed(body: Texts) -> dict[str, Any]:
        with _refusing():
            limits.check([[text] for text in body.texts])
            model.predictor.check_texts(body.texts)
        return {"vectors": [vector.tolist() for vector in await ask("embed", body.texts)]}

    @app.post("/v1/similarity")
    async def similarity(body: Pairs) -> dict[str, Any]:
        with _refusing():
            limits.check(body.pairs)
            texts = [text for pair in body.pairs for text in pair]
            model.predictor.check_texts(texts)
        vectors = await ask("embed", texts)
        return {"similarities": [float(first @ second) for first, second in zip(vectors[::2], vectors[1::2], strict=True)]}

    if "masked" in batchers:

        @app.post("/v1/masked")
        async def masked(body: Texts, top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K)] = 5) -> dict[str, Any]:
            with _refusing():
                limits.check([[text] for text in body.texts])
                model.predictor.check_masked(body.texts)
            answers = await ask("masked", body.texts)
            masks = [[[candidate._asdict() for candidate in mask[:top_k]] for mask in answer.masks] for answer in answers]
            return {"answers": [{"filled": answer.filled, "masks": each} for answer, each in zip(answers, masks, strict=True)]}

    if (task := model.task) is not None:

        @app.post("/v1/predict", description=f"Task {task.task.name}: {task.task.about}. Each entry: {' and '.join(task.text_names)}.")
        async def predict(body: Entries) -> dict[str, Any]:
            rows = [[row] if isinstance(row, str) else row for row in body.texts]
            with _refusing():
                limits.check(rows)
                records = _records(task, rows)
            return {"answers": await ask("predict", records)}


def _say_what_is_missing(app: FastAPI, names: Collection[str]) -> None:
    """A path that this model has no head for says so, and is not listed."""

    def refuse(name: str) -> Callable[[], Awaitable[None]]:
        async def answer() -> None:
            raise HTTPException(404, f"{MISSING[name]}; this one has {', '.join(f'/v1/{own}' for own in [*names, 'similarity'])}")

        return answer

    for name in MISSING.keys() - set(names):
        app.add_api_route(f"/v1/{name}", refuse(name), methods=["POST"], include_in_schema=False)


def _records(task: TaskModel, rows: list[list[str]]) -> list[Record]:
    """Entries as records; of tasks with choices, these stand behind the texts."""
    number = task.num_texts if task.task.kind == CHOICE else None
    records = [task.record_of(row[:number], where=f"entry {at}", choices=row[number:] if number else ()) for at, row in enumerate(rows)]
    task.encoder.check_readable(records)
    return records


@contextmanager
def _refusing() -> Iterator[None]:
    """What is wrong with a question is said to who asked, with status 422."""
    try:
        yield
    except AlbertError as error:
        raise HTTPException(422, str(error)) from None
