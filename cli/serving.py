"""`albert-train serve`: a model behind HTTP."""

import importlib.util

import click

from cli.options import import_tensorflow

NEEDED = ("fastapi", "uvicorn", "prometheus_client")
CONNECTIONS_PER_CORE = 256
SECONDS_TO_FINISH = 20


@click.command()
@click.option("--model", required=True, metavar="PATH", help="Fine-tuned model, or any model for similarity and masked words.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 for a free one.")
@click.option("--max-batch", type=click.IntRange(min=1), default=32, show_default=True, help="Texts of a call of the model.")
@click.option("--max-wait-ms", type=click.FloatRange(min=0), default=5, show_default=True, help="How long a text waits for others.")
@click.option("--max-queue", type=click.IntRange(min=1), default=1024, show_default=True, help="Texts that may wait; more: 429.")
@click.option("--max-texts", type=click.IntRange(min=1), default=64, show_default=True, help="Texts of a request; more: 422.")
@click.option("--max-characters", type=click.IntRange(min=1), default=10_000, show_default=True, help="Of a text; more: 422.")
@click.option("--max-body-bytes", type=click.IntRange(min=1), default=1 << 20, show_default=True, help="Of a request; more: 413.")
@click.option("--timeout", type=click.FloatRange(min=0.001), default=10, show_default=True, help="Seconds until a late request gets 503.")
def serve(
    model: str, host: str, port: int, max_batch: int, max_wait_ms: float, max_queue: int, max_texts: int, max_characters: int,
    max_body_bytes: int, timeout: float,
) -> None:  # fmt: skip
    """Serve a model over HTTP: JSON in and out, /docs to try it, /healthz, /readyz and /metrics for those who run it.

    \b
    Examples:
      albert-train serve --model same-question
      curl localhost:8000/v1/predict -H 'Content-Type: application/json' -d '{"texts": [["花呗怎么还款", "如何还花呗"]]}'
      curl localhost:8000/v1/similarity -H 'Content-Type: application/json' -d '{"pairs": [["花呗怎么还款", "如何还花呗"]]}'
    """
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise click.UsageError(f"{missing[0]} is not installed: pip install 'albert-zh-toolkit[serve]'")
    import_tensorflow()
    import uvicorn

    from albert_core.service import Limits, make_app

    limits = Limits(
        max_batch=max_batch, max_wait=max_wait_ms / 1000, max_queue=max_queue, max_texts=max_texts, max_characters=max_characters,
        max_body_bytes=max_body_bytes, timeout=timeout,
    )  # fmt: skip
    app = make_app(model, limits)
    uvicorn.run(
        app, host=host, port=port, log_level="info", access_log=False, limit_concurrency=max_queue + CONNECTIONS_PER_CORE,
        timeout_graceful_shutdown=SECONDS_TO_FINISH, server_header=False,
    )  # fmt: skip
