import gzip
import json

import pytest

from albert_core.errors import AlbertError
from albert_core.task_files import Entity, check_labels, find_file, list_labels, read_records
from albert_core.tasks import TASKS, Task, find_task

AFQMC, TNEWS, CLUENER = TASKS["afqmc"], TASKS["tnews"], TASKS["cluener"]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_read_with_and_without_its_header(tmp_path):
    plain = write(tmp_path / "train.txt", "怎么还款\t如何还钱\t1\n怎么还款\t提额\t0\n")
    headed = write(tmp_path / "train.tsv", "label\tsentence2\tsentence1\r\n1\t如何还钱\t怎么还款\r\n0\t提额\t怎么还款\r\n")
    for path in (plain, headed):
        records = read_records(path, AFQMC)
        assert [(record.texts, record.label) for record in records] == [(("怎么还款", "如何还钱"), "1"), (("怎么还款", "提额"), "0")]
    assert [record.where for record in read_records(headed, AFQMC)] == [f"{headed}, line 2", f"{headed}, line 3"]
    unlabelled = read_records(write(tmp_path / "test.txt", "怎么还款\t如何还钱\n"), AFQMC)
    assert unlabelled[0].label is None


def test_commas_and_quotes_of_csv(tmp_path):
    path = write(tmp_path / "train.csv", 'sentence1,sentence2,label\n"好，""真的""",坏,0\n"两\n行",坏,1\n')
    first, second = read_records(path, AFQMC)
    assert first.texts == ('好，"真的"', "坏")
    assert second.texts == ("两\n行", "坏")
    assert second.where.endswith("line 4")
    with pytest.raises(AlbertError, match=r"broken\.csv, line 2: .*\nquote fields"):
        read_records(write(tmp_path / "broken.csv", 'sentence1,sentence2,label\n"好"a,坏,0\n'), AFQMC)


def test_json_in_lines_in_a_list_and_spread_over_lines(tmp_path):
    rows = [{"label": "7", "sentence": "修水坝"}, {"label": 8, "sentence": "车"}]
    texts = {
        "lines": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
        "list": json.dumps(rows),
        "spread": "\n".join(json.dumps(row, indent=2) for row in rows),
    }
    for name, text in texts.items():
        records = read_records(write(tmp_path / f"{name}.json", text), TNEWS)
        assert [(record.texts[0], record.label) for record in records] == [("修水坝", "7"), ("车", "8")]
    assert read_records(tmp_path / "spread.json", TNEWS)[1].where.endswith("line 5")
    with pytest.raises(AlbertError, match=r"cut\.json, line 2: not JSON"):
        read_records(write(tmp_path / "cut.json", texts["lines"][:-5]), TNEWS)


def test_published_spellings(tmp_path):
    xnli = read_records(write(tmp_path / "train.tsv", "premise\thypo\tlabel\n天\t地\tcontradictory\n"), TASKS["xnli"])
    assert xnli[0].label == "contradiction"
    cmnli = read_records(write(tmp_path / "a.json", '{"sentence1": "天", "sentence2": "地", "label": "-"}'), TASKS["cmnli"])
    assert cmnli[0].label is None
    csl = read_records(write(tmp_path / "b.json", '{"id": 9, "abst": "摘要", "keyword": ["一", "二"], "label": "0"}'), TASKS["csl"])
    assert (csl[0].texts, csl[0].identifier) == (("一；二", "摘要"), "9")
    target = {"span1_index": 0, "span1_text": "小明", "span2_index": 5, "span2_text": "他"}
    row = json.dumps({"target": target, "text": "小明说今天他来", "label": "true"})
    assert read_records(write(tmp_path / "c.json", row), TASKS["cluewsc"])[0][2:4] == (("_小明_说今天[他]来",), "true")


def test_questions_in_both_layouts(tmp_path):
    squad = {
        "data": [
            {
                "paragraphs": [
                    {
                        "context": "他住在北京。",
                        "qas": [{"id": "1", "question": "哪里？", "answers": [{"text": "北京", "answer_start": 3}]}],
                    }
                ]
            }
        ]
    }
    old = [{"context_text": "他住在北京。", "qas": [{"query_id": "1", "query_text": "哪里？", "answers": ["北京", 2008]}]}]
    one = read_records(write(tmp_path / "squad.json", json.dumps(squad)), TASKS["drcd"])[0]
    assert (one.texts, one.answers, one.answer_start) == (("哪里？", "他住在北京。"), ("北京",), 3)
    two = read_records(write(tmp_path / "old.json", json.dumps(old)), TASKS["cmrc2018"])[0]
    assert (two.texts, two.answers, two.answer_start) == (("哪里？", "他住在北京。"), ("北京", "2008"), None)


def test_choices(tmp_path):
    c3 = [[["男：走吗？", "女：好。"], [{"question": "女的去吗？", "choice": ["去", "不去"], "answer": "不去"}], "m1"]]
    record = read_records(write(tmp_path / "c3.json", json.dumps(c3)), TASKS["c3"])[0]
    assert (record.texts, record.choices, record.label) == (("男：走吗？\n女：好。", "女的去吗？"), ("去", "不去"), "1")
    chid = {"content": ["他#idiom000001#，又#idiom000002#。"], "candidates": ["一", "二", "三"]}
    write(tmp_path / "train_answer.json", '{"#idiom000001#": 2, "#idiom000002#": 0}')
    first, second = read_records(write(tmp_path / "train.json", json.dumps(chid)), TASKS["chid"])
    assert (first.texts, first.label, first.identifier) == (("他____，又…。",), "2", "#idiom000001#")
    assert (second.texts, second.label) == (("他…，又____。",), "0")
    assert find_file(tmp_path, "train") == tmp_path / "train.json"  # and not the answers


def test_entities_of_both_layouts(tmp_path):
    cluener = {"text": "叶老桂在北京", "label": {"name": {"叶老桂": [[0, 2]]}, "address": {"北京": [[4, 5]]}}}
    expected = (Entity(0, 3, "name"), Entity(4, 6, "address"))
    assert read_records(write(tmp_path / "a.json", json.dumps(cluener)), CLUENER)[0].entities == expected
    columns = {
        "bio": "叶 B-name\n老 I-name\n桂 I-name\n在 O\n北 B-address\n京 I-address\n",
        "bmes": "叶 B-name\n老 M-name\n桂 E-name\n在 O\n北 B-address\n京 E-address\n",
        "weibo": "叶0\tB-name\n老1\tI-name\n桂2\tI-name\n在0\tO\n北0\tB-address\n京1\tI-address\n",
    }
    for name, text in columns.items():
        records = read_records(write(tmp_path / f"{name}.txt", text + "\n好 O\n"), TASKS["weibo"])
        assert [(record.texts, record.entities) for record in records] == [(("叶老桂在北京",), expected), (("好",), ())]
        assert records[1].where.endswith("line 8")
    with pytest.raises(AlbertError, match=r"line 1: “好” has one column"):
        read_records(write(tmp_path / "one.txt", "好\n"), TASKS["msra"])
    with pytest.raises(AlbertError, match=r"an entity outside of its text: this is not as CLUENER"):
        read_records(write(tmp_path / "b.json", '{"text": "叶", "label": {"name": {"叶": [[0, 4]]}}}'), CLUENER)


def test_what_is_wrong_is_named_with_file_and_line(tmp_path):
    for text, message in [
        ("sentence1\tlabel\n好\t1\n", r"line 2: there is no sentence2 or text_b or hypo or hypothesis, only sentence1, label"),
        ("sentence1\tsentence2\tlabel\n\t \t1\n", r"line 2: the first is empty\nfill it"),
        ("sentence1\tsentence2\tlabel\n好\t好\t1\n好\t\t1\n", r"line 3: the second is empty\nfill it, or remove the record"),
        ("好\t好\t1\n好\t好\n", r"line 2: 2 columns, the first line has 3\nadd what is missing"),
        ("", r"holds no record"),
    ]:
        with pytest.raises(AlbertError, match=message):
            read_records(write(tmp_path / "a.tsv", text), AFQMC)
    (tmp_path / "gbk.tsv").write_bytes("a\tb\t1\n怎么\t什么\t0\n".encode("gb18030"))
    with pytest.raises(AlbertError, match=r"gbk\.tsv, line 2: byte 6 is not UTF-8\nit is probably GB18030, convert it: iconv -f GB18030"):
        read_records(tmp_path / "gbk.tsv", AFQMC)
    (tmp_path / "cut.tsv.gz").write_bytes(gzip.compress(b"a\tb\t1\n" * 99)[:-9])
    with pytest.raises(AlbertError, match=r"cut\.tsv\.gz cannot be read"):
        read_records(tmp_path / "cut.tsv.gz", AFQMC)


def test_labels_and_those_that_are_unknown(tmp_path):
    records = read_records(write(tmp_path / "t.json", "".join(f'{{"label": "{n}", "sentence": "好"}}\n' for n in (10, 9, 0))), TNEWS)
    assert list_labels(TNEWS, records) == ("0", "9", "10")
    with pytest.raises(AlbertError, match=r"t\.json, line 1: label '10' is unknown\nknown from training: 0, 9"):
        check_labels(TNEWS, records, ("0", "9"))
    with pytest.raises(AlbertError, match=r"t\.json has only the label '9'\ntraining needs records of two classes"):
        list_labels(TNEWS, records[1:2])
    with pytest.raises(AlbertError, match=r"has no entity"):
        list_labels(CLUENER, read_records(write(tmp_path / "e.json", '{"text": "好", "label": {}}'), CLUENER))


def test_files_of_a_folder(tmp_path):
    write(tmp_path / "cmrc2018_dev.json", "[]")
    assert find_file(tmp_path, "dev") == tmp_path / "cmrc2018_dev.json"
    assert find_file(tmp_path, "test", needed=False) is None
    with pytest.raises(AlbertError, match=r"has no file for train: there is cmrc2018_dev\.json\ncall it train\.tsv"):
        find_file(tmp_path, "train")
    write(tmp_path / "cmrc2018_dev_2.json", "[]")
    with pytest.raises(AlbertError, match=r"has 2 files for dev: .*\nname the one: --dev-file"):
        find_file(tmp_path, "dev")
    write(tmp_path / "dev.json", "[]")
    assert find_file(tmp_path, "dev") == tmp_path / "dev.json"


def test_tasks_of_ones_own(tmp_path):
    task = find_task("pair", columns="question, other, same")
    assert (task.first, task.second, task.label, task.order) == (("question",), ("other",), ("same",), ("question", "other", "same"))
    path = write(tmp_path / "mine.json", '{"name": "mine", "first": ["q"], "label": ["topic"], "labels": ["a", "b"]}')
    mine = find_task(str(path))
    assert mine == Task(name="mine", first=("q",), label=("topic",), labels=("a", "b"))
    assert Task.from_json(json.loads(json.dumps(TASKS["xnli"].to_json()))) == TASKS["xnli"]
    for name, columns, message in [
        ("lcmqc", None, "--task lcmqc is unknown\nknown: lcqmc, xnli"),
        ("afqmc", "a,b,c", "--columns does not go with --task afqmc"),
        ("pair", "a,b", "--columns a,b names 2 fields, --task pair has 3\ngive --columns question,other,label"),
        (str(tmp_path / "none.json"), None, "cannot be read"),
    ]:
        with pytest.raises(AlbertError) as refused:
            find_task(name, columns=columns)
        assert message in str(refused.value)
    with pytest.raises(AlbertError, match=r"colour is no key of a task"):
        Task.from_json({"name": "a", "colour": 1})
