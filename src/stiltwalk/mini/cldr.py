"""The things that the miniature speaks of, and what CLDR calls them in one language.

They are few on purpose: a base encoder must learn what each is called in 40 languages within
minutes. Names, patterns and plural rules are read once per language, out of Babel into plain
dictionaries, so that nothing that Babel caches later can change a text.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

_BABEL_CODES = {"tl": "fil"}
_SPACES = re.compile(r"[\s\u00a0\u202f\u2009]+")
_INVISIBLE = re.compile(r"[\u200e\u200f\u061c]")


def _table(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


CITIES = _table(
    "FR=Europe/Paris JP=Asia/Tokyo KE=Africa/Nairobi DE=Europe/Berlin ES=Europe/Madrid "
    "IT=Europe/Rome GB=Europe/London RU=Europe/Moscow CN=Asia/Shanghai TH=Asia/Bangkok "
    "TR=Europe/Istanbul EG=Africa/Cairo BR=America/Sao_Paulo PT=Europe/Lisbon "
    "GR=Europe/Athens FI=Europe/Helsinki NL=Europe/Amsterdam HU=Europe/Budapest "
    "BG=Europe/Sofia IN=Asia/Calcutta KR=Asia/Seoul IL=Asia/Jerusalem ID=Asia/Jakarta "
    "US=America/New_York"
)
"""Country to the time zone whose city stands for it."""
COUNTRIES = tuple(CITIES)
TONGUE_OF = _table(
    "FR=fr JP=ja KE=sw DE=de ES=es IT=it GB=en RU=ru CN=zh TH=th TR=tr EG=ar BR=pt GR=el "
    "FI=fi NL=nl HU=hu BG=bg IN=hi KR=ko IL=he ID=id"
)
"""Country to a language spoken there, each language once."""
TONGUES = tuple(TONGUE_OF.values())
CURRENCY_OF = _table(
    "JP=JPY GB=GBP RU=RUB CN=CNY TH=THB TR=TRY BR=BRL US=USD IN=INR KR=KRW FR=EUR HU=HUF"
)
"""Country to its currency, each currency once."""
CURRENCIES = tuple(CURRENCY_OF.values())
UNITS = tuple(
    "length-kilometer length-meter length-centimeter mass-kilogram mass-gram volume-liter "
    "duration-hour duration-minute duration-second digital-megabyte power-watt".split()
)
DURATIONS = ("day", "week", "month", "year", "hour", "minute")
"""Units of relative times, as in "in 3 days"."""

DatePattern = tuple[tuple[str, str], ...]
"""Parts of a date in order: (CLDR field such as "MMMM", or "chars"; literal text or "")."""


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """The words of one language. Keys are CLDR's codes; months and quarters count from 1.

    `lists` holds the patterns "2", "start", "middle" and "end" of "and" lists, `choices` those of
    "or" lists; `units` and `moneys` map a plural form to a pattern; `unit_names` are for questions.
    """

    language: str
    countries: Mapping[str, str]
    cities: Mapping[str, str]
    tongues: Mapping[str, str]
    currencies: Mapping[str, str]
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    quarters: tuple[str, ...]
    dated_months: Mapping[str, tuple[str, ...]]
    dated_weekdays: tuple[str, ...]
    era: str
    dates: Mapping[str, DatePattern]
    lists: Mapping[str, str]
    choices: Mapping[str, str]
    units: Mapping[str, Mapping[str, str]]
    unit_names: Mapping[str, str]
    money_pattern: Mapping[str, str]
    money_names: Mapping[str, Mapping[str, str]]
    relatives: Mapping[tuple[str, bool], Mapping[str, str]]
    plural: Callable[[int], str]

    @property
    def separator(self) -> str:
        """Return what stands between the items of a list."""
        return self.lists["start"].removeprefix("{0}").removesuffix("{1}")


def tidy(text: str) -> str:
    """Return the text with ordinary spaces and without invisible direction marks."""
    return _INVISIBLE.sub("", _SPACES.sub(" ", text))


@cache
def lexicon(language: str) -> Lexicon:
    """Return the words of a language given by its XTREME code."""
    data = _locale_data(_BABEL_CODES.get(language, language))
    months = data["months"]["format"]
    alone = data["months"]["stand-alone"]["wide"]
    return Lexicon(
        language=language,
        countries={code: tidy(data["territories"][code]) for code in CITIES},
        cities={code: _city(data, zone) for code, zone in CITIES.items()},
        tongues={code: tidy(data["languages"][code]) for code in TONGUES},
        currencies={code: tidy(data["currency_names"][code]) for code in CURRENCIES},
        weekdays=_ordered(data["days"]["stand-alone"]["wide"], range(7)),
        months=_ordered(alone, range(1, 13)),
        quarters=_ordered(data["quarters"]["stand-alone"]["wide"], range(1, 5)),
        dated_months={
            "MMMM": _ordered(months["wide"], range(1, 13)),
            "MMM": _ordered(months["abbreviated"], range(1, 13)),
            "LLLL": _ordered(alone, range(1, 13)),
        },
        dated_weekdays=_ordered(data["days"]["format"]["wide"], range(7)),
        era=tidy(data["eras"]["abbreviated"][1]),
        dates=_date_patterns(data),
        lists=_list_patterns(data, "standard"),
        choices=_list_patterns(data, "or"),
        units={unit: _unit_patterns(data, unit) for unit in UNITS},
        unit_names={unit: _unit_name(data, unit) for unit in UNITS},
        money_pattern=_plural_forms(data["currency_unit_patterns"]),
        money_names={code: _money_names(data, code) for code in CURRENCIES},
        relatives={
            (unit, ahead): _plural_forms(data["date_fields"][unit]["future" if ahead else "past"])
            for unit in DURATIONS
            for ahead in (True, False)
        },
        plural=data["plural_form"],
    )


def _locale_data(code: str) -> Any:  # noqa: ANN401 - Babel's nested mappings have no types
    """Return Babel's data for a locale, untouched by locales that were read before it.

    Babel writes names that a locale inherits through an alias back into dictionaries shared by
    all locales, so the second locale in a process can get the first one's weekdays. An empty
    cache protects this locale from earlier ones, the deep copy protects later ones from it.
    """
    from babel import localedata  # noqa: PLC0415 - plans need no Babel

    localedata._cache.clear()
    data: Any = copy.deepcopy(localedata.load(code))
    return localedata.LocaleDataDict(data)


def _ordered(names: Mapping[int, str], keys: range) -> tuple[str, ...]:
    return tuple(tidy(names[key]) for key in keys)


def _city(data: Any, zone: str) -> str:  # noqa: ANN401
    """Return the city of a time zone; where CLDR is silent, its English name in the zone's key."""
    name = data["time_zones"].get(zone, {}).get("city")
    return tidy(name or zone.rpartition("/")[2].replace("_", " "))


def _date_patterns(data: Any) -> dict[str, DatePattern]:  # noqa: ANN401
    from babel.dates import tokenize_pattern  # noqa: PLC0415 - as above

    patterns = {
        "full": data["date_formats"]["full"].pattern,
        "long": data["date_formats"]["long"].pattern,
        "month": data["datetime_skeletons"]["yMMMM"].pattern,
    }
    return {style: tuple(map(_date_part, tokenize_pattern(p))) for style, p in patterns.items()}


def _date_part(token: tuple[str, Any]) -> tuple[str, str]:
    kind, value = token
    return ("chars", tidy(value)) if kind == "chars" else (value[0] * value[1], "")


def _list_patterns(data: Any, style: str) -> dict[str, str]:  # noqa: ANN401
    """Return the four patterns; some languages leave out those that equal another one."""
    stand_in = {"2": "end", "start": "middle", "middle": "start", "end": "2"}
    chosen, standard = data["list_patterns"][style], data["list_patterns"]["standard"]
    return {
        part: tidy(chosen.get(part) or chosen.get(other) or standard.get(part) or standard[other])
        for part, other in stand_in.items()
    }


def _plural_forms(patterns: Mapping[str, str]) -> dict[str, str]:
    """Return plural form to pattern, without forms that leave the number out."""
    tidied = {form: tidy(text) for form, text in patterns.items() if form != "per"}
    return {form: text for form, text in tidied.items() if "{0}" in text}


def _unit_patterns(data: Any, unit: str) -> dict[str, str]:  # noqa: ANN401
    """Return the first width that has a pattern: Babel's own fallback invents some in fa and yo."""
    for width in ("long", "short", "narrow"):
        forms = _plural_forms(data["unit_patterns"][unit].get(width, {}))
        if "other" in forms:
            return forms
    return {"other": "{0} " + unit.partition("-")[2]}


def _unit_name(data: Any, unit: str) -> str:  # noqa: ANN401
    """Return what a unit is called without a number."""
    names = data["unit_display_names"].get(unit, {})
    bare = _unit_patterns(data, unit)["other"].replace("{0}", "").strip()
    return tidy(names.get("long") or names.get("short") or bare)


def _money_names(data: Any, code: str) -> dict[str, str]:  # noqa: ANN401
    names = data["currency_names_plural"].get(code, {})
    return {"other": tidy(data["currency_names"][code])} | {
        form: tidy(name) for form, name in names.items()
    }
