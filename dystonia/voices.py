"""Whom a crisis reply speaks to, and what it calls what was said: plain rules over the words of the message.

Where the rules are unsure, the reply speaks to the writer as the one in danger: those words help everyone.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Sequence

from dystonia.models import Voice

_RELATION = (
    r"(?:son|daughter|sons|daughters|child|children|kid|kids|boy|girl|lad|lass|baby|husband|hubby|wife|partner|boyfriend"
    r"|girlfriend|fianc\w+|mum|mom|"
    r"mother|mummy|dad|father|daddy|brother|sister|sis|bro|aunt\w*|uncle|cousin|nephew|niece|gran\w*|nan|nana|friend"
    r"|mate|neighbour|neighbor|"
    r"flatmate|roommate|colleague|pupil|student|client|patient|resident|teenager|teen)"
)
_OTHER = rf"(?:he|she|hes|shes|they|theyre|someone|somebody|(?:my|our|a|her|his) (?:\w+ ){{0,2}}{_RELATION})"
_OWN_DEATH = (
    r"(?:die|dead|dying|not exist|wake up|end it|end it all|end my|ending it|suicid\w*|kms|kill my|killing my|hurt my"
    r"|hurting my|harm my|cut my|cutting|"
    r"self ?harm\w*|live|living|be here|go on|carry on|disappear|overdose|join|be with)"
)
# "I want to die"; not "I think my son wants to die": there somebody else stands between.
_I_AM_IN_DANGER = re.compile(
    rf"\b(?:i|im|ive|id|ill)\b(?:(?!\b(?:{_OTHER}|him|her|them)\b)[^.!?;]){{0,60}}\b{_OWN_DEATH}\b"
    r"|\b(?:my ?self|kill me|my own life|without me|im not safe|me too)\b"
)
_THEY_ARE_IN_DANGER = re.compile(
    r"\b(?:kill|killing|hurt|hurts|hurting|harm|harms|harming|cut|cuts|cutting|hang|hanging) (?:him|her|them"
    r"|their) ?sel(?:f|ves)\b"
    rf"|\b{_OTHER}\b[^.!?;]{{0,60}}\b(?:(?:wants?|wanted|wanting|wishes|going|trying|tried|threaten\w*|talk\w*|says?"
    rf"|said|saying) (?:\w+ ){{0,5}}"
    r"(?:die|dead|dying|not be here|suicid\w*|end it\w*|end things|jump\w*|goodbye)|suicid\w*|self ?harm\w*|overdos\w*"
    r"|(?:dont|doesnt|does not|do not) want to (?:live|be here|be alive|go on|wake up)|(?:end(?:s|ing)?|takes?"
    r"|taking) (?:his|her|their) (?:own )?life|no reason to live)\b"
)
_HURT = (
    r"(?:hits?|hitting|beats?|beating|beaten|hurts?|hurting|abus\w+|punch\w*|kick\w*|slap\w*|chok\w*|strangl\w*"
    r"|threaten\w*|controls?|rap(?:es|ed|ing))"
)
_THEY_ARE_HURT = re.compile(
    rf"\b{_HURT}\b(?: up)? (?:her|him|them|(?:my|our|his|her) (?:\w+ )?{_RELATION})\b"
    rf"|\b{_OTHER}\b[^.!?;]{{0,30}}\b(?:is|are|was|being|been|gets?|getting)\b (?:\w+ ){{0,2}}{_HURT}\b"
)
_I_AM_HURT = re.compile(
    rf"\b{_HURT}\b(?: \w+){{0,2}} me\b|\b(?:i|im|ive|i am|i was|ive been)\b (?:\w+ ){{0,3}}{_HURT}\b|\bme\b"
)
_LOST = re.compile(
    rf"\b(?:{_OTHER}|who) (?:\w+ ){{0,3}}(?:died|passed away|passed on|killed (?:him|her|them) ?sel\w+|took (?:his|her"
    rf"|their) (?:own )?life|hung (?:him|her) ?self|hanged (?:him|her) ?self)\b"
    rf"|\b(?:ive |i |we |weve )?(?:just |recently )?(?:lost|buried) (?:my|our) (?:\w+ ){{0,2}}{_RELATION}\b(?! s)"
    rf"|\b(?:funeral|bereaved|grieving|mourning|widow\w*)\b"
    rf"|\bsince (?:\w+ ){{0,3}}(?:died|passed)\b|\b{_RELATION}s? (?:suicide|death)\b"
)
_A_CHILD = re.compile(
    r"\b(?:im|i am|iam|i be) (?:only |just |a )*(?:[5-9]|1[0-7]|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen)\b"
    r"(?! (?:days?|weeks?|months?|hours?|stone|st|kg|mg|percent|years? (?!old))|\d)"
    r"|\bi(?:m| am) (?:\w+ ){0,2}(?:kid|child|teen|teenager|minor|school ?girl|school ?boy)\b|\bim in (?:year"
    r"|grade) (?:\d|1[0-3])\b|\bim in (?:\d|1[0-2])(?:th|rd|st|nd) grade\b"
    r"|\b(?:my (?:teacher|classmates|homework|form tutor)|(?:at|in|from) my school|dont (?:tell|let) my (?:mum|mom|dad"
    r"|parents))\b"
)


def plain(text: str) -> str:
    """A message in small letters, without apostrophes; other signs but full stops become spaces."""
    words = re.sub(r"[’'`´]", "", text.lower())
    return " ".join(re.sub(r"[^a-z0-9.!?;]+", " ", words).split())


def voice_for(text: str) -> Voice:
    """Whom the reply to a message speaks to."""
    words = plain(text)
    in_danger = bool(_I_AM_IN_DANGER.search(words))
    if _A_CHILD.search(words):
        return Voice.young
    if in_danger:
        return Voice.yourself
    if _THEY_ARE_IN_DANGER.search(words) and not _LOST.search(words):
        return Voice.someone_else
    if _LOST.search(words):
        return Voice.grieving
    return Voice.someone_else if _THEY_ARE_HURT.search(words) and not _I_AM_HURT.search(words) else Voice.yourself


def naming(text: str, named: Sequence[Mapping[str, Any]]) -> str:
    """What a reply calls what was said: the first entry with a word that the message holds; an empty list always fits."""
    words = plain(text)
    return next((str(entry["say"]) for entry in named if not entry["heard"] or _holds(words, entry["heard"])), "")


def wording_for(first: str, voices: Dict[str, List[str]], text: str, times: int) -> str:
    """The reply to a crisis message.

    Args:
        first: what is said the first time to someone who speaks of themselves.
        voices: the other texts, by ``Voice``; a voice that has none speaks as ``yourself``.
        text: the message.
        times: how many crisis replies this talk has had before.
    """
    own = [first, *voices.get(Voice.yourself.value, [])]
    voice = voice_for(text)
    said = own if voice is Voice.yourself else voices.get(voice.value) or own
    return said[times % len(said)]


def _holds(words: str, heard: Sequence[str]) -> bool:
    patterns = (re.escape(word[:-1]) if word.endswith("*") else rf"{re.escape(word)}\b" for word in heard)
    return bool(re.search(rf"\b(?:{'|'.join(patterns)})", words))
