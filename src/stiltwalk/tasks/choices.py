"""Multiple choice: which of several continuations or answers fits a prompt.

Each choice is scored alone, so a task can train on one with another number of choices.
"""

from __future__ import annotations

from dataclasses import replace

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import choices, commonsense_qa, hellaswag
from stiltwalk.languages import coded, flores_configuration
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks.task import XTREME_R, Task, counts, means

_LETTERS = ("option_a", "option_b", "option_c", "option_d")

HELLASWAG = Task(
    name="hellaswag",
    task_type=TaskType.CHOICE,
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://aclanthology.org/P19-1472",
    licence="MIT",
    template="continuation",
    num_rows={Split.TRAIN: 39_905, Split.DEV: 10_042},
    mean_tokens={"en": 218.8},
    hub=(HubFiles("Rowan/hellaswag", "default", hellaswag),),
)

COSMOS_QA = Task(
    name="cosmos_qa",
    task_type=TaskType.CHOICE,
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://aclanthology.org/D19-1243",
    licence="CC BY 4.0",
    template="answer",
    num_rows={Split.TRAIN: 25_262, Split.DEV: 2_985},
    mean_tokens={"en": 463.0},
    hub=(
        HubFiles(
            "allenai/cosmos_qa",
            "default",
            choices(("context", "question"), ("answer0", "answer1", "answer2", "answer3"), "label"),
        ),
    ),
)

COMMONSENSE_QA = Task(
    name="commonsense_qa",
    task_type=TaskType.CHOICE,
    metric=Metric.ACCURACY,
    labels=tuple("01234"),
    paper="https://aclanthology.org/N19-1421",
    licence="MIT",
    template="question",
    num_rows={Split.TRAIN: 9_741, Split.DEV: 1_221},
    mean_tokens={"en": 111.0},
    hub=(HubFiles("tau/commonsense_qa", "default", commonsense_qa),),
)

SIQA = Task(
    name="siqa",
    task_type=TaskType.CHOICE,
    metric=Metric.ACCURACY,
    labels=tuple("012"),
    paper="https://aclanthology.org/D19-1454",
    licence="CC BY 4.0",
    template="answer",
    num_rows={Split.TRAIN: 33_410, Split.DEV: 1_954},
    mean_tokens={"en": 105.6},
    max_length_tokens=128,
    hub=(
        HubFiles(
            "allenai/social_i_qa",
            "default",
            choices(
                ("context", "question"), ("answerA", "answerB", "answerC"), "label", marks="123"
            ),
        ),
    ),
)

_read_copa = choices(
    ("premise", "question"),
    ("choice1", "choice2"),
    "label",
    said={"cause": "What was the cause?", "effect": "What was the effect?"},
)

COPA = Task(
    name="copa",
    task_type=TaskType.CHOICE,
    metric=Metric.ACCURACY,
    labels=tuple("01"),
    paper="https://cdn.aaai.org/ocs/2418/2418-10878-1-PB.pdf",
    licence="BSD 2-clause",
    template="answer",
    num_rows={Split.TRAIN: 400, Split.DEV: 100},
    max_length_tokens=128,
    hub=(HubFiles("aps/super_glue", "copa", _read_copa, untested=True),),
)

XCOPA = Task(
    name="xcopa",
    task_type=TaskType.CHOICE,
    languages=tuple("et ht id it qu sw ta th tr vi zh".split()),
    metric=Metric.ACCURACY,
    labels=tuple("01"),
    paper="https://aclanthology.org/2020.emnlp-main.185",
    licence="CC BY 4.0",
    benchmarks=(XTREME_R,),
    first_trained_on="siqa",
    trained_on="copa",  # XCOPA has no English, and COPA alone has 400 rows
    template="answer",
    num_rows={Split.DEV: 100, Split.TEST: 500},
    mean_tokens=means(
        "et=52.3 ht=63.0 id=48.7 it=56.7 qu=74.0 sw=55.8 ta=60.8 th=43.3 tr=48.6 vi=51.8 zh=48.4"
    ),
    max_length_tokens=128,
    hub=(HubFiles("cambridgeltl/xcopa", "{code}", _read_copa, test="test", train=None),),
)

XCOPA_SIQA = replace(
    XCOPA, name="xcopa_siqa", benchmarks=(), first_trained_on=None, trained_on="siqa"
)
"""XCOPA after SIQA alone, as where COPA is not at hand."""

BELEBELE = Task(
    name="belebele",
    task_type=TaskType.CHOICE,
    languages=tuple(
        "af ar az bg bn de el en es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml mr ms "
        "my nl pa pl pt ro ru sw ta te th tl tr uk ur vi wo yo zh acm als amh apc arb_Latn ars ary "
        "arz asm bam ben_Latn bod cat ceb ces ckb dan fuv gaz grn hau hin_Latn hrv hye ibo ilo isl "
        "kac kan kea khk khm kin kir lao lin lug luo lvs mkd mlt mri nob npi npi_Latn nso nya ory "
        "pbt plt shn sin sin_Latn slk slv sna snd som sot srp ssw sun swe tgk tir tsn tso urd_Latn "
        "uzn war xho zho_Hant zul".split()
    ),
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://aclanthology.org/2024.acl-long.44",
    licence="CC BY-SA 4.0",
    trained_on="cosmos_qa",  # the same form; its authors train on RACE
    template="answer",
    num_rows={Split.TEST: 900},
    hub=(
        HubFiles(
            "facebook/belebele",
            "{code}",
            choices(
                ("flores_passage", "question"),
                ("mc_answer1", "mc_answer2", "mc_answer3", "mc_answer4"),
                "correct_answer_num",
                marks="1234",
            ),
            test="test",
            train=None,
            dev=None,
            untested=True,
            code_of=flores_configuration,
        ),
    ),
)

XSTORY_CLOZE = Task(
    name="xstory_cloze",
    task_type=TaskType.CHOICE,
    languages=tuple("ar en es eu hi id my ru sw te zh".split()),
    metric=Metric.ACCURACY,
    labels=tuple("01"),
    paper="https://aclanthology.org/2022.emnlp-main.616",
    licence="CC BY-SA 4.0",
    dev_overlaps_test=True,  # it has no split but these two
    template="continuation",
    num_rows={Split.TRAIN: 360, Split.DEV: counts("en=1511"), Split.TEST: 1_511},
    hub=(
        HubFiles(
            "juletxara/xstory_cloze",
            "{code}",
            choices(
                tuple(f"input_sentence_{number}" for number in (1, 2, 3, 4)),
                ("sentence_quiz1", "sentence_quiz2"),
                "answer_right_ending",
                marks="12",
            ),
            dev="eval",
            test="eval",
            untested=True,
        ),
    ),
)

GLOBAL_MMLU_LITE = Task(
    name="global_mmlu_lite",
    task_type=TaskType.CHOICE,
    languages=tuple(
        "ar bn de el en es fa fr he hi id it ja ko lt ms my nl pl pt ro ru sw te tl tr uk vi yo zh "
        "als amh ces cym hau ibo kir npi nya plt sin sna som srp swe".split()
    ),
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://arxiv.org/abs/2412.03304",
    licence="Apache 2.0",
    trained_on="commonsense_qa",  # questions without a passage; made for decoders
    template="question",
    num_rows={Split.TEST: 400},
    hub=(
        HubFiles(
            "CohereLabs/Global-MMLU-Lite",
            "{code}",
            choices(("question",), _LETTERS, "answer", marks="ABCD"),
            test="test",
            train=None,
            dev=None,  # "dev" holds examples to show, not to choose on
            untested=True,
            is_growing=True,
            code_of=coded(
                "als=sq amh=am ces=cs cym=cy hau=ha ibo=ig kir=ky npi=ne nya=ny plt=mg sin=si "
                "sna=sn som=so srp=sr swe=sv tl=fil"
            ),
        ),
    ),
)

_INCLUDE = (
    "als=Albanian ar=Arabic az=Azerbaijani bel=Belarusian bg=Bulgarian bn=Bengali de=German "
    "el=Greek es=Spanish et=Estonian eu=Basque fa=Persian fi=Finnish fr=French he=Hebrew hi=Hindi "
    "hrv=Croatian hu=Hungarian hye=Armenian id=Indonesian it=Italian ja=Japanese ka=Georgian "
    "kk=Kazakh ko=Korean lt=Lithuanian mkd=North_Macedonian ml=Malayalam ms=Malay nl=Dutch "
    "npi=Nepali pl=Polish pt=Portuguese ru=Russian srp=Serbian ta=Tamil te=Telugu tl=Tagalog "
    "tr=Turkish uk=Ukrainian ur=Urdu uzn=Uzbek vi=Vietnamese zh=Chinese"
)

INCLUDE = Task(
    name="include",
    task_type=TaskType.CHOICE,
    languages=tuple(each.partition("=")[0] for each in _INCLUDE.split()),
    metric=Metric.ACCURACY,
    labels=tuple("0123"),
    paper="https://arxiv.org/abs/2411.19799",
    licence="Apache 2.0",
    trained_on="commonsense_qa",  # questions without a passage; made for decoders
    template="question",
    num_rows={Split.TEST: 514},  # about 22,600 in all
    hub=(
        HubFiles(
            "CohereLabs/include-base-44",
            "{code}",
            choices(("question",), _LETTERS, "answer"),
            test="test",
            train=None,
            untested=True,
            code_of=coded(_INCLUDE),
        ),
    ),
)
