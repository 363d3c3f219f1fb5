"""make demo: the sample corpus becomes shards, a small ALBERT learns them by heart, and fills in masked words.

Runs the two commands as a user would, and shows each. A second run finds everything done and only shows it again.
"""

import json
import subprocess
import sys
from pathlib import Path

from cli.options import EXIT_USER_ERROR

SAMPLES = Path("corpora/samples")
CORPORA = [str(SAMPLES / name) for name in ("encyclopedia.jsonl", "news.txt", "community/*.txt", "dirty.jsonl")]
# A toy: narrow and shallow, so that two cores teach it in minutes. Its weights begin larger than the published 0.02, which suits wide
# models: in one this narrow the word embeddings, a product of two such matrices, would drown in the position embeddings for a long time.
MODEL = {
    "embedding_size": 128, "hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 4, "num_hidden_layers": 2,
    "max_position_embeddings": 64, "initializer_range": 0.1, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    "type_vocab_size": 2, "hidden_act": "gelu", "ln_type": "postln",
}  # fmt: skip
TRAINING = ["--num-train-steps", "3000", "--train-batch-size", "32", "--learning-rate", "2e-3"]
QUESTIONS = [  # sentences of the sample; 〔…〕 is hidden from the model
    "中国是最早种茶、制〔茶〕和饮茶的国〔家〕。",
    "火车是在〔铁〕路上行驶的交〔通〕工具。",
    "世界上第一条高速〔铁〕路是日本的东海道新干线。",
    "蒸汽机是把蒸汽的能〔量〕转变成动〔力〕的机器。",
    "长江是中〔国〕最长的河流，也是世〔界〕第三长河。",
    "雨是从云中降落到地〔面〕的水滴。",
    "骑车的人用脚踩踏板，通过链条带〔动〕后轮向前转〔动〕。",
    "湖泊可以分为淡水〔湖〕和咸水湖。",
    "雪花大多是六角〔形〕的。",
    "桥〔梁〕是架在河流、山谷或者道〔路〕上的建筑物。",
]


def main(folder: str = "demo") -> None:
    """The whole path, told step by step."""
    home = Path(folder)
    home.mkdir(exist_ok=True)
    vocab, shards, model, config = (str(home / name) for name in ("vocab.txt", "shards", "model", "config.json"))
    corpora = [part for corpus in CORPORA for part in ("--corpus", corpus)]
    say("1  Learn a vocabulary from the sample corpus")
    if not Path(vocab).exists():
        run("albert-data", "vocab", *corpora, "--size", "4000", "--min-count", "1", "--output", vocab)
    else:
        print(f"{vocab} is there already")
    say("2  Clean the corpus and write shards: whole words masked, sentence order swapped in half of the instances")
    run("albert-data", "build", *corpora, "--vocab", vocab, "--output", shards, "--masking", "dynamic", "--max-seq-length", "64",
        "--masked-lm-prob", "0.15", "--eval-fraction", "0.03")  # fmt: skip
    print()
    run("albert-data", "inspect", shards, "-n", "1")
    say("3  Train a small model on them, with what it has not seen measured at the end")
    Path(config).write_text(json.dumps({**MODEL, "vocab_size": len(Path(vocab).read_text("utf-8").splitlines())}, indent=1))
    run("albert-train", "pretrain", "--data", shards, "--model", config, "--output", model, *TRAINING)
    say("4  Ask it for the words behind [MASK], in sentences of its little corpus")
    ask(model)
    say("5  Your turn")
    print(NEXT.format(model=model, shards=shards))


def ask(model: str) -> None:
    """Masked sentences, what the model fills in, and how many are right."""
    hidden = [question.split("〔")[1:] for question in QUESTIONS]
    answers = [[part.split("〕")[0] for part in parts] for parts in hidden]
    masked = [mask(question) for question in QUESTIONS]
    print(f"$ albert-train predict --model {model} '{masked[0]}' …")
    command = [program("albert-train"), "predict", "--model", model, "--json", *masked]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    right = total = 0
    for question, wanted, line in zip(masked, answers, output.splitlines(), strict=True):
        guesses = [candidates[0]["token"] for candidates in json.loads(line)["masks"]]
        for guess, answer in zip(guesses, wanted, strict=True):
            question = question.replace("[MASK]", f"【{guess}】" if guess == answer else f"【{guess}, not {answer}】", 1)
            right, total = right + (guess == answer), total + 1
        print(f"  {question}")
    print(f"{right} of {total} right")


def mask(question: str) -> str:
    """The question as the model sees it.

    >>> mask("几〔千〕年")
    '几[MASK]年'
    """
    first, *parts = question.split("〔")
    return first + "".join("[MASK]" + part.split("〕")[1] for part in parts)


NEXT = """\
albert-train predict --model {model} '你的句子里有一个[MASK]。'
albert-data inspect {shards} -n 10           more instances, as people read them
albert-data build --help                     your own corpus, also on Dataflow
albert-train pretrain --help                 the published sizes and the reference recipe
README.md, README.zh-CN.md                   what to do next, task by task"""


def say(title: str) -> None:
    """A step's headline."""
    print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n== {title}", flush=True)


def run(name: str, *arguments: str) -> None:
    """Runs one of our commands and shows it first; leaves when it fails, which has said why."""
    shown = " ".join(f"'{argument}'" if set(argument) & set("*[] ") else argument for argument in arguments)
    print(f"$ {name} {shown}", flush=True)
    status = subprocess.run([program(name), *arguments], check=False).returncode
    if status:
        sys.exit(status if status == EXIT_USER_ERROR else 1)


def program(name: str) -> str:
    """The command of the environment that this runs in."""
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    main(*sys.argv[1:])
