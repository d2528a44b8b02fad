"""Tags of a text: from its words, and from the form of the sentence that they stand in.

The form tells `how do I cancel a run?` from `cancel the run`, which have the same words.
"""

import re
from functools import cache

from agent.understanding import sampling
from agent.understanding.forms_zh import FORMS_ZH
from agent.understanding.lexicon import tags_of
from agent.understanding.text import HAN, words

ABOUT_US = (
    r"\b(?:dark|light|night) (?:theme|mode)\b|\buninstall\b|\bchange my mind\b",
    r"\b(?:use|connect|plug in|switch to|configure) (?:to )?(?:chatgpt|gpt|openai|claude|ollama)\b"
    r"(?!.*\b(?:train|finetun))",
    r"\b(?:any|some) (?:tips|advice|suggestions)\b",
    r"\bwhat (?:do|does) (?:you|it|thimble) (?:log|record|collect)\b",
)
"""Questions about the program itself, which its help answers."""
CONFUSED = (
    r"\b(?:which|what) (?:class|label|category) (?:is|gets) (?:the )?(?:most|more) "
    r"(?:often |likely )?(?:\w+ )?(?:wrong|confused|misclassified)",
)

A_MODEL = r"(?:model|classifier|chat ?bot|bot|assistant|llm)"
ANSWERS = r"(?:answers?|outputs?|replies|samples?|responses?)"
UNTUNED = r"(?:base|untuned|original|untrained|tuned|before|after)"
TO_WHOM = (
    r"(?:it|him|her|them|(?:the|my|this|that|our) (?:[\w-]+ ){0,2}?(?:model|bot|chat ?bot|"
    r"assistant|llm|endpoint|adapter)|xnamex)\b"
)
FORMS: dict[str, tuple[str, ...]] = {
    # Opens a conversation with a model.
    "TALK": (
        rf"\b(?:talk|chat|speak|converse)(?:ing)? (?:directly )?(?:to|with) {TO_WHOM}",
        rf"\b(?:conversation|chat|talk|dialogue) with {TO_WHOM}",
        r"^(?:talk|chat)\W*$|^(?:try|test) it (?:out )?in a (?:chat|conversation)",
    ),
    "CHATMODEL": (r"\bthat (?:can |could |will )?(?:chat|talk|converse|answer|reply|respond)s?\b",),
    # Which tokens of a conversation are learnt.
    "MASK": (
        r"\b(?:loss|training|label|token) masks?\b|\bmask(?:ed|ing)? (?:of|for|in)\b",
        r"\bloss (?:count|include|cover|look|see)s?\b|\bmasks? (?:pre)?view",
        r"\b(?:show|see|look at|view|open)\b.{0,20}\bmask\b",
        r"\btokens? (?:that|which) (?:\w+ )?(?:train|learn)",
        r"\b(?:trained|learn(?:ed|t)?)\b.{0,60}\brow \d+|\brow \d+\b.{0,60}\b(?:trained|learn)",
        r"\b(?:which|what) (?:of the )?(?:tokens?|words|parts?|turns?|messages)\b.{0,60}"
        r"\b(?:train|learn|loss|count|mask)",
        r"\b(?:trained|trainable|learn(?:ed|t)|masked) tokens?\b",
        r"\bwhat (?:\w+ )?(?:does|will|would|do) (?:the|it|a) ?(?:\w+ )?(?:actually )?"
        r"(?:learn|train)(?:s|ed)? (?:from|on)\b",
        r"\bwhat (?:is|was|gets|will be) (?:actually )?(?:trained|learn(?:ed|t)) (?:in|of|from) "
        r"(?:it|that|this|the row|there)\b",
        r"\btokens?\b.{0,60}\b(?:will be|are|get|is) (?:trained|learn)",
    ),
    "NTH": (r"\brow (?:number |no\.? ?|#)?\d+|第 ?\d+ ?[行条]",),
    # How good what a model writes is.
    "QUALITY": (
        r"\bperplexit(?:y|ies)\b|\bexact[ -]match|\bchrf\b|\bnats\b",
        rf"\b{ANSWERS}\b.{{0,60}}\b(?:beside|next to|side by side|against|versus|vs|and|with|than|"
        rf"before)\b.{{0,60}}\b{UNTUNED}\b",
        r"\btuned (?:one |model )?(?:and|vs\.?|versus|against|beside) (?:the )?(?:base|untuned)",
        r"\brepeat(?:s|ing)? (?:itself|themselves|the same)\b|\b(?:itself|themselves) repeat"
        r"|\brepetiti(?:on|ve)|\bin (?:a )?loops?\b|\bloop(?:s|ing)?\b",
        rf"\b{ANSWERS}\b.{{0,60}}\b(?:ends?|ended|ending|stop|stops|stopped|finish|finished|"
        r"cut off)\b",
        r"\b(?:does|did|do) (?:it|the model|they) (?:\w+ )?(?:know when to )?(?:stop|end) (?:by "
        r"(?:it|them)sel(?:f|ves)|talking|writing|in time)",
        r"\b(?:learn(?:ed|t)?|know)s? (?:when )?to (?:stop|end)\b",
        rf"\b{ANSWERS} (?:(?:that|which) )?{TO_WHOM[:-2]} (?:gave|gives|wrote|writes|generated|"
        r"produced|made|came up with)\b",
        rf"\b{ANSWERS}\b.{{0,20}}\b(?:on|to) (?:the |my )?(?:test|held[ -]out)\b",
        r"\bwhat (?:did|does) (?:it|the model|my model|the bot) (?:answer|write|say|reply) "
        r"(?:on|to|for) (?:the )?(?:test|held[ -]out)\b",
        r"\banswers\b.{0,60}\b(?:exactly|correct|right|better|worse)\b",
        r"\bside[ -]by[ -]side (?:answers|samples)|\bexpected\b.{0,30}\btuned\b",
        r"\bis (?:the|my|our) (?:[\w-]+ )?(?:model|bot|chatbot|assistant|llm) (?:any )?good\b",
        r"\bwhat (?:did|does) the (?:base|tuned|untuned)(?: model| one)? answer\W*$",
        r"\b(?:rows?|conversations?) (?:was |were |are |is )?left out\b",
    ),
    # How long conversations are.
    "TURNS": (
        r"\bhow (?:many|long)\b.{0,60}\b(?:turns|conversations?|answers|prompts|dialogues?)\b",
        r"\b(?:average|typical|median|longest) (?:number of turns|conversation|answer|prompt)\b",
        r"\b(?:system prompts?|tool calls)\b.{0,60}\b(?:have|has|in|are|there)\b",
    ),
    "FAMILY": (
        r"(?<![a-z])(?:llama|qwen|mistral|mixtral|gemma|phi|deepseek|smollm|gpt|chatgpt|claude|"
        r"falcon|yi|baichuan|internlm|chatglm|glm|olmo|pythia|opt|bloom)[-. ]?"
        r"(?:[\d.]+[\w.-]*|neo\w*|-[\w.-]+)?(?![a-z])",
        r"\bfinetun(?:e|es|ing) (?:the )?[a-z]+[\w.]*-[\w.-]*\d[\w.-]* on\b",
    ),
    # Asks how something is done in general, not how something is.
    "CONCEPT": ABOUT_US,
    "HOWTO": (
        *ABOUT_US,
        r"\bhow (?:do|can|should|could|must|shall|may) (?:i|we|you|one|people|users|someone|my)\b",
        r"\bhow to\b",
        r"\bhow (?:does|do|did) (?!(?:it|that|this|the (?:run|model|training|endpoint"
        r"|chat model|tuned model|chatbot|bot|assistant)|xnamex"
        r"|things)\b(?! work))\w+",
        r"\bhow (?:is|are) (?:the |my |a )?[\w ]+ (?:stored|computed|measured|calculated|chosen"
        r"|made|split|kept|formatted|used|protected|counted|handled|treated|managed|evaluated|"
        r"tested|trained|approved)\b",
        r"\bwhat (?:should|must) (?:my|the|a|an) .*(?:look like|contain|format)",
        r"\bwhat (?:does|do) (?:a|an) .*(?:look like|contain|format)",
        r"\bbest (?:way|practice)|\bwhere (?:can|do|should) (?:i|we)\b",
        r"\b(?:which|what) (?:file )?(?:formats?|file types?|languages?|base models?"
        r"(?! (?:can i (?:use|choose|pick|train|finetune)|are there|do (?:i|you|we) have|are "
        r"(?:available|installed)|is there))|kinds? of "
        r"(?!labels|data|classes|texts|rows))\b",
        r"\b(?:which|what) columns? (?:do|does|must|should)\b",
        r"\bwhat (?:happens|is needed|(?:do|can|should|must) (?:i|we) (?:do|need))\b(?! to "
        r"(?:approve|decide))",
    ),
    # Asks what something is, why, or whether it should be.
    "DEFINE": (
        r"\bwhat (?:is|are|was|were) (?!(?:wrong|the|my|this|that|it|its|in|on|your|our|running"
        r"|live|waiting|xnamex)\b)",
        r"\bwhat (?:is|are) the (?:meaning|point|purpose|difference|idea|limits?|maximum"
        r"|minimum|largest"
        r"|smallest|right|default)\b",
        r"\bmeans?\b|\bmeaning\b|\bexplain|\bdefin(?:e|ition)|\bdifference between|\bwhy\b"
        r"|\bpurpose\b",
        r"\btell me (?:more )?about (?!xnamex|my|the (?:run|data)|it\b|this)",
        r"\bwhen (?:should|would|is it|does it|do)\b|\bshould (?:i|we|my)\b(?! approve)",
        r"(?<!models )(?<!datasets )\b(?:can|may|could|must) (?:i|we|it|thimble|you (?:use"
        r"|read|handle|run)|my)\b"
        r"(?!(?: now| please)? (?:see|have|get|read) (?:some|a few|more|the first|a sample|\d+))"
        r"(?!(?: now| please)? (?:see|download|export|get|have|deploy|cancel|stop|try|test|ask"
        r"|start|train|finetune|check|look at|view|list|delete|retry|compare) (?:it|the|my|this"
        r"|that|xnamex|all|them)\b)",
        r"\bdo (?:i|we) (?:need|have to|use)\b|\bdo you (?:use|store|keep|send|support|collect)\b",
        r"\bdoes (?:it|thimble|this|training|finetuning) (?:need|use|support|work|send|store|"
        r"require|run on|keep|cost"
        r"|handle|speak)\b",
        r"\bis it (?:possible|safe|necessary)\b|\bis (?:finetuning|it|lora) worth\b",
        r"\bwhat does (?:a |an |the )?(?!xnamex|it\b)[\w -]+ (?:do|mean|stand for|cost)\b",
        r"\bhow much data\b",
        r"\bhow many (?:rows|examples|samples|labels|epochs|classes|texts) (?:do (?:i|you|we)\b"
        r"|should|per\b|make sense|are (?:needed|sensible|good|enough|usual|typical|reasonable))",
    ),
    "WHY": (r"\bwhy\b",),
    "PRIVACY": (
        r"\bwho (?:can|could|else)?\s?(?:see|sees|read|reads|has access)",
        r"\bwhere (?:is|are|does|do) (?:my|the|our|all)? ?(?:data|files|state|models|texts|rows"
        r"|information|everything)\b",
    ),
    "DATA": (
        r"\bwho (?:can|could|else)?\s?(?:see|sees|read|reads|has access)",
        r"\b(?:the|my|our|these) (?:conversations|chats|dialogues)\b",
    ),
    # Begins like a question.
    "USABLE": (
        r"\bcan (?:my|this|the|our) (?:data|dataset|file|rows|csv) be used (?:for|to) (?:train|"
        r"finetun)",
        r"\b(?:is|are) (?:my|this|the|our) (?:data|dataset|file|rows|csv) (?:ready|suitable|fit|"
        r"usable)\b",
    ),
    "FLAWS": (
        r"\b(?:rows?|conversations?|chats|dialogues?|messages)\b.*\b(?:not fit|too long)\b",
        r"\b(?:appears?|occurs?|exist|are there|is there|comes?) (?:twice|more than once|"
        r"several times)",
        r"\bsame texts?\b.*\blabels?\b|\blabels? .*\bsame texts?\b|\b(?:labels?|rows|texts?) "
        r"(?:is |are )?missing\b",
    ),
    "REPLACE": (
        r"\b(?:point|switch|swap|move|upgrade|update|replace)\b.*\b(?:to|with|by|behind|for)\b",
    ),
    "WHEN": (
        r"^(?:is|are|was|were|has|have|had|did|does|do|will|when|where|how|what|which|who|why"
        r"|whether)\b",
    ),
    "WOULD": (
        r"\b(?:would|will|could|does|do) (?:it|that|this|a|the|fine\w*|training|we|you|i)\b"
        r"|\btake\b",
    ),
    "ESTIMATE": (
        r"\b(?:fit|enough|possible|feasible|manage)\b.*\b(?:ram|memory|[mg]b|minutes?|hours?|"
        r"laptop|machine)\b",
        r"\b(?:would|will|does|might|could)\b.*\b(?:takes?|needs?|require)\b",
        r"\bwhat .*\b(?:take|require)\b|\bwould\b.*\blook like\b",
    ),
    # About something that has begun.
    "DONE": (
        r"\bdid (?:it|that|the|this|xnamex)\b|\bso far\b|\bleft\b|\bremaining\b|\blonger\b|"
        r"\btook\b",
        r"\bhas (?:it )?taken\b|\buntil it\b",
        r"\bwill (?:it|the run|the job|that|training) (?:be|finish|end)\b",
    ),
    "STATUS": (
        r"\b(?:is|has|did) (?:it|the run|the job|the training|training|xnamex|run|that) (?:\w+ )?"
        r"(?:done|finished|ready|over|complete|work|fail|end|trained)",
        r"\bhow (?:is|are) (?:it|things|xnamex|that|the \w+|my \w+)(?: \w+)?\W*$",
        r"\bwere used\b|\bdid you use\b|\bwhen will\b|\bup to\b|\bupdate me\b|\bpaid off\b",
        r"\bdid (?:\w+ )?(?:finetuning|training|tuning|it) (?:\w+ )?(?:help|pay|improve|work)",
        r"\bany (?:news|progress|update)|\bwas (?:it|the \w+|tuning) worth\b",
        r"\b(?:what|how) (?:about|is with) xnamex\W*$|\bhow did (?:it|that|the|xnamex)",
    ),
    "CHECK": (
        r"\b(?:is|are) (?:(?:my|the|this|our|that) (?:data|dataset|file|csv|rows)|xnamex) (?:ok"
        r"|okay|fine|good enough|clean|usable|valid|any good|in order)\b",
    ),
    "DATASET": (
        r"\b(?:is|are) (?:my|the|this|our) data\b.*\b(?:ok|okay|fine|good|clean|usable|valid)\b",
    ),
    "DESCRIBE": (
        r"\bwhat is in\b|\blooks? like\b|^what (?:is|are|about) xnamex|\bhow many\b",
        r"\bhow (?:big|large|long|balanced) (?:is|are)",
    ),
    "COUNTED": (
        r"\bhow (?:many|much|long|big)\b|\b(?:number of|count|fewest|most|rarest|least)\b",
    ),
    # Wants to see some of the rows themselves.
    "SAMPLE": sampling.FORMS,
    "STARTS": (
        r"^(?:do|start|launch|begin|run|kick off|trigger|execute|make) (?:an? |the |another |new "
        r"|my )*(?:[\w-]+ )?(?:run|training|finetuning|lora|sft)\b",
    ),
    "MAKES_MODEL": (
        rf"\b(?:make|build|create|get|want|need|give)\b(?: me| us)? (?:an? |the |my |some )?"
        rf"(?:[\w-]+ ){{0,2}}{A_MODEL}\b",
        rf"^(?:an? |my own |new )(?:[\w-]+ ){{0,2}}{A_MODEL}\b"
        r"(?= (?:on|from|for|that|which|with)\b|\W*$)",
        rf"^do (?:me )?an? (?:[\w-]+ ){{0,2}}{A_MODEL}\b",
        rf"^(?:[\w-]+ )?{A_MODEL} (?:from|out of) (?:this|it|these|the|my)\b",
        rf"\bhave (?:an?|the|my) (?:\w+ ){{0,2}}{A_MODEL} (?:fine)?(?:trained|tuned)\b",
    ),
    "CLASSIFY": (
        r"\b(?:run|apply|use|send) (?:it|xnamex|the \w+|my \w+) (?:over|on|to|through|for|against)"
        r" (?:this|the|these|that|my|all)\b.*\b(?:file|rows|csv|data|upload)\b",
    ),
    "LATENCY": (
        r"\b(?:is|are) (?:the |my )?(?:endpoint|api|service|chatbot|bot|assistant|"
        r"chat model|xnamex|it) (?:still )?(?:up|down|"
        r"working|ok|okay)\b",
    ),
    "PENDING": (
        r"\b(?:requests?|decisions?)\b.*\b(?:open|left)\b|\bopen (?:requests?|"
        r"decisions?)\b",
    ),
    "DEPLOYS": (r"^(?:an? |the )?(?:api|endpoint) (?:for|from|with|of)\b|\bmake\b.*\bavailable\b",),
    "COMPARE": (r"\bside by side\b",),
    "DATASETS": (
        r"\bwhat (?:have|did) (?:i|we) (?:upload|import|add)\w*",
        r"^list (?:all |my |the |your |our )*data\W*$",
        r"\bwhat data (?:do|have|is|did)\b.*\b(?:have|got|there|i)\b",
    ),
    "BASES": (
        r"\b(?:which|what) base models? (?:can i (?:use|choose|pick|train|finetune)|are there|do "
        r"(?:i|you|we) have|are (?:available|installed))\b",
    ),
    "MODELS": (r"\bwhat (?:have|did) i (?:train|finetun|buil)",),
    "SOME": (
        r"\b(?:should|do|must|can) i (?:\w+ )?(?:(?:have|need) to )?(?:approve|decide|confirm)\b",
    ),
    "ALL": (r"\ball\b|\bboth\b|\bevery\w*",),
    "DIFFER": (r"\bdifferen(?:ce|t)\b|\bdiffer\b",),
    "MIXED": CONFUSED,
    "DISK": (
        r"\bhow (?:big|large|much) (?:is|are) (?:my |all |the )*(?:files|uploads|models|"
        r"everything)\b",
    ),
    "RETRY": (r"\bagain\b|\bonce more\b|\bone more time\b|\bstart over\b",),
    "SHOW": (r"^(?:my |the |all )?(?:models|runs|endpoints|datasets|jobs|approvals)\W*$",),
    "RUNNING": (
        r"\b(?:is|are) (?:anything|something|any \w+) (?:being )?(?:train\w+|running|finetun\w+)",
    ),
    "ANY": (r"^what is (?=running|live|waiting|going on|deployed|active)",),
}
SEPARABLE = re.compile(
    r"\b(roll|take|call|turn|shut|start|kick|set|switch|bring|put|get|throw) "
    r"(it|this|that|them|xnamex|(?:the|my|this) (?:\w+ )?\w+) (out|down|off|over|up|live|online|"
    r"offline|away|home)\b"
)
"""`Roll it out` is `roll out it`."""


@cache
def compiled(chinese: bool) -> dict[str, re.Pattern[str]]:
    """A pattern for each tag; those of Chinese are left out where none is spoken."""
    forms = {tag: "|".join(patterns) for tag, patterns in FORMS.items()}
    for tag, pattern in FORMS_ZH.items() if chinese else ():
        forms[tag] = f"{forms[tag]}|{pattern}" if tag in forms else pattern
    return {tag: re.compile(pattern) for tag, pattern in forms.items()}


def tags_in(text: str) -> frozenset[str]:
    """Tags of a normal text: of its words, and of the form of the sentence."""
    text = SEPARABLE.sub(r"\1 \3 \2", text)
    patterns = compiled(bool(HAN.search(text)))
    forms = {tag for tag, pattern in patterns.items() if pattern.search(text)}
    if "SAMPLE" in forms:
        text = sampling.without_choice(text)
    return tags_of(words(text)) | forms
