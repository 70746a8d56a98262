"""A run as XTREME lays out a submission, and one checkpoint with its model card."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stiltwalk import wording
from stiltwalk.data.source import MINI
from stiltwalk.data.xtreme_files import answers_path, form_of, write_gold
from stiltwalk.errors import DataError, NoSuchRun, WorkspaceError
from stiltwalk.files import below, contained, read_text
from stiltwalk.models.locate import MINI_BASE
from stiltwalk.records import (
    Answers,
    GoldTexts,
    Metric,
    ScoreRow,
    Split,
    TaskType,
    TimingRow,
    gold_answers,
    gold_lines,
)
from stiltwalk.stages.train import read_history
from stiltwalk.store.manifest import RecordedArm, RecordedStage, RunRecord, place_of, read_record
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks import TASKS, declare
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.sources import UNKNOWN, revision
from stiltwalk.tasks.task import Task
from stiltwalk.tasks.templates import template_of

LABELS = "labels"
_MINI_DATA = "stiltwalk-mini"
_PIPELINES = {
    TaskType.TEXT: "text-classification",
    TaskType.PAIR: "text-classification",
    TaskType.CHOICE: "multiple-choice",
    TaskType.TAGGING: "token-classification",
    TaskType.SPAN: "question-answering",
    TaskType.RANKING: "sentence-similarity",
}
_DEMONSTRATION = "> **Trained on the embedded miniature: a demonstration, not a research result.**"


def export_run(run: Path, folder: Path) -> list[Path]:
    """Write `ARM/seed-N/TASK/test-LANG` for every arm and seed of a run, and `labels/…`.

    Args:
        run: the run's folder in its workspace, `runs/NAME`.
        folder: where to write; must not exist or be empty.

    Returns:
        The folders of predictions, one per arm and seed.

    Raises:
        WorkspaceError: if there is no such run, the folder is in use, or a stage is not done.
        DataError: if the rows that the run was evaluated on are no longer there, or changed.
    """
    record, workspace = read_record(run), Workspace(run.resolve().parents[1])
    declare((own.task() for own in record.tasks), record.benchmark)
    evaluations = [stage for stage in record.stages if stage.arm]
    missing = [stage.does for stage in evaluations if not workspace.has(stage.fingerprint)]
    if missing:
        raise WorkspaceError(
            f"{len(missing)} evaluations of this run are not done, such as {missing[0]!r}. Run "
            "the recipe again first; finished stages are kept."
        )
    targets = {stage.target: stage for stage in evaluations}
    for stage in targets.values():
        check_revision(stage, record, workspace)
    with all_or_nothing(folder) as aside:
        written = _write_answers(evaluations, record, workspace, aside)
        for stage in targets.values():
            _write_labels(stage, record, aside / LABELS)
    return [folder / submission for submission in written]


@contextmanager
def all_or_nothing(folder: Path) -> Iterator[Path]:
    """Give a folder beside `folder` that takes its place if the block ends without an error.

    Raises:
        WorkspaceError: if the folder is in use, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NoSuchRun(f"{folder} exists and is not empty. Give a folder that is not there.")
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        aside.mkdir(parents=True)
        yield aside
        aside.replace(folder)
    except OSError as error:
        raise WorkspaceError(
            f"{folder} cannot be written ({error}). Give another folder."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_answers(
    evaluations: Sequence[RecordedStage], record: RunRecord, workspace: Workspace, folder: Path
) -> list[Path]:
    """Copy what was answered; return the submissions, relative to the folder."""
    written: dict[Path, None] = {}
    for stage in evaluations:
        for seed in [stage.seed] if stage.seed else record.seeds:
            submission = Path(below(stage.arm), f"seed-{seed}")
            copied = contained(folder / submission, stage.target)
            workspace.copy(stage.fingerprint, stage.target, copied)
            written[submission] = None
    return list(written)


def check_revision(stage: RecordedStage, record: RunRecord, workspace: Workspace) -> None:
    """Refuse rows that are no longer those that a stage answered.

    Raises:
        DataError: if they changed.
    """
    then = workspace.marker(stage.fingerprint)["stage"]["rows"]["revision"]
    task = TASKS[stage.target]
    now = revision(task, record.data, task.asked_splits, ask_hub=False)
    if now not in (then, UNKNOWN):
        raise DataError(
            f"{stage.target}: the rows in {record.data.source} are not those that the run answered "
            f"({then} then, {now} now). Put those back, or run the recipe again and export that."
        )


def _write_labels(stage: RecordedStage, record: RunRecord, folder: Path) -> None:
    task = TASKS[stage.target]
    form = form_of(task.task_type, task.metric)
    for language in stage.languages:
        file = answers_path(folder, task.name, language, form)
        write_gold(file, form, _gold(task, language, record))


def _gold(task: Task, language: str, record: RunRecord) -> Answers | GoldTexts:
    if task.task_type is not TaskType.RETRIEVAL:
        rows = examples(task, record.data, Split.TEST, language, record.test_rows)
        return gold_answers(rows)
    asked = bitext(task, record.data, Split.TEST, language, record.test_rows)
    return asked.gold if task.metric == Metric.PAIR_F1 else gold_lines(asked)


def export_checkpoint(
    run: Path,
    which: str,
    folder: Path,
    verdict_on: Callable[[str, str], str] = lambda *_: "",
    languages: Sequence[str] = (),
) -> Path:
    """Write the checkpoint of one target with its model card, and return the folder.

    Args:
        run: the run's folder in its workspace, `runs/NAME`.
        which: ARM/TARGET, or ARM/seed-N/TARGET; the first seed by default.
        folder: where to write; must not exist or be empty.
        verdict_on: what the run says of an arm and a target, in words.
        languages: keep the vocabulary of their scripts alone; none for all of it.

    Raises:
        WorkspaceError: if there is no such run or checkpoint, or the folder is in use.
        ModelError: if the vocabulary cannot be cut.
    """
    record, workspace = read_record(run), Workspace(run.resolve().parents[1])
    declare((own.task() for own in record.tasks), record.benchmark)
    stage = _wanted(record, which)
    if not workspace.has(stage.fingerprint):
        raise WorkspaceError(f"{which} is not done. Run the recipe again first.")
    with all_or_nothing(folder) as aside:
        workspace.copy(stage.trained, "model", aside)
        verdict = verdict_on(stage.arm, stage.target)
        card = wording.public(model_card(record, stage, workspace, verdict))
        if languages:
            from stiltwalk.models.trim import trim_vocabulary  # noqa: PLC0415 - loads torch

            before, after = trim_vocabulary(aside, languages)
            card += (
                f"\n## Vocabulary\n\nCut from {before:,} to {after:,} pieces, those in the scripts "
                f"of {', '.join(languages)}: texts in these are answered as before, and what other "
                "scripts spell is unknown.\n"
            )
        (aside / "README.md").write_text(card, encoding="utf-8", newline="\n")
    return folder


def push(folder: Path, repository: str, *, public: bool = False) -> str:
    """Upload a folder to the hub as a model, and return its address.

    A repository that is not there yet is made; only `public` lets others see it.

    Raises:
        WorkspaceError: if the hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415 - slow to import, rarely needed
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError  # noqa: PLC0415

    api = HfApi()
    try:
        address = api.create_repo(repository, private=not public, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        first = str(error).partition("\n")[0]
        raise WorkspaceError(
            f"{repository} could not be written on the hub ({first}). The folder {folder} is "
            "ready; log in with `hf auth login` and push again."
        ) from error
    return str(address)


def _wanted(record: RunRecord, which: str) -> RecordedStage:
    arm, _, rest = which.partition("/")
    seed, _, target = rest.rpartition("/")
    number = seed.removeprefix("seed-") or str(record.seeds[0])
    for stage in record.stages:
        if (stage.arm, stage.target, str(stage.seed)) == (arm, target, number) and stage.trained:
            return stage
    raise NoSuchRun(
        f"The run {record.name} has no checkpoint {which!r}. Give ARM/TARGET or "
        f"ARM/seed-N/TARGET, with an arm of {', '.join(record.arms)} and a target that is trained."
    )


def model_card(
    record: RunRecord, stage: RecordedStage, workspace: Workspace, verdict: str = ""
) -> str:
    """Return what a checkpoint is, was trained on, scores and cost, with the hub's front matter."""
    stages = {each.fingerprint: each for each in record.stages}
    lineage = [stages[stage.trained]]
    while lineage[-1].parents:
        lineage.append(stages[lineage[-1].parents[0]])
    scores = [row for row in workspace.scores(stage.fingerprint) if not row.control]
    asking = workspace.marker(stage.fingerprint)["stage"].get("asking")
    sort = "decoder language model" if asking else "encoder"
    steps = [" + ".join(each.about) for each in reversed(lineage) if each.about]
    trained = ", then ".join(f"trained on {tasks}" for tasks in steps)
    parts = [
        _front_matter(record, stage, lineage, scores, writes=bool(asking)),
        f"# {record.name}: {stage.target} after {stage.arm}",
        *(_DEMONSTRATION,) * (record.data.source == MINI),
        f"A checkpoint for {stage.target}, made by stiltwalk: the base {sort} "
        f"`{record.model or 'made by the recipe'}` was {trained}. "
        f"{_languages(record, stage)} Seed {stage.seed}.",
        *(_asking(stage.target, asking["answering"]) if asking else ()),
        "## Data and licences",
        f"* the base {sort}: {_base_licence(record, workspace) or 'see its own card'}",
        "\n".join(_data(record, lineage)),
        "## Scores",
        "Zero-shot on the test rows of every language, percent.",
        _scores(scores),
        "## Cost",
        _cost(lineage, workspace, workspace.timings(stage.fingerprint)),
        *("## Against the baseline", verdict) * bool(verdict),
        "## Lineage",
        "\n".join(f"* `{each.fingerprint}` {each.does}" for each in reversed(lineage)),
        "## Recipe",
        f"~~~~toml\n{record.recipe.rstrip()}\n~~~~",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(
    record: RunRecord,
    stage: RecordedStage,
    lineage: list[RecordedStage],
    scores: list[ScoreRow],
    *,
    writes: bool,
) -> str:
    """Return the card's YAML; JSON strings, which YAML reads too."""
    repositories = dict.fromkeys(
        name for task in _trained_on(lineage) for name in TASKS[task].repositories
    )
    task = TASKS[stage.target]
    facts: dict[str, Any] = {
        "library_name": "transformers",
        "language": list(stage.languages),
        "license": "other",  # several bind together: those of the data, and that of the base
        "license_name": "see-data-and-licences",
        "pipeline_tag": "text-generation" if writes else _PIPELINES[task.task_type],
        "metrics": list(dict.fromkeys(row.metric for row in scores)),
    }
    if record.data.source != MINI:
        facts["datasets"] = list(repositories)
    if "/" in record.model and not record.model.startswith(("/", ".", "~")):
        facts["base_model"] = record.model
    facts["tags"] = ["stiltwalk", "zero-shot-cross-lingual-transfer", stage.target]
    name = f"{record.name}-{stage.arm}-{stage.target}"
    facts["model-index"] = [{"name": name, "results": list(_results(record, task, scores))}]
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in facts.items()]
    return "\n".join(["---", *lines, "---"])


def _results(record: RunRecord, task: Task, scores: list[ScoreRow]) -> Iterator[dict[str, Any]]:
    """Yield the scores of a language, in percent, as the hub's model-index has them."""
    repository = next((files.repository for files in task.hub), task.name)
    for language in dict.fromkeys(row.language for row in scores):
        yield {
            "task": {"type": _PIPELINES[task.task_type]},
            "dataset": {
                "type": _MINI_DATA if record.data.source == MINI else repository,
                "name": f"{task.name} ({language})",
                "config": language,
                "split": "test",
            },
            "metrics": [
                {"type": row.metric, "name": f"{row.metric}, %", "value": round(100 * row.value, 2)}
                for row in scores
                if row.language == language
            ],
        }


def _base_licence(record: RunRecord, workspace: Workspace) -> str:
    """Return what the base model's own card says, where that lies beside it; "" elsewhere."""
    if record.model == MINI_BASE:
        return "apache-2.0"
    card = Path(place_of(workspace, record.model)) / "README.md"
    lines = read_text(card).splitlines() if card.is_file() else []
    return next((each[8:].strip(" \"'") for each in lines if each.startswith("license:")), "")


def _asking(target: str, answering: Mapping[str, Any]) -> Iterator[str]:
    """Yield how a decoder was asked and is to be asked, since its scores hold for that alone."""
    yield "## How it is asked"
    around = ", inside its chat template if it has one" if answering["chat_template"] else ""
    yield f"As this text, a row's fields filled in{around}; the answer follows a space:"
    yield f"~~~~text\n{template_of(TASKS[target].template).prompt.strip()}\n~~~~"
    if answering["way"] == "scoring":
        share = "per token" if answering["length_normalised"] else "as a whole"
        # stages of earlier versions lack the field, and counted it
        end = ", its end counted" if answering.get("count_end_token", True) else ""
        yield f"Its answer is the option with the highest log-likelihood, {share}{end}."
    else:
        most = answering["max_new_tokens"]
        yield (
            f"It writes its answer greedily, up to the end of the line or {most} tokens. What "
            "could not be read as an answer counts as wrong, and under `unparsed`."
        )
    if answering["in_context"]:
        yield f"{answering['in_context']} solved English training rows stood before every question."


def _trained_on(lineage: list[RecordedStage]) -> list[str]:
    return list(dict.fromkeys(task for each in reversed(lineage) for task in each.about))


def _languages(record: RunRecord, stage: RecordedStage) -> str:
    arm = record.made_of.get(stage.arm, RecordedArm())
    adapters = f" Trained: {arm.adapters}." * bool(arm.adapters)
    if arm.has_mlm or arm.is_translated:
        return f"The intermediate phase was {arm.says}; English dev rows chose weights.{adapters}"
    return f"English rows alone were used for training and for choosing weights.{adapters}"


def _data(record: RunRecord, lineage: list[RecordedStage]) -> Iterator[str]:
    """Yield the data sets with their licences, which bind whoever uses the weights."""
    if record.data.source == MINI:
        yield "* names and patterns of the Unicode CLDR, under the Unicode License v3"
    for task in (TASKS[name] for name in _trained_on(lineage)):
        if task.is_own:
            yield f"* {task.name}: {task.licence or 'your own data, of no stated licence'}"
        elif record.data.source != MINI:
            yield f"* {task.name}: {task.licence} ({task.paper})"


def _scores(rows: list[ScoreRow]) -> str:
    figures = list(dict.fromkeys(row.metric for row in rows))
    found = {(row.language, row.metric): row for row in rows}
    lines = [f"| language | {' | '.join(figures)} | rows |", f"|---|{'---:|' * (len(figures) + 1)}"]
    for language in dict.fromkeys(row.language for row in rows):
        values = [f"{100 * found[language, each].value:.1f}" for each in figures]
        lines.append(
            f"| {language} | {' | '.join(values)} | {found[language, figures[0]].num_examples} |"
        )
    return "\n".join(lines)


def _cost(
    lineage: list[RecordedStage], workspace: Workspace, timings: tuple[TimingRow, ...]
) -> str:
    tokens, time_s = 0, 0.0
    for stage in lineage:
        if history := read_history(workspace, stage.fingerprint):
            tokens += history.num_tokens
            time_s += float(workspace.marker(stage.fingerprint)["time_s"])
    made: Mapping[str, str] = workspace.marker(lineage[0].fingerprint)["provenance"]
    machine = made.get("accelerator") or made.get("processor", "an unknown machine")
    predicted = sum(row.num_examples for row in timings)
    predict_s = sum(row.time_s for row in timings)
    return (
        f"Training, intermediate phase included: {tokens:,} tokens, {time_s:,.0f} s on {machine}. "
        f"Predicting {predicted:,} examples took {predict_s:,.1f} s there, unpaired."
    )
