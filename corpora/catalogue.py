"""Public Chinese corpora: what they are, as their authors published it, and how to read them. The texts are not part of this project."""

from dataclasses import dataclass

from corpora.fields import Fields

NOT_STATED = "not stated by its authors"
FROM_MEMORY = frozenset(
    [
        "alpaca",
        "chinese_poetry",
        "chinese_webtext",
        "cluecorpus_small",
        "dureader",
        "fineweb_edu_chinese",
        "lcsts",
        "mc4_zh",
        "skypile",
        "sogou_news",
        "thucnews",
        "toutiao",
        "weixin",
        "wudao",
    ]
)
"""Corpora of which some fact (size, licence or fields) was not checked against its authors' own page: the catalogue says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCorpus:
    """A corpus that anybody may know by this name.

    Attributes:
      name: what stands before `=` in `--corpus`, and the name of the source.
      description: one line.
      size: as published.
      licence: as published; the texts may have other owners.
      record: the fields of a record as published.
      format: the format that its files are in.
      files: an example of a glob.
      fields: where its records have their text; None where the format knows.
      keys: fields whose presence in a JSON object tells that it is a record of this corpus; none if others have the same.
    """

    name: str
    description: str
    size: str
    licence: str
    record: str
    format: str
    files: str
    fields: Fields | None = None
    keys: frozenset[str] = frozenset()


PUBLIC_CORPORA: tuple[PublicCorpus, ...] = (
    PublicCorpus(
        name="wiki2019zh",
        description="Chinese Wikipedia of February 2019 (nlp_chinese_corpus)",
        size="1,043,224 articles, 1.6 GB",
        licence=f"{NOT_STATED}; Wikipedia's texts are CC BY-SA",
        record="id, url, title, text",
        format="jsonl",
        files="wiki_zh/*/wiki_*",
        fields=Fields(text="text", title="title", url="url"),
        keys=frozenset({"id", "url", "title", "text"}),
    ),
    PublicCorpus(
        name="news2016zh",
        description="news of 2014–2016 from 63,000 media, with keywords and descriptions (nlp_chinese_corpus)",
        size="2.5 million articles, 9 GB",
        licence=NOT_STATED,
        record="news_id, keywords, title, desc, source, time, content",
        format="jsonl",
        files="news2016zh_*.json",
        fields=Fields(text="content", title="title"),
        keys=frozenset({"news_id", "keywords", "title", "desc", "content"}),
    ),
    PublicCorpus(
        name="webtext2019zh",
        description="answers with at least three votes to questions of a community, by topic (nlp_chinese_corpus)",
        size="4.1 million answers, 3.7 GB",
        licence=NOT_STATED,
        record="qid, title, desc, topic, star, content, answer_id, answerer_tags",
        format="jsonl",
        files="web_text_zh_*.json",
        fields=Fields(text="desc+content", title="title"),
        keys=frozenset({"qid", "title", "desc", "topic", "content"}),
    ),
    PublicCorpus(
        name="baike2018qa",
        description="questions and answers of an encyclopedia, in 492 categories (nlp_chinese_corpus)",
        size="1.5 million questions, more than 1 GB",
        licence=NOT_STATED,
        record="qid, category, title, desc, answer",
        format="jsonl",
        files="baike_qa_*.json",
        fields=Fields(text="desc+answer", title="title"),
        keys=frozenset({"qid", "category", "title", "desc", "answer"}),
    ),
    PublicCorpus(
        name="translation2019zh",
        description="sentences with their translations; the Chinese side is read (nlp_chinese_corpus)",
        size="5.2 million pairs, 1.1 GB",
        licence=NOT_STATED,
        record="english, chinese",
        format="jsonl",
        files="translation2019zh_*.json",
        fields=Fields(text="chinese"),
        keys=frozenset({"english", "chinese"}),
    ),
    PublicCorpus(
        name="cluecorpus2020",
        description="Chinese part of Common Crawl, cleaned (CLUECorpus2020, arXiv:2003.01355)",
        size="100 GB, 35 billion characters",
        licence="on request, for research, not to be passed on",
        record="one sentence a line, a blank line after each document",
        format="blank_line",
        files="CLUECorpus2020/**/*.txt",
    ),
    PublicCorpus(
        name="cluecorpus_small",
        description="news, community, Wikipedia and comments in files of up to 4 MB (CLUECorpusSmall)",
        size="14 GB, 5 billion characters",
        licence=NOT_STATED,
        record="one sentence a line, a blank line after each document",
        format="blank_line",
        files="CLUECorpusSmall/*/*.txt",
    ),
    PublicCorpus(
        name="skypile",
        description="Chinese web pages, filtered and without duplicates (SkyPile-150B)",
        size="233 million pages, 150 billion tokens, 620 GB",
        licence="Skywork Community License",
        record="text",
        format="jsonl",
        files="SkyPile-150B/data/*.jsonl",
        fields=Fields(text="text"),
    ),
    PublicCorpus(
        name="mc4_zh",
        description="Chinese part of multilingual C4, or of a corpus in its layout (mC4, arXiv:2010.11934)",
        size="55 million pages, 39 billion tokens",
        licence="ODC-BY 1.0, and Common Crawl's terms of use",
        record="text, timestamp, url",
        format="jsonl",
        files="multilingual/c4-zh.*.json.gz",
        fields=Fields(text="text", url="url"),
        keys=frozenset({"text", "timestamp", "url"}),
    ),
    PublicCorpus(
        name="wudao",
        description="web pages of 2021, the open part of WuDaoCorpora 2.0",
        size="200 GB, 72 billion characters",
        licence="its own agreement, on registration",
        record="id, uniqueKey, titleUkey, dataType, title, content; files are JSON arrays",
        format="json",
        files="WuDaoCorpus2.0_base_200G/*.json",
        fields=Fields(text="content", title="title"),
        keys=frozenset({"uniqueKey", "dataType", "title", "content"}),
    ),
    PublicCorpus(
        name="wanjuan",
        description="text part of Intern · WanJuan 1.0: pages, news, textbooks, patents, examinations (arXiv:2308.10755)",
        size="500 million documents, 1 TB, Chinese and English",
        licence="CC BY 4.0; subsets may have others",
        record="id, content",
        format="jsonl",
        files="WanJuan1.0/nlp/CN/*/*.jsonl",
        fields=Fields(text="content", title="title"),
    ),
    PublicCorpus(
        name="chinese_webtext",
        description="Chinese part of Common Crawl, each text with a quality score (ChineseWebText, arXiv:2311.01149)",
        size="1.42 TB; 600 GB of it with a score above 0.9",
        licence="see its publication",
        record="title, score, text, url, source_type",
        format="jsonl",
        files="ChineseWebText/*.jsonl",
        fields=Fields(text="text", title="title", url="url", quality="score"),
        keys=frozenset({"title", "score", "text", "url", "source_type"}),
    ),
    PublicCorpus(
        name="chinese_webtext2",
        description="its successor, also with domains and toxicity (ChineseWebText 2.0)",
        size="3.8 TB",
        licence="Apache-2.0",
        record="text, domain, toxicity, quality_score",
        format="jsonl",
        files="ChineseWebText2.0/*.jsonl",
        fields=Fields(text="text", quality="quality_score"),
        keys=frozenset({"text", "domain", "toxicity", "quality_score"}),
    ),
    PublicCorpus(
        name="fineweb_edu_chinese",
        description="educational Chinese web pages with a score (OpenCSG Chinese FineWeb Edu v2)",
        size="188 million pages, about 420 billion tokens",
        licence="Apache-2.0",
        record="text, score and others; files are Parquet",
        format="parquet",
        files="chinese-fineweb-edu-v2/**/*.parquet",
        fields=Fields(text="text", quality="score"),
    ),
    PublicCorpus(
        name="mnbvc",
        description="all kinds of Chinese text, a file with its paragraphs in a record (MNBVC)",
        size="more than 2 TB, growing",
        licence="MIT for the collection; the rights to the texts were not examined",
        record="文件名, 段落: [{行号, 是否重复, md5, 内容}], and others",
        format="jsonl",
        files="MNBVC/**/*.jsonl.gz",
        fields=Fields(text="段落.内容", title="文件名"),
        keys=frozenset({"文件名", "段落"}),
    ),
    PublicCorpus(
        name="thucnews",
        description="Sina news of 2005–2011 in 14 categories, a file each, the headline in its first line (THUCNews)",
        size="740,000 articles, 2.19 GB",
        licence="free for research, on request otherwise",
        record="plain text; as one file also category and text with a tab between them (format tsv)",
        format="text",
        files="THUCNews/*/*.txt",
    ),
    PublicCorpus(
        name="sogou_news",
        description="news pages of Sogou Labs (SogouCA, SogouCS), in GB18030",
        size="see its publication",
        licence="for research, by its own agreement",
        record="<doc> with url, docno, contenttitle, content",
        format="tagged",
        files="news_*_xml.dat",
        fields=Fields(text="content", title="contenttitle", url="url"),
    ),
    PublicCorpus(
        name="lcsts",
        description="microblog posts of news media with a summary each (LCSTS, arXiv:1506.05865)",
        size="2.4 million posts",
        licence="on request, for research",
        record="<doc id=…> with human_label, summary, short_text",
        format="tagged",
        files="LCSTS/DATA/PART_*.txt",
        fields=Fields(text="short_text", title="summary"),
    ),
    PublicCorpus(
        name="dureader",
        description="pages found for questions to a search engine; each page is a document (DuReader, arXiv:1711.05073)",
        size="200,000 questions, 1 million pages",
        licence="Apache-2.0 for its repository",
        record="question, documents: [{title, paragraphs}], and others",
        format="jsonl",
        files="dureader/*/search.*.json",
        fields=Fields(each="documents", text="paragraphs", title="title"),
        keys=frozenset({"documents", "question", "question_type"}),
    ),
    PublicCorpus(
        name="wikiextractor_json",
        description="any Wikipedia as wikiextractor --json writes it",
        size="that of the dump",
        licence="CC BY-SA 4.0 (Wikipedia)",
        record="id, revid, url, title, text",
        format="jsonl",
        files="extracted/*/wiki_*",
        fields=Fields(text="text", title="title", url="url"),
        keys=frozenset({"id", "revid", "url", "title", "text"}),
    ),
    PublicCorpus(
        name="weixin",
        description="articles of WeChat public accounts (weixin_public_corpus)",
        size="about 3 GB",
        licence=NOT_STATED,
        record="name, account, title, content",
        format="jsonl",
        files="articles.json",
        fields=Fields(text="content", title="title"),
        keys=frozenset({"name", "account", "title", "content"}),
    ),
    PublicCorpus(
        name="chinese_poetry",
        description="poems of the Tang and Song and other collections (chinese-poetry)",
        size="about 55,000 Tang and 260,000 Song poems",
        licence="MIT",
        record="title or rhythmic, author, paragraphs; files are JSON arrays",
        format="json",
        files="chinese-poetry/*/poet.*.json",
        fields=Fields(text="paragraphs", title="title|rhythmic"),
        keys=frozenset({"author", "paragraphs"}),
    ),
    PublicCorpus(
        name="alpaca",
        description="instructions with answers in the layout of Alpaca, as BELLE and others have them",
        size="BELLE: 0.5 to 3.5 million",
        licence="BELLE: for research, not for commerce",
        record="instruction, input, output",
        format="jsonl",
        files="train_2M_CN.json",
        fields=Fields(text="instruction+input+output"),
        keys=frozenset({"instruction", "input", "output"}),
    ),
    PublicCorpus(
        name="toutiao",
        description="headlines of Toutiao with category and keywords (toutiao-text-classification)",
        size="382,688 headlines",
        licence=NOT_STATED,
        record="id, code, category, headline, keywords, with _!_ between them",
        format="csv",
        files="toutiao_cat_data.txt",
        fields=Fields(text="4"),
    ),
)


def corpus_with(keys: frozenset[str]) -> PublicCorpus | None:
    """The corpus whose records have these keys: the one that asks for the most of them."""
    fitting = [corpus for corpus in PUBLIC_CORPORA if corpus.keys and corpus.keys <= keys]
    return max(fitting, key=lambda corpus: len(corpus.keys), default=None)
