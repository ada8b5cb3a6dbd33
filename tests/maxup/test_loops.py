"""Other people's training loops: Hugging Face's Trainer, and several processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from torch.utils.data import Dataset
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from paper_lessons.maxup import EmbeddingNoise, maxup_loss


class Words(Dataset):
    """Rows of words, some filled up, whose first word tells the class."""

    def __init__(self, n: int = 32) -> None:
        draw = torch.Generator().manual_seed(0)
        self.rows = torch.randint(3, 20, (n, 6), generator=draw)
        self.lengths = torch.randint(2, 7, (n,), generator=draw)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        real = torch.arange(6) < self.lengths[place]
        return {
            "input_ids": self.rows[place] * real,
            "attention_mask": real.long(),
            "labels": (self.rows[place, 0] > 11).long(),
        }


class MaxUpTrainer(Trainer):
    """All there is to it."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        noise = EmbeddingNoise(model.get_input_embeddings(), 0.3)
        return maxup_loss(model, inputs, inputs.pop("labels"), noise, m=3)


def test_in_a_trainer(tmp_path):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    before = model.get_input_embeddings().weight.detach().clone()
    arguments = TrainingArguments(
        str(tmp_path), max_steps=30, per_device_train_batch_size=8, learning_rate=5e-3, logging_steps=10,
        report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True,
    )  # fmt: skip
    trainer = MaxUpTrainer(model, arguments, train_dataset=Words())
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert losses[-1] < losses[0]
    assert not torch.equal(model.get_input_embeddings().weight, before)


SCRIPT = """
import torch
from accelerate import Accelerator
from torch import nn
from paper_lessons.maxup import GaussianNoise, maxup_loss

accelerator = Accelerator(cpu=True)
rank = accelerator.process_index
assert accelerator.num_processes == 2
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
alone = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
alone.load_state_dict(model.state_dict())
shared = accelerator.prepare(model)
torch.manual_seed(10 + rank)
inputs, targets = torch.randn(6, 5), torch.randint(3, (6,))
for net in (shared, alone):
    draw = torch.Generator().manual_seed(rank)
    loss = maxup_loss(net, inputs, targets, GaussianNoise(0.5), m=3, generator=draw)
    accelerator.backward(loss) if net is shared else loss.backward()
for one, two in zip(shared.parameters(), alone.parameters()):
    mean = accelerator.reduce(two.grad, "mean")
    torch.testing.assert_close(one.grad, mean)
print("the same", flush=True)
"""


def test_in_two_processes(tmp_path):
    script = tmp_path / "two.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc_per_node", "2", str(script)),
        ],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the same") == 2
