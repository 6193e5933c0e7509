"""Folders of static embeddings, as model2vec and sentence-transformers save them."""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

from grutext.data.vectors import Wanted, check_vectors, digest, read_vectors
from grutext.errors import DataError, MissingExtraError
from grutext.text import normalize

PIECES = ["[UNK]", "the", "wave", "wa", "##ve", "##s", "cat"]
MATRIX = np.arange(14, dtype=np.float32).reshape(7, 2) ** 2


def wordpiece():
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordPiece({p: n for n, p in enumerate(PIECES)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = tokenizers.decoders.WordPiece()
    return tokenizer


def save(folder, tensors=None, tokenizer=None):
    folder.mkdir(parents=True, exist_ok=True)
    (tokenizer or wordpiece()).save(str(folder / "tokenizer.json"))
    save_file({"embeddings": MATRIX} if tensors is None else tensors, folder / "model.safetensors")
    return folder


def read(folder, *wanted, more=0):
    found = read_vectors(folder, Wanted(dict.fromkeys(wanted), normalize, more)).rows
    return {word: row.tolist() for word, row in found.items()}


@pytest.fixture
def folder(tmp_path):
    return save(tmp_path / "static")


def test_the_vector_of_a_word_is_the_mean_of_its_pieces(folder):
    check_vectors(folder)
    assert read(folder, "waves", "cat", "dog") == {
        "waves": ((MATRIX[2] + MATRIX[5]) / 2).tolist(),
        "cat": MATRIX[6].tolist(),
    }


def test_words_of_one_piece_are_its_words_in_the_order_of_the_pieces(folder):
    assert list(read(folder, "cat", more=9)) == ["cat", "the", "wave", "wa"]
    assert list(read(folder, "cat", more=2)) == ["cat", "the", "wave"]


def test_the_layouts_of_sentence_transformers_are_read(tmp_path):
    expected = {"cat": MATRIX[6].tolist()}
    assert read(save(tmp_path / "flat", {"embedding.weight": MATRIX}), "cat") == expected
    save(tmp_path / "nested" / "0_StaticEmbedding", {"embedding.weight": MATRIX})
    assert read(tmp_path / "nested", "cat") == expected


def test_the_mapping_and_the_weights_of_model2vec_are_used(tmp_path):
    mapping = np.array([0, 1, 2, 1, 2, 0, 2])
    weights = np.array([0, 1, 2, 3, 4, 5, 6], np.float16)
    folder = save(tmp_path / "q", {"embeddings": MATRIX[:3], "mapping": mapping, "weights": weights})
    assert read(folder, "waves", "cat") == {
        "waves": ((2 * MATRIX[2] + 5 * MATRIX[0]) / 2).tolist(),
        "cat": (6 * MATRIX[2]).tolist(),
    }


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i1"])
def test_numbers_of_several_types_are_read(tmp_path, dtype):
    matrix = (MATRIX // 2).astype(dtype)
    assert read(save(tmp_path / "static", {"embeddings": matrix}), "cat") == {"cat": matrix[6].tolist()}


def test_bfloat16_is_read(folder):
    values = np.float32([[1.5, -2.0]] * 6 + [[0.15625, 96.0]])
    bits = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    head = {"embeddings": {"dtype": "BF16", "shape": [7, 2], "data_offsets": [0, len(bits)]}}
    text = json.dumps(head).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bits)
    assert read(folder, "cat") == {"cat": [0.15625, 96.0]}


def test_tokenizers_of_other_kinds_are_read(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    scores = [("<unk>", 0.0), ("▁the", -1.0), ("▁wave", -2.0), ("s", -3.0), ("▁", -9.0)]
    unigram = tokenizers.Tokenizer(tokenizers.models.Unigram(scores, unk_id=0))
    vocabulary = {"<unk>": 0, "▁": 1, "c": 2, "a": 3, "ca": 4, "▁ca": 5, "t": 6}
    merges = [("c", "a"), ("▁", "ca")]
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges, unk_token="<unk>"))
    for tokenizer in (unigram, bpe):
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
        tokenizer.decoder = tokenizers.decoders.Metaspace()
    made = save(tmp_path / "unigram", {"embeddings": MATRIX[:5]}, unigram)
    assert read(made, "waves", more=5) == {
        "waves": ((MATRIX[2] + MATRIX[3]) / 2).tolist(), "the": MATRIX[1].tolist(), "wave": MATRIX[2].tolist(),
    }  # fmt: skip
    made = save(tmp_path / "bpe", {"embeddings": MATRIX}, bpe)
    assert read(made, "cat", "dog", more=5) == {
        "cat": ((MATRIX[5] + MATRIX[6]) / 2).tolist(), "dog": MATRIX[1].tolist(), "ca": MATRIX[5].tolist(),
    }  # fmt: skip


def test_padding_and_truncation_are_left_out(tmp_path):
    tokenizer = wordpiece()
    tokenizer.enable_padding(length=6, pad_id=1, pad_token="the")
    tokenizer.enable_truncation(1)
    expected = ((MATRIX[2] + MATRIX[5]) / 2).tolist()
    assert read(save(tmp_path / "static", tokenizer=tokenizer), "waves") == {"waves": expected}


def test_a_word_for_which_there_are_no_pieces_has_no_vector(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"cat": 0}, unk_token="<unk>"))
    folder = save(tmp_path / "static", {"embeddings": MATRIX[6:]}, tokenizer)
    assert read(folder, "cat", "dog", "\ud800") == {"cat": MATRIX[6].tolist()}


def test_the_digest_is_that_of_both_files(folder):
    before = digest(folder)
    (folder / "README.md").write_text("mine", encoding="utf-8")
    assert digest(folder) == before
    for name in ("model.safetensors", "tokenizer.json"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content + b" ")
        assert digest(folder) != before
        (folder / name).write_bytes(content)


def refusal(folder):
    with pytest.raises(DataError) as caught:
        read(folder, "cat")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_without_the_files_is_refused(tmp_path):
    for use in (check_vectors, digest, read):
        with pytest.raises(
            DataError, match=r"is a folder without model\.safetensors and tokenizer\.json; name a file"
        ):
            use(tmp_path)


@pytest.mark.parametrize(
    ("tensors", "problem"),
    [
        ({"wte": MATRIX}, "has no matrix embeddings or embedding.weight, but wte; use a static embedding"),
        ({"embeddings": MATRIX[0]}, "has no matrix embeddings or embedding.weight"),
        ({"embeddings": MATRIX[:6]}, "its 6 vectors do not match the 7 pieces of tokenizer.json"),
        ({"embeddings": MATRIX, "mapping": np.arange(6)}, "its 7 vectors do not match the 7 pieces"),
        ({"embeddings": MATRIX, "mapping": np.arange(7) - 1}, "do not match"),
        ({"embeddings": MATRIX, "mapping": np.arange(7) + 1}, "do not match"),
        ({"embeddings": MATRIX, "mapping": np.zeros(7, np.float32)}, "do not match"),
        ({"embeddings": MATRIX, "weights": np.ones(3)}, "do not match"),
        ({"embeddings": MATRIX.astype("u4")}, "embeddings has the type U32, which is not known"),
        ({"embeddings": np.full_like(MATRIX, np.inf)}, 'the vector of "cat" has a value that is not a finite'),
    ],
)  # fmt: skip
def test_tensors_that_are_no_static_embedding_are_refused(tmp_path, tensors, problem):
    assert problem in refusal(save(tmp_path / "static", tensors))


def test_a_tokenizer_without_pieces_is_refused(tmp_path):
    import tokenizers

    empty = tokenizers.Tokenizer(tokenizers.models.WordPiece({}, unk_token="[UNK]"))
    tensors = {"embeddings": MATRIX, "mapping": np.arange(0)}
    assert "its 7 vectors do not match the 0 pieces" in refusal(save(tmp_path / "static", tensors, empty))


def test_damaged_files_are_refused(folder):
    for name, problem in (("model.safetensors", "safetensors file"), ("tokenizer.json", "tokenizer")):
        content = (folder / name).read_bytes()
        for wrong in (b"", b"{}", content[:-3], b"\xff" * 40):
            (folder / name).write_bytes(wrong)
            assert f"{name}: is not a {problem}, or is damaged; copy it again" in refusal(folder)
        (folder / name).write_bytes(content)


def test_the_missing_package_is_named(folder, monkeypatch):
    monkeypatch.setattr("grutext.requirements.is_installed", lambda package: package != "tokenizers")
    for use in (check_vectors, read):
        with pytest.raises(
            MissingExtraError, match=r"folder of static embeddings needs tokenizers; .*\[vectors\]"
        ):
            use(folder)
