"""What needs no tool: greetings, thanks, what we are, and what we cannot do."""

import re

from agent.understanding.talk_zh import TALK_ZH
from agent.understanding.text import HAN

CAPABLE = (
    "I fine-tune text classifiers and chat models, and measure them, on this machine:\n"
    "- **Data**: drop a CSV, TSV, JSON, JSONL or Parquet file, with texts and labels for a "
    "classifier or with conversations for a chat model, and say “make a dataset from this”.\n"
    "- **Look at it**: “describe it”, “show me some rows”, “check it for problems”, and of "
    "conversations “which tokens will train?”.\n"
    "- **Fine-tune**: say “fine-tune a classifier on it” or “fine-tune a chat model on it”; you "
    "see the plan with time, memory and baselines, and nothing runs before you approve.\n"
    "- **Deploy**: say “deploy it” and call the endpoint from curl, Python or OpenAI's client; "
    "“ask it: …” here, or “talk to it” when it is a chat model.\n"
    "- **Look after it**: “what is running?”, “how is it doing?”, “cancel it”, “what waits for "
    "approval?”, “what takes room on the disk?”.\n"
    "- **Answer from documents**, with citations: from the built-in help or from files you add."
)
LIMITS = (
    "I cannot do that. I fine-tune and serve text classifiers and chat models, look after them, "
    "and answer from documents. Say “what can you do?” for examples."
)
UNSUPPORTED = (
    "I cannot train that. What I can fine-tune is a classifier, which puts one of your labels on a "
    "text, or a chat model, which learns to answer from your conversations. I do not train on "
    "images, sound or video, nothing from scratch, and not yet from preferences, as DPO does. With "
    "a file of labelled texts or of conversations we can start at once."
)
UNCLEAR = (
    "I did not understand that, so I did nothing. I can make a dataset from a file, fine-tune a "
    "text classifier or a chat model on it, deploy it, ask it, tell how things stand and search "
    "the documentation."
)
PAUSE = (
    "I cannot pause a run. “Cancel it” stops it at once and keeps its checkpoints; “retry it”"
    " starts "
    "it again."
)
NO_DELETE_RUN = (
    "I cannot delete a run: it is the record of how a model came to be. I can cancel one that is "
    "running, and delete a dataset, a model or documents."
)
NOTHING = (
    "Nothing was started. A run, a deployment or a deletion always waits for your approval first."
)
HELLO = (
    "Hello! Give me a file with labelled texts or with conversations (drop it on the page, or "
    "write /file PATH in a terminal), or say “what can you do?”."
)
WHO = (
    "I am Thimble: I turn a file of labelled texts into a fine-tuned classifier, or a file of "
    "conversations into a fine-tuned chat model, behind an API, from this conversation."
)
THANKS = "You are welcome."
BYE = "Good-bye. Runs go on without this page, and endpoints stay live while the server runs."
CHANGEABLE = (
    "You can set epochs, rank, alpha, learning rate, batch size, maximum length, weight decay, "
    "warm-up, seed and the base, and for a classifier dropout and label smoothing. Say for example "
    "“with rank 8 and 3 epochs”: you get a new plan, and what waits now can be rejected."
)
FINE = "Good. Tell me what to do next."
APPROVE = (
    "A message cannot approve anything, so that no text in a file or document ever can. Press the "
    "button on the card, or run `thimble approve ID` in a terminal (with `--reject` to say no)."
)

TALK = (
    (
        r"(?:what|which (?:parameters|settings)) can (?:i|be) (?:change|set|adjust|edit)d?(?: .*)?",
        CHANGEABLE,
    ),
    (r"(?:hi|hello|hey|good (?:morning|evening|afternoon|day)|greetings|yo|howdy)(?: there| "
     r"thimble| all)?", HELLO),
    (r"how are you(?: doing| today)?", HELLO),
    (r"(?:(?:many |ok |great |perfect |cool )?(?:thanks|thank you|thx|tysm|ty|cheers|much "
    r"appreciated|ta)(?: (?:a lot"
    r"|so much|very "
     r"much|again|thimble|for .*|you))?)", THANKS),
    (r"(?:good ?)?(?:bye|goodbye|see you|good night|ciao|cya|later)(?: .*)?", BYE),
    (r"(?:great|nice|cool|perfect|wonderful|awesome|well done|good job|good|ok|okay|fine|got"
    r" it|i see|"
     r"understood|alright|sounds good|no|nope|never ?mind|not now|nothing)"
     r"(?: (?:then|now|job|work|so far|thimble|idea|one|for now|to know|thanks))*", FINE),
    (r"(?:forget|leave|drop|scrap) (?:about )?(?:it|that|this)(?: then| for now)?|never ?mind"
    r"(?: (?:that|it|then))?", NOTHING),
    (r"(?:help|\?+|/help|help me|help please|i need help)", CAPABLE),
    (r"(?:what|which things|how much) (?:all )?(?:can|could|do) (?:you|i|we|thimble|this)(?: all)? "
     r"(?:do|offer|help(?: me)?(?: with)?|make|know)(?: (?:here|for me|with (?:you|this"
     r"|thimble)))?",
     CAPABLE),
    (r"what (?:are you able to do|are your (?:skills|features|abilities|capabilities|tools"
    r"|commands)|"
     r"is possible(?: here)?|are the commands|commands (?:are there"
        r"|do you (?:know|have)))", CAPABLE),
    (r"(?:how can you help(?: me)?|how do you help(?: me)?|what is (?:this|thimble) (?:for"
    r"|good for)|"
     r"what (?:do|does) (?:you|thimble|this) do|show me what you can do|where do i (?:start|begin)|"
     r"how do i (?:start|begin)|list (?:your )?(?:commands|tools|skills)|get(?:ting)? "
        r"started)", CAPABLE),
    (r"(?:who|what) (?:are you|is thimble|is this)|are you (?:an? )?(?:ai|bot|human"
    r"|robot|llm|gpt"
     r"|chatgpt|real person|person).*", WHO),
)  # fmt: skip
COMPILED = [(re.compile(pattern), answer) for pattern, answer in TALK]
COMPILED_ZH = [(re.compile(pattern), globals()[answer]) for answer, pattern in TALK_ZH]


def smalltalk(text: str) -> str | None:
    """The answer to a normal text that is nothing but talk."""
    bared = text.strip(" .!?,:)(;")
    if text.strip() and not bared:
        return CAPABLE
    table = COMPILED_ZH if HAN.search(bared) else COMPILED
    return next((answer for pattern, answer in table if pattern.fullmatch(bared)), None)
