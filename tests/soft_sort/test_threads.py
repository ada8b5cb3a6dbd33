"""Rows on two threads, forks, workers: the same results everywhere, and nothing hangs."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from paper_lessons.soft_sort import isotonic_kl, soft_rank, soft_sort
from paper_lessons.soft_sort.kernels import threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def large(seed: int = 0) -> torch.Tensor:
    x = torch.randn(201, 2500, generator=torch.Generator().manual_seed(seed))
    x[7, 3] = float("nan")
    assert x.numel() >= threads.SMALLEST_SPLIT
    return x


def value_and_gradient(x: torch.Tensor, regularization: str = "l2") -> list[torch.Tensor]:
    results = []
    for operator in (soft_rank, soft_sort):
        values = x.clone().requires_grad_()
        out = operator(values, regularization, 0.05)
        results += [out.detach(), *torch.autograd.grad(out, values, x.nan_to_num(0.0))]
    return results


def assert_same(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.nan_to_num(12345.0), other.nan_to_num(12345.0))


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_threads_change_nothing(regularization, two_threads, monkeypatch):
    calls = []
    pool = threads._pool

    def watched_pool():
        calls.append(1)
        return pool()

    monkeypatch.setattr(threads, "_pool", watched_pool)
    x = large()
    on_two = value_and_gradient(x, regularization)
    fits = isotonic_kl(x, x.flip(1))
    assert len(calls) == 5
    torch.set_num_threads(1)
    on_one = value_and_gradient(x, regularization)
    assert len(calls) == 5, "one thread was asked for"
    assert_same(on_two, on_one)
    assert_same([fits], [isotonic_kl(x, x.flip(1))])


def test_small_work_stays_on_the_calling_thread(two_threads, monkeypatch):
    monkeypatch.setattr(threads, "_pool", lambda: pytest.fail("a thread for so little"))
    value_and_gradient(torch.randn(100, 100))
    value_and_gradient(torch.randn(1, threads.SMALLEST_SPLIT))


def test_an_error_on_the_other_thread_is_not_lost(two_threads):
    def work(rows):
        if rows[0, 0] == 0:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threads.for_row_chunks(work, (), [np.arange(1_000_000).reshape(1000, 1000)])


def test_callers_may_be_threads_themselves(two_threads):
    inputs = [large(seed) for seed in range(3)]
    expected = [value_and_gradient(x) for x in inputs]
    with ThreadPoolExecutor(3) as pool:
        for found, right in zip(pool.map(value_and_gradient, inputs), expected, strict=True):
            assert_same(found, right)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_makes_its_own_threads(two_threads):
    x = large()
    expected = soft_rank(x, "l2", 0.05).numpy()  # now the parent has a pool
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # whatever hangs dies
        answer = b"different"
        try:
            # PyTorch's own threads do not survive a fork either: compare by NumPy
            ranks = soft_rank(x, "l2", 0.05).numpy()
            if np.array_equal(ranks, expected, equal_nan=True) and os.getpid() in threads._pools:
                answer = b"same, on two threads"
        finally:
            os.write(writer, answer)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"same, on two threads"
    os.waitpid(child, 0)


class Ranks(Dataset):
    """Each item is ranked in the worker that loads it."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        return soft_rank(large(index).nan_to_num(0.0)[:, :2500], "l2", 0.05)


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_data_loader_workers(start):
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {start}")
    soft_rank(large())  # a pool in the parent, for the fork to trip over
    items = Ranks()
    loader = DataLoader(
        items, batch_size=None, num_workers=1, multiprocessing_context=start, timeout=120
    )
    for index, item in enumerate(loader):
        assert torch.equal(item, items[index])
