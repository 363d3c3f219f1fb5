import numpy as np
import pytest

from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.evaluation import Evaluator, evaluate
from albert_core.model_directory import write_description, write_weights
from albert_core.modeling import Albert
from albert_core.shards import MASKED_LM_IDS, MASKED_LM_POSITIONS, MASKED_LM_WEIGHTS, NEXT_SENTENCE_LABELS
from tests.albert_core.small_dataset import VOCABULARY, write_dataset
from tests.albert_core.test_model_directory import CONFIG


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"), num_eval=21, num_shards=2)


def test_numbers_are_the_means_over_all_instances(dataset):
    """The last batch of 8 holds 5 and is filled up; the numbers are those of all 21 in one."""
    model, split = Albert(CONFIG, seed=2), dataset.split("eval")
    blocks = [split.read_block(0), split.read_block(1)]
    batch = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    output = model(batch["input_ids"], batch["input_mask"], batch["segment_ids"])
    masked = model.masked_log_probs(output.sequence_output, batch[MASKED_LM_POSITIONS]).numpy()
    order = model.order_log_probs(output.pooled_output).numpy()
    weights, ids, labels = batch[MASKED_LM_WEIGHTS] > 0, batch[MASKED_LM_IDS], batch[NEXT_SENTENCE_LABELS][:, 0]
    most_frequent = np.bincount(ids[weights]).max()
    expected = {
        "num_instances": 21,
        "num_predictions": weights.sum(),
        "masked_lm_loss": -np.take_along_axis(masked, ids[..., None], -1)[..., 0][weights].mean(),
        "masked_lm_accuracy": (masked.argmax(-1) == ids)[weights].mean(),
        "sentence_order_loss": -np.take_along_axis(order, labels[:, None], -1).mean(),
        "sentence_order_accuracy": (order.argmax(-1) == labels).mean(),
        "masked_lm_baseline": most_frequent / weights.sum(),
        "sentence_order_baseline": max(labels.mean(), 1 - labels.mean()),
    }
    for batch_size in (8, 21, 64):
        assert Evaluator(model, split, batch_size=batch_size).run() == pytest.approx(expected, rel=1e-5)


def test_progress_is_reported(dataset):
    reports = []
    Evaluator(Albert(CONFIG), dataset.split("eval"), batch_size=8).run(lambda done, total: reports.append((done, total)))
    assert reports == [(1, 3), (2, 3), (3, 3)]


def test_a_part_can_be_asked_for(dataset):
    assert Evaluator(Albert(CONFIG), dataset.split("eval"), batch_size=8, max_batches=2).run()["num_instances"] == 16


def test_a_model_of_another_vocabulary_is_refused(dataset, tmp_path):
    config = AlbertConfig(**{**CONFIG.to_json(), "vocab_size": len(VOCABULARY) + 1})
    content = "".join(f"{token}\n" for token in [*VOCABULARY, "more"]).encode()
    write_description(tmp_path, config, content, {"lower_case": True})
    write_weights(tmp_path, Albert(config))
    with pytest.raises(AlbertError, match="was built with another vocabulary"):
        evaluate(dataset.path, tmp_path)
