"""A class's heat map does not know how many others there are."""

from __future__ import annotations

import pytest
import torch

from paper_lessons.once import CodeBank

COUNTS = (1, 2, 5, 20, 21, 60, 64, 65, 80, 100, 300, 1000)


def codes(n, length=17, seed=0):
    return torch.randn(n, length, generator=torch.Generator().manual_seed(seed))


def features(batch=1, seed=1):
    return torch.randn(batch, 16, 9, 7, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("batch", [1, 2])
def test_every_class_is_the_same_to_the_last_bit_whatever_comes(batch):
    given, some = codes(max(COUNTS)), features(batch)
    bank = CodeBank(16)
    seen = None
    for number in range(max(COUNTS)):
        bank.add(str(number), given[number : number + 1])
        if number + 1 not in COUNTS:
            continue
        heat, _ = bank(some)
        assert heat.shape[1] == number + 1
        if seen is not None:
            assert torch.equal(heat[:, : seen.shape[1]], seen)
        seen = heat
    wanted = torch.einsum("bfhw,nf->bnhw", some, given[:, :-1]) + given[None, :, -1, None, None]
    torch.testing.assert_close(seen, wanted, atol=1e-4, rtol=1e-4)


def test_a_batch_is_its_pictures_one_by_one():
    bank = CodeBank(16)
    for number in range(3):
        bank.add(str(number), codes(3)[number : number + 1])
    some = features(5)
    whole, _ = bank(some)
    for one, alone in zip(whole, some, strict=True):
        torch.testing.assert_close(one, bank(alone[None])[0][0], atol=1e-5, rtol=1e-5)


def test_forgetting_frees_a_slot_and_moves_nobody():
    bank, given = CodeBank(16), codes(70)
    for number in range(66):
        bank.add(str(number), given[number : number + 1])
    before, _ = bank(features())
    bank.forget("3")
    assert "3" not in bank
    after, _ = bank(features())
    assert torch.equal(after, torch.cat([before[:, :3], before[:, 4:]], 1))
    bank.add("new", given[66:67])
    again, _ = bank(features())
    assert torch.equal(again[:, :65], after)
    assert len(bank.table) == 128
    assert bank.names[-1] == "new"


def test_shots_one_by_one_are_all_at_once():
    given = codes(10)
    one, two = CodeBank(16), CodeBank(16)
    one.add("mug", given)
    two.add("mug", given[:1])
    for place in range(1, 10):
        two.update("mug", given[place : place + 1])
    assert torch.equal(one["mug"].vector, two["mug"].vector)
    assert one["mug"].shots == two["mug"].shots == 10
    torch.testing.assert_close(one["mug"].vector, given.mean(0))


def test_names_and_what_is_refused():
    bank = CodeBank(16)
    bank.add("cat", codes(1), base=True)
    bank.add("mug", codes(2))
    heat, _ = bank(features())
    bank.rename("mug", "cup")
    assert bank.names == ["cat", "cup"]
    assert torch.equal(bank(features())[0], heat)
    for call, sentence in (
        (lambda: bank.add("cup", codes(1)), "'cup' is taken; mode='update' adds"),
        (lambda: bank.update("cat", codes(1)), "'cat' is a base class"),
        (lambda: bank.forget("cat"), "'cat' is a base class; force=True"),
        (lambda: bank["dog"], "name must be one of cat, cup; got 'dog'"),
        (lambda: bank.rename("cat", "cup"), "'cup' is taken"),
        (lambda: bank.add("dog", codes(1)[:0]), r"codes must have shape \(shots, 17\)"),
        (lambda: bank.add("dog", codes(1, 16)), r"codes must have shape \(shots, 17\)"),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()
    bank.forget("cat", force=True)
    assert bank.names == ["cup"]


def test_no_class_has_no_map():
    assert CodeBank(16)(features())[0].shape == (1, 0, 9, 7)


def test_sizes_of_its_own():
    bank = CodeBank(16, class_specific_size=True)
    given = codes(2, 49)
    for number in range(2):
        bank.add(str(number), given[number : number + 1])
    heat, sizes = bank(features())
    assert heat.shape == (1, 2, 9, 7)
    wanted = torch.einsum("bfhw,nkf->bnkhw", features(), given[:, 16:48].reshape(2, 2, 16))
    torch.testing.assert_close(sizes, wanted, atol=1e-4, rtol=1e-4)


def test_cosine_codes_read_directions_and_base_codes_do_not():
    bank = CodeBank(16, cosine=True)
    torch.manual_seed(0)
    base, new = torch.randn(2, 1, 17)
    bank.add("base", base, base=True)
    bank.add("new", new)
    bank.add("other base", base + 1, base=True)
    maps = features()
    heat, _ = bank(maps)
    twice, _ = bank(2 * maps)
    weights, bias = new[0, :-1], new[0, -1]
    expected = torch.einsum("bfhw,f->bhw", maps / maps.norm(dim=1, keepdim=True), weights) + bias
    torch.testing.assert_close(heat[:, 1], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(twice[:, 1], heat[:, 1], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(twice[:, 0], heat[:, 0])
    # base and registered classes never share a block
    slots = {name: bank._entries[name].slot // 64 for name in bank.names}
    assert slots["base"] == slots["other base"] != slots["new"]
