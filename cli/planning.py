"""`albert-data plan`: what a build would give and take, before hours are spent on it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import click

from cli.corpus_options import cleaning_config, cleaning_options, source_options
from cli.instance_options import instances_config, masking_options
from cli.jobs import BEAM, beam_arguments, beam_options, one_job_options
from cli.options import import_tensorflow, json_option
from cli.progress import clock
from cli.summaries import columns

UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9}
UNKNOWN = "±   ?"


def _size(context: click.Context, parameter: click.Parameter, value: str) -> dict[str, Any]:
    """`20MB` → 20,000,000 bytes; `2%` → a share of 0.02."""
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(%|[kmg]?b?)\s*", value.lower())
    if not found:
        raise click.BadParameter(f"{value!r} is no size such as 20MB, 500kB or 2%", context, parameter)
    if found[2] == "%":
        return {"sample_share": float(found[1]) / 100}
    return {"sample_bytes": round(float(found[1]) * UNITS[found[2].rstrip("b")])}


@click.command(context_settings=BEAM)
@source_options
@click.option("--output", default="", metavar="DIR", help="Where the build would write: whether there is room.")
@masking_options
@cleaning_options
@click.option(
    "--sample-size",
    "sample_size",
    default="20MB",
    metavar="SIZE",
    show_default=True,
    callback=_size,
    help="Text that is built, to foretell the rest; 2% is a part of the corpus.",
)
@click.option(
    "--workers", type=int, default=None, metavar="N", help="Workers of the runner.  [default: what the options of Beam say, else 1]"
)
@click.option("--worker-cores", type=int, default=None, metavar="N", help="Cores of a worker.  [default: its machine type's, else 1]")
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="NAME=DOLLARS",
    help="Today's price: vcpu_hour=0.06, memory_gb_hour, disk_gb_hour, shuffle_gb, write_1000, read_1000, storage_gb_month.",
)
@one_job_options
@json_option
@beam_arguments
@click.pass_context
def plan(context: click.Context, output: str, as_json: bool, beam_arguments: tuple[str, ...], **options: Any) -> None:
    """Foretell what a build gives and takes: documents, instances, shards, bytes, memory, hours, and on Dataflow its price.

    Takes the options of albert-data build, those of Beam too, and writes nothing. A sample that is spread over the corpus goes through the
    build's own functions, timed in this process; figures are totals with 90 % intervals. Hours are for cores like those of this machine.

    \b
    Examples:
      albert-data plan --corpus 'wiki_zh/*/wiki_*' --vocab vocab.txt
      albert-data plan --corpora sources.yaml --vocab vocab.txt --runner DataflowRunner --workers 50
      albert-data plan --corpus big.jsonl.xz --vocab vocab.txt --masking dynamic --sample-size 100MB --json
    """
    engine = beam_options(context, beam_arguments)
    import_tensorflow()
    from pipelines.build import BuildConfig
    from pipelines.engine_names import runner_name
    from pipelines.planning.engines import find_engine
    from pipelines.planning.plan import PlanConfig, machine_of, make_plan, workers_of
    from pipelines.planning.prices import parse_prices

    config = PlanConfig(
        build=BuildConfig(cleaning=cleaning_config(output, options), instances=instances_config(options)),
        **options["sample_size"],
        runner=find_engine(runner_name(engine)),
        workers=workers_of(engine) if options["workers"] is None else options["workers"],
        worker_cores=options["worker_cores"],
        machine=machine_of(engine),
        prices=parse_prices(options["prices"]),
        one_job=options["one_job"] or options["no_wait"],
    )
    foretold = make_plan(config)
    print(json.dumps(foretold, ensure_ascii=False) if as_json else summarize(foretold))


def summarize(foretold: dict[str, Any]) -> str:
    """The plan as a person reads it."""
    sample, corpus, documents, shards = (foretold[name] for name in ("sample", "corpus", "documents", "shards"))
    lines = [
        f"sample      {sample['bytes'] / 1e6:,.1f} MB of text in {sample['pieces']:,} pieces, {corpus['sampled_share']:.1%} of the corpus, "
        f"in {sample['seconds']:,.0f} s; ± is the {sample['confidence']:.0%} interval",
        f"corpus      {corpus['files']:,} files, {corpus['stored_bytes'] / 1e6:,.1f} MB; {_megabytes(corpus['text_bytes'])} of text",
        f"documents   {_count(documents['read'])} read, {_count(documents['kept'])} kept",
        *_rejected(documents["rejected"]),
        f"instances   {_count(foretold['instances'])} in {shards['train']:,} train and {shards['eval']:,} eval {shards['kind']} shards",
        *_sources(foretold["sources"]),
        f"written     {_megabytes(foretold['written_bytes']['total'])}: shards {_plain(foretold['written_bytes']['shards'])}, documents "
        f"{_plain(foretold['written_bytes']['documents'])}, the same cleaned by source",
        f"shuffled    {_megabytes(foretold['shuffled_bytes'])}",
        f"memory      {_megabytes(foretold['memory_bytes'])} at most on {_where(foretold['time'])}; "
        f"a worker's shard or batch {foretold['memory_bytes']['of_a_shard'] / 1e6:,.0f} MB",
        f"CPU         {_seconds(foretold['cpu_seconds']['total'])} on one core like this: "
        + ", ".join(f"{name} {clock(value['value'])}" for name, value in foretold["cpu_seconds"].items() if name != "total"),
        f"time        {_seconds(foretold['time']['seconds'])} with {foretold['time']['runner']}, {foretold['time']['workers']:,} workers",
        f"            = {foretold['time']['formula']}",
        *_bill(foretold["cloud"]),
        *(f"measured    {said}" for said in foretold["measured"]),
        *(f"assumed     {said}" for said in foretold["assumed"]),
        *(f"not seen    {said}" for said in foretold["not_seen"]),
        *(f"warning     {said}" for said in foretold["warnings"]),
    ]
    return "\n".join(lines)


def _bill(cloud: dict[str, Any] | None) -> Iterator[str]:
    """What a build costs on some numbers of workers."""
    if cloud is None:
        return
    machine, memory, prices = cloud["machine"], cloud["memory_bytes"], cloud["prices"]
    yield (
        f"worker      {machine['name']}: {machine['cores']} vCPU, {machine['memory_gb']:g} GB, disk {machine['disk_gb']} GB; needs "
        f"{memory['needed'] / 1e9:,.1f} GB of the {memory['available'] / 1e9:,.1f} GB that its processes can have"
    )
    head = ("workers", "hours", "vCPU h", "GB h", "disk GB h", "shuffle GB", "vCPU $", "memory $", "disk $", "shuffle $", "requests $", "$")
    names = ("vcpu_hours", "memory_gb_hours", "disk_gb_hours", "shuffle_gb")
    rows = [
        (
            f"{use['workers']:,}",
            f"{use['hours']:,.2f}",
            *(f"{use[name]:,.1f}" for name in names),
            *(f"{use['dollars'][name]:,.2f}" for name in ("vcpu", "memory", "disk", "shuffle", "requests", "total")),
        )
        for use in cloud["uses"]
    ]
    yield from (f"{'price' if number == 0 else '':<12}{line}" for number, line in enumerate(columns([head, *rows])))
    unit = ", ".join(f"{name} {value:g}" for name, value in prices["dollars"].items())
    yield f"            $ of {prices['region']}, {prices['published']}: {unit}"
    month = cloud["storage_dollars_a_month"]
    yield f"keeping     ${month['value']:,.2f} a month for all that is written"


def _rejected(rejected: dict[str, Any]) -> Iterator[str]:
    for reason, estimate in sorted(rejected.items(), key=lambda item: -item[1]["value"]):
        if estimate["value"]:
            yield f"            {estimate['value']:>9,}  {reason} ({_percent(estimate)})"


def _sources(sources: dict[str, Any]) -> Iterator[str]:
    if len(sources) < 2:
        return
    head = ("source", "text MB", "", "documents kept", "", "instances", "", "shards MB", "")
    rows = [
        (
            name,
            *(f"{source['text_bytes']['value'] / 1e6:,.1f}", _percent(source["text_bytes"])),
            *(f"{source['kept']['value']:,}", _percent(source["kept"])),
            *(f"{source['instances']['value']:,}", _percent(source["instances"])),
            *(f"{source['shard_bytes']['value'] / 1e6:,.1f}", _percent(source["shard_bytes"])),
        )
        for name, source in sources.items()
    ]
    yield from (f"            {line}" for line in columns([head, *rows]))


def _where(time: dict[str, Any]) -> str:
    return "this machine" if time["runner"] in ("DirectRunner", "PrismRunner") else "a worker"


def _count(estimate: dict[str, Any]) -> str:
    return f"{estimate['value']:,} {_percent(estimate)}"


def _plain(estimate: dict[str, Any]) -> str:
    return f"{estimate['value'] / 1e6:,.1f} MB"


def _megabytes(estimate: dict[str, Any]) -> str:
    return f"{_plain(estimate)} {_percent(estimate)}"


def _seconds(estimate: dict[str, Any]) -> str:
    return f"{clock(estimate['value'])} {_percent(estimate)}"


def _percent(estimate: dict[str, Any]) -> str:
    if estimate["high"] is None:
        return UNKNOWN
    return f"± {(estimate['high'] - estimate['value']) / estimate['value']:.1%}" if estimate["value"] else "± 0.0%"
