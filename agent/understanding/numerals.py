"""Numbers as they are said: 8, 1e-3, 5 %, three, 十二, 万分之五, 两百."""

import re

from agent.understanding.text import HAN

NUMBER_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "twelve": "12", "sixteen": "16", "twenty": "20",
    "eleven": "11", "fifteen": "15", "forty": "40", "fifty": "50", "hundred": "100",
    "sixty-four": "64", "a dozen": "12", "thirty": "30", "thirty-two": "32",
    "once": "1", "twice": "2",
}  # fmt: skip
NUMERAL = r"-?\d{1,12}(?:,\d{3}){0,4}(?:\.\d{1,12})?(?:e[+-]?\d{1,2})?(?: ?%)?|-?\.\d{1,12}"
CHINESE = (
    r"[百千万]分之[零一二两三四五六七八九十百点]{1,12}"
    r"|(?!一[下点些样起般直定遍旦])[零一二两三四五六七八九十百千万][零一二两三四五六七八九十百千万点]{0,11}"
)
ENGLISH = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
VALUE = rf"(?P<value>{NUMERAL}|{ENGLISH}|{CHINESE})"
DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2}
UNITS = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}


def number(text: str) -> int | float:
    """The value of a text that VALUE matches."""
    if HAN.match(text):
        return chinese(text)
    plain = NUMBER_WORDS.get(text, text).replace(",", "")
    if plain.endswith("%"):
        return round(float(plain.rstrip(" %")) / 100, 10)
    return int(plain) if re.fullmatch(r"-?\d+", plain) else float(plain)


def chinese(text: str) -> int | float:
    """The value of a Chinese numeral: 二十, 一百二十八, 零点五, 百分之十."""
    if "分之" in text:
        whole, _, part = text.partition("分之")
        return round(chinese(part) / UNITS[whole], 10)
    whole, point, part = text.partition("点")
    if point:
        return float(f"{chinese(whole)}.{''.join(str(DIGITS.get(char, 0)) for char in part)}")
    return whole_number(whole)


def whole_number(text: str) -> int:
    if len(text) > 1 and not set(text) & set(UNITS):
        return int("".join(str(DIGITS[char]) for char in text))
    total, section, digit = 0, 0, 0
    for char in text:
        if char in DIGITS:
            digit = DIGITS[char]
        elif char == "万":
            total, section, digit = total + (section + digit) * UNITS[char], 0, 0
        else:
            section, digit = section + (digit or 1) * UNITS[char], 0
    return total + section + digit
