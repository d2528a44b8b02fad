"""The plain way to take the steps of a chat training: the Trainer of transformers.

Rows, learning rate, running average, choice of the best state, events and checkpoints are those
of our own loop. The Trainer's own checkpoints are not used: they are pickles.
"""

from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from finetune.worker.checkpoints import Checkpoints
from finetune.worker.course import Course, Progress, rate_share
from finetune.worker.journal import Journal
from finetune.worker.loop import Stop, make_optimizer, restore, save
from finetune.worker.rows import Ids
from finetune.worker.spec import Recipe
from finetune.worker.tasks.chat.plain import PlainTask


def run(
    task: PlainTask, recipe: Recipe, journal: Journal, checkpoints: Checkpoints, stop: Stop
) -> Progress:
    """Train from the newest checkpoint on and leave the best state in the task.

    Raises:
        ServiceFailed: The loss is not a number (`nan_loss`).
        SystemExit: 143 after SIGTERM, with a checkpoint.
    """
    course = Course(task.trained(), recipe, len(task.batches(0)), journal)
    optimizer = make_optimizer(task, recipe)
    with stop.deferred():
        restore(course, optimizer, checkpoints)
        if course.step < course.total:
            steps = Steps(task, course, optimizer, checkpoints, stop)
            # The Trainer insists on a folder of its own, and leaves it empty.
            with TemporaryDirectory() as folder:
                PlainTrainer(steps, folder).train()
    return course.finish()


class Steps(TrainerCallback):  # type: ignore[misc]  # transformers has no types here
    """What goes with each step of the Trainer: events, validation, checkpoints, a stop."""

    def __init__(
        self,
        task: PlainTask,
        course: Course,
        optimizer: torch.optim.AdamW,
        checkpoints: Checkpoints,
        stop: Stop,
    ) -> None:
        self.task, self.course, self.optimizer = task, course, optimizer
        self.checkpoints, self.stop = checkpoints, stop
        self.loss, self.rate, self.batch = 0.0, 0.0, torch.zeros(0)
        """Of the step that is being taken."""

    def left(self) -> list[Ids]:
        """The batches from where the training is to its end, whatever the epoch."""
        epochs = range(self.task.recipe.epochs)
        return [batch for epoch in epochs for batch in self.task.batches(epoch)][self.course.step :]

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        course = self.course
        course.stepped(self.loss, self.task.tokens(self.batch.numpy()))
        course.tell(self.rate)
        looked = course.look(self.task.validate)
        if looked or course.clock.checkpoint_due() or self.stop.requested:
            save(course, self.optimizer, self.checkpoints)
        control.should_training_stop |= self.stop.requested


class PlainTrainer(Trainer):  # type: ignore[misc]  # transformers has no types here
    """The Trainer with our batches, which are in parts where they do not fit into memory."""

    def __init__(self, steps: Steps, folder: str) -> None:
        task, course = steps.task, steps.course
        self.steps, self.batches = steps, steps.left()
        begun, warmup = course.step, task.recipe.warmup_ratio
        schedule = LambdaLR(
            steps.optimizer, lambda step: rate_share(begun + step, course.total, warmup)
        )
        super().__init__(
            model=task.model,
            args=_arguments(folder, task, len(self.batches)),
            train_dataset=self.batches,
            optimizers=(steps.optimizer, schedule),
            callbacks=[steps],
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> Any:
        return DataLoader(self.batches, batch_size=1, collate_fn=_as_tensor)

    def training_step(
        self, model: Any, inputs: dict[str, torch.Tensor], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """The mean loss of a trained token; the gradients are that of the whole batch."""
        # No dropout, as in the fast way; what is not trained has no other mode to be in.
        model.eval()
        steps = self.steps
        steps.loss, steps.batch = 0.0, inputs["rows"].cpu()
        # By the end of the step the optimizer has that of the next.
        steps.rate = steps.optimizer.param_groups[0]["lr"]
        batch = steps.batch.numpy()
        for part in steps.task.parts(batch):
            loss = steps.task.loss(batch, part, steps.course.step)
            steps.loss += float(loss.detach())
            steps.course.stop_on_nan(steps.loss)
            self.accelerator.backward(loss)
        return torch.tensor(steps.loss, device=self.args.device)

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: it would need the tokens, and our batches hold row numbers."""
        return 0


def _as_tensor(items: list[Ids]) -> dict[str, torch.Tensor]:
    return {"rows": torch.from_numpy(items[0])}


def _arguments(folder: str, task: PlainTask, steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        max_steps=steps,
        max_grad_norm=task.recipe.clip,
        seed=task.recipe.seed,
        use_cpu=task.device.kind == "cpu",
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
