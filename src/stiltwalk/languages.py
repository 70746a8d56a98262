"""Languages' codes where a data set has others than the two letters used everywhere else.

Elsewhere: two letters where XTREME or XTREME-R has the language, else three.

A language that the hub has in two scripts keeps the script in its code: `ar`, `zh` stand
for the usual one, the other is `zho_Hant`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


def _table(text: str) -> dict[str, str]:
    return dict(entry.split("=") for entry in text.split())


_TATOEBA = _table(
    "af=afr ar=ara bg=bul bn=ben de=deu el=ell es=spa et=est eu=eus fa=pes fi=fin fr=fra he=heb "
    "hi=hin hu=hun id=ind it=ita ja=jpn jv=jav ka=kat kk=kaz ko=kor ml=mal mr=mar nl=nld pt=por "
    "ru=rus sw=swh ta=tam te=tel th=tha tl=tgl tr=tur ur=urd vi=vie zh=cmn az=aze lt=lit pl=pol "
    "ro=ron uk=ukr"
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


def coded(text: str) -> Callable[[str], str]:
    """Return what gives a data set's code of a language: as listed, `en=eng`, or our own.

    An underscore in a listed name stands for a space.
    """
    table = {code: name.replace("_", " ") for code, name in _table(text).items()}
    return lambda language: table.get(language, language)


def tatoeba_code(language: str) -> str:
    """Return the three letters of a language in `tatoeba.*`."""
    return _TATOEBA[language]


def udpos_name(language: str) -> str:
    """Return the English name of a language in `udpos.*`."""
    return _UDPOS[language]


def tydiqa_prefix(language: str) -> str:
    """Return the word that the ids of a language's questions start with in TyDiQA."""
    return f"{_TYDIQA[language]}-"


_TWO_LETTERS = (
    "af=afr_Latn ar=arb_Arab bg=bul_Cyrl bn=ben_Beng de=deu_Latn el=ell_Grek en=eng_Latn "
    "es=spa_Latn et=est_Latn eu=eus_Latn fa=pes_Arab fi=fin_Latn fr=fra_Latn he=heb_Hebr "
    "hi=hin_Deva hu=hun_Latn id=ind_Latn it=ita_Latn ja=jpn_Jpan jv=jav_Latn ka=kat_Geor "
    "kk=kaz_Cyrl ko=kor_Hang ml=mal_Mlym mr=mar_Deva ms=zsm_Latn my=mya_Mymr nl=nld_Latn "
    "pt=por_Latn ru=rus_Cyrl sw=swh_Latn ta=tam_Taml te=tel_Telu th=tha_Thai tl=tgl_Latn "
    "tr=tur_Latn ur=urd_Arab vi=vie_Latn yo=yor_Latn zh=zho_Hans az=azj_Latn gu=guj_Gujr "
    "ht=hat_Latn lt=lit_Latn pa=pan_Guru pl=pol_Latn ro=ron_Latn uk=ukr_Cyrl wo=wol_Latn"
)
_SCRIPTS = {
    "Latn": (
        "ace afr aka als arb ast ayr azj bam ban bem bjn bos bug cat ceb ces cjk crh cym dan "
        "deu dik dyu eng epo est eus ewe fao fij fin fon fra fur fuv gaz gla gle glg grn hat "
        "hau hrv hun ibo ilo ind isl ita jav kab kac kam kbp kea kik kin kmb kmr knc kon lij "
        "lim lin lit lmo ltg ltz lua lug luo lus lvs min mlt mos mri nld nno nob nso nus nya "
        "oci pag pap plt pol por quy ron run sag scn slk slv smo sna som sot spa srd ssw sun "
        "swe swh szl taq tgl tpi tsn tso tuk tum tur twi umb uzn vec vie war wol xho yor zsm "
        "zul"
    ),
    "Arab": (
        "ace acm acq aeb ajp apc arb ars ary arz azb bjn ckb kas knc min pbt pes prs snd uig urd"
    ),
    "Cyrl": "bak bel bul kaz khk kir mkd rus srp tat tgk ukr",
    "Deva": "awa bho hin hne kas mag mai mar npi san",
    "Beng": "asm ben mni",
    "Ethi": "amh tir",
    "Tibt": "bod dzo",
    "Hebr": "heb ydd",
    "Mymr": "mya shn",
    "Tfng": "taq tzm",
    "Hant": "yue zho",
    "Grek": "ell",
    "Gujr": "guj",
    "Armn": "hye",
    "Jpan": "jpn",
    "Knda": "kan",
    "Geor": "kat",
    "Khmr": "khm",
    "Hang": "kor",
    "Laoo": "lao",
    "Mlym": "mal",
    "Nkoo": "nqo",
    "Orya": "ory",
    "Guru": "pan",
    "Olck": "sat",
    "Sinh": "sin",
    "Taml": "tam",
    "Telu": "tel",
    "Thai": "tha",
    "Hans": "zho",
}
"""Script to the three-letter codes of the languages that the hub has in it."""


def _configurations() -> dict[str, str]:
    """Return every code to its configuration on the hub, XTREME's languages first."""
    found = dict(each.split("=") for each in _TWO_LETTERS.split())
    names = sorted(
        f"{code}_{script}" for script, codes in _SCRIPTS.items() for code in codes.split()
    )
    scripts_of = Counter(name[:3] for name in names)
    others = [name for name in names if name not in found.values()]
    return found | {name if scripts_of[name[:3]] > 1 else name[:3]: name for name in others}


CONFIGURATIONS = _configurations()
"""Our code of a language to the hub's configuration."""


def flores_configuration(language: str) -> str:
    """Return a language's code in FLORES-200, as SIB-200 and Belebele name it."""
    return CONFIGURATIONS.get(language, language)
