import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_core.task_answers import read_answers
from albert_core.task_features import NO_LABEL, Encoder, order_batches, stack_features, width_of
from albert_core.task_files import Entity, Record, find_file, list_labels, read_records
from albert_core.task_metrics import measure, score_answer
from albert_core.tasks import SPAN, TAG, TASKS
from albert_core.tokenization import SPECIAL_TOKENS, Tokenizer
from tests.shared_data import shared

VOCABULARY = [*SPECIAL_TOKENS, *"今天气很好他住在北京。哪里？abc", "##a", "##b", "##c"]
TOKENIZER = Tokenizer(VOCABULARY)


def encoder(name, labels, length=128):
    return Encoder(TASKS[name], TOKENIZER, labels, length)


def read(row):
    return "".join(TOKENIZER.vocab[index] for index in row.input_ids)


def test_a_pair_is_cut_from_its_longer_text():
    record = Record("", "", ("今天天气很好", "好天气"), "1")
    feature = encoder("afqmc", ("0", "1"), 9).encode([record])[0]
    assert read(feature.rows[0]) == "[CLS]今天天[SEP]好天气[SEP]"
    assert feature.rows[0].segment_ids == [0] * 5 + [1] * 4
    assert feature.target == (1,)
    assert encoder("afqmc", ("0", "1")).encode([record._replace(label=None)])[0].target == (NO_LABEL,)


@pytest.mark.parametrize("length", [80, 100, 128, 200, 512])
def test_an_answer_is_found_in_every_window_that_holds_it(length):
    context = "今天天气很好。" * 40 + "他住在北京。" + "今天天气很好。" * 40
    record = Record("", "", ("哪里？", context), answers=("北京",))
    features = encoder("cmrc2018", ("start", "end"), length).encode([record])
    held = [feature for feature in features if feature.target != (0, 0)]
    assert len(features) > (1 if length == 512 else 3)
    assert len(held) in (1, 2, 3, 4)
    assert max(feature.length for feature in features) <= length
    for feature in held:
        start, end = feature.target
        assert read(feature.rows[0]).startswith("[CLS]哪里？[SEP]")
        assert "".join(TOKENIZER.vocab[index] for index in feature.rows[0].input_ids[start : end + 1]) == "北京"
        assert context[feature.bounds[start][0] : feature.bounds[end][1]] == "北京"
    covered = {at for feature in features for start, end in feature.bounds.tolist() if start >= 0 for at in range(start, end)}
    assert covered == set(range(len(context)))


def test_no_character_of_a_long_text_with_entities_is_left_out():
    text = "他住在北京。" * 9
    record = Record("", "", (text,), entities=tuple(Entity(at + 3, at + 5, "address") for at in range(0, len(text), 6)))
    labels = ("O", "B-address", "I-address")
    features = encoder("cluener", labels, 20).encode([record])
    assert len(features) == 3
    outputs = [np.log(np.eye(3)[np.maximum(feature.target, 0)] + 1e-9) for feature in features]
    assert set(read_answers(TASKS["cluener"], labels, [record], features, outputs)[0].value) == set(record.entities)


def test_choices_share_their_text():
    record = Record("", "", ("今天天气很好", "哪里？"), "1", ("北京", "他"))
    feature = encoder("c3", ("score",), 16).encode([record])[0]
    assert [read(row) for row in feature.rows] == ["[CLS]今天天气很好[SEP]哪里？北京[SEP]", "[CLS]今天天气很好[SEP]哪里？他[SEP]"]
    other = encoder("c3", ("score",), 16).encode([record._replace(choices=("a", "b", "c"), label="2")])[0]
    batch = stack_features([feature, other], width=16, pad_id=0)
    assert batch["input_ids"].shape == (6, 16)
    assert batch["choices"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch["target"].tolist() == [[1], [2]]
    assert batch["input_mask"][2].sum() == 0


@given(st.lists(st.integers(3, 128), min_size=1, max_size=400), st.integers(1, 16), st.integers(0, 9), st.booleans())
def test_an_epoch_holds_every_example_once_and_is_repeatable(lengths, batch_size, epoch, bucketed):
    batches = order_batches(np.array(lengths), batch_size=batch_size, key=(3, epoch), bucketed=bucketed)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    again = order_batches(np.array(lengths), batch_size=batch_size, key=(3, epoch), bucketed=bucketed)
    assert [batch.tolist() for batch in batches] == [batch.tolist() for batch in again]
    assert sorted(map(len, batches))[1:] == [batch_size] * (len(batches) - 1)


def test_buckets_save_padding():
    lengths = np.random.default_rng(0).integers(10, 128, 4096)

    def padded(bucketed):
        batches = order_batches(lengths, batch_size=32, key=(0, 0), bucketed=bucketed)
        return sum(width_of(int(lengths[batch].max()), 128) * len(batch) for batch in batches)

    assert padded(True) < 1.1 * lengths.sum() < 0.7 * padded(False)
    assert width_of(128, 128) == 128
    assert width_of(9, 128) == 16
    assert width_of(127, 127) == 127


@pytest.mark.parametrize(
    ("gold", "answer", "exact", "f1"),
    [
        (["北京"], "北京", 1, 1),
        (["北京。"], "「北京」", 1, 1),
        (["光荣和ω-force"], "光荣和", 0, 6 / 7),
        (["1998年", "1998年5月"], "1998年5", 0, 6 / 7),
        (["北京"], "上海", 0, 0),
        (["北京"], "", 0, 0),
    ],
)
def test_chinese_answers_are_scored_as_the_benchmark_does(gold, answer, exact, f1):
    assert score_answer(gold, answer) == pytest.approx((exact, f1))


@pytest.mark.parametrize(("name", "least"), [("cluener", 0.998), ("cmrc2018", 0.997)])
def test_right_outputs_give_right_answers_on_real_data(name, least):
    """Characters → tokens → characters. What is missing is entities inside a Latin word, and answers that are longer than MAX_ANSWER."""
    task, folder = TASKS[name], shared(f"data/tasks/{name}")
    records = read_records(find_file(folder, "dev"), task)
    labels = list_labels(task, records)
    tokenizer = Tokenizer.load(shared("data/vocab.txt"))
    features = Encoder(task, tokenizer, labels, task.max_seq_length).encode(records)
    outputs = []
    for feature in features:
        if task.kind == SPAN:
            output = np.full((2, feature.length), -20.0)
            output[[0, 1], feature.target] = 0
        else:
            assert task.kind == TAG
            output = np.log(np.eye(len(labels))[np.maximum(feature.target, 0)] + 1e-9)
        outputs.append(output)
    numbers = measure(task, labels, records, read_answers(task, labels, records, features, outputs))
    assert numbers[task.metric] >= least
