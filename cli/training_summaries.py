"""What training commands print: a dozen lines of a run, and the held-out numbers."""

import sys
from typing import Any

import click

from cli.progress import Progress


class LossTable:
    """A dozen lines of a run, printed as they come: means over the steps since the line before."""

    ROWS = 10

    def __init__(self, num_steps: int, progress: Progress):
        self._every = max(1, num_steps // self.ROWS)
        self._since: list[dict[str, float]] = []
        self._progress, self._begun = progress, False

    def add(self, step: int, values: dict[str, float]) -> str:
        """Take in a step; returns a note for the progress line."""
        self._since.append(values)
        if step % self._every == 0:
            self._close(step)
        note = f"loss {values['loss']:.3f}  words {values['masked_lm_accuracy']:.1%}  order {values['sentence_order_accuracy']:.1%}"
        note += f"  {values['sequences_per_second']:,.0f} sequences/s"
        return note + (f"  {values['share_of_peak']:.0%} of peak" if "share_of_peak" in values else "")

    def _close(self, step: int) -> None:
        """Make a line of what came since the last one."""
        objectives = ("loss", "masked_lm_loss", "masked_lm_accuracy", "sentence_order_loss", "sentence_order_accuracy")
        names = (*objectives, "sequences_per_second", "input_wait")
        loss, words, words_right, order, order_right, speed, wait = (
            sum(values[name] for values in self._since) / len(self._since) for name in names
        )
        self._progress.clear()
        if not self._begun:
            click.echo(f"{'step':>8}{'loss':>9}{'words':>9}{'right':>9}{'order':>9}{'right':>9}{'seq/s':>9}{'waits':>8}")
            self._begun = True
        click.echo(f"{step:>8,}{loss:>9.3f}{words:>9.3f}{words_right:>9.1%}{order:>9.3f}{order_right:>9.1%}{speed:>9,.0f}{wait:>8.1%}")
        held_out = [values for values in self._since if "held_out_masked_lm_loss" in values]
        for values in held_out[-1:]:
            words, order = values["held_out_masked_lm_accuracy"], values["held_out_sentence_order_accuracy"]
            loss, order_loss = values["held_out_masked_lm_loss"], values["held_out_sentence_order_loss"]
            click.echo(f"{'held out':>8}{loss + order_loss:>9.3f}{loss:>9.3f}{words:>9.1%}{order_loss:>9.3f}{order:>9.1%}")
        sys.stdout.flush()
        self._since.clear()


def show_evaluation(numbers: dict[str, Any]) -> None:
    """The reference's four numbers beside what guessing reaches; by source where there are several."""
    click.echo(
        f"  masked words    loss {numbers['masked_lm_loss']:.3f}   right {numbers['masked_lm_accuracy']:.1%}"
        f"   (most frequent token: {numbers['masked_lm_baseline']:.1%})   {numbers['num_predictions']:,} words"
    )
    click.echo(
        f"  sentence order  loss {numbers['sentence_order_loss']:.3f}   right {numbers['sentence_order_accuracy']:.1%}"
        f"   (most frequent order: {numbers['sentence_order_baseline']:.1%})   {numbers['num_instances']:,} pairs"
    )
    for source, values in numbers.get("sources", {}).items():
        words = f"words  loss {values['masked_lm_loss']:.3f}   right {values['masked_lm_accuracy']:.1%}"
        order = f"order  loss {values['sentence_order_loss']:.3f}   right {values['sentence_order_accuracy']:.1%}"
        click.echo(f"    {source:<20} {words}   {order}   {values['num_instances']:,} pairs")
