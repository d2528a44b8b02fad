"""Words that carry meaning, English and Chinese, each with a tag that the rules speak of.

Entries are separated by `;` so that a phrase can have several words. A word may have several
tags. Longer phrases win over their parts. A word that is nearly one of these counts as it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from agent.understanding.text import distance, slips, word_set, words
from agent.understanding.topics import TOPICS

LEXICON = {
    # what to do
    "MAKE": "make;create;build;setup;turn;import;load;prepare;register;convert;construct;set up;"
    "generate;produce;form;need;want;get;做;做成;创建;建立;建;制作;生成;导入;新建",
    "LOOK": "check this out;check it out;look this over",
    "LOAD": "import;load;ingest;take in;read in;get ready;ready for training;get it ready;turn "
    "into;"
    "save as;store;变成;读取;导入;读入;加载;上传",
    "TRAIN": "be trained;learn from;finetune;finetunes;train;trains;tune;retrain;teach;fit;"
    "adapt;customise;"
    "customize;specialise;specialize;微调;训练;调优",
    "TRAINING": "finetuning;training;tuning;fine tuning;tune",
    "START": "start;begin;launch;kick off;fire up;trigger;run;do it;do that;go ahead;proceed;"
    "开始;启动",
    "DEPLOY": "deploy;deploys;publish;serve;host;ship;release;roll out;rollout;redeploy;expose;"
    "put into production;go live;deployment;productionise;productionize;部署;上线;发布",
    "PUT": "put;bring;take;make;get;go;set;turn;switch;push;放;放到;推到;推;弄",
    "LIVE": "live;online;production;deployed;served;prod;reachable;accessible;callable;"
    "available;线上;在线;生产环境",
    "STOP": "stop;close;halt;end;terminate;kill;shut;shut down;take down;turn off;disable;"
    "deactivate;switch off;interrupt;"
    "关掉;关了;关停;停用;停止;停掉;停下;关闭;下线;终止;停",
    "UNDEPLOY": "undeploy;take offline;unpublish;下线",
    "OFFLINE": "offline;down",
    "CANCEL": "cancel;abort;call off;discontinue;取消;中止",
    "RETRY": "retry;rerun;restart;redo;relaunch;resume;continue;start over;try again;run again;"
    "once more;start again;one more time;another try;another go;another attempt;another shot;"
    "repeat;重试;再试;重新运行;重新训练;重新跑;重来;再来一次;再跑;再训练一次;重跑;继续",
    "PAUSE": "pause;suspend;put on hold;暂停",
    "REPLACE": "替换;换成",
    "DELETE": "delete;remove;erase;drop;get rid of;wipe;purge;clear;throw away;discard;forget;"
    "trash;bin;throw out;ditch;nuke;删除;删掉;清除;清空;删了;移除",
    "SHOW": "show;list;display;see;view;give;print;enumerate;let me see;look at;have;got;open;"
    "显示;列出;查看;看看;看;有",
    "DESCRIBE": "describe;distributed;preview;peek;summarise;summarize;summary;overview;profile;"
    "inspect;"
    "details;explore;"
    "statistics;stats;distribution;what is in;about;look like;looks like;contain;contains;"
    "描述;概况",
    "ROWS": "rows;row;lines;classes;lengths;labels;examples;categories;class;samples;balanced;"
    "imbalanced;balance;split;splits;most frequent;most common;rarest;least common;frequency;"
    "average length;length;count;counts;fewest;labelled;标签;长度;分布;多少条;"
    "行;类别;样本",
    "CHECK": "check;validate;verify;doctor;problem;problems;issue;issues;wrong;duplicates;"
    "contradictions;audit;diagnose;examine;sanity check;clean;quality;errors;mistakes;conflicts;"
    "duplicated;contradicting;conflicting;good enough;review;sane;health check;fix;repair;clean "
    "up;proofread;go "
    "over;sanity;look out "
    "for;检查;问题;质量;干净;查一下;核对",
    "FLAWS": "duplicates;dupes;dups;duplicate rows;contradictory;inconsistent;identical rows;"
    "duplicated rows;repeated rows;mislabelled;"
    "mislabeled;"
    "contradictions;contradicting labels;conflicting labels;inconsistencies;outliers;noisy;"
    "dirty;suspicious;weird;strange;fishy;odd;"
    "empty rows;empty texts;wrongly labelled;wrong labels;bad labels;bad rows;"
    "重复;矛盾;冲突;错误标签;脏数据;"
    "异常;缺失",
    "COMPARE": "compare;compared;comparison;versus;vs;against;better;best;beside;next to;"
    "side by side;higher;worse;scored higher;did better;比较;对比;相比",
    "CLASSIFY": "classify;predict;categorise;categorize;tag;score;annotate;fill in;assign;label;"
    "infer;predictions;"
    "分类;预测;标注;打标签",
    "ASK": "ask;query;say;try;test;问;问问;试试",
    "EXPORT": "export;download;weights;take away;save;zip of;onnx file;model file;onnx export;"
    "take home;as a zip;as zip;pack;pack up;bundle;archive;as a file;copy of;zipped;"
    "导出;下载;打包;保存到本地",
    "ADD": "learn from;add;index;ingest;learn;read;remember;include;upload;import;load;study;"
    "use;添加;"
    "加入;学习",
    "SEARCH": "search;look up;lookup;find;according to;搜索;查找;查",
    "APPROVE": "approve;approved;accept;confirm;authorise;authorize;sign off;批准;同意;通过",
    "REJECT": "reject;decline;deny;refuse;拒绝;驳回",
    # what about it
    "ESTIMATE": "estimate;quote;plan;cost;costs;price;how long;how much;how expensive;budget;"
    "duration;expensive;forecast;minutes;how many minutes;preview;resources;resource;what"
    " parameters;"
    "which parameters;what settings;which settings;how much memory;how much time;memory;ram;"
    "training time;time needed;预计;时间;估计;估算;报价;"
    "计划;多久;多长时间;费用;多少钱;方案",
    "STATUS": "status;state;accurate;precise;update;news;progress;doing;going;how far;done;"
    "finished;finish;ready;loss;accuracy;"
    "result;results;report;metrics;metric;score;scores;curve;performance;f1;worst;confused;"
    "confusions;confusion;eta;time left;remaining;longer;how good;how well;happened;perform;"
    "performs;performed;performing;succeed;succeeded;failed;fail;fails;crashed;coming along;"
    "training yet;ended;over;stopped;getting on;went;beat;left;outcome;verdict;get wrong;gets "
    "wrong;got wrong;wrong most often;mixed up;mix up;mixes up;misclassified;"
    "mistaken;confuse;confuses;confusing;weakest;hardest;struggles;most errors;epoch it is at;"
    "混淆;最差;容易错;"
    "损失;结束;完成;报告;成绩;"
    "进度;状态;"
    "怎么样;进展;结果;准确率;效果;如何了",
    "RUNNING": "running;in progress;ongoing;active;going on;happening;busy;working on;"
    "正在运行;在跑;运行中;在运行",
    "LATENCY": "运行正常;正常;alive;responding;latency;requests;traffic;p50;p95;calls;error rate;"
    "response time;throughput;"
    "up and running;healthy;health;slow;fast;延迟;请求",
    "PENDING": "waiting;waits;wait;pending;awaiting;outstanding;unapproved;undecided;await;"
    "queue for approval;待;等待;等;等我;待办;待批;待审批",
    "DISK": "disk;disk space;room;space;storage;gigabytes;disc;hard drive;hard disk;hdd;ssd;"
    "free space;taking up;megabytes;"
    "硬盘空间;占用;占了;磁盘;空间;存储;硬盘",
    "BASELINE": "baseline;baselines;frozen;tfidf;cheaper;simple one;cheap one;linear;基线",
    "BASE": "base;base model;untuned;original;untrained",
    # things
    "DATASET": "dataset;table;数据集",
    "DATASETS": "datasets;哪些数据集;数据集列表",
    "DATA": "data;训练数据;训练集;training data;training set;training file;training rows;rows;数据",
    "FILE": "file;files;csv;tsv;jsonl;parquet;spreadsheet;upload;attachment;attached;sheet;"
    "uploaded;excel;文件;表格;附件",
    "RUN": "run;job;experiment;training run;finetuning run;运行;任务",
    "RUNS": "runs;jobs;experiments;training runs;trainings;history;哪些任务;任务列表",
    "MODEL": "model;classifier;adapter;checkpoint;lora;weights;模型;分类器",
    "MODELS": "models;classifiers;adapters;versions;哪些模型;模型列表",
    "ENDPOINT": "endpoint;api;service;server;url;rest api;端点;接口;服务",
    "ENDPOINTS": "endpoints;apis;services;哪些端点;哪些接口;哪些服务",
    "DOCS": "docs;documentation;document;documents;manual;handbook;guide;pages;policy;faq;wiki;"
    "knowledge base;knowledge;pdf;markdown;notes;readme;help pages;articles;文档;手册;资料;知识库",
    "APPROVAL": "decide;approval;approvals;decision;decisions;sign off;my ok;my okay;"
    "permission;审批;批准",
    "PRONOUN": "it;this;that;them;these;those;one;它;这个;这;那个;他",
    "SOME": "anything;something;everything;all of them",
    "ANY": "any;anything;something;what;which;everything;all;哪些;什么;有什么",
    "WH": "what;which;who;where;when;how;why;is;are;does;do;has;have;did;can;should;list;"
    "哪些;什么;怎么;如何;为什么;多少;吗;哪个",
    "ME": "ask me;tell me;let me know;me;my;mine;i;我",
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
    for tag, entries in (LEXICON | TOPICS).items():
        for entry in entries.split(";"):
            key = tuple(words(entry))
            found[key] = found.get(key, frozenset()) | {tag}
    return found


@cache
def longest() -> int:
    return max(len(key) for key in phrases())


@cache
def guessable() -> list[str]:
    """Single words long enough that a slip in them is recognised."""
    return sorted(
        {key[0] for key in phrases() if len(key) == 1 and slips(key[0]) and key[0].isascii()}
    )


@cache
def respelt(word: str) -> str:
    """The lexicon's word that this one is a slip of, or the word itself."""
    allowed = slips(word)
    if not allowed or not word.isalpha() or word in NOT_SLIPS or (word,) in phrases():
        return word
    near = [(distance(word, known, allowed), known) for known in guessable()]
    gap, known = min(near)
    return known if gap <= allowed and known[0] == word[0] else word


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
