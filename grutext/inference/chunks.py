"""Process many texts in chunks, which bound the memory and are spread over the cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from grutext.errors import ConfigError
from grutext.kernels.blas import one_blas_thread
from grutext.kernels.cores import usable_cores

Result = TypeVar("Result")

CHUNK_TEXTS, CHUNK_CHARACTERS = 512, 1 << 18  # texts and characters of a chunk, whichever is reached first
# Few texts are cut into smaller chunks, so that each of several cores has one, but no chunk gets smaller than this.
_CHUNKS, _LEAST_TEXTS, _LEAST_CHARACTERS = 8, 64, 1 << 15


def check_threads(threads: int | None) -> int:
    """Return the number of threads to use; None is one for each core that the process may use.

    Raises:
        ConfigError: The number is below 1.
    """
    if threads is None:
        return usable_cores()
    if threads < 1:
        raise ConfigError(f"threads is {threads}; it must be 1 or more, or None for all cores")
    return threads


def cut(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Return where each chunk begins and ends; it depends on the texts alone, and not on the threads."""
    characters = sum(map(len, texts))
    most_texts = min(CHUNK_TEXTS, max(_LEAST_TEXTS, -(-len(texts) // _CHUNKS)))
    most_characters = min(CHUNK_CHARACTERS, max(_LEAST_CHARACTERS, -(-2 * characters // _CHUNKS)))
    spans = []
    start = size = 0
    for end, text in enumerate(texts, start=1):
        size += len(text)
        if end - start == most_texts or size >= most_characters or end == len(texts):
            spans.append((start, end))
            start, size = end, 0
    return spans


def map_chunks(work: Callable[[Sequence[str]], Result], texts: Sequence[str], threads: int) -> list[Result]:
    """Return the results of `work` on each chunk of the texts, in order; for no texts, on one empty chunk.

    The results are the same bits for any number of threads: each thread works on whole chunks, and BLAS, which would
    compete for the cores, uses one thread in each. No thread outlives the call.
    """
    spans = cut(texts) or [(0, 0)]

    def run(span: tuple[int, int]) -> Result:
        with one_blas_thread():  # again in each thread: some libraries limit each thread by itself
            return work(texts[slice(*span)])

    with one_blas_thread():
        if min(threads, len(spans)) == 1:
            return [run(span) for span in spans]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(threads, len(spans)), "grutext") as pool:
            return list(pool.map(run, spans))
