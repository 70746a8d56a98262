"""The hub's own codes for languages, where they are not the two letters used everywhere else."""

from __future__ import annotations


def _table(text: str) -> dict[str, str]:
    return dict(entry.split("=") for entry in text.split())


_TATOEBA = _table(
    "af=afr ar=ara bg=bul bn=ben de=deu el=ell es=spa et=est eu=eus fa=pes fi=fin fr=fra he=heb "
    "hi=hin hu=hun id=ind it=ita ja=jpn jv=jav ka=kat kk=kaz ko=kor ml=mal mr=mar nl=nld pt=por "
    "ru=rus sw=swh ta=tam te=tel th=tha tl=tgl tr=tur ur=urd vi=vie zh=cmn"
)
_UDPOS = _table(
    "af=Afrikaans ar=Arabic bg=Bulgarian de=German el=Greek en=English es=Spanish et=Estonian "
    "eu=Basque fa=Persian fi=Finnish fr=French he=Hebrew hi=Hindi hu=Hungarian id=Indonesian "
    "it=Italian ja=Japanese kk=Kazakh ko=Korean mr=Marathi nl=Dutch pt=Portuguese ru=Russian "
    "ta=Tamil te=Telugu th=Thai tl=Tagalog tr=Turkish ur=Urdu vi=Vietnamese yo=Yoruba zh=Chinese"
)
_TYDIQA = _table(
    "ar=arabic bn=bengali en=english fi=finnish id=indonesian ko=korean ru=russian sw=swahili "
    "te=telugu"
)


def tatoeba_code(language: str) -> str:
    """Return the three letters of a language in `tatoeba.*`."""
    return _TATOEBA[language]


def udpos_name(language: str) -> str:
    """Return the English name of a language in `udpos.*`."""
    return _UDPOS[language]


def tydiqa_prefix(language: str) -> str:
    """Return the word that the ids of a language's questions start with in TyDiQA."""
    return f"{_TYDIQA[language]}-"
