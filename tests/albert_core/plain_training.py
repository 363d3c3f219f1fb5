"""Pretraining a second time, as plainly as it can be said, and independent of the core: no strategies, streams, fusing or checkpoints.

Written from the papers: ALBERT in the brightmart layout, AdamW with bias correction, the schedule. All of it is in sight.
"""

import numpy as np
import tensorflow as tf

BETAS, EPSILON, DECAY, CLIP = (0.9, 0.999), 1e-6, 0.01, 1.0


def forward(config, w, batch):
    """(masked-word loss, order loss) of a batch."""
    hidden, heads = config.hidden_size, config.num_attention_heads
    count, length = batch["input_ids"].shape

    def dense(name, x):
        return tf.einsum("...i,io->...o", x, w[f"{name}/kernel"]) + w[f"{name}/bias"]

    def norm(name, x):
        mean = tf.reduce_mean(x, -1, keepdims=True)
        return (x - mean) / tf.sqrt(tf.reduce_mean((x - mean) ** 2, -1, keepdims=True) + 1e-12) * w[f"{name}/gamma"] + w[f"{name}/beta"]

    def act(x):
        return 0.5 * x * (1 + tf.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def split(x):
        return tf.reshape(x, [count, length, heads, hidden // heads])

    table = tf.matmul(w["bert/embeddings/word_embeddings"], w["bert/embeddings/word_embeddings_2"])
    x = tf.gather(table, batch["input_ids"]) + tf.gather(w["bert/embeddings/token_type_embeddings"], batch["segment_ids"])
    x = norm("bert/embeddings/LayerNorm", x + w["bert/embeddings/position_embeddings"][:length])
    away = (1.0 - tf.cast(batch["input_mask"], tf.float32)) * -10000.0
    shared = "bert/encoder/layer_shared"
    for _ in range(config.num_hidden_layers):
        q, k, v = (split(dense(f"{shared}/attention/self/{name}", x)) for name in ("query", "key", "value"))
        scores = tf.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(hidden // heads) + away[:, None, None, :]
        context = tf.reshape(tf.einsum("bhqk,bkhd->bqhd", tf.nn.softmax(scores), v), [count, length, hidden])
        x = norm(f"{shared}/attention/output/LayerNorm", x + dense(f"{shared}/attention/output/dense", context))
        x = norm(f"{shared}/output/LayerNorm", x + dense(f"{shared}/output/dense", act(dense(f"{shared}/intermediate/dense", x))))
    masked = tf.gather(x, batch["masked_lm_positions"], batch_dims=1)
    masked = norm("cls/predictions/transform/LayerNorm", act(dense("cls/predictions/transform/dense", masked)))
    words = tf.einsum("bph,vh->bpv", masked, table) + w["cls/predictions/output_bias"]
    weights = batch["masked_lm_weights"]
    losses = -tf.gather(tf.nn.log_softmax(words), batch["masked_lm_ids"], batch_dims=2)
    pooled = tf.tanh(dense("bert/pooler/dense", x[:, 0]))
    order = tf.einsum("bh,oh->bo", pooled, w["cls/seq_relationship/output_weights"]) + w["cls/seq_relationship/output_bias"]
    order_losses = -tf.gather(tf.nn.log_softmax(order), batch["next_sentence_labels"], batch_dims=1)
    return tf.reduce_sum(weights * losses) / tf.reduce_sum(weights), tf.reduce_mean(order_losses)


def train(config, weights, batches, *, rate, steps, warmup):
    """The loss of each step. `weights`: arrays by checkpoint name."""
    w = {name: tf.Variable(value) for name, value in weights.items()}
    first, second = ({name: np.zeros_like(value) for name, value in weights.items()} for _ in range(2))
    losses = []
    for t, batch in enumerate(batches, 1):
        with tf.GradientTape() as tape:
            loss = tf.add_n(forward(config, w, batch))
        gradients = {name: tf.convert_to_tensor(g).numpy() for name, g in zip(w, tape.gradient(loss, list(w.values())), strict=True)}
        norm = np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in gradients.values()))
        now = rate * t / warmup if t < warmup else rate * (1 - t / steps)
        for name, g in gradients.items():
            g = g * min(1.0, CLIP / norm)
            first[name] = BETAS[0] * first[name] + (1 - BETAS[0]) * g
            second[name] = BETAS[1] * second[name] + (1 - BETAS[1]) * g**2
            change = first[name] / (1 - BETAS[0] ** t) / (np.sqrt(second[name] / (1 - BETAS[1] ** t)) + EPSILON)
            if not ("LayerNorm" in name or "bias" in name):
                change = change + DECAY * w[name].numpy()
            w[name].assign_sub(now * change)
        losses.append(float(loss))
    return losses
