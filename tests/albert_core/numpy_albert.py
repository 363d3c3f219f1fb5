"""A second forward pass, plain NumPy in float64 and independent of the core: the oracle for what the goldens do not cover.

Written from the papers and DESIGN.md, one instance at a time, no fusing. `weights` maps checkpoint names to arrays.
"""

import math

import numpy as np

GELU_SLOPE = np.sqrt(2 / np.pi)


def dense(weights, name, x):
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def norm(weights, name, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12) * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def activation(config):
    return {
        "gelu": lambda x: 0.5 * x * (1 + np.tanh(GELU_SLOPE * (x + 0.044715 * x**3))),
        "relu": lambda x: np.maximum(x, 0),
        "gelu_erf": lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))),
    }[config["hidden_act"]]


def encode(config, weights, ids, mask, segments):
    """One instance: int [T] each → sequence output [T, H], pooled output [H]."""
    google, bert = "num_hidden_groups" in config, "embedding_size" not in config
    words = weights["bert/embeddings/word_embeddings"][ids]
    if not google and not bert:
        words = words @ weights["bert/embeddings/word_embeddings_2"]
    x = words + weights["bert/embeddings/token_type_embeddings"][segments] + weights["bert/embeddings/position_embeddings"][: len(ids)]
    x = norm(weights, "bert/embeddings/LayerNorm", x)
    if google and config.get("embedding_mapping", config["embedding_size"] != config["hidden_size"]):
        x = dense(weights, "bert/encoder/embedding_hidden_mapping_in", x)
    sharing = config.get("sharing", "none" if bert else "all")
    for layer in range(config["num_hidden_layers"]):
        if not google:
            attention = "layer_shared" if sharing in ("all", "attention") else f"layer_{layer}"
            feed_forward = "layer_shared" if sharing in ("all", "ffn") else f"layer_{layer}"
            x = brightmart_layer(config, weights, f"bert/encoder/{attention}", f"bert/encoder/{feed_forward}", x, mask)
            continue
        if sharing != "all":
            attention, feed_forward = (0, layer) if sharing == "attention" else (layer, 0)
            group = "bert/encoder/transformer/group_{}/inner_group_0"
            x = google_layer(config, weights, group.format(attention), group.format(feed_forward), x, mask)
            continue
        group = int(layer / config["num_hidden_layers"] * config["num_hidden_groups"])
        for inner in range(config["inner_group_num"]):
            prefix = f"bert/encoder/transformer/group_{group}/inner_group_{inner}"
            x = google_layer(config, weights, prefix, prefix, x, mask)
    return x, np.tanh(dense(weights, "bert/pooler/dense", x[0]))


def brightmart_layer(config, weights, attention, feed_forward, x, mask):
    """`attention` and `feed_forward` are the scopes that hold either half; BERT's layers have the same names."""
    act, pre = activation(config), config.get("ln_type") == "preln"
    before = norm(weights, f"{attention}/attention/output/LayerNorm", x) if pre else x
    x = x + dense(weights, f"{attention}/attention/output/dense", attend(config, weights, f"{attention}/attention/self", before, mask))
    if not pre:
        x = norm(weights, f"{attention}/attention/output/LayerNorm", x)
    before = norm(weights, f"{feed_forward}/output/LayerNorm", x) if pre else x
    x = x + dense(weights, f"{feed_forward}/output/dense", act(dense(weights, f"{feed_forward}/intermediate/dense", before)))
    return x if pre else norm(weights, f"{feed_forward}/output/LayerNorm", x)


def google_layer(config, weights, attention, feed_forward, x, mask):
    attended = attend(config, weights, f"{attention}/attention_1/self", x, mask)
    x = norm(weights, f"{attention}/LayerNorm", x + dense(weights, f"{attention}/attention_1/output/dense", attended))
    inner = activation(config)(dense(weights, f"{feed_forward}/ffn_1/intermediate/dense", x))
    return norm(weights, f"{feed_forward}/LayerNorm_1", x + dense(weights, f"{feed_forward}/ffn_1/intermediate/output/dense", inner))


def attend(config, weights, prefix, x, mask):
    heads = config["num_attention_heads"]
    width = config["hidden_size"] // heads
    query, key, value = (dense(weights, f"{prefix}/{name}", x) for name in ("query", "key", "value"))
    context = np.zeros_like(x)
    for head in range(heads):
        columns = slice(head * width, (head + 1) * width)
        scores = query[:, columns] @ key[:, columns].T / np.sqrt(width) + (1 - mask)[None, :] * -10000.0
        context[:, columns] = softmax(scores) @ value[:, columns]
    return context


def masked_log_probs(config, weights, sequence, positions):
    """[T, H], int [P] → [P, V]."""
    x = activation(config)(dense(weights, "cls/predictions/transform/dense", sequence[positions]))
    x = norm(weights, "cls/predictions/transform/LayerNorm", x)
    if "num_hidden_groups" not in config and "embedding_size" in config:
        x = x @ weights["bert/embeddings/word_embeddings_2"].T
    return np.log(softmax(x @ weights["bert/embeddings/word_embeddings"].T + weights["cls/predictions/output_bias"]))


def order_log_probs(weights, pooled):
    """[H] → [2]."""
    return np.log(softmax(weights["cls/seq_relationship/output_weights"] @ pooled + weights["cls/seq_relationship/output_bias"]))


def class_logits(config, weights, pooled):
    """[H] → [labels]."""
    if config.get("ln_type") == "preln":
        pooled = norm(weights, "loss/LayerNorm", pooled)
    return weights["output_weights"] @ pooled + weights["output_bias"]
