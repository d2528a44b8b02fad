"""Results of the tools on a chat dataset and a chat model, as the rooms give them: in English and
in Chinese, so that cards can be looked at in both."""

import math
from typing import Any

from agent.channels.web.streams import Part
from agent.language import Words
from agent.shown import talks
from agent.talk import Party
from agent.views import View
from core.errors import ServiceFailed
from finetune.verdicts import chat

Json = dict[str, Any]
Told = list[tuple[str, str, Json]]
"""Name of the state, tool and result."""

ENGLISH = {
    "name": "support",
    "endpoint": "support",
    "system": "You answer for a bakery, in one sentence.",
    "asked": ("Do you have bread without gluten?", "When do you open on Sundays?",
              "Can I order a cake for Friday?"),
    "answers": ("Yes, we bake a buckwheat loaf every morning.", "On Sundays we open at eight.",
                "Of course: please order it two days before."),
    "wrong": ("Bread is a food that people eat every day.", "On on on on on on on on",
              "The cake is a cake. The cake is"),
    "looking": "Let me look into the calendar.",
    "found": '{"free": 1}',
    "thanks": "Friday is free: your cake is ordered.",
}  # fmt: skip
CHINESE = {
    "name": "dianping",
    "endpoint": "jiudian",
    "system": "你替面包店回答顾客的问题，只说一句话。",
    "asked": ("有没有不含麸质的面包？", "星期天几点开门？", "星期五可以订一个蛋糕吗？"),
    "answers": (
        "有的，我们每天早上都烤荞麦面包。",
        "星期天早上八点开门。",
        "可以，请提前两天预订。",
    ),
    "wrong": ("面包是一种食物。", "开门开门开门开门开门", "蛋糕是蛋糕，蛋糕是"),
    "looking": "我查一下日历。",
    "found": '{"空闲": 1}',
    "thanks": "星期五有空，蛋糕已经订好了。",
}


def results(language: str) -> Told:
    """Every card of a chat model's way, in its order."""
    words = CHINESE if language == "zh" else ENGLISH
    name = words["name"]
    return [
        ("chat-dataset", "describe_dataset", dataset(words)),
        ("chat-rows", "sample_dataset", page(words) | {"split": "all", "label": ""}),
        ("chat-check", "check_dataset", check(words)),
        ("chat-quote", "quote_finetune", plan(words)),
        ("chat-quote-plain", "quote_finetune", plan(words) | PLAIN),
        ("chat-run-training", "run_status", running(words)),
        ("chat-run-report", "run_status", report(words)),
        ("chat-run-not-worth-it", "run_status", report(words, worth=False)),
        ("chat-run-likeness", "run_status", report(words, metric="chrf")),
        ("chat-runs", "list_runs", {"runs": [line(words), line(words) | {"run": "run_3"}]}),
        ("chat-endpoint-live", "endpoint_status", endpoint(words, "live")),
        ("chat-endpoint-stopped", "endpoint_status", endpoint(words, "stopped")),
        ("chat-answer", "ask_endpoint", answer(words)),
        ("chat-answer-beside", "ask_endpoint", answer(words) | {"compared": rival(words)}),
        (
            "chat-models",
            "list_models",
            {"models": [model(words)], "bases": [{"name": "tiny-chat"}]},
        ),
        ("chat-datasets", "list_datasets", {"datasets": [listed(f"{name}@1")]}),
    ]


# Data ------------------------------------------------------------------------------------------


def dataset(words: Json) -> Json:
    return {
        "dataset": f"{words['name']}@1",
        "task": "chat",
        "rows": 2000,
        "classes": None,
        "splits": {"train": 1600, "validation": 200, "test": 200},
        "problems": PROBLEMS,
        "sample": page(words),
        "profile": profile(words),
    }


def listed(name: str) -> Json:
    return {"dataset": name, "task": "chat", "rows": 2000, "classes": None, "problems": 2,
            "created_at": 1.78e9}  # fmt: skip


def profile(words: Json) -> Json:
    return {
        "format": "jsonl",
        "shape": "openai_chat",
        "why": [
            "every byte is valid UTF-8",
            "'messages' holds lists of messages with 'role' and 'content'",
        ],
        "columns": {
            "messages": {
                "column": "messages",
                "why": "'messages' holds lists of messages with 'role' and 'content'",
            }
        },
        "encoding": "utf-8",
        "rows": 2000,
        "turns": counted(2, 1.4, 1, 8),
        "roles": {"user": 2400, "assistant": 2400, "system": 1800, "tool": 40},
        "system_prompts": {"rows": 1800, "distinct": 1, "most_frequent": []},
        "tools": {"rows": 40, "share": 0.02, "distinct": 2, "calls": 40},
        "characters": {"prompts": counted(60, 3.0, 20, 12), "answers": counted(40, 2.2, 10, 10)},
        "answers": {
            "count": 2400,
            "distinct": 1204,
            "median_characters": 38,
            "short_share": 0.61,
            "most_frequent": [{"text": words["answers"][1], "count": 61}],
        },
        "duplicates": {"rows": 24, "groups": 20},
        "conflicts": {
            "groups": 1,
            "rows": 2,
            "examples": [
                {"text": words["asked"][1], "answers": list(words["answers"][1:]),
                 "rows": [12, 408]}
            ],
        },
        "language": {"han": 1.0} if words is CHINESE else {"latin": 1.0},
    }  # fmt: skip


def counted(median: int, slope: float, step: int, bins: int) -> Json:
    heights = [round(900 * (at + 0.3) * math.exp(-at / slope)) for at in range(bins)]
    return {
        "median": median,
        "p95": 3 * median,
        "max": step * bins - 1,
        "histogram": [[at * step, (at + 1) * step, high] for at, high in enumerate(heights)],
    }


PROBLEMS = [
    {"severity": "warning", "message": "12 rows have a text that occurs earlier. Copies are kept "
     "in one split, so that the test stays honest.", "rows": [3, 8, 15, 31, 44], "count": 12,
     "fix": "Remove copies if they are there by mistake; they weigh more in training."},
]  # fmt: skip


def page(words: Json) -> Json:
    rows = [
        {"row": at + 1, "split": ("train", "train", "test")[at % 3], "more_turns": 0, "tools": [],
         "turns": said(words, at % 3)}
        for at in range(3)
    ]  # fmt: skip
    rows[2] |= {"turns": with_tool(words), "tools": ["calendar"], "more_turns": 2}
    return {"dataset": f"{words['name']}@1", "rows": rows, "page": 1, "pages": 667, "total": 2000}


def said(words: Json, at: int) -> list[Json]:
    told = (
        ("system", words["system"]),
        ("user", words["asked"][at]),
        ("assistant", words["answers"][at]),
    )
    return [{"role": role, "text": text, "cut": False} for role, text in told]


def with_tool(words: Json) -> list[Json]:
    return [
        {"role": "user", "text": words["asked"][2], "cut": False},
        {"role": "assistant", "text": words["looking"], "cut": False,
         "calls": ['calendar({"day": 5})'], "trained": False},
        {"role": "tool", "text": words["found"], "cut": False},
        {"role": "assistant", "text": f"{words['thanks']} " * 20, "cut": True},
    ]  # fmt: skip


def check(words: Json) -> Json:
    return {
        "dataset": f"{words['name']}@1",
        "task": "chat",
        "verdict": "Not ready: correct the errors first.",
        "problems": [PROBLEMS[0] | {"severity": "error"}],
        "errors": 1,
        "warnings": 0,
        "notes": 0,
        "base_model": "tiny-chat",
        "tokens": {"median": 58, "max": 240, "limit": 512},
        "preview": [masked(words, at) for at in range(3)],
    }


def masked(words: Json, at: int) -> Json:
    before = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n"
    return {
        "row": 7 + 400 * at,
        "tokens": 46 + 9 * at,
        "trained_tokens": 12 + at,
        "segments": [
            {"text": before.format(words["system"], words["asked"][at]), "trained": False},
            {"text": "<|im_start|>assistant\n", "trained": False},
            {"text": f"{words['answers'][at]}<|im_end|>", "trained": True},
            {"text": "\n", "trained": False},
        ],
    }


# Plans and runs --------------------------------------------------------------------------------

PARAMETERS = {
    "epochs": (3, "default", "up to 30,000 training rows"),
    "rank": (16, "set", "set by you"),
    "alpha": (32.0, "default", "a usual value; the scale is alpha / rank"),
    "learning_rate": (0.002, "default",
                      "a rule for llama models: 5e-4 · (2000 / 256) ^ 0.781"),
    "batch_size": (32, "default", "a usual size"),
    "max_length": (240, "default", "the longest row has 240 tokens"),
    "seed": (0, "default", "any number; the same one repeats the run"),
}  # fmt: skip
BASELINES = (
    ("base", "tiny-chat as it is", 0.02),
    ("nearest", "The answer to the most similar training question", 0.61),
    ("frequent", "Always the most frequent answer", 0.05),
)
PLAIN = {"loop": "plain", "loop_why": ""}


def plan(words: Json) -> Json:
    return {
        "quote": "quote_4",
        "state": "ready",
        "task": "chat",
        "dataset": f"{words['name']}@1",
        "base_model": "tiny-chat",
        "parameters": {
            name: {"value": value, "origin": origin, "reason": reason}
            for name, (value, origin, reason) in PARAMETERS.items()
        },
        "minutes": {"expected": 6.2, "low": 4.9, "high": 8.4},
        "memory_mb": 640,
        "rows": {"train": 1600, "validation": 200, "test": 200},
        "steps": 150,
        "loop": "fast",
        "loop_why": "",
        "tokens": 288_000,
        "trained_tokens": 61_000,
        "cost": {"amount": 0, "currency": None, "why": "it runs on your own machine"},
        "baselines": [{"name": name, "title": title} for name, title, _ in BASELINES],
        "notes": [],
    }


def running(words: Json) -> Json:
    curve = [[step, 0.3 + 2.6 * math.exp(-step / 18)] for step in range(1, 64)]
    return {
        "run": "run_4",
        "task": "chat",
        "state": "running",
        "dataset": f"{words['name']}@1",
        "base_model": "tiny-chat",
        "loop": "fast",
        "parameters": plan(words)["parameters"],
        "phase": "training",
        "step": 63,
        "total_steps": 150,
        "loss": curve[-1][1],
        "tokens_per_s": 5210.0,
        "eta_s": 140.0,
        "seconds": 102.0,
        "quoted_seconds": 372.0,
        "curve": curve,
    }


def report(words: Json, worth: bool = True, metric: str = "exact_match") -> Json:
    score = 0.93 if worth else 0.58
    test = {
        "rows": 200, "tokens": 2480, "loss": 0.31, "interval": [0.28, 0.35],
        "perplexity": 1.36, "perplexity_interval": [1.32, 1.42],
    }  # fmt: skip
    told: Json = {
        "metrics": {"test": test},
        "answers": {"metric": metric, "score": score, "interval": [score - 0.035, score + 0.03],
                    "rows": 200, "ended": 0.995, "repeating": 0.0},
        "baselines": [beside(*one, score) for one in BASELINES],
    }  # fmt: skip
    return running(words) | told | {
        "state": "succeeded",
        "phase": "done",
        "verdict": chat.verdict(told),
        "samples": samples(words),
        "left_out": {"train": [[12, "too_long"], [408, "no_trained_token"]],
                     "counts": {"train": 2, "validation": 0, "test": 0}},
        "model": f"{words['name']}@1",
        "models": {"lora": f"{words['name']}@1"},
        "seconds": 351.0,
        "memory_mb": 655,
        "quoted_memory_mb": 640,
    }  # fmt: skip


def beside(name: str, title: str, score: float, tuned: float) -> Json:
    points = 100 * (tuned - score)
    untuned = name == "base"
    return {
        "name": name,
        "title": title,
        "score": score,
        "interval": [max(0.0, score - 0.03), score + 0.04],
        "difference": {"points": points, "interval": [points - 4, points + 4]},
        "loss": 3.42 if untuned else None,
        "perplexity": 30.6 if untuned else None,
        "loss_difference": {"nats": -3.11, "interval": [-3.2, -3.0]} if untuned else None,
        "ended": 0.41 if untuned else None,
        "repeating": 0.37 if untuned else None,
    }


def samples(words: Json) -> list[Json]:
    asked, right, wrong = words["asked"], words["answers"], words["wrong"]
    return [
        {"row": 31 + 100 * at,
         "messages": [{"role": "system", "content": words["system"]},
                      {"role": "user", "content": asked[at % 3]}],
         "expected": right[at % 3], "tuned": right[at % 3], "base": wrong[at % 3],
         "tuned_ended": True, "base_ended": at % 3 == 0}
        for at in range(8)
    ]  # fmt: skip


def line(words: Json) -> Json:
    return {"run": "run_4", "dataset": f"{words['name']}@1", "state": "succeeded", "step": 150,
            "total_steps": 150, "accuracy": None, "perplexity": 1.36, "loss": 0.31,
            "interval": [0.28, 0.35]}  # fmt: skip


# Serving ---------------------------------------------------------------------------------------


def endpoint(words: Json, state: str) -> Json:
    name, url = words["endpoint"], "http://127.0.0.1:8000/v1/chat/completions"
    asked = words["asked"][1]
    return {
        "endpoint": name,
        "task": "chat",
        "model": f"{words['name']}@1",
        "base_model": "tiny-chat",
        "state": state,
        "url": url,
        "requests": 312,
        "errors": 0,
        "requests_per_minute": 2.1,
        "latency_ms": {"p50": 210.0, "p95": 480.0},
        "writing": {"tokens_per_s": 184.0, "ttft_ms": {"p50": 31.0, "p95": 60.0},
                    "prompt_tokens": 31.0, "completion_tokens": 14.0},
        "since": 1.78e9,
        "error": None,
        "curl": f"curl -N {url} \\\n  -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"model": "{name}", "messages": [{{"role": "user", "content": "{asked}"}}]}}\'',
        "python": "from openai import OpenAI\n",
    }  # fmt: skip


def talked(language: str, w: Words) -> list[tuple[str, View]]:
    """A conversation with the model itself: how it begins, and answers on their way and done."""
    words = CHINESE if language == "zh" else ENGLISH
    tuned = Party(words["endpoint"], f"{words['name']}@1")
    base = Party("tiny-chat", "tiny-chat", untuned=True)
    right, wrong = words["answers"][0], words["wrong"][1]
    done = Part(tuned, right, False, finish_reason="stop", tokens=12, seconds=0.4, left_out=2)
    full = Part(base, wrong * 6, False, finish_reason="length", tokens=512, seconds=9.4)
    lost = Part(
        base,
        "",
        False,
        error=ServiceFailed("64 requests are being answered already.", code="too_many"),
    )
    start = talks.beginning(tuned.target, [tuned, base], words["system"], "/chat/thread/1", w)
    return [
        ("talk-begins", start),
        ("talk-writing", talks.answers([Part(tuned, right[:9]), Part(base)], w)),
        ("talk-done", talks.answers([done, full], w)),
        ("talk-stopped", talks.answers([Part(tuned, right[:9], False), lost], w)),
    ]


def model(words: Json) -> Json:
    return {"model": f"{words['name']}@1", "kind": "lora", "task": "chat", "accuracy": None,
            "interval": [0.28, 0.35], "perplexity": 1.36, "endpoints": []}  # fmt: skip


def answer(words: Json) -> Json:
    return {
        "endpoint": words["endpoint"],
        "input": words["asked"][0],
        "model": f"{words['name']}@1",
        "answer": {"text": words["answers"][0], "finish_reason": "stop",
                   "prompt_tokens": 31, "completion_tokens": 12},
        "latency_ms": 212.4,
        "compared": None,
    }  # fmt: skip


def rival(words: Json) -> Json:
    return {
        "model": "tiny-chat",
        "answer": {"text": words["wrong"][1] * 6, "finish_reason": "length",
                   "prompt_tokens": 31, "completion_tokens": 256},
        "latency_ms": 1904.0,
    }  # fmt: skip
