"""Classification: one text or two in, one label out.

The English tasks and the XTREME tasks they can help sit side by side, so a difference in labels
or columns shows on one screen.
"""

from __future__ import annotations

from dataclasses import replace

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import pairs, topics
from stiltwalk.languages import CONFIGURATIONS, coded, flores_configuration
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.task import XTREME, XTREME_R, Task, counts, means

NLI_LABELS = ("entailment", "neutral", "contradiction")
PARAPHRASE_LABELS = ("0", "1")
"""As XTREME's files for PAWS-X spell them; 1 is a paraphrase."""
DUPLICATE_LABELS = ("not_duplicate", "duplicate")

_read_nli = pairs(("premise", "hypothesis", "label"), NLI_LABELS)
_read_nli_numbers = pairs(
    ("premise", "hypothesis", "label"), NLI_LABELS, numbers=dict(enumerate(NLI_LABELS))
)
_read_snli = pairs(("premise", "hypothesis", "label"), NLI_LABELS, unlabelled=-1)

_MNLI_FILES = HubFiles("nyu-mll/multi_nli", "default", _read_nli, dev="validation_matched")

MNLI = Task(
    name="mnli",
    task_type=TaskType.PAIR,
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/N18-1101",
    licence="OANC and others, free to use (see the paper, section 2)",
    template="nli",
    num_rows={Split.TRAIN: 392_702, Split.DEV: 9_815},
    mean_tokens={"en": 44.7},
    hub=(_MNLI_FILES,),
)

ANLI_PLUS = Task(
    name="anli_plus",
    task_type=TaskType.PAIR,
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/2020.acl-main.441",
    licence="ANLI CC BY-NC 4.0, SNLI CC BY-SA 4.0, MultiNLI see mnli",
    template="nli",
    num_rows={Split.TRAIN: 1_104_934, Split.DEV: 22_857},
    mean_tokens={"en": 65.8},
    hub=(
        *(
            HubFiles(
                "facebook/anli",
                "plain_text",
                _read_nli,
                train=f"train_r{number}",
                dev=f"dev_r{number}",
                part="anli",
            )
            for number in (1, 2, 3)
        ),
        replace(_MNLI_FILES, part="mnli"),
        HubFiles("stanfordnlp/snli", "plain_text", _read_snli, part="snli"),
    ),
)

XNLI = Task(
    name="xnli",
    task_type=TaskType.PAIR,
    languages=tuple("ar bg de el en es fr hi ru sw th tr ur vi zh".split()),
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/D18-1269",
    licence="CC BY-NC 4.0",
    benchmarks=(XTREME, XTREME_R),
    trained_on="mnli",  # XNLI itself has no training split
    template="nli",
    num_rows={Split.DEV: 2_490, Split.TEST: 5_010},
    mean_tokens=means(
        "ar=38.2 bg=39.0 de=39.8 el=42.8 en=37.2 es=37.8 fr=44.6 hi=41.6 ru=39.3 sw=36.8 th=34.5 "
        "tr=34.0 ur=41.0 vi=40.8 zh=31.7"
    ),
    hub=(
        HubFiles(
            "google/xtreme",
            "XNLI",
            pairs(("sentence1", "sentence2", "gold_label"), NLI_LABELS, language_column="language"),
            test="test",
            train=None,
        ),
    ),
)

QQP = Task(
    name="qqp",
    task_type=TaskType.PAIR,
    metric=Metric.ACCURACY_AND_F1,
    labels=DUPLICATE_LABELS,
    paper="https://quoradata.quora.com/First-Quora-Dataset-Release-Question-Pairs",
    licence="Quora's terms of service, non-commercial",
    template="duplicates",
    num_rows={Split.TRAIN: 363_846, Split.DEV: 40_430},
    mean_tokens={"en": 32.9},
    hub=(
        HubFiles(
            "nyu-mll/glue", "qqp", pairs(("question1", "question2", "label"), DUPLICATE_LABELS)
        ),
    ),
)

PAWSX = Task(
    name="pawsx",
    task_type=TaskType.PAIR,
    languages=tuple("de en es fr ja ko zh".split()),
    metric=Metric.ACCURACY,
    labels=PARAPHRASE_LABELS,
    paper="https://aclanthology.org/D19-1382",
    licence="free for any purpose (Google)",
    template="paraphrases",
    num_rows={
        Split.TRAIN: 49_175,
        Split.DEV: counts("de=2000 en=2000 es=1961 fr=1988 ja=2000 ko=2000 zh=2000"),
        Split.TEST: counts("de=2000 en=2000 es=2000 fr=2000 ja=2000 ko=1999 zh=2000"),
    },
    mean_tokens=means("de=62.3 en=63.3 es=63.9 fr=69.9 ja=78.1 ko=65.8 zh=64.1"),
    benchmarks=(XTREME,),
    hub=(
        HubFiles(
            "google/xtreme",
            "PAWS-X.{code}",
            pairs(("sentence1", "sentence2", "label"), PARAPHRASE_LABELS),
            test="test",
        ),
    ),
)


TOPIC_LABELS = (
    "science/technology",
    "travel",
    "politics",
    "sports",
    "health",
    "entertainment",
    "geography",
)

SIB200 = Task(
    name="sib200",
    task_type=TaskType.TEXT,
    languages=tuple(CONFIGURATIONS),
    metric=Metric.ACCURACY,
    labels=TOPIC_LABELS,
    paper="https://aclanthology.org/2024.eacl-long.14",
    licence="CC BY-SA 4.0",
    template="topics",
    num_rows={Split.TRAIN: 701, Split.DEV: 99, Split.TEST: 204},
    mean_tokens=means(
        "af=38.4 ar=38.2 bg=38.9 bn=43.2 de=37.4 el=45.4 en=32.5 es=36.9 et=36.8 eu=38.2 fa=37.0 "
        "fi=35.8 fr=40.8 he=37.6 hi=41.9 hu=38.9 id=31.8 it=37.4 ja=34.7 ka=41.5 kk=38.9 ko=36.9 "
        "ml=46.5 mr=39.8 ms=30.0 nl=37.6 pt=37.4 ru=38.7 sw=38.3 ta=40.5 te=40.8 th=36.8 tl=40.6 "
        "tr=34.4 ur=37.8 vi=37.6 yo=88.9 zh=33.2"
    ),
    hub=(
        HubFiles(
            "Davlan/sib200",
            "{code}",
            topics(("text", "category"), TOPIC_LABELS),
            test="test",
            code_of=flores_configuration,
        ),
    ),
)


AMERICAS_NLI = Task(
    name="americas_nli",
    task_type=TaskType.PAIR,
    languages=tuple("aym bzd cni gn hch nah oto quy shp tar".split()),
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/2022.acl-long.435",
    licence="CC BY-SA 4.0",
    trained_on="mnli",
    template="nli",
    num_rows={Split.DEV: 743, Split.TEST: 750},
    hub=(
        HubFiles(
            "nala-cub/americas_nli",
            "{code}",
            _read_nli_numbers,
            test="test",
            train=None,
            untested=True,
        ),
    ),
)

AFRI_XNLI = Task(
    name="afrixnli",
    task_type=TaskType.PAIR,
    languages=tuple("amh en ewe fr hau ibo kin lin lug orm sna sot sw twi wo xho yo zul".split()),
    metric=Metric.ACCURACY,
    labels=NLI_LABELS,
    paper="https://aclanthology.org/2025.naacl-long.139",
    licence="Apache 2.0",
    trained_on="mnli",
    template="nli",
    num_rows={Split.TEST: 600},
    hub=(
        HubFiles(
            "masakhane/afrixnli",
            "{code}",
            _read_nli_numbers,
            test="test",
            train=None,
            untested=True,
            code_of=coded("en=eng fr=fra sw=swa wo=wol yo=yor"),
        ),
    ),
)

INTENTS = tuple(
    "alarm_query alarm_remove alarm_set audio_volume_down audio_volume_mute audio_volume_other "
    "audio_volume_up calendar_query calendar_remove calendar_set cooking_query cooking_recipe "
    "datetime_convert datetime_query email_addcontact email_query email_querycontact "
    "email_sendemail general_greet general_joke general_quirky iot_cleaning iot_coffee "
    "iot_hue_lightchange iot_hue_lightdim iot_hue_lightoff iot_hue_lighton iot_hue_lightup "
    "iot_wemo_off iot_wemo_on lists_createoradd lists_query lists_remove music_dislikeness "
    "music_likeness music_query music_settings news_query play_audiobook play_game play_music "
    "play_podcasts play_radio qa_currency qa_definition qa_factoid qa_maths qa_stock "
    "recommendation_events recommendation_locations recommendation_movies social_post "
    "social_query takeaway_order takeaway_query transport_query transport_taxi transport_ticket "
    "transport_traffic weather_query".split()
)

MASSIVE = Task(
    name="massive",
    task_type=TaskType.TEXT,
    languages=tuple(
        "af ar az bn de el en es fa fi fr he hi hu id it ja jv ka ko ml ms my nl pl pt ro ru sw ta "
        "te th tl tr ur vi zh als amh cym dan hye isl kan khk khm lvs nob slv swe zho_Hant".split()
    ),
    metric=Metric.ACCURACY,
    labels=INTENTS,
    paper="https://aclanthology.org/2023.acl-long.235",
    licence="CC BY 4.0",
    template="intents",
    num_rows={Split.TRAIN: 11_514, Split.DEV: 2_033, Split.TEST: 2_974},
    hub=(
        HubFiles(
            "mteb/amazon_massive_intent",
            "{code}",
            topics(("text", "label"), INTENTS),
            test="test",
            untested=True,
            code_of=coded(
                "als=sq amh=am cym=cy dan=da hye=hy isl=is kan=kn khk=mn khm=km lvs=lv nob=nb "
                "slv=sl swe=sv zh=zh-CN zho_Hant=zh-TW"
            ),
        ),
    ),
)
