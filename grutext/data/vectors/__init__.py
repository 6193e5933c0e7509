"""Pretrained word vectors: GloVe, word2vec, fastText, NumPy's `.npz`, and folders of static embeddings."""

from grutext.data.vectors.read import Vectors, Wanted, check_vectors, digest, read_vectors

__all__ = ["Vectors", "Wanted", "check_vectors", "digest", "read_vectors"]
