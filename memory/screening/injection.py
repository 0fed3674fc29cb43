"""Text that tries to steer the agent that reads it: phrases, fake markup, and characters that hide.

The phrases are narrow on purpose: a verb alone is no finding, it needs its object ("ignore" + "previous
instructions"), so that ordinary documentation and writing about security seldom trip. They catch what is
commonly tried, not an adversary who paraphrases: whoever reads recalled memories must still treat them as
data. Every pattern begins with a literal and has bounded repeats, so that time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .findings import MAX_FINDINGS, Finding

_REASONS = {
    "override": "asks to drop earlier instructions",
    "role": "gives the agent a new role or lifts its rules",
    "prompt-leak": "asks for the agent's own instructions",
    "exfiltration": "asks to send data elsewhere",
    "secrecy": "asks to hide something from the user",
    "addressed": "speaks to the agent that reads it",
    "tool-call": "asks to call a tool at once or without consent",
    "fake-role": "imitates a chat template or a system message",
    "html-comment": "speaks to the agent in a hidden comment",
    "image-exfiltration": "holds an image address that carries data out",
    "hidden-tags": "holds invisible tag characters",
    "hidden-selectors": "holds a run of variation selectors",
    "hidden-zero-width": "hides zero-width characters in its words",
    "hidden-direction": "overrides the direction of its text",
}

_WORD = r"(?:[\w'’-]{1,30}\s+)"
_EARLIER = r"(?:previous|prior|above|earlier|preceding|initial|original|foregoing|existing|past|system|safety)"
_ORDERS = (
    r"(?:instructions?|prompts?|directions?|directives?|guidelines?|guardrails?|rules|commands|orders|context"
    r"|messages?|programming|training|restrictions|polic(?:y|ies))"
)
_AGENT = (
    r"(?:ai|a\.i\.|llms?|language\s+models?|(?:ai\s+|coding\s+)?(?:assistants?|agents?)|chatbots?|gpt|chatgpt"
    r"|claude|copilot)"
)
_USER = r"(?:the\s+|your\s+)?(?:user|human|operator|owner)s?"
_LOOT = (
    r"(?:conversations?|chat\s+(?:history|logs?)|api[\s_-]?keys?|credentials|passwords|secrets|\.env"
    r"|environment\s+variables|memor(?:y|ies)|system\s+prompt|private\s+keys?"
    r"|(?:customer|user|private|personal|confidential)\s+(?:data|table|list|records?))"
)
_TARGET = r"(?:https?://|[\w.+-]{1,64}@[\w-]|(?:this|the\s+following|my)\s+(?:url|address|server|webhook|endpoint))"

# In lower-case text: a rule, the words that begin it, and what must follow one of them.
_PHRASES = (
    (
        "override",
        "ignore disregard forget override overwrite bypass neglect discard",
        r"\s+(?:(?:all|any|every|each|the|your|my|of|these|those|what|and)\s+){0,4}"
        rf"(?:{_EARLIER}\s+(?:[\w-]{{1,30}}\s+)?{_ORDERS}"
        rf"|{_ORDERS}\s+(?:above|before\s+this|given\s+(?:above|before|earlier|to\s+you)"
        r"|you\s+(?:were|have\s+been)\s+given))\b",
    ),
    (
        "override",
        "ignore disregard forget override bypass discard",
        rf"\s+(?:all\s+(?:of\s+)?)?your\s+{_WORD}{{0,2}}{_ORDERS}\b",
    ),
    (
        "override",
        "ignore disregard forget",
        r"\s+(?:everything|anything|whatever|what|all)\s+(?:that\s+)?"
        r"(?:(?:is\s+|was\s+|came\s+)?(?:above|before\s+this)\b"
        r"|you(?:['’]ve)?\s+(?:were|was|have\s+been|know|been)\s+(?:told|taught|instructed|given|about))",
    ),
    (
        "override",
        "stop don't don’t do never",
        r"(?:(?<=do)\s+not|(?<!do))\s+(?:follow(?:ing)?|obey(?:ing)?|comply(?:ing)?\s+with|adher(?:e|ing)\s+to)\s+"
        rf"(?:(?:any|all|of|the)\s+){{0,2}}(?:your|{_EARLIER})\s+(?:[\w-]{{1,30}}\s+)?{_ORDERS}\b",
    ),
    (
        "override",
        "ignoriere ignorier vergiss missachte",
        r"\s+(?:bitte\s+)?(?:(?:alle|die|deine)\s+){0,3}(?:vorherigen|bisherigen|vorigen|obigen|früheren)\s+"
        r"(?:anweisungen|instruktionen|befehle|regeln)",
    ),
    (
        "override",
        "ignore ignorez oublie oubliez ignora olvida ignorar esqueça esquece dimentica",
        r"\s+(?:(?:toutes|tous|todas|todos|tutte|le|les|tes|vos|las|tus|as|suas|de)\s+){0,3}"
        r"(?:instructions|consignes|instrucciones|instruções|istruzioni)\s+"
        r"(?:précédentes|antérieures|ci-dessus|anteriores|previas|prévias|precedenti)",
    ),
    (
        "role",
        "you",
        r"(?:\s+are|['’]re)\s+(?:now|no\s+longer|from\s+now\s+on)\s+(?:(?:an?|the|my|just)\s+)?"
        rf"{_WORD}{{0,2}}(?:{_AGENT}|dan|bound\s+by|restricted\s+by|unrestricted|unfiltered|uncensored"
        r"|jailbroken|root|in\s+developer\s+mode|evil)\b",
    ),
    (
        "role",
        "act behave respond pretend roleplay answer",
        rf"\s+(?:(?:as\s+(?:if|though|an?)|to\s+be|that|like)\s+)?{_WORD}{{0,6}}"
        rf"(?:(?:have|has|had|with|without)\s+(?:no\s+|any\s+)?{_WORD}{{0,1}}"
        r"(?:restrictions|limitations|filters|guardrails|content\s+polic\w{1,3}|safety\s+\w{1,20})"
        r"|unrestricted|unfiltered|uncensored|jailbroken|dan)\b",
    ),
    (
        "role",
        "developer god admin dan jailbreak",
        r"\s+mode\s+(?:is\s+)?(?:now\s+)?(?:enabled|activated|on\b)",
    ),
    ("role", "do", r"\s+anything\s+now\b"),
    (
        "role",
        "safety content ethical",
        r"\s+(?:rules|guidelines|filters|policies|policy|checks|restrictions|guardrails)\s+"
        r"(?:are|is|do|does|have|has|no)\s+(?:now\s+|been\s+|longer\s+|not\s+)?"
        r"(?:disabled|off|suspended|lifted|removed|apply|applies)\b",
    ),
    (
        "prompt-leak",
        "reveal print show repeat output display leak disclose expose dump paste echo tell give send write",
        rf"\s+{_WORD}{{0,4}}?(?:your\s+{_WORD}{{0,3}}?(?:prompt|instructions|directives)"
        r"|(?:the\s+)?(?:hidden|secret|full|entire|complete)\s+system\s+(?:prompt|message|instructions))\b",
    ),
    (
        "prompt-leak",
        "what",
        r"(?:\s+(?:is|was|are|were)|['’]s)\s+(?:in\s+)?your\s+(?:exact\s+|full\s+)?"
        r"(?:system|initial|original|hidden|secret)\s+(?:prompt|instructions|message)\b",
    ),
    (
        "prompt-leak",
        "repeat print output copy",
        r"\s+(?:back\s+)?(?:all\s+|everything\s+|every\s+word\s+|the\s+)(?:of\s+)?(?:the\s+)?"
        r"(?:words?\s+|text\s+|content\s+)?(?:above\s+(?:this|starting)|before\s+this|in\s+your\s+context)\b",
    ),
    (
        "exfiltration",
        "send forward post upload email e-mail mail exfiltrate transmit leak copy append submit deliver",
        rf"\s+[^.!?\n]{{0,60}}?\b{_LOOT}\b[^!?\n]{{0,60}}?\b(?:to|at|in)\s+{_TARGET}",
    ),
    (
        "exfiltration",
        "read open cat fetch get collect",
        rf"\s+[^.!?\n]{{0,60}}?(?:{_LOOT}|id_rsa|/etc/passwd)\b[^!?\n]{{0,60}}?\b"
        r"(?:send|post|upload|include|append|email|pass)\b"
        rf"[^!?\n]{{0,60}}?(?:{_TARGET}|argument|parameter)",
    ),
    (
        "secrecy",
        "do don't don’t never without",
        r"(?:(?<=do)\s+not|(?<!do))(?:\s+ever)?\s+(?:tell(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?"
        r"|(?:mention|reveal)(?:ing)?\s+(?:this|it)\s+to|let(?:ting)?)\s+"
        rf"{_USER}\s*(?:know\b|about\b|that\b|of\b|\Z|[.,;!:\n\"])",
    ),
    (
        "addressed",
        "attention note message important warning dear hey hello",
        r"\s*[:,!]?\s+(?:to|for|all|any|the)?\s*(?:all\s+|any\s+|the\s+)?"
        rf"{_AGENT}(?:\s+(?:reading|processing|models?|systems?|agents?)(?:\s+this)?)?\s*[:,!—-]",
    ),
    (
        "addressed",
        "if",
        r"\s+you(?:\s+are|['’]re)\s+(?:an?\s+)?(?:ai|llm|language\s+model|ai\s+\w{1,20})\b[^.\n]{0,40}?[,:]",
    ),
    (
        "addressed",
        "ai llm assistants agents models assistant",
        r"\s+(?:\w{1,20}\s+)?(?:reading|processing|summari[sz]ing|parsing)\s+this\b",
    ),
    ("fake-role", "system", r"\s+(?:override|alert|command)\s*[:!]"),
    (
        "tool-call",
        "call invoke use run execute trigger",
        r"\s+(?:the\s+|your\s+)?[`\"'“]?[\w.-]{1,60}[`\"'”]?\s+(?:tool|function|command|mcp\s+tool)\b"
        r"[^.\n]{0,80}?\b(?:immediately|silently|before\s+(?:answering|responding|doing)"
        rf"|without\s+(?:asking|telling|confirmation|permission|approval)|{_LOOT})\b",
    ),
)

# In lower-case text: a rule, a literal without which it cannot match, and the pattern.
_MARKUP = (
    (
        "fake-role",
        "<|",
        r"<\|(?:im_start|im_end|system|user|assistant|start_header_id|eot_id|endofprompt)\|>",
    ),
    ("fake-role", "<<sys>>", r"<<sys>>"),
    ("fake-role", "[inst]", r"\[inst\](?=[^\[]{1,2000}\[/inst\])"),
    ("fake-role", "### ", r"### (?:system|instructions?|new instructions?)\s{0,3}:"),
    ("fake-role", "to=functions", r"to=functions\.\w"),
    ("fake-role", "<tool_call>", r"<tool_call>\s{0,4}\{"),
    (
        "fake-role",
        "system",
        r"system\]?\s?:\s{0,4}(?:you\s+(?:must|are\s+now|will)|ignore|new\s+instruct|override|disregard)",
    ),
    (
        "html-comment",
        "<!--",
        rf"<!--(?:(?!-->|<!--)[\s\S]){{0,200}}?(?<!user )(?<!user-)\b{_AGENT}\b"
        r"(?:(?!-->|<!--)[\s\S]){0,200}?"
        r"\b(?:must|should|ignore|skip|send|execute|reveal|do\s+not|always|approve|reply|respond|disregard"
        r"|follow)\b",
    ),
    (
        "image-exfiltration",
        "![",
        r"!\[[^\]\n]{0,200}\]\(\s{0,4}<?https?://[^\s)]{0,300}?[?&/=](?:\{|%7b|\$\{|<|\[)[^\s)]{0,40}?"
        r"(?:data|conversation|history|prompt|secret|context|summary|memory|message|key|token|password|query"
        r"|answer|user|email|base64|text|content)",
    ),
    (
        "override",
        "忽略",
        r"忽略(?:你|您)?(?:所有|全部|一切)?(?:之前|以上|先前|前面|上述|此前)(?:的|所有|全部|一切){0,3}"
        r"(?:指令|指示|说明|提示|规则|命令)",
    ),
    ("override", "無視", r"(?:指示|命令|プロンプト|ルール)を?(?:すべて|全て|全部)?を?無視"),
    (
        "override",
        "предыдущие",
        r"(?:игнорируй|забудь)(?:те)?\s+(?:все\s+)?предыдущие\s+(?:инструкции|указания|команды)",
    ),
)

_HIDING = re.compile(
    r"[\u200b-\u200d\u202d\u202e\u2060-\u2064\ufeff\ufe00-\ufe0f\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
# England, Scotland and Wales have flags made of tag characters after a black flag.
_HIDDEN = (
    ("hidden-tags", r"(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+"),
    ("hidden-selectors", r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}"),
    ("hidden-zero-width", r"[\u200b-\u200d\u2060-\u2064\ufeff]{4,}"),
    ("hidden-zero-width", r"(?:[a-zA-Z][\u200b-\u200d\u2060-\u2064\ufeff]){3,}"),
    ("hidden-direction", r"[\u202d\u202e]"),
)

_PHRASE_PATTERNS = tuple(
    (rule, start, re.compile(rf"{re.escape(start)}\b{pattern}"))
    for rule, starts, pattern in _PHRASES
    for start in starts.split()
)
_MARKUP_PATTERNS = tuple((rule, literal, re.compile(pattern)) for rule, literal, pattern in _MARKUP)
_HIDDEN_PATTERNS = tuple((rule, re.compile(pattern)) for rule, pattern in _HIDDEN)


def find_injections(content: str, lower: str) -> Iterator[Finding]:
    """Possible injections in *content*, in no order; *lower* is the text in lower case, place by place."""
    for rule, start, pattern in _PHRASE_PATTERNS:
        if start in lower:
            yield from _findings(rule, pattern, lower, at_word=True)
    for rule, literal, pattern in _MARKUP_PATTERNS:
        if literal in lower:
            yield from _findings(rule, pattern, lower)
    if not content.isascii() and _HIDING.search(content):
        for rule, pattern in _HIDDEN_PATTERNS:
            yield from _findings(rule, pattern, content)


def _findings(rule: str, pattern: re.Pattern[str], text: str, *, at_word: bool = False) -> Iterator[Finding]:
    count = 0
    for found in pattern.finditer(text):
        before = text[found.start() - 1 : found.start()]
        if at_word and (before.isalnum() or before == "_"):
            continue
        yield Finding("injection", rule, found.start(), found.end(), _REASONS[rule])
        count += 1
        if count > MAX_FINDINGS:
            return
