"""`albert-train serve`: a model behind HTTP."""

import importlib.util

import click

from cli.options import import_tensorflow

NEEDED = ("fastapi", "uvicorn", "prometheus_client")
MORE_CONNECTIONS = 256  # than texts that may wait: for health checks, metrics and those who are refused
SECONDS_TO_FINISH = 20


@click.command()
@click.option("--model", required=True, metavar="PATH", help="Fine-tuned model, or any model for similarity and masked words.")
@click.option("--task", metavar="NAME", help="What the labels of a fine-tuned TF1 checkpoint mean, such as lcqmc.")
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
    model: str, task: str | None, host: str, port: int, max_batch: int, max_wait_ms: float, max_queue: int, max_texts: int,
    max_characters: int, max_body_bytes: int, timeout: float,
) -> None:  # fmt: skip
    """Serve a model over HTTP: JSON in and out, /docs to try it, /healthz, /readyz and /metrics for those who run it.

    \b
    Examples:
      albert-train serve --model same-question
      albert-train serve --model albert_lcqmc_checkpoints --task lcqmc
      curl localhost:8000/v1/predict -H 'Content-Type: application/json' -d '{"texts": [["花呗怎么还款", "如何还花呗"]]}'
      curl localhost:8000/v1/similarity -H 'Content-Type: application/json' -d '{"pairs": [["花呗怎么还款", "如何还花呗"]]}'
    """
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise click.UsageError(f"{missing[0]} is not installed: pip install 'albert-zh-toolkit[serve]'")
    import_tensorflow()
    from albert_core.bounded_connections import check_address, run_server
    from albert_core.service import Limits, make_app
    from albert_core.tasks import find_task

    limits = Limits(
        max_batch=max_batch, max_wait=max_wait_ms / 1000, max_queue=max_queue, max_texts=max_texts, max_characters=max_characters,
        max_body_bytes=max_body_bytes, timeout=timeout,
    )  # fmt: skip
    check_address(host, port)
    app = make_app(model, limits, task=None if task is None else find_task(task))
    run_server(app, host=host, port=port, max_connections=max_queue + MORE_CONNECTIONS, seconds_to_finish=SECONDS_TO_FINISH)
