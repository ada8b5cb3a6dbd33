"""The steps that both stages have in common: schedule, progress, checkpoints, history."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from tqdm import tqdm

from paper_lessons.files import write_atomically
from paper_lessons.once.training.settings import Training


class Loop:
    """Steps with a schedule, a bar, checkpoints and a history."""

    def __init__(self, model, groups, how, data, checkpoint, progress, on_step) -> None:
        self.how, self.on_step = how, on_step
        self.accelerator = Accelerator(mixed_precision=_precision(how))
        optimizer = torch.optim.AdamW(
            [{**one, "lr": one["peak"]} for one in groups], weight_decay=how.weight_decay
        )
        self.trained = [one for group in groups for one in group["params"]]
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.folder = None if checkpoint is None else Path(checkpoint)
        self.settings = json.loads(
            json.dumps(
                {
                    **asdict(how),
                    "stage": type(how).__name__,
                    "names": list(data.names),
                    "pictures": len(data),
                    "boxes": float(sum(one.double().sum() for one in data.boxes)),
                    "processes": self.accelerator.num_processes,
                }
            )
        )
        self.progress = progress and self.accelerator.is_main_process

    def go(self, batch: Callable[..., tuple[Any, ...]]) -> list[dict[str, float]]:
        """All steps that are left."""
        history = self._resume()
        begin = int(history[-1]["step"]) if history else 0
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        sums: dict[str, float] = {}
        since = begin
        bar = tqdm(total=self.how.steps, initial=begin, disable=not self.progress, unit="step")
        with bar, torch.random.fork_rng(devices=[]):
            for step in range(begin, self.how.steps):
                torch.manual_seed(
                    int(np.random.SeedSequence([self.how.seed, step]).generate_state(1)[0])
                )
                given = batch(
                    np.random.default_rng([self.how.seed, step]), slice(rank, None, processes)
                )
                for name, value in self._step(
                    step, [one.to(self.accelerator.device) for one in given]
                ).items():
                    sums[name] = sums.get(name, 0.0) + value
                bar.update()
                done = step + 1
                if done % self.how.keep_every == 0 or done == self.how.steps:
                    line = {name: value / (done - since) for name, value in sums.items()}
                    history.append({"step": float(done), **line})
                    bar.set_postfix({name: f"{value:.3f}" for name, value in line.items()})
                    sums, since = {}, done
                    self._keep(history)
                    if self.on_step is not None:
                        self.on_step(done, line)
        self._finish()
        return history

    def _step(self, step: int, given: list[Any]) -> dict[str, float]:
        how = self.how
        with self.accelerator.autocast():
            losses = self.model(*given)
        total = torch.stack(list(losses.values())).sum()
        if not math.isfinite(float(total.detach())):
            parts = ", ".join(f"{name} {float(one.detach()):g}" for name, one in losses.items())
            raise FloatingPointError(
                f"the loss is not finite at step {step} ({parts}): a smaller lr or clip helps"
            )
        self.accelerator.backward(total)
        self.accelerator.clip_grad_norm_(self.trained, how.clip)
        rising = min(1.0, (step + 1) / max(1, how.warmup))
        falling = 0.5 * (1 + math.cos(math.pi * step / how.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * rising * falling
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return {name: float(one.detach()) for name, one in losses.items()}

    def _resume(self) -> list[dict[str, float]]:
        file = None if self.folder is None else self.folder / "progress.json"
        if file is None or not file.is_file():
            return []
        known = json.loads(file.read_text(encoding="utf-8"))
        changed = sorted(
            name for name, value in self.settings.items() if known["settings"].get(name) != value
        )
        if changed:
            raise ValueError(
                f"checkpoint {str(self.folder)!r} is of a run with other {', '.join(changed)}; "
                "take another folder or remove it"
            )
        self.accelerator.load_state(str(file.parent / known["folder"]))
        return known["history"]

    def _keep(self, history: list[dict[str, float]]) -> None:
        if self.folder is None:
            return
        name = f"step-{int(history[-1]['step'])}"
        self.accelerator.save_state(str(self.folder / name))
        if self.accelerator.is_main_process:
            # from here on this step counts: a run that dies before goes on from the one before
            written = {"settings": self.settings, "folder": name, "history": history}
            write_atomically(self.folder / "progress.json", json.dumps(written, indent=1))
            self._clear(but=name)

    def _finish(self) -> None:
        self.accelerator.wait_for_everyone()
        if self.folder is not None and self.accelerator.is_main_process:
            (self.folder / "progress.json").unlink(missing_ok=True)
            self._clear()

    def _clear(self, but: str = "") -> None:
        for old in self.folder.glob("step-*"):  # type: ignore[union-attr]
            if old.name != but:
                shutil.rmtree(old)


def _precision(how: Training) -> str:
    if how.mixed_precision is not None:
        return how.mixed_precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"
