import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora import sources
from corpora.errors import CorpusError
from corpora.fields import Fields
from corpora.files import CorpusSpec
from corpora.sources import Source, list_source_files, merge_sources, name_of, read_sources, source_of


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("wiki_zh/*/wiki_*", "wiki_zh"),
        ("/data/cctv_news_md.tar.xz", "cctv_news_md"),
        ("bench.jsonl.xz", "bench"),
        ("text=books/**/*.txt", "books"),
        ("wiki2019zh=a/*/b*", "wiki2019zh"),
        ("news/2016/*.txt", "news_2016"),
        ("THUCNews/train/*.txt", "THUCNews_train"),
        ("data/*.txt", "data"),
        ("data/part-*.jsonl", "data"),
        ("data/poems_*.txt", "poems"),
        ("x/part-00000-of-00010.parquet", "x_part-00000-of-00010"),
        ("gs://bucket/*.jsonl.gz", "bucket"),
        ("gs://bucket/web/2024/*.wet.gz", "web_2024"),
        ("/data/古籍/*.txt", "古籍"),
        ("a b/新 闻(1)/*", "新_闻_1"),
        ("*.txt", "text"),
        ("*.jsonl", "jsonl"),
        ("line=*", "line"),
        ("**", "corpus"),
        ("../*.txt", "text"),
        ("长" * 70 + "/*.txt", "长" * 64),
    ],
)
def test_a_source_is_called_what_people_call_its_files(value, name):
    assert source_of(value).name == name


@given(st.text(min_size=1, max_size=80))
def test_any_glob_has_a_name_that_a_folder_can_have(pattern):
    name = name_of(CorpusSpec(None, pattern))
    assert Source(name=name, corpora=(CorpusSpec(None, pattern),)).name == name
    assert "/" not in name


def test_a_corpus_option_is_a_source():
    fields = Fields(text="body")
    assert source_of("jsonl=web/*.json", fields) == Source(name="web", corpora=(CorpusSpec("jsonl", "web/*.json"),), fields=fields)


def test_sources_of_one_name_are_one():
    merged = merge_sources([source_of("a/x/*.txt"), source_of("b/*.txt"), source_of("c/x/*.md"), source_of("a/x/*.txt")])
    assert [(source.name, [spec.pattern for spec in source.corpora]) for source in merged] == [
        ("x", ["a/x/*.txt", "c/x/*.md"]),
        ("b", ["b/*.txt"]),
    ]


def test_sources_of_one_name_that_differ_are_refused():
    one = Source(name="a", corpora=(CorpusSpec(None, "x"),), weight=2)
    with pytest.raises(CorpusError, match=r"two sources are called 'a', with weight 2 and 1.0\nname them differently"):
        merge_sources([one, source_of("a/*")])


def test_a_yaml_file_lists_sources():
    text = (sources.__doc__ or "").split("\n\n", 1)[1]
    assert read_sources(text, "s.yaml") == [
        Source(name="wiki", corpora=(CorpusSpec("wiki2019zh", "wiki_zh/*/wiki_*"),), licence="CC BY-SA"),
        Source(
            name="reviews",
            corpora=(CorpusSpec("csv", "shop/*.csv"), CorpusSpec("csv", "hotels/*.csv")),
            fields=Fields(text="review", title="product"),
            weight=0.5,
            priority=2,
            cap=100_000,
        ),
    ]
    assert read_sources("- {name: 2016, files: [x], fields: text=a}", "s.yaml") == [
        Source(name="2016", corpora=(CorpusSpec(None, "x"),), fields=Fields(text="a"))
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "s.yaml is not YAML: while parsing a flow node"),
        ("- {name: a, corpus: b, name: c}", "s.yaml is not YAML: 'name' stands twice in one entry\n"),
        ("x", "s.yaml is no list of sources\nbegin it with 'sources:'"),
        ("sources: []", "s.yaml is no list of sources\n"),
        ("{sources: [{name: a, corpus: b}], other: 1}", "s.yaml is no list of sources\n"),
        ("- 3", "s.yaml, source 1: it is a number\ngive name and corpus"),
        ("- {name: a}", "s.yaml, source 1 (a): it has no corpus\ngive name: NAME and corpus: GLOB"),
        ("- {corpus: a}", "s.yaml, source 1: it has no name\n"),
        ("- {name: a, corpus: b, files: c}", "s.yaml, source 1 (a): it has both corpus and files\n"),
        ("- {name: a, corpus: b, wheight: 2}", "s.yaml, source 1 (a): unknown setting 'wheight'\ndid you mean weight? known: name, corpus"),
        ("- {name: a, corpus: 3}", "s.yaml, source 1 (a): corpus is 3\ngive a glob, or a list of them"),
        ("- {name: a, corpus: b, format: docx}", "s.yaml, source 1 (a): unknown format 'docx'\nknown: text, "),
        ("- {name: a, corpus: b, weight: 0}", "s.yaml, source 1 (a): source 'a': weight is 0\ngive a number above 0"),
        ("- {name: a, corpus: b, weight: .inf}", "s.yaml, source 1 (a): source 'a': weight is inf\n"),
        ("- {name: a, corpus: b, weight: .nan}", "s.yaml, source 1 (a): source 'a': weight is nan\n"),
        ("- {name: a, corpus: b, cap: true}", "s.yaml, source 1 (a): source 'a': cap is True\ngive a whole number above 0"),
        ("- {name: a, corpus: b, cap: 0}", "s.yaml, source 1 (a): source 'a': cap is 0\n"),
        ("- {name: a, corpus: b, priority: 1.5}", "s.yaml, source 1 (a): source 'a': priority is 1.5\ngive a whole number"),
        ("- {name: a, corpus: b, licence: 4}", "s.yaml, source 1 (a): source 'a': licence is 4\ngive a text"),
        ("- {name: a, corpus: b, fields: {txt: q}}", "s.yaml, source 1 (a): unknown field 'txt'\nknown: text, "),
        ("- {name: a, corpus: b, fields: 3}", "s.yaml, source 1 (a): fields is a number\n"),
        ("- {name: a/b, corpus: b}", "s.yaml, source 1 (a/b): a source cannot be called 'a/b'\nuse letters"),
        ("- {name: .., corpus: b}", "s.yaml, source 1 (..): a source cannot be called '..'\n"),
        ("- {name: " + "a" * 65 + ", corpus: b}", "s.yaml, source 1 (" + "a" * 65 + "): a source cannot be called "),
        ("- {name: a, corpus: b}\n- {name: a, corpus: c}", "s.yaml, source 2 (a): another source has the name 'a' too\n"),
    ],
)
def test_what_is_wrong_in_a_yaml_file_is_named_with_its_place(text, message):
    with pytest.raises(CorpusError) as caught:
        read_sources(text, "s.yaml")
    assert str(caught.value).startswith(message)


@given(st.text(alphabet="-:{}[] \n,&*ab!'\"|#", max_size=30))
def test_any_text_that_lists_no_source_is_refused(text):
    with pytest.raises(CorpusError, match=r"(?s)s\.yaml.*\n"):
        read_sources(text, "s.yaml")


def test_files_of_a_source_have_its_name_and_fields_and_come_once():
    store = {"a/1.txt": "一句话。".encode(), "a/2.txt": "又一句。".encode()}
    patterns = {"a/*": list(store), "a/2*": ["a/2.txt"]}
    source = Source(name="书", corpora=(CorpusSpec("line", "a/2*"), CorpusSpec("text", "a/*")), fields=Fields(text="x"))
    files = list_source_files(
        source, lambda glob: [(path, len(store[path])) for path in patterns[glob]], lambda path: io.BytesIO(store[path])
    )
    assert [(file.path, file.format, file.source, file.fields) for file in files] == [
        ("a/1.txt", "text", "书", Fields(text="x")),
        ("a/2.txt", "line", "书", Fields(text="x")),
    ]
