"""Texts, labels and settings for networks of a few weights."""

TEXTS = [
    "the cat sat on the mat",
    "",
    "a dog, a cat and the unknown zebra!",
    "天气很好",
    "cat",
    "no",
    "dog cat",
] * 8
LABELS = [("a",) if "cat" in text else ("b",) if "o" in text else ("c",) for text in TEXTS]
SIZES = {"gru.units": 6, "gru.embedding_size": 5, "text.subword_buckets": 50, "text.min_count": 1}
STILL = {"training.embedding_dropout": 0.0, "training.pooled_dropout": 0.0}
