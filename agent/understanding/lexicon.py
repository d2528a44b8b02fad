"""Words that carry meaning, each with a tag that the rules speak of; the Chinese ones are apart.

Entries are separated by `;` so that a phrase can have several words. A word may have several
tags. Longer phrases win over their parts. A word that is nearly one of these counts as it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from agent.understanding.lexicon_zh import CHINESE, NOTHING
from agent.understanding.text import distance, slips, word_set, words
from agent.understanding.topics import TOPICS

LEXICON = {
    # what to do
    "MAKE": "make;create;build;setup;turn;import;load;prepare;register;convert;construct;set up;"
    "generate;produce;form;need;want;get",
    "LOOK": "check this out;check it out;look this over",
    "LOAD": "import;load;ingest;take in;read in;get ready;ready for training;get it ready;turn "
    "into;"
    "save as;store",
    "TRAIN": "sft;instruction tune;instruction-tune;instruct-tune;"
    "be trained;learn from;finetune;finetunes;train;trains;tune;retrain;teach;fit;"
    "adapt;customise;"
    "customize;specialise;specialize",
    "TRAINING": "instruction tuning;instruction-tuning;finetuning;training;tuning;fine tuning;tune",
    "START": "start;begin;launch;kick off;fire up;trigger;run;do it;do that;go ahead;proceed",
    "DEPLOY": "deploy;deploys;publish;serve;host;ship;release;roll out;rollout;redeploy;expose;"
    "put into production;go live;deployment;productionise;productionize",
    "PUT": "put;bring;take;make;get;go;set;turn;switch;push",
    "LIVE": "live;online;production;deployed;served;prod;reachable;accessible;callable;available",
    "STOP": "stop;close;halt;end;terminate;kill;shut;shut down;take down;turn off;disable;"
    "deactivate;switch off;interrupt",
    "UNDEPLOY": "undeploy;take offline;unpublish",
    "OFFLINE": "offline;down",
    "CANCEL": "cancel;abort;call off;discontinue",
    "RETRY": "retry;rerun;restart;redo;relaunch;resume;continue;start over;try again;run again;"
    "once more;start again;one more time;another try;another go;another attempt;another shot;"
    "repeat",
    "PAUSE": "pause;suspend;put on hold",
    "DELETE": "delete;remove;erase;drop;get rid of;wipe;purge;clear;throw away;discard;forget;"
    "trash;bin;throw out;ditch;nuke",
    "SHOW": "show;list;display;see;view;give;print;enumerate;let me see;look at;have;got;open",
    "DESCRIBE": "describe;distributed;preview;peek;summarise;summarize;summary;overview;profile;"
    "inspect;"
    "details;explore;"
    "statistics;stats;distribution;what is in;about;look like;looks like;contain;contains",
    "ROWS": "rows;row;lines;classes;lengths;labels;examples;categories;class;samples;balanced;"
    "imbalanced;balance;split;splits;most frequent;most common;rarest;least common;frequency;"
    "average length;length;count;counts;fewest;labelled",
    "CHECK": "check;validate;verify;doctor;problem;problems;issue;issues;wrong;duplicates;"
    "contradictions;audit;diagnose;examine;sanity check;clean;quality;errors;mistakes;conflicts;"
    "duplicated;contradicting;conflicting;good enough;review;sane;health check;fix;repair;clean "
    "up;proofread;go "
    "over;sanity;look out "
    "for",
    "FLAWS": "duplicates;dupes;dups;duplicate rows;contradictory;inconsistent;identical rows;"
    "duplicated rows;repeated rows;mislabelled;"
    "mislabeled;"
    "contradictions;contradicting labels;conflicting labels;inconsistencies;outliers;noisy;"
    "dirty;suspicious;weird;strange;fishy;odd;"
    "empty rows;empty texts;wrongly labelled;wrong labels;bad labels;bad rows",
    "COMPARE": "compare;compared;comparison;versus;vs;against;better;best;beside;next to;"
    "side by side;higher;worse;scored higher;did better",
    "CLASSIFY": "classify;predict;categorise;categorize;tag;score;annotate;fill in;assign;label;"
    "infer;predictions",
    "ASK": "ask;query;say;try;test",
    "EXPORT": "export;download;weights;take away;save;zip of;onnx file;model file;onnx export;"
    "take home;as a zip;as zip;pack;pack up;bundle;archive;as a file;copy of;zipped",
    "ADD": "learn from;add;index;ingest;learn;read;remember;include;upload;import;load;study;use",
    "SEARCH": "search;look up;lookup;find;according to",
    "APPROVE": "approve;approved;accept;confirm;authorise;authorize;sign off",
    "REJECT": "reject;decline;deny;refuse",
    # what about it
    "ESTIMATE": "estimate;quote;plan;cost;costs;price;how long;how much;how expensive;budget;"
    "duration;expensive;forecast;minutes;how many minutes;preview;resources;resource;what"
    " parameters;"
    "which parameters;what settings;which settings;how much memory;how much time;memory;ram;"
    "training time;time needed",
    "STATUS": "status;state;accurate;precise;update;news;progress;doing;going;how far;done;"
    "finished;finish;ready;loss;accuracy;"
    "result;results;report;metrics;metric;score;scores;curve;performance;f1;worst;confused;"
    "confusions;confusion;eta;time left;remaining;longer;how good;how well;happened;perform;"
    "performs;performed;performing;succeed;succeeded;failed;fail;fails;crashed;coming along;"
    "training yet;ended;over;stopped;getting on;went;beat;left;outcome;verdict;get wrong;gets "
    "wrong;got wrong;wrong most often;mixed up;mix up;mixes up;misclassified;"
    "mistaken;confuse;confuses;confusing;weakest;hardest;struggles;most errors;epoch it is at",
    "RUNNING": "running;in progress;ongoing;active;going on;happening;busy;working on",
    "LATENCY": "alive;responding;latency;requests;traffic;p50;p95;calls;error rate;"
    "response time;throughput;"
    "up and running;healthy;health;slow;fast",
    "PENDING": "waiting;waits;wait;pending;awaiting;outstanding;unapproved;undecided;await;"
    "queue for approval",
    "DISK": "disk;disk space;room;space;storage;gigabytes;disc;hard drive;hard disk;hdd;ssd;"
    "free space;taking up;megabytes",
    "BASELINE": "baseline;baselines;frozen;tfidf;cheaper;simple one;cheap one;linear",
    "BASE": "base;base model;untuned;original;untrained",
    # things
    "DATASET": "dataset;table",
    "DATASETS": "datasets",
    "DATA": "data;train split;train set;test split;validation split;"
    "training data;training set;training file;training rows;rows",
    "FILE": "file;files;csv;tsv;jsonl;parquet;spreadsheet;upload;attachment;attached;sheet;"
    "uploaded;excel;this export;my export;our export;chat export",
    "RUN": "run;job;experiment;training run;finetuning run",
    "RUNS": "runs;jobs;experiments;training runs;trainings;history",
    "MODEL": "model;classifier;adapter;checkpoint;lora;weights;chat model;chatbot;chat bot;bot;"
    "assistant;language model;llm;chat assistant;ai assistant;chat adapter",
    "MODELS": "models;classifiers;adapters;versions;chat models;chatbots;language models;llms",
    "ENDPOINT": "endpoint;api;service;server;url;rest api",
    "ENDPOINTS": "endpoints;apis;services",
    "DOCS": "docs;documentation;document;documents;manual;handbook;guide;pages;policy;faq;wiki;"
    "knowledge base;knowledge;pdf;markdown;notes;readme;help pages;articles",
    "APPROVAL": "decide;approval;approvals;decision;decisions;sign off;my ok;my okay;permission",
    "PRONOUN": "it;this;that;them;these;those;one",
    "SOME": "anything;something;everything;all of them",
    "ANY": "any;anything;something;what;which;everything;all",
    "WH": "what;which;who;where;when;how;why;is;are;does;do;has;have;did;can;should;list",
    "ME": "ask me;tell me;let me know;me;my;mine;i",
}
NOT_SLIPS = word_set(
    "lunch remote quota there these where three state stare claim claims about"
    " above again other could "
    "would should their which while those whole reply place since still small large first world "
    "words trains early close money message customer support ticket tickets improve parties "
    "transfer learned great thanks thank please hello spell speak other phone chart start begin "
    "lists basis based cases fixed rates rated dates right light night might sight every never "
    "parse update delay stable paper total "
    "under using without within because before after between whether"
)


@dataclass(frozen=True)
class Tagged:
    """A word or phrase of the request with its meanings."""

    text: str
    tags: frozenset[str]


@cache
def phrases() -> dict[tuple[str, ...], frozenset[str]]:
    """Each phrase of the lexicon as words, with all its tags."""
    found: dict[tuple[str, ...], frozenset[str]] = {}
    for tag, entries in (*LEXICON.items(), *TOPICS.items(), *CHINESE.items()):
        for entry in entries.split(";"):
            key = tuple(words(entry))
            found[key] = found.get(key, frozenset()) | {tag}
    return found | {tuple(words(entry)): frozenset() for entry in NOTHING.split(";")}


@cache
def longest() -> int:
    return max(len(key) for key in phrases())


@cache
def guessable() -> dict[str, list[str]]:
    """Words long enough that a slip in them is recognised, by their first letter."""
    found: dict[str, list[str]] = {}
    for key in sorted(phrases()):
        if len(key) == 1 and slips(key[0]) and key[0].isascii():
            found.setdefault(key[0][0], []).append(key[0])
    return found


@cache
def respelt(word: str) -> str:
    """The lexicon's word that this one is a slip of, or the word itself."""
    allowed = slips(word)
    if not allowed or not word.isalpha() or word in NOT_SLIPS or (word,) in phrases():
        return word
    alike = guessable().get(word[0], [])
    gap, known = min(((distance(word, known, allowed), known) for known in alike), default=(99, ""))
    return known if gap <= allowed else word


@cache
def stem(word: str) -> str:
    """The lexicon's word that this one is a form of, such as `deploy` for `deploying`."""
    if (word,) in phrases() or not word.isascii():
        return word
    for ending, instead in (
        ("ing", ""),
        ("ing", "e"),
        ("ed", ""),
        ("ed", "e"),
        ("es", ""),
        ("s", ""),
    ):
        base = word.removesuffix(ending) + instead
        for form in (base, base[:-1] if base[-2:-1] == base[-1:] else base):
            if base != word and len(form) > 2 and word.endswith(ending) and (form,) in phrases():
                return form
    return word


def tagged(tokens: Iterable[str]) -> list[Tagged]:
    """The words with their meanings, the longest known phrase first."""
    typed = list(tokens)
    meant = [respelt(stem(token)) for token in typed]
    result = []
    at = 0
    while at < len(typed):
        key = phrase_at(typed, at) or phrase_at(meant, at) or (typed[at],)
        result.append(Tagged(" ".join(key), phrases().get(key, frozenset())))
        at += len(key)
    return result


def phrase_at(tokens: list[str], at: int) -> tuple[str, ...]:
    """The longest phrase that begins here, or nothing."""
    for length in range(min(longest(), len(tokens) - at), 0, -1):
        key = tuple(tokens[at : at + length])
        if key in phrases():
            return key
    return ()


def tags_of(tokens: Iterable[str]) -> frozenset[str]:
    return frozenset(tag for found in tagged(tokens) for tag in found.tags)
