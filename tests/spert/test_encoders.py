"""Encoders of other families from local files, and clear sentences where there is none."""

from __future__ import annotations

import string

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizerFast,
)

from paper_lessons.spert import SpanRelationExtractor, SpERT, Types, load_encoder, small_encoder
from paper_lessons.spert.batches import WordPieces, encoder_limit
from paper_lessons.spert.encoders import load_tokenizer

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
TEXTS = ["Ann Lee of Acme lives in Oslo .", *string.ascii_letters]


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    """Bytes, a leading space as part of a word, positions that begin at 2."""
    folder = tmp_path_factory.mktemp("roberta")
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    pieces.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    )  # fmt: skip
    pieces.decoder = decoders.ByteLevel()
    pieces.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    pieces.save(str(folder / "tokenizer.json"))
    RobertaTokenizerFast.from_pretrained(folder).save_pretrained(folder)
    config = RobertaConfig(vocab_size=400, max_position_embeddings=66, pad_token_id=1, **SIZES)
    RobertaModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def deberta(tmp_path_factory):
    """Sentence pieces, positions relative to one another."""
    folder = tmp_path_factory.mktemp("deberta")
    pieces = Tokenizer(models.Unigram())
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    pieces.train_from_iterator(
        TEXTS, trainers.UnigramTrainer(vocab_size=90, special_tokens=special, unk_token="[UNK]", show_progress=False)
    )  # fmt: skip
    pieces.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
    ).save_pretrained(folder)
    config = DebertaV2Config(
        vocab_size=120,
        max_position_embeddings=64,
        relative_attention=True,
        position_biased_input=False,
        **SIZES,
    )
    DebertaV2Model(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("family", "limit"), [("roberta", 64), ("deberta", None)])
def test_other_families_work_from_text_to_saved_model(request, tmp_path, family, limit):
    folder = request.getfixturevalue(family)
    types = Types(("A",), ("r",))
    extractor = SpanRelationExtractor.from_encoder(types, folder, none_bias=-3.0)
    assert encoder_limit(extractor.model.encoder) == limit
    text = "Ann  Lee of Acme\nlives in Oslo. \x00 é 😀 " + "Ann lives in Oslo. " * 20
    found = extractor.predict(text, max_entities=4, window="text")
    assert all(text[one.start : one.end] == one.text for one in found.entities)
    again = SpanRelationExtractor.from_pretrained(extractor.save_pretrained(tmp_path / "saved"))
    assert again.predict(text, max_entities=4, window="text") == found


@pytest.mark.parametrize("family", ["roberta", "deberta", "minilm", "small"])
def test_words_are_split_as_each_alone(request, family, corpus):
    if family == "small":
        tokenizer = small_encoder([one.tokens for one in corpus.train])[1]
    elif family == "minilm":
        tokenizer = load_encoder("minilm")[1]
    else:
        tokenizer = load_tokenizer(request.getfixturevalue(family))
    splitter = WordPieces(tokenizer)
    words = [*corpus.train[0].tokens, "Zürich", "😀", "[CLS]"]
    for word, pieces in zip(words, splitter.split([words])[0], strict=True):
        alone = tokenizer([word], is_split_into_words=True, add_special_tokens=False)["input_ids"]
        assert pieces == (alone or [splitter.unknown])


def test_words_without_pieces_and_signs_in_the_text():
    _, tokenizer = load_encoder("minilm")
    splitter = WordPieces(tokenizer, 12)
    (pieces,) = splitter.split([["Ann", "\x07", "[CLS]", "x-" * 450]])
    assert pieces[1] == [tokenizer.unk_token_id]
    assert len(pieces[3]) == splitter.room == 10
    joined = splitter.join(pieces[:3])
    assert joined.ids[0] == joined.ids[3] == tokenizer.cls_token_id
    assert joined.first.tolist() == [1, 2, 3]


def test_the_small_encoder_is_the_same_twice(corpus):
    made = [small_encoder([one.tokens for one in corpus.train], seed=3) for _ in range(2)]
    assert made[0][1].get_vocab() == made[1][1].get_vocab()
    for one, two in zip(made[0][0].parameters(), made[1][0].parameters(), strict=True):
        assert torch.equal(one, two)
    assert isinstance(made[0][0], BertModel)


def test_an_absent_encoder_gives_one_sentence():
    with pytest.raises(OSError, match="encoder 'nobody/nothing' is no folder with a model in safetensors"):  # fmt: skip
        load_encoder("nobody/nothing")


def test_weights_in_a_pickle_are_refused(tmp_path, corpus):
    encoder, tokenizer = small_encoder([one.tokens for one in corpus.train], hidden=32)
    encoder.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    torch.save(encoder.state_dict(), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(OSError, match="safetensors"):
        load_encoder(tmp_path)


def test_a_tokenizer_without_signs_is_refused(corpus):
    pieces = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    with pytest.raises(ValueError, match="tokenizer must have a sign to begin with"):
        WordPieces(PreTrainedTokenizerFast(tokenizer_object=pieces))


def test_a_model_of_the_hub_mixin_comes_back(tmp_path, corpus):
    encoder, _ = small_encoder([one.tokens for one in corpus.train], hidden=32)
    model = SpERT(encoder, ["A"], ["r"], ["r"], max_width=4, context="cls")
    model.save_pretrained(tmp_path)
    again = SpERT.from_pretrained(tmp_path)
    assert (again.max_width, again.context, again.types) == (4, "cls", model.types)
    for one, two in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, two)
