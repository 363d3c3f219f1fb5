import json

from albert_core.huggingface import write_huggingface
from albert_core.huggingface_tokenizer import fast_tokenizer
from albert_core.tokenization import Tokenizer
from tests.albert_core.test_huggingface import VOCABULARY
from tests.albert_core.test_modeling import SMALL, with_random_weights
from tests.shared_data import shared


def test_tokenizer_json_gives_the_golden_ids():
    tokenizer = Tokenizer.load(shared("data/vocab.txt"))
    library = fast_tokenizer(tokenizer)
    lines = [json.loads(line) for line in shared("data/goldens/tokenization/bert_zh_tokens.jsonl").read_text("utf-8").splitlines()]
    ids = [encoding.ids for encoding in library.encode_batch([line["text"] for line in lines])]
    assert [
        line["text"] for line, found in zip(lines, ids, strict=True) if found != [tokenizer.cls_id, *line["ids"], tokenizer.sep_id]
    ] == []
    pair = library.encode("今天", "很好")
    assert (pair.type_ids, pair.tokens) == ([0, 0, 0, 0, 1, 1, 1], ["[CLS]", "今", "天", "[SEP]", "很", "好", "[SEP]"])


def test_tokenizer_files_say_the_case(tmp_path):
    write_huggingface(tmp_path, with_random_weights(SMALL), vocabulary=VOCABULARY, normalization={"lower_case": False})
    said = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (said["do_lower_case"], said["model_max_length"], said["tokenizer_class"]) == (False, 10, "BertTokenizer")
    assert json.loads((tmp_path / "tokenizer.json").read_text())["normalizer"]["lowercase"] is False
    assert (tmp_path / "vocab.txt").read_bytes() == VOCABULARY
    assert json.loads((tmp_path / "config.json").read_text())["eos_token_id"] == 3
