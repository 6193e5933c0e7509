"""A training step of the GRU part in float64 NumPy, written from its equations, with finite differences as gradients.

It shares no code with the package, and repeats its numbers on purpose.
"""

import numpy as np

STEP = 1e-5  # of a finite difference


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def embed(weights, batch, ids):
    """The vectors of types `ids` `(T, N)`: a word row plus the mean of the subword rows; zeros for padding."""
    words = weights["embedding/words"][batch["word_rows"][batch["type_words"]]]
    types = np.concatenate([words, np.zeros((1, words.shape[1]))])
    if "embedding/subwords" in weights:
        for kind in set(batch["type_of_bucket"].tolist()):
            rows = batch["bucket_rows"][batch["type_buckets"][batch["type_of_bucket"] == kind]]
            types[kind] += weights["embedding/subwords"][rows].mean(axis=0)
    return types[ids]


def run_gru(weights, name, steps, lengths, *, is_backward, reset_after):
    """The states `(T, N, U)` of one direction, text by text; zeros in the padding."""
    kernel, recurrent, bias = (weights[f"{name}/{kind}"] for kind in ("kernel", "recurrent_kernel", "bias"))
    units = len(recurrent)
    input_bias, inner_bias = bias if reset_after else (bias, np.zeros(3 * units))
    states = np.zeros((*steps.shape[:2], units))
    for n, length in enumerate(lengths):
        h = np.zeros(units)
        for t in range(length)[:: -1 if is_backward else 1]:
            x_z, x_r, x_c = np.split(steps[t, n] @ kernel + input_bias, 3)
            h_z, h_r, h_c = np.split(h @ recurrent + inner_bias, 3)
            z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
            if not reset_after:
                h_c = (r * h) @ recurrent[:, 2 * units :]
                c = np.tanh(x_c + h_c)
            else:
                c = np.tanh(x_c + r * h_c)
            h = states[t, n] = z * h + (1 - z) * c
    return states


def encode(weights, gru, vectors, lengths):
    """The states `(T, N, D * U)` of the last layer; zeros in the padding."""
    real = np.arange(len(vectors))[:, None] < lengths
    steps = vectors
    if gru.convolution:
        reach = gru.convolution // 2
        padded = np.pad(vectors * real[:, :, None], ((reach, reach), (0, 0), (0, 0)))
        seen = sum(padded[k : k + len(vectors)] @ weights["conv/kernel"][k] for k in range(gru.convolution))
        steps = vectors + np.maximum(seen + weights["conv/bias"], 0)
    names = ("forward", "backward")[: 1 + gru.bidirectional]
    for layer in range(gru.layers):
        steps = np.concatenate(
            [
                run_gru(weights, f"gru/{layer}/{name}", steps, lengths,
                        is_backward=name == "backward", reset_after=gru.reset_after)
                for name in names
            ],
            axis=2,
        )  # fmt: skip
    return steps


def pool(weights, gru, states, lengths):
    """The vectors `(N, P)` of the texts; zeros for an empty one."""
    pooled = []
    for n, length in enumerate(lengths):
        own = states[:length, n]
        if not length:
            own = np.zeros((1, states.shape[2]))
        if gru.pooling == "attention":
            scores = np.tanh(own @ weights["pool/kernel"] + weights["pool/bias"]) @ weights["pool/query"]
            shares = np.exp(scores - scores.max())
            pooled.append(shares @ own / shares.sum())
        elif gru.pooling == "last":
            pooled.append(np.concatenate([own[-1, : gru.units], own[0, gru.units :]]))
        else:
            parts = {"max": own.max(axis=0), "mean": own.mean(axis=0)}
            pooled.append(np.concatenate([parts[part] for part in gru.pooling.split("+")]))
    return np.array(pooled)


def label_loss(logits, batch, head, smoothing, label_weights):
    """The mean over the texts of the cross-entropies times their weights, in nats."""
    targets, text_weights = batch["targets"], batch["weights"]
    if head == "softmax":
        wanted = (1 - smoothing) * targets + smoothing / targets.shape[1]
        log_p = logits - logits.max(axis=1, keepdims=True)
        log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        return np.mean(text_weights * (targets @ label_weights) * -(wanted * log_p).sum(axis=1))
    p = sigmoid(logits)
    losses = -(label_weights * targets * np.log(p) + (1 - targets) * np.log(1 - p)).sum(axis=1)
    return np.mean(text_weights * losses)


def context_loss(weights, batch):
    """The mean over the predicted tokens of their cross-entropy, in nats, each from the mean of the scaled vectors around it."""
    types = len(batch["type_words"])
    vectors = embed(weights, batch, np.arange(types))
    candidates = vectors[batch["predicted_types"]]
    losses = []
    for context, right in zip(batch["contexts"], batch["predicted"], strict=True):
        near = [
            scale * vectors[kind]
            for scale, kind in zip(weights["context/scales"], context, strict=True)
            if kind < types
        ]
        mean = np.mean(near, axis=0) if near else np.zeros(vectors.shape[1])
        scores = candidates @ (mean @ weights["head/kernel"] + weights["head/bias"])
        losses.append(np.log(np.exp(scores).sum()) - scores[right])
    return np.mean(losses)


def gradients(loss, arrays):
    """The gradients of `loss()` for arrays that it reads, by central differences."""
    found = {name: np.zeros_like(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        for place in np.ndindex(array.shape):
            before = array[place]
            array[place] = before + STEP
            above = loss()
            array[place] = before - STEP
            found[name][place] = (above - loss()) / (2 * STEP)
            array[place] = before
    return found


class ReferenceTraining:
    """Weights and their optimizer, as `grutext.engines.base` describes a step.

    Args:
        config: The whole configuration.
        weights: By the spec's names.
        head: `softmax` or `sigmoid`; None for predicting tokens from their contexts.
        label_weights: `(C,)`.
        directions: The table of shared directions, where there are any.
    """

    def __init__(self, config, weights, head=None, label_weights=None, directions=None):
        self.gru, self.training = config.gru, config.training
        self.weights = {name: array.astype(np.float64) for name, array in weights.items()}
        self.head, self.label_weights = head, label_weights
        self.directions = None if directions is None else directions.astype(np.float64)
        self.first = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self.second = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self.steps = 0

    def train_step(self, batch, step, rate, dropout=(1.0, 1.0, 1.0)):
        """One step; `dropout` is what embedded and, in each of two passes, pooled values are multiplied with."""
        of_vectors, *of_pooled = dropout
        real = np.arange(batch["ids"].shape[1])[:, None] < batch["lengths"]
        nothing = np.zeros((*real.shape, self.weights["embedding/words"].shape[1]))
        shift, more = nothing.copy(), []

        def first_loss():
            if self.head is None:
                return context_loss(self.weights, batch)
            vectors = embed(self.weights, batch, batch["ids"].T) * of_vectors + shift
            return self.loss(batch, vectors, of_pooled[0])

        def second_loss():
            return self.loss(
                batch, embed(self.weights, batch, batch["ids"].T) * of_vectors + more[0], of_pooled[1]
            )

        clean = embed(self.weights, batch, batch["ids"].T) * of_vectors
        if self.directions is not None:
            words = np.append(batch["word_rows"][batch["type_words"]], 0)[batch["ids"].T]
            classes = batch["targets"].shape[1]
            pairs = (words * classes + batch["targets"].argmax(axis=1)) % len(self.directions)
            shift += self.along(self.directions[pairs], clean, real)
        loss = first_loss()
        found = gradients(first_loss, self.weights)
        if self.training.adversarial_radius > 0:
            of_shift = gradients(first_loss, {"shift": shift})["shift"]
            if self.directions is not None:
                self.remember(pairs, of_shift, real)
            elif step % 2 == 0:
                more.append(self.along(of_shift, clean, real))
                found = {name: g + found[name] for name, g in gradients(second_loss, self.weights).items()}
        self.adam(found, batch, rate)
        return loss

    def loss(self, batch, vectors, dropout):
        pooled = pool(
            self.weights,
            self.gru,
            encode(self.weights, self.gru, vectors, batch["lengths"]),
            batch["lengths"],
        )
        logits = pooled * dropout @ self.weights["head/kernel"] + self.weights["head/bias"]
        return label_loss(logits, batch, self.head, self.training.label_smoothing, self.label_weights)

    def along(self, direction, vectors, real):
        """The shift of each text along a direction, of the radius times the root mean square length of a token."""
        direction = direction * real[:, :, None]
        length = np.sqrt((vectors[real] ** 2).sum() / real.sum())
        norms = np.maximum(np.sqrt((direction**2).sum(axis=(0, 2), keepdims=True)), 1e-12)
        return self.training.adversarial_radius * length * direction / norms

    def remember(self, pairs, gradient, real):
        """Moves each pair's direction 0.3 of the way to the mean of its tokens' gradients, a text's scaled to length 1."""
        norms = np.maximum(np.sqrt((gradient**2).sum(axis=(0, 2), keepdims=True)), 1e-12)
        for pair in set(pairs[real].tolist()):
            mean = (gradient / norms)[real & (pairs == pair)].mean(axis=0)
            self.directions[pair] += 0.3 * (mean - self.directions[pair])

    def adam(self, found, batch, rate):
        """Adam with the global norm clipped; of the tables, only the rows of the batch move."""
        self.steps += 1
        norm = np.sqrt(sum((gradient**2).sum() for gradient in found.values()))
        scale = min(1.0, self.training.clip_norm / norm)
        rows_of = {"embedding/words": batch["word_rows"], "embedding/subwords": batch["bucket_rows"]}
        for name, gradient in found.items():
            rows = rows_of.get(name, slice(None))
            beta2, speed = (0.99, self.training.table_rate) if name in rows_of else (0.999, 1.0)
            g, first, second = scale * gradient[rows], self.first[name], self.second[name]
            first[rows] = 0.9 * first[rows] + 0.1 * g
            second[rows] = beta2 * second[rows] + (1 - beta2) * g**2
            m, v = first[rows] / (1 - 0.9**self.steps), second[rows] / (1 - beta2**self.steps)
            self.weights[name][rows] -= rate * speed * m / (np.sqrt(v) + 1e-7)
