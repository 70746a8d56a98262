"""The things the embedded benchmark speaks of, by their CLDR codes.

Small on purpose: a base encoder must learn what each is called in 40 languages within minutes.
"""

CITIES = {
    "FR": "Europe/Paris",
    "JP": "Asia/Tokyo",
    "KE": "Africa/Nairobi",
    "DE": "Europe/Berlin",
    "ES": "Europe/Madrid",
    "IT": "Europe/Rome",
    "GB": "Europe/London",
    "RU": "Europe/Moscow",
    "CN": "Asia/Shanghai",
    "TH": "Asia/Bangkok",
    "TR": "Europe/Istanbul",
    "EG": "Africa/Cairo",
    "BR": "America/Sao_Paulo",
    "PT": "Europe/Lisbon",
    "GR": "Europe/Athens",
    "FI": "Europe/Helsinki",
    "NL": "Europe/Amsterdam",
    "HU": "Europe/Budapest",
    "BG": "Europe/Sofia",
    "IN": "Asia/Calcutta",
    "KR": "Asia/Seoul",
    "IL": "Asia/Jerusalem",
    "ID": "Asia/Jakarta",
    "US": "America/New_York",
}
"""Country to the time zone whose city stands for it."""

COUNTRIES = tuple(CITIES)

TONGUE_OF = {
    "FR": "fr",
    "JP": "ja",
    "KE": "sw",
    "DE": "de",
    "ES": "es",
    "IT": "it",
    "GB": "en",
    "RU": "ru",
    "CN": "zh",
    "TH": "th",
    "TR": "tr",
    "EG": "ar",
    "BR": "pt",
    "GR": "el",
    "FI": "fi",
    "NL": "nl",
    "HU": "hu",
    "BG": "bg",
    "IN": "hi",
    "KR": "ko",
    "IL": "he",
    "ID": "id",
}
"""Country to a language spoken there, each language once."""

TONGUES = tuple(TONGUE_OF.values())

CURRENCY_OF = {
    "JP": "JPY",
    "GB": "GBP",
    "RU": "RUB",
    "CN": "CNY",
    "TH": "THB",
    "TR": "TRY",
    "BR": "BRL",
    "US": "USD",
    "IN": "INR",
    "KR": "KRW",
    "FR": "EUR",
    "HU": "HUF",
}
"""Country to its currency, each currency once."""

CURRENCIES = tuple(CURRENCY_OF.values())

UNITS = (
    "length-kilometer",
    "length-meter",
    "length-centimeter",
    "mass-kilogram",
    "mass-gram",
    "volume-liter",
    "duration-hour",
    "duration-minute",
    "duration-second",
    "digital-megabyte",
    "power-watt",
)

DURATIONS = ("day", "week", "month", "year", "hour", "minute")
"""Units of relative times, as in "in 3 days"."""
