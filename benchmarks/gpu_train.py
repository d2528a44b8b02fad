"""How fast a chat model trains on this machine's GPU, against the usual tools.

    python -m benchmarks.gpu_train [--shape llama-3-8b] [--length 4096] [--batch 4] [--steps 6]
        [--ways ours peft trl liger]

The model is made from a configuration, with random weights: nothing is downloaded, and torch,
transformers and peft are all it needs (trl, datasets and liger-kernel for the ways named after
them). First the loss of our path is compared with the plain model's. Without a GPU, `--shape tiny`
shows that it runs.
"""

import argparse
import gc
import importlib.util
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig

from finetune.worker.causal.loss import nll, total_nll
from finetune.worker.causal.model import PACKED, CausalModel
from finetune.worker.causal.packing import pack
from finetune.worker.causal.rows import Row
from finetune.worker.machine import Device
from finetune.worker.rows import Ids
from finetune.worker.spec import ChatRecipe

RANK, WARM_UP = 16, 2
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SHAPES: dict[str, dict[str, Any]] = {
    "llama-3-8b": {
        "vocab_size": 128_256,
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 8192,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
    },
    "llama-3-1b": {
        "vocab_size": 128_256,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 8192,
    },
    "tiny": {
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 8192,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shape", choices=SHAPES, default="llama-3-8b")
    parser.add_argument("--length", type=int, default=4096)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--ways", nargs="*", default=["ours", "peft"], choices=WAYS)
    asked = parser.parse_args()
    cuda = torch.cuda.is_available()
    device = Device("cuda" if cuda else "cpu", torch.bfloat16 if cuda else torch.float32)
    print(f"on {torch.cuda.get_device_name() if cuda else 'the CPU'}, torch {torch.__version__}")
    peak = matmul_rate(device)
    print(f"matrix products: {peak / 1e12:.3g} TFLOP/s measured")
    config = LlamaConfig(**SHAPES[asked.shape], tie_word_embeddings=False)
    print(f"loss apart from the plain model's: {loss_gap(config, device, asked.length):.1e}")
    flops = useful_flops(config, asked.length)
    for name in asked.ways:
        rate, memory = WAYS[name](config, device, asked)
        share = rate * flops / peak
        print(
            f"{name}: {rate:,.0f} tokens/s, {memory / 2**30:.1f} GiB, "
            f"{rate * flops / 1e12:.3g} useful TFLOP/s, {share:.0%} of the matrix rate",
            flush=True,
        )


def synchronize(device: Device) -> None:
    if device.kind == "cuda":
        torch.cuda.synchronize()


def matmul_rate(device: Device) -> float:
    """FLOP/s of the best of several products of square matrices."""
    size = 8192 if device.kind == "cuda" else 1024
    a, b = (torch.randn(size, size, device=device.kind, dtype=device.dtype) for _ in range(2))
    best = 0.0
    for _ in range(12):
        synchronize(device)
        started = time.perf_counter()
        a @ b
        synchronize(device)
        best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


def useful_flops(config: LlamaConfig, length: int) -> float:
    """Of a token: forward, and back to the inputs of every product. Weights are frozen, so there
    is no gradient of them; nothing that is computed twice counts twice."""
    per_head = config.hidden_size // config.num_attention_heads
    attention = (
        2 * config.hidden_size * (config.hidden_size + config.num_key_value_heads * per_head)
    )
    block = attention + 3 * config.hidden_size * config.intermediate_size
    products = config.num_hidden_layers * block + config.hidden_size * config.vocab_size
    # Scores and mixing, over half of the row on average; back, each has two products.
    looked = config.num_hidden_layers * config.hidden_size * length / 2
    return 4.0 * products + 2 * 2 * looked * 3


def model_of(config: LlamaConfig, device: Device, attention: str) -> Any:
    torch.manual_seed(0)
    with torch.device(device.kind):
        model = AutoModelForCausalLM.from_config(
            config, dtype=device.dtype, attn_implementation=attention
        )
    return model.requires_grad_(False).eval()


def random_ids(config: LlamaConfig, rows: int, length: int, seed: int = 0) -> Ids:
    return np.random.default_rng(seed).integers(0, config.vocab_size, (rows, length))


def whole_rows(ids: Ids) -> list[Row]:
    """All of each row is trained, as the usual tools do with plain text."""
    return [Row(one, np.ones(len(one), dtype=np.bool_)) for one in ids]


def recipe() -> ChatRecipe:
    return ChatRecipe(
        epochs=1,
        rank=RANK,
        alpha=2.0 * RANK,
        learning_rate=1e-4,
        batch_size=1,
        seed=0,
        max_length=8192,
    )


def loss_gap(config: LlamaConfig, device: Device, length: int) -> float:
    """The relative difference of a row's loss on our path from transformers' own."""
    ids = random_ids(config, 1, min(length, 1024))
    plain = model_of(config, device, "sdpa")
    sent = torch.from_numpy(ids).to(device.kind)
    with torch.no_grad():
        scores = plain(input_ids=sent, use_cache=False).logits[0, :-1].float()
        wanted = F.cross_entropy(scores, sent[0, 1:])
    plain.set_attn_implementation(PACKED)
    model = CausalModel(plain, device, recipe())
    together = pack(whole_rows(ids), device)
    with torch.no_grad():
        hidden = model.hidden(together)[together.asked_L]
        found = nll(hidden, together.targets_L, model.head).mean()
    return abs(float(found - wanted)) / float(wanted)


def ours(config: LlamaConfig, device: Device, asked: argparse.Namespace) -> tuple[float, int]:
    """Our packed rows and layers, with AdamW on the adapters."""
    model = CausalModel(model_of(config, device, PACKED), device, recipe())
    trained = [*model.adapter().values()]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    rows = whole_rows(random_ids(config, asked.batch, asked.length))

    def step() -> None:
        # A row at a time, as many as the batch has: the same gradient in less memory.
        for row in rows:
            together = pack([row], device)
            hidden = model.hidden(together)[together.asked_L]
            cost = total_nll(hidden, together.targets_L, model.head)
            (cost / (len(rows) * len(together.targets_L))).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return timed(step, device, asked)


def peft(config: LlamaConfig, device: Device, asked: argparse.Namespace) -> tuple[float, int]:
    """transformers and PEFT without a trainer, blocks recomputed: the frame that others are in."""
    lora = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=LINEAR, task_type="CAUSAL_LM")
    model = get_peft_model(model_of(config, device, "sdpa"), lora)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    model.enable_input_require_grads()
    model.train()
    trained = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    ids = torch.from_numpy(random_ids(config, asked.batch, asked.length)).to(device.kind)

    def step() -> None:
        for one in ids:
            loss = model(input_ids=one[None], labels=one[None], use_cache=False).loss
            (loss / len(ids)).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return timed(step, device, asked)


def timed(step: Callable[[], None], device: Device, asked: argparse.Namespace) -> tuple[float, int]:
    """Tokens a second after the warm-up, and the most memory that was held on the GPU."""
    if device.kind == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    for _ in range(WARM_UP):
        step()
    synchronize(device)
    started = time.perf_counter()
    for _ in range(asked.steps):
        step()
    synchronize(device)
    rate = asked.steps * asked.batch * asked.length / (time.perf_counter() - started)
    return rate, torch.cuda.max_memory_allocated() if device.kind == "cuda" else 0


def trl(
    config: LlamaConfig, device: Device, asked: argparse.Namespace, **changed: Any
) -> tuple[float, int]:
    """TRL's SFTTrainer with its defaults, a row on the GPU at a time."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    marks: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            synchronize(device)
            marks.append(time.perf_counter())

    steps = WARM_UP + asked.steps
    ids = random_ids(config, asked.batch * steps, asked.length).tolist()
    options: dict[str, Any] = {
        "output_dir": tempfile.mkdtemp(),
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": asked.batch,
        "max_steps": steps,
        "max_length": asked.length,
        "report_to": "none",
        "save_strategy": "no",
        "use_cpu": device.kind == "cpu",
        "dataset_kwargs": {"skip_prepare_dataset": True},
    }
    trainer = SFTTrainer(
        model=model_of(config, device, "sdpa"),
        args=SFTConfig(**(options | changed)),
        train_dataset=Dataset.from_list([{"input_ids": one, "labels": one} for one in ids]),
        processing_class=_any_tokenizer(config),
        peft_config=LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=LINEAR),
        callbacks=[Clock()],
    )
    trainer.train()
    seconds = marks[-1] - marks[WARM_UP - 1]
    memory = torch.cuda.max_memory_allocated() if device.kind == "cuda" else 0
    return asked.steps * asked.batch * asked.length / seconds, memory


def _any_tokenizer(config: LlamaConfig) -> Any:
    """TRL wants one, though the rows are ids already."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {f"w{number}": number for number in range(config.vocab_size)}
    made = Tokenizer(models.WordLevel(words, unk_token="w0"))
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="w0", eos_token="w1")


def liger(config: LlamaConfig, device: Device, asked: argparse.Namespace) -> tuple[float, int]:
    """TRL with Liger's kernels and nothing recomputed."""
    if importlib.util.find_spec("liger_kernel") is None:
        raise SystemExit("The way `liger` needs the package liger-kernel.")
    return trl(config, device, asked, use_liger_kernel=True, gradient_checkpointing=False)


WAYS: dict[str, Callable[..., tuple[float, int]]] = {
    "ours": ours,
    "peft": peft,
    "trl": trl,
    "liger": liger,
}

if __name__ == "__main__":
    main()
