"""The tokenizer files of a Hugging Face folder, with which AutoTokenizer gives the ids of tokenization.py.

Known differences: private-use characters are dropped there (here and in the reference: [UNK]); a special token that is written out in
the text, such as "[MASK]", becomes that token (here: its characters); a word of 101 to 200 characters is [UNK], as BertTokenizer sets
up its own limit of 100 and leaves the 200 of tokenizer.json unread.
"""

from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from albert_core.config import AlbertConfig
from albert_core.errors import AlbertError
from albert_core.storage import write_json
from albert_core.tokenization import MAX_RUN, SPECIAL_TOKENS, Tokenizer

ROLES = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def write_tokenizer(folder: Path, vocabulary: bytes, config: AlbertConfig, *, lower_case: bool) -> dict[str, Any]:
    """Write vocab.txt, tokenizer.json, tokenizer_config.json and special_tokens_map.json; return the ids that config.json names.

    Raises:
      AlbertError: `vocabulary` cannot serve, or has more entries than the model has rows.
    """
    tokenizer = Tokenizer.from_bytes(vocabulary, name="vocab.txt", lower_case=lower_case)
    if tokenizer.size > config.vocab_size:
        raise AlbertError(
            f"the vocabulary has {tokenizer.size:,} entries, the model has vocab_size {config.vocab_size:,}\n"
            "give the vocab.txt that the model was trained with"
        )
    (folder / "vocab.txt").write_bytes(vocabulary)
    write_json(folder / "special_tokens_map.json", ROLES)
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": lower_case,
            "strip_accents": None,
            "tokenize_chinese_chars": True,
            "model_max_length": config.max_position_embeddings,
            "clean_up_tokenization_spaces": False,
        }
        | ROLES,
    )
    fast_tokenizer(tokenizer).save(str(folder / "tokenizer.json"))
    return {"pad_token_id": tokenizer.pad_id, "bos_token_id": tokenizer.cls_id, "eos_token_id": tokenizer.sep_id}


def fast_tokenizer(tokenizer: Tokenizer) -> tokenizers.Tokenizer:
    """The same law in the `tokenizers` library, with [CLS] and [SEP] around one text or two."""
    library = tokenizers.Tokenizer(models.WordPiece(tokenizer.ids, unk_token="[UNK]", max_input_chars_per_word=MAX_RUN))
    library.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=tokenizer.lower_case
    )
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", tokenizer.cls_id), ("[SEP]", tokenizer.sep_id)],
    )
    library.decoder = decoders.WordPiece(prefix="##")
    library.add_special_tokens(list(SPECIAL_TOKENS))
    return library
