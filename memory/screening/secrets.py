"""Secrets in a text: tokens by the plugins of `detect-secrets`, and values given to secret-sounding names.

Tokens with a shape of their own are recognised by the library's plugins, run on the neighbourhood of a
cheap hint only; the library costs about 0.12 s to import (it brings `requests`), so that it is imported at
the first hint. Its entropy plugins are left out (they report every tenth line of ordinary code), so is its
plugin for public IP addresses, and its keyword plugin is replaced by `_ASSIGNMENTS`, which is linear on long
lines, reads unquoted values too and asks that the value look like a secret. Nothing is ever verified over a
network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from .findings import MAX_FINDINGS, Finding

if TYPE_CHECKING:
    from detect_secrets.plugins.base import BasePlugin


def find_secrets(content: str, lower: str) -> Iterator[Finding]:
    """Possible secrets in *content*, in no order; *lower* is the same text in lower case, place by place."""
    yield from _token_findings(content, lower)
    yield from _assignments(content, lower)


class _Hint(NamedTuple):
    """Where a plugin of detect-secrets may find something: at *pattern*, which needs *literal*."""

    literal: str
    pattern: str
    module: str
    plugin: str
    lower: bool = False


_HINTS = (
    _Hint("AKC", r"AKC[a-zA-Z0-9]{10}", "artifactory", "ArtifactoryDetector"),
    _Hint("AP", r"AP[\dA-F][a-zA-Z0-9]{8}", "artifactory", "ArtifactoryDetector"),
    *(
        _Hint(start, rf"{start}[0-9A-Z]{{16}}", "aws", "AWSKeyDetector")
        for start in ("A3T", "ABIA", "ACCA", "AKIA", "ASIA")
    ),
    _Hint("aws", r"aws.{0,20}(?:key|pw|pass|token)", "aws", "AWSKeyDetector", True),
    _Hint("AccountKey=", r"AccountKey=", "azure_storage_key", "AzureStorageKeyDetector"),
    _Hint("://", r"://[^\s@/:]{1,100}:[^\s@]{1,100}@", "basic_auth", "BasicAuthDetector"),
    _Hint("cloudant", r"cloudant", "cloudant", "CloudantDetector", True),
    _Hint(
        "cl",
        r"cl(?:ou)?[_-]?(?:api)?(?:key|pw|pass|token).{0,12}[a-z0-9]{24}",
        "cloudant",
        "CloudantDetector",
        True,
    ),
    _Hint(".", r"\.[\w-]{6}\.[\w-]{27}", "discord", "DiscordBotTokenDetector"),
    _Hint("gh", r"gh[pousr]_\w{36}", "github_token", "GitHubTokenDetector"),
    _Hint("gl", r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-", "gitlab_token", "GitLabTokenDetector"),
    _Hint("GR1348941", r"GR1348941", "gitlab_token", "GitLabTokenDetector"),
    *(
        _Hint(name, rf"{name}.{{0,12}}[\w-]{{44}}", "ibm_cloud_iam", "IbmCloudIamDetector", True)
        for name in ("key", "pwd", "pass", "token")
    ),
    _Hint("key", r"key.{0,12}[a-f0-9]{48}", "ibm_cos_hmac", "IbmCosHmacDetector", True),
    _Hint("eyJ", r"(?<![\w-])eyJ[\w-]+={0,2}\.", "jwt", "JwtTokenDetector"),
    _Hint("-us", r"-us\d", "mailchimp", "MailchimpDetector"),
    _Hint("_authToken", r"_authToken=", "npm", "NpmDetector"),
    _Hint("T3BlbkFJ", r"T3BlbkFJ", "openai", "OpenAIDetector"),
    _Hint("PRIVATE KEY", r"PRIVATE KEY", "private_key", "PrivateKeyDetector"),
    _Hint("PuTTY-User-Key", r"PuTTY-User-Key", "private_key", "PrivateKeyDetector"),
    _Hint("pypi-Ag", r"pypi-Ag", "pypi_token", "PypiTokenDetector"),
    _Hint("SG.", r"SG\.[\w-]{22}\.", "sendgrid", "SendGridDetector"),
    _Hint("xox", r"xox[abposr]-", "slack", "SlackDetector", True),
    _Hint("hooks.slack.com", r"hooks\.slack\.com/services/", "slack", "SlackDetector"),
    _Hint("softlayer", r"softlayer", "softlayer", "SoftlayerDetector", True),
    _Hint(
        "sl",
        r"sl[_-]?(?:api)?(?:key|pw|pass|token).{0,12}[a-z0-9]{64}",
        "softlayer",
        "SoftlayerDetector",
        True,
    ),
    _Hint("sq0csp-", r"sq0csp-", "square_oauth", "SquareOAuthDetector"),
    _Hint("k_live_", r"k_live_", "stripe", "StripeDetector"),
    _Hint(":", r":[\w-]{35}", "telegram_token", "TelegramBotTokenDetector"),
    _Hint("AC", r"AC[a-z0-9]{32}", "twilio", "TwilioKeyDetector"),
    _Hint("SK", r"SK[a-z0-9]{32}", "twilio", "TwilioKeyDetector"),
)
# Tokens that detect-secrets 1.5 does not know.
_TOKENS = (
    ("github_pat_", r"github_pat_\w{40,100}", "GitHub Token"),
    ("AIza", r"AIza[\w-]{35}(?![\w-])", "Google API Key"),
    ("sk-", r"(?<![\w-])sk-(?:ant-|proj-|or-|svcacct-|admin-)?[\w-]{32,250}", "LLM API Key"),
    ("hf_", r"(?<!\w)hf_[A-Za-z]{34}(?!\w)", "Hugging Face Token"),
    ("npm_", r"(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)", "NPM tokens"),
    ("whsec_", r"whsec_[A-Za-z0-9+/]{24,100}", "Stripe Access Key"),
    ("dop_v1_", r"dop_v1_[a-f0-9]{64}", "DigitalOcean Token"),
    ("Bearer ", r"Bearer [\w.~+/-]{24,2000}=*", "Bearer Token"),
)
_HINT_PATTERNS = tuple((hint, re.compile(hint.pattern)) for hint in _HINTS)
_TOKEN_PATTERNS = tuple((literal, re.compile(pattern), name) for literal, pattern, name in _TOKENS)
_BEFORE, _AFTER = 200, 2000
_MAX_READ = 1000
"""Neighbourhoods that one plugin reads per text: its patterns are not linear on text made to slow them."""


@cache
def _plugin(module: str, name: str) -> BasePlugin:
    plugin: BasePlugin = getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
    return plugin


def _token_findings(content: str, lower: str) -> Iterator[Finding]:
    for hint, pattern in _HINT_PATTERNS:
        text = lower if hint.lower else content
        if hint.literal in text:
            yield from _plugin_findings(content, hint, pattern.finditer(text))
    for literal, pattern, name in _TOKEN_PATTERNS:
        if literal in content:
            for found in pattern.finditer(content):
                if _random_looking(found[0]):
                    yield _secret(name, found.start(), found.end())


def _plugin_findings(content: str, hint: _Hint, hints: Iterator[re.Match[str]]) -> Iterator[Finding]:
    done = count = read = 0
    for found in hints:
        if found.start() < done:
            continue
        read += 1
        if count > MAX_FINDINGS or read > _MAX_READ:
            if read > _MAX_READ:
                yield Finding("secret", "unread", found.start(), None, "more token-like places than are read")
            return
        start = max(done, content.rfind("\n", max(0, found.start() - _BEFORE), found.start()) + 1)
        start = max(start, found.start() - _BEFORE)
        end = content.find("\n", found.end(), found.end() + _AFTER)
        # A long line is read in steps that overlap, so that no token is cut in two.
        done = end if end >= 0 else min(len(content), found.end() + _AFTER // 2)
        line = content[start : end if end >= 0 else found.end() + _AFTER]
        plugin = _plugin(hint.module, hint.plugin)
        at = 0
        for value in plugin.analyze_string(line):
            at = line.find(value, at) if value in line[at:] else line.find(value)
            finding = _library_finding(content, str(plugin.secret_type), value, start + at)
            at += len(value)
            if finding:
                yield finding
                count += 1


# Here the library goes by the name before the value or the place of it; the value itself may be any word.
_UNPREFIXED = ("Basic Auth Credentials", "IBM Cloud IAM Key")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{40}")
_REST = re.compile(r"[\w.=-]{0,2000}")


def _library_finding(content: str, name: str, value: str, start: int) -> Finding | None:
    end = start + len(value)
    if name == "Private Key":
        closing = _KEY_END.search(content, end, end + 16_384)
        if not _KEY_BODY.search(content, end, closing.start() if closing else end + 600):
            return None
        return _secret(name, start, closing.end() if closing else end)
    if name in _UNPREFIXED:
        return _secret(name, start, end) if _secret_looking(value, 6) else None
    # Several plugins answer with the prefix of the token, or with a web token without its signature.
    rest = _REST.match(content, end)
    token = value + (rest[0].rstrip(".") if rest else "")
    return _secret(name, start, start + len(token)) if _random_looking(token) else None


def _secret(name: str, start: int, end: int) -> Finding:
    return Finding("secret", re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"), start, end, name)


def _random_looking(value: str) -> bool:
    """Tokens are random; `ghp_xxxxxxxx…` and AWS's own AKIA…EXAMPLE are documentation."""
    return "EXAMPLE" not in value.upper() and len(set(value[-20:])) > 6


_PLACEHOLDER = re.compile(
    r"example|sample|change.?me|your|placeholder|dummy|redacted|insert|replace|password|passwd|secret|token"
    r"|foo|xxx|^test|\*\*\*|\.\.\.|^\$|[{}<>%]|^[\w-]+\.[\w.-]+\(|^https?://|^/|\\|^@|::",
    re.IGNORECASE,
)


def _classes(value: str) -> int:
    tests = (r"[a-z]", r"[A-Z]", r"\d", r"[^\w.\-/:,]|[^\x00-\x7f]")
    return sum(1 for test in tests if re.search(test, value))


def _secret_looking(value: str, shortest: int) -> bool:
    """Whether a value assigned to a secret-sounding name looks chosen or random, not named or described."""
    if len(value) < shortest or len(set(value)) < 5 or _PLACEHOLDER.search(value):
        return False
    digits = sum(char.isdigit() for char in value)
    if not re.search(r"[A-Za-z]", value):
        return False
    return _classes(value) >= 3 or (digits > 0 and (_classes(value) >= 2 and (len(value) < 16 or digits > 2)))


_VALUE = (
    r"[\"'\]]{0,2}\s{0,4}(?:=>|:=|={1,3}|:|\()\s{0,4}@?"
    r"(?:(?P<quote>[\"'`])(?P<quoted>[^\"'`\s]{6,200})(?P=quote)"
    r"|(?P<bare>[^\s\"'`#,;(){}\[\]<>$|&][^\s\"'`,;(){}\[\]<>]{7,200}+)(?=[ \t]*(?:[\r\n,;]|\Z)))"
)
_ASSIGNMENTS = (
    ("passw", re.compile(r"passw(?:or)?d\w{0,20}" + _VALUE), 6, ""),
    ("passphrase", re.compile(r"passphrase\w{0,20}" + _VALUE), 6, ""),
    ("contrase", re.compile(r"contrase(?:n|ñ)a\w{0,20}" + _VALUE), 6, ""),
    ("pwd", re.compile(r"pwd\w{0,20}" + _VALUE), 6, ""),
    ("secret", re.compile(r"secret\w{0,20}" + _VALUE), 12, ""),
    ("token", re.compile(r"token\w{0,20}" + _VALUE), 16, r"(?<!publickey)$"),
    (
        "key",
        re.compile(r"key\w{0,20}" + _VALUE),
        12,
        r"(?:api|auth|service|account|access|priv|private|client|db|database|encryption|signing|master)[_-]?$",
    ),
)
_SPOKEN = re.compile(
    r"pass(?:word|phrase|code)(?: (?:for|of|to|on) [^.\n:=]{1,40}?)? (?:is|was)(?: now)?:? "
    r"[\"'`]?(?P<bare>\S{6,100})"
)


def _assignments(content: str, lower: str) -> Iterator[Finding]:
    for literal, pattern, shortest, before in _ASSIGNMENTS:
        if literal not in lower:
            continue
        count = 0
        for found in pattern.finditer(lower):
            if before and not re.search(before, lower[max(0, found.start() - 12) : found.start()]):
                continue
            group = "quoted" if found["quoted"] else "bare"
            value = content[slice(*found.span(group))]
            sure = group == "quoted" or shortest < 12 or _classes(value) > 2 or len(value) > 19
            if sure and _secret_looking(value, shortest):
                yield _secret("Secret Keyword", *found.span(group))
                count += 1
            if count > MAX_FINDINGS:
                break
    if "pass" in lower:
        for found in _SPOKEN.finditer(lower):
            start = found.start("bare")
            value = content[start : found.end("bare")].rstrip(".,;)\"'`")
            if _secret_looking(value, 6):
                yield _secret("Secret Keyword", start, start + len(value))
