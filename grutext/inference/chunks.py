"""Work on many texts: cut into chunks that bound the memory, and spread over the cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from grutext.errors import ConfigError
from grutext.kernels.blas import one_blas_thread
from grutext.kernels.cores import usable_cores

Result = TypeVar("Result")

CHUNK_TEXTS, CHUNK_CHARACTERS = 512, 1 << 18  # texts and characters of a chunk, whichever is reached first
# Few texts are cut into smaller chunks, so that there is one for each of several cores, but not into smaller ones.
_CHUNKS, _LEAST_TEXTS, _LEAST_CHARACTERS = 8, 64, 1 << 15


def check_threads(threads: int | None) -> int:
    """Gives the number of threads that is meant; None is one for each core.

    Raises:
        ConfigError: It is below 1.
    """
    if threads is None:
        return usable_cores()
    if threads < 1:
        raise ConfigError(f"threads is {threads}; it must be 1 or more, or None for all cores")
    return threads


def cut(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Gives where each chunk begins and ends; this depends on nothing but the texts."""
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
    """Gives what `work` makes of each chunk of the texts, in their order; of no texts, there is one empty chunk.

    The results are the same bits for any number of threads: a thread has a whole chunk, and BLAS, which would
    fight with them for the cores, one thread of its own in each. No thread outlives the call.
    """
    spans = cut(texts) or [(0, 0)]

    def run(span: tuple[int, int]) -> Result:
        with one_blas_thread():  # also in each thread: some libraries have a limit for each
            return work(texts[slice(*span)])

    with one_blas_thread():
        if min(threads, len(spans)) == 1:
            return [run(span) for span in spans]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(threads, len(spans)), "grutext") as pool:
            return list(pool.map(run, spans))
