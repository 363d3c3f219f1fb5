"""What the engine of a job is called."""

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions


def runner_name(options: PipelineOptions) -> str:
    """The engine asked for; empty for Beam's default."""
    return (options.view_as(StandardOptions).runner or "").rsplit(".", 1)[-1]
