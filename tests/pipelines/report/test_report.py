"""The report of a real small dataset, and of manifests that are made to be difficult."""

import copy
import json
import shutil
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from lxml import html

from albert_core.drawing import DrawingOptions
from albert_core.errors import AlbertError
from albert_core.pages import page
from albert_core.pages.page import breakable, count, percent, size
from corpora.sources import source_of
from pipelines.build import BuildConfig, run_build
from pipelines.cleaning import CleaningConfig, run_clean
from pipelines.errors import BuildWarning
from pipelines.instances import InstancesConfig
from pipelines.output_folder import REPORT
from pipelines.recipe import CleanConfig
from pipelines.report import words
from pipelines.report.figures import draw_asked_and_got, draw_lengths, draw_sizes
from pipelines.report.report import make_report
from pipelines.report.statistics import SHOWN_ASKED, code_points, visible
from pipelines.report.words import LANGUAGES, REASONS, WORDS
from tests.pipelines.report.layout import measure
from tests.samples import ENCYCLOPEDIA, NEWS, vocabulary

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """Two sources; the vocabulary lacks 的, the comma and the curly quotes."""
    folder = tmp_path_factory.mktemp("reported") / "shards"
    lacking = b"".join(line for line in vocabulary().splitlines(keepends=True) if line.decode().strip() not in "的，“”")
    sources = tuple(source_of(str(path)) for path in (NEWS, ENCYCLOPEDIA))
    instances = InstancesConfig(
        vocabulary=lacking, drawing=DrawingOptions(max_seq_length=64, max_predictions_per_seq=6), dupe_factor=1, length_bins=(32, 64)
    )
    with pytest.warns(BuildWarning, match=r"\[UNK\] is"):
        run_build(BuildConfig(cleaning=CleaningConfig(output=str(folder), sources=sources), instances=instances), PipelineOptions([]))
    return folder


@pytest.fixture
def manifest(dataset) -> dict:
    return json.loads((dataset / "manifest.json").read_text("utf-8"))


def report_of(manifest: dict, folder: Path, language="en") -> str:
    """The report of a manifest alone, as of a copy without shards."""
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return make_report(str(folder), language)


def words_of(page: str) -> str:
    """The text of a page, its places to break taken out."""
    return " ".join(html.fromstring(page.encode()).find("body").text_content().split())


def cells_of(page: str) -> set[str]:
    return {" ".join(cell.text_content().split()) for cell in html.fromstring(page.encode()).iter("td", "th", "strong")}


def test_every_statistic_stands_on_the_page(dataset, manifest):
    page = make_report(str(dataset))
    cells, statistics = cells_of(page), manifest["statistics"]
    for values in (statistics, *statistics["sources"].values()):
        counts = [*values["lengths"].values(), values["tokens"], values["document_tokens"], values["without_predictions"]]
        shares = [values[name] for name in ("padding_share", "unknown_share", "masked_share", "masked_of_budget", "swapped_share")]
        shares += [*values["ngrams_drawn"].values(), *values["masked_tokens_shown_as"].values(), values["document_unknown_share"]]
        text = words_of(page)
        assert [number for number in counts if count(number) not in cells and count(number) not in text] == []
        assert [share for share in shares if percent(share) not in cells and percent(share) not in text] == []
        for entry in values["unknown_characters"][:20]:
            assert f"{entry['text']}U+{ord(entry['text'][-1]):04X}" in cells
            assert count(entry["count"]) in cells
    assert [share for share in statistics["ngrams_asked"].values() if percent(share) not in cells] == []
    for name in ("single_sentence_chunks", "cut_tokens"):
        assert f": {count(statistics[name])}." in words_of(page)
    assert {count(manifest["instances"]), manifest["digest"], manifest["digest"][:12], manifest["fingerprint"]} <= cells
    assert {shard["name"] for shard in manifest["shards"]} <= cells
    assert {count(shard["bytes"]) for shard in manifest["shards"]} <= cells
    assert {f"{manifest['packages']['rjieba']}", "utf-8", "news", "encyclopedia", "training ≤ 32", "clean.min_han", "20"} <= cells


def test_the_page_is_html_with_headings_captions_and_headers(dataset):
    page = make_report(str(dataset))
    root = html.fromstring(page.encode())
    assert page.startswith("<!DOCTYPE html>")
    assert root.get("lang") == "en"
    assert [element.text_content() for element in root.iter("h1")] == ["Dataset report"]
    sections = [element.get("id") for element in root.iter("section")]
    listed = ["documents", "sources", "lengths", "masks", "unknown", "shards", "files", "rules", "making", "instances"]
    assert sections == ["warnings", *listed]
    assert [link.get("href") for link in root.iter("a")] == [f"#{name}" for name in listed]
    for table in root.iter("table"):
        assert table.find("caption").text_content()
        assert all(header.get("scope") == "col" for header in table.find("thead").iter("th"))
        widths = {len(row) for row in table.iter("tr")}
        assert len(widths) == 1, table.find("caption").text_content()
    pictures = [element for element in root.iter("div") if element.get("role") == "img"]
    assert [picture.get("aria-label") for picture in pictures] == [element.text_content() for element in root.iter("figcaption")]
    assert len(pictures) == 3
    assert all(picture.find("svg").get("viewbox") == "0 0 360 200" for picture in pictures)


def test_nothing_is_loaded_or_run(dataset):
    page = make_report(str(dataset))
    assert "http" not in page
    assert "url(" not in page
    root = html.fromstring(page.encode())
    assert [element.tag for element in root.iter("script", "link", "img", "iframe", "object", "use", "image")] == []
    assert {name for element in root.iter() for name in element.attrib if name.startswith("on") or name in ("src", "xlink:href")} == set()


def test_the_manifests_warnings_come_first(dataset, manifest):
    assert "[UNK] is" in manifest["warnings"][0]
    root = html.fromstring(make_report(str(dataset)).encode())
    (warning,) = root.get_element_by_id("warnings").iter("li")
    assert warning.text_content() == manifest["warnings"][0]
    assert next(root.iter("section")).get("id") == "warnings"


def test_instances_have_their_masks_coloured(dataset):
    root = html.fromstring(make_report(str(dataset)).encode())
    articles = list(root.get_element_by_id("instances").iter("article"))
    assert len(articles) == 3
    titles = [article.find("h3").text_content() for article in articles]
    assert all(title.startswith("Instance ") and "train-32-00000-of-00001.tfrecord" in title for title in titles)
    assert {title.split(" · ")[1] for title in titles[:2]} == {"news", "encyclopedia"}
    for article in articles:
        assert article[1].text_content().startswith("A ")
        assert article[2].text_content().startswith("B ")
        num_masked = int(article[-1].text_content().split(" tokens, ")[1].split(" masked")[0])
        marks = list(article.iter("mark"))
        assert {mark.get("class") for mark in marks} <= {"mask", "same", "random"}
        assert 1 <= len(marks) <= num_masked
        assert "[MASK]" not in article.text_content()  # the reader sees what is hidden


def test_the_same_folder_gives_the_same_bytes(dataset):
    assert {make_report(str(dataset), "zh") for _ in range(2)} == {make_report(str(dataset), "zh")}


def test_text_is_escaped(manifest, tmp_path):
    manifest["sources"][0] |= {"name": SCRIPT, "licence": SCRIPT}
    manifest["statistics"]["sources"][SCRIPT] = manifest["statistics"]["sources"].pop("news")
    manifest["warnings"] = [SCRIPT]
    manifest["account"] |= {f"documents.rejected.{SCRIPT}": 3, f"documents.kept@{SCRIPT}": 3, f"rules.{SCRIPT}.documents": 1}
    manifest["parameters"]["seed"] = SCRIPT
    manifest["inputs"][0]["source"] = SCRIPT
    page = report_of(manifest, tmp_path)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 8
    assert SCRIPT in words_of(page)


def test_a_manifest_of_an_earlier_version_lacks_only_those_parts(manifest, tmp_path):
    new = {"sources", "unknown_characters", "document_tokens", "document_unknown_share"}
    manifest["statistics"] = {name: value for name, value in manifest["statistics"].items() if name not in new}
    del manifest["warnings"]
    root = html.fromstring(report_of(manifest, tmp_path).encode())
    sections = [element.get("id") for element in root.iter("section")]
    assert sections == ["documents", "sources", "lengths", "masks", "shards", "files", "rules", "making"]


def test_what_was_removed_or_damaged_is_said(manifest, tmp_path):
    manifest["removed"] = {"documents": 2, "instances": 1234}
    manifest["account"]["files.damaged"] = 5
    manifest["warnings"] = []
    root = html.fromstring(report_of(manifest, tmp_path).encode())
    removed, damaged = (item.text_content() for item in root.get_element_by_id("warnings").iter("li"))
    assert removed == "Removed after the build: documents 2, instances 1,234. The statistics are still those of the build."
    assert damaged == "Damaged files or members of archives: 5. What they lost is not counted."


def test_documents_without_shards_have_their_part(tmp_path):
    run_clean(CleaningConfig(output=str(tmp_path / "out"), sources=(source_of(str(NEWS)),)), PipelineOptions([]))
    page = make_report(str(tmp_path / "out"), "zh")
    assert page == make_report(str(tmp_path / "out" / "documents"), "zh").replace("documents</p>", "out</p>").replace(
        "· documents", "· out"
    )
    root = html.fromstring(page.encode())
    assert [element.get("id") for element in root.iter("section")] == ["documents", "sources", "files", "rules", "making"]
    assert root.get("lang") == "zh-Hans"
    assert next(root.iter("h1")).text_content() == "清洗后文档的报告"
    assert {"utf-8", "part-00000-of-00001.parquet"} <= cells_of(page)


def test_long_lists_are_cut(manifest, tmp_path):
    shard = manifest["shards"][0]
    manifest["shards"] = [shard | {"name": f"train-{number:05}-of-04000.tfrecord", "bytes": 10**6 + number} for number in range(4000)]
    page = report_of(manifest, tmp_path)
    assert "Shards, the first 200 of 4,000" in words_of(page)
    assert "train-00199-of-04000.tfrecord" in cells_of(page)
    assert "train-00200-of-04000.tfrecord" not in cells_of(page)
    assert len(page) < 400_000


def test_all_languages_have_all_words():
    assert len({frozenset(words) for words in WORDS.values()}) == 1
    assert len({frozenset(meanings) for meanings in REASONS.values()}) == 1
    for key, english in WORDS["en"].items():
        fields = [sorted(part.split("}")[0] for part in WORDS[language][key].split("{")[1:]) for language in LANGUAGES]
        assert fields[0] == fields[1], (key, english)
    rules = CleanConfig(listed_words=("甲",), listed_domains=("example.org",), min_quality=0.5)
    assert {*rules.document_rules(), *rules.record_rules()} <= set(REASONS["en"])


def test_every_word_is_used_and_no_english_is_left_on_the_chinese_page(dataset, manifest):
    files = [path for module in (page, words) for path in Path(module.__file__).parent.glob("*.*") if path.name != "words.py"]
    code = "".join(path.read_text("utf-8") for path in files)
    derived = {f"rate_{kind}" for kind in SHOWN_ASKED} | {"order_0", "order_1", "shards_table_some", "inputs_table_some"}
    assert [key for key in WORDS["en"] if f'"{key}"' not in code and f"words.{key}" not in code and key not in derived] == []
    text = words_of(make_report(str(dataset), "zh")).replace(" ".join(manifest["warnings"][0].split()), "")
    sentences = [word for key, word in WORDS["en"].items() if len(word) > 12 and "{" not in word and word in text]
    assert sentences == []


def test_numbers_and_characters_as_a_person_reads_them():
    assert [percent(share) for share in (0, 0.00004, 0.00005, 0.18182, 1)] == ["0 %", "< 0.01 %", "0.01 %", "18.18 %", "100 %"]
    assert [size(number) for number in (0, 999, 1000, 71_481_101, 2.5e12)] == ["0 B", "999 B", "1.0 kB", "71.5 MB", "2.5 TB"]
    assert count(1_234_567) == "1,234,567"
    assert str(breakable("too_few<i>, 3.14")) == "too_<wbr>few&lt;i&gt;, 3.14"
    assert [visible(text) for text in ("“", "\u200b", "\u0301", "##℃")] == ["“", "□", "◌\u0301", "##℃"]
    assert [code_points(text) for text in ("“", "##℃", "(word …)")] == ["U+201C", "U+2103", ""]


def test_figures_hold_numbers_only():
    figures = [
        draw_lengths({"甲": {"32": 1, "64": 3}, "乙": {"32": 0, "64": 4}}),
        draw_asked_and_got({"1": 0.6, "2": 0.4}, {"1": 0.7, "2": 0.3}),
        draw_sizes([[1.0, 2.0], [0.5]]),
        draw_sizes([[1.0] * 300, [0.5]]),
    ]
    texts = [[element.text for element in html.fromstring(figure).iter("text")] for figure in figures]
    assert texts[0][:2] == ["32", "64"]
    assert texts[1][:2] == ["1", "2"]
    assert texts[1][-4:] == ["60.0", "40.0", "70.0", "30.0"]
    assert texts[2][:3] == ["0", "1", "2"]
    assert texts[3][:3] == ["0", "38", "76"]
    assert all(text.strip("%").replace(".", "").isdigit() for of_figure in texts for text in of_figure)
    assert figures[0].count("var(--series-0)") == figures[0].count("var(--series-1)") == 2
    for figure in figures:
        assert "#" not in figure
        assert " id=" not in figure
        assert "font-family" not in figure


def test_the_command_writes_the_page_and_says_where(dataset, albert_data, tmp_path):
    folder = Path(shutil.copytree(dataset, tmp_path / "copy"))
    assert albert_data("report", folder) == (0, f"{folder}/{REPORT}\n", "")
    assert (folder / REPORT).read_text("utf-8") == make_report(str(folder))
    assert not (folder / "temporary").exists()
    target = tmp_path / "zh.html"
    assert albert_data("report", folder, "--language", "zh", "--output", target)[:2] == (0, f"{target}\n")
    assert target.read_text("utf-8") == make_report(str(folder), "zh")


def test_a_mistake_is_two_lines_and_exit_code_2(albert_data, dataset, tmp_path):
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "manifest.json").write_text("[]")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text('{"shards": [], "account": {}}')
    (tmp_path / "file").touch()
    for arguments, message in (
        ([tmp_path], "holds no manifest.json"),
        ([tmp_path / "none"], "holds no manifest.json"),
        ([tmp_path / "list"], "is not the manifest of a dataset"),
        ([tmp_path / "broken"], "is not JSON"),
        ([tmp_path / "old"], "lacks what a build writes"),
        ([dataset, "--output", tmp_path], "is a folder"),
        ([dataset, "--output", tmp_path / "file" / "a.html"], "cannot be written"),
        ([dataset, "--language", "fr"], "'fr' is not one of 'en', 'zh'"),
    ):
        code, out, err = albert_data("report", *arguments)
        assert (code, out) == (2, ""), message
        assert message in err
        assert err.startswith("albert-data: ")
        assert len(err.splitlines()) == 2


def test_a_missing_library_is_named(monkeypatch, dataset):
    for name in ("matplotlib", "jinja2"):
        with monkeypatch.context() as patch:
            patch.setitem(__import__("sys").modules, name, None)
            with pytest.raises(AlbertError, match=rf"pictures needs {name}.*\ninstall it: pip install '\.\[report\]'"):
                make_report(str(dataset))


def difficult(manifest: dict) -> dict:
    """Thirty sources with long names, spans of up to ten words, large counts."""
    values = manifest["statistics"]
    one = values["sources"]["news"]
    names = ["https" * 60, "一个名字很长的来源" * 12, *(f"source_number_{number}" for number in range(28))]
    values["sources"] = {name: copy.deepcopy(one) for name in names}
    values["ngrams_asked"] = {str(n): 0.1 for n in range(1, 11)}
    values["lengths"] = {bound: number * 10**10 for bound, number in values["lengths"].items()}
    manifest["sources"] = [manifest["sources"][0] | {"name": name, "licence": "CC-BY-SA-" * 20} for name in names]
    manifest["account"] |= {f"documents.kept@{name}": 10**11 for name in names} | {"documents.rejected." + "reason" * 20: 10**12}
    manifest["warnings"] = ["x" * 500 + "\n" + "警告" * 200]
    manifest["shards"] = [
        shard | {"name": shard["name"].replace("of", f"{number}-of")} for number in range(100) for shard in manifest["shards"]
    ]
    return manifest


@pytest.mark.integration
@pytest.mark.parametrize("width", [1600, 400])
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_overlaps_is_cut_or_scrolls_sideways(dataset, manifest, tmp_path, width, language):
    (tmp_path / "difficult").mkdir()
    for written in (make_report(str(dataset), language), report_of(difficult(manifest), tmp_path / "difficult", language)):
        found = measure(written, width, tmp_path)
        assert (found["inner"], found["scroll"]) == (width, width)
        assert found["texts"] > 300
        assert (found["overlaps"], found["cut"]) == ([], [])


@pytest.mark.integration
def test_the_measure_can_fail(tmp_path):
    page = "<body style='margin: 0'><p style='position: absolute; top: 0'>甲甲</p><p style='position: absolute; top: 5px'>乙乙</p>"
    found = measure(page + "<p style='position: absolute; left: 390px; white-space: nowrap'>a long line</p>", 400, tmp_path)
    assert found["overlaps"] == [["甲甲", "乙乙"]]
    assert found["cut"] == ["a long line"]
    assert found["scroll"] > found["inner"] == 400
