"""Generation with transformers: continuous batching, many LoRA adapters on one base.

    base = load_base(folder, threads=1)
    base.add("faq@1", adapter_folder)
    base.generate_all([{"model": "faq@1", "messages": [{"role": "user", "content": "Hi"}]}])

`model.py` computes a step over `slots.py` through `attention.py` and `lora.py`; `batch.py` decides
which tokens a step has; `asked.py`, `sampling.py` and `answer.py` are the two ends of a row;
`adapters.py` reads adapters; `speaker.py` holds it all together for many threads.

`routes.py` has the routes of its process.
"""

from serving.engines.torch_lm.model import Machine
from serving.engines.torch_lm.routes import SpeakingHost
from serving.engines.torch_lm.speaker import Base, Generated, Limits, load_base

__all__ = ["Base", "Generated", "Limits", "Machine", "host", "load_base"]

host = SpeakingHost
