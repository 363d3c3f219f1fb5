"""make demo: the sample corpus becomes shards, a small ALBERT learns them by heart, and fills in masked words.

Runs the two commands as a user would, and shows each. A second run finds everything done and only shows it again.
"""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

from cli.options import EXIT_USER_ERROR

SAMPLES = Path("corpora/samples")
# Two stories, two recipes, and lines that must be rejected: as much as a toy learns by heart in two minutes.
CORPORA = [str(SAMPLES / name) for name in ("community/story_*.txt", "community/recipe_*.txt", "dirty.jsonl")]
# Many copies, half of them cut short at other places: so every sentence is seen in every position and behind many masks.
SHARDS = ["--max-seq-length", "48", "--masked-lm-prob", "0.15", "--dupe-factor", "500", "--short-seq-prob", "0.5", "--eval-fraction", "0"]
# A toy: narrow and shallow, so that two cores teach it in minutes. Its weights begin larger than the published 0.02, which suits wide
# models: in one this narrow the word embeddings, a product of two such matrices, would drown in the position embeddings for a long time.
MODEL = {
    "embedding_size": 128, "hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 4, "num_hidden_layers": 1,
    "max_position_embeddings": 48, "initializer_range": 0.1, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    "type_vocab_size": 2, "hidden_act": "gelu", "ln_type": "postln",
}  # fmt: skip
# float32: a toy that learns by heart is better for it.
TRAINING = ["--num-train-steps", "6000", "--train-batch-size", "32", "--learning-rate", "2e-3", "--compute-dtype", "float32"]
QUESTIONS = [  # sentences of the sample; 〔…〕 is hidden from the model
    "麻婆豆腐是我家饭桌上出现〔次数〕最多的一道菜。",
    "它的材料〔便宜〕，做起来只要十五分钟，而且特别下饭。",
    "如果家里有〔小孩〕，可以把番茄切得小一些。",
    "一盘好的麻婆〔豆腐〕，应该又麻又辣，又烫又香。",
    "小狐狸是〔春天〕出生的，所以它没有见过雪。",
    "它跑几步，回头看一看，身后有一串像〔梅花〕一样的脚印。",
    "第三天晚上，小狐狸太困了，它把头放在〔尾巴〕上。",
    "海边有一座很老的灯塔，守〔灯塔〕的人叫老海。",
    "岛上没有商店，也没有〔学校〕。",
    "他一个人住在塔里，每天〔晚上〕点亮大灯，每天早上把玻璃擦干净。",
]


def main(folder: str = "demo") -> None:
    """The whole path, told step by step."""
    home = Path(folder)
    home.mkdir(exist_ok=True)
    vocab, shards, model, config = (str(home / name) for name in ("vocab.txt", "shards", "model", "config.json"))
    corpora = [part for corpus in CORPORA for part in ("--corpus", corpus)]
    say("1  Learn a vocabulary from the sample corpus")
    if not Path(vocab).exists():
        run("albert-data", "vocab", *corpora, "--size", "2000", "--min-count", "1", "--output", vocab)
    else:
        print(f"{vocab} is there already")
    say("2  Clean the corpus and write shards: whole words masked, sentence order swapped in half of the instances")
    run("albert-data", "build", *corpora, "--vocab", vocab, "--output", shards, *SHARDS)
    print()
    run("albert-data", "inspect", shards, "-n", "1")
    say("3  Train a small model on them, until it knows them by heart")
    Path(config).write_text(json.dumps({**MODEL, "vocab_size": len(Path(vocab).read_text("utf-8").splitlines())}, indent=1))
    run("albert-train", "pretrain", "--data", shards, "--model", config, "--output", model, *TRAINING)
    say("4  Ask it for the words behind [MASK], in sentences of its little corpus")
    ask(model)
    say("5  Your turn")
    print(NEXT.format(model=model, shards=shards))


def ask(model: str) -> None:
    """Masked sentences, what the model fills in, and how many are right."""
    masked = [mask(question) for question in QUESTIONS]
    print(f"$ albert-train predict --model {model} '{masked[0]}' …")
    command = [program("albert-train"), "predict", "--model", model, "--json", *masked]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    right = total = 0
    for question, line in zip(QUESTIONS, output.splitlines(), strict=True):
        guesses = iter(candidates[0]["token"] for candidates in json.loads(line)["masks"])
        shown, *parts = question.split("〔")
        for part in parts:
            hidden, rest = part.split("〕")
            guess = "".join(itertools.islice(guesses, len(hidden)))
            shown += (f"【{guess}】" if guess == hidden else f"【{guess}, not {hidden}】") + rest
            right, total = right + (guess == hidden), total + 1
        print(f"  {shown}")
    print(f"{right} of {total} words right")


def mask(question: str) -> str:
    """The question as the model sees it: a [MASK] for each hidden character.

    >>> mask("我们去〔公园〕玩")
    '我们去[MASK][MASK]玩'
    """
    return re.sub("〔(.*?)〕", lambda hidden: "[MASK]" * len(hidden[1]), question)


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
