"""Recipe → plan: every stage once, parents first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Protocol

from stiltwalk.data import by_language
from stiltwalk.data.by_language import ByLanguage
from stiltwalk.data.source import MINI
from stiltwalk.recipe.schema import Arm, Mixing, Precision, Recipe, TrainSettings
from stiltwalk.recipe.types import Answering, EngineSettings, MaskedText, MeasureSettings, resolved
from stiltwalk.recipe.validate import reused_head
from stiltwalk.records import BASELINE_ARM, Metric, Phase, Split, TaskType
from stiltwalk.stages.compare_speed import Measure, shares_of
from stiltwalk.stages.embed import Embed
from stiltwalk.stages.encoder import Base
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.rate import Rate
from stiltwalk.stages.reference import Rules
from stiltwalk.stages.rows import Asking, DrawnRows, StageRows, Text, TranslatedRows
from stiltwalk.stages.served import ServedBase
from stiltwalk.stages.soft_prompt import Prompt
from stiltwalk.stages.stage import Numerics, Stage
from stiltwalk.stages.train import Train
from stiltwalk.store.machine import MeasuredOn
from stiltwalk.tasks import TASKS, intermediate_names, target_names
from stiltwalk.tasks.clozes import clozes_in
from stiltwalk.tasks.sources import LEARNED, UNKNOWN, available_languages
from stiltwalk.tasks.task import Dev, Task
from stiltwalk.tasks.templates import template_of


class Revision(Protocol):
    """Tells which revision of a task's rows the recipe's source holds."""

    def __call__(self, task: Task, splits: Collection[Split], /) -> str:
        """Return a commit, a checksum of the splits, or the miniature's version."""


class PlaceRevision(Protocol):
    """Tells which revision of some languages a data set by language holds."""

    def __call__(self, where: ByLanguage, languages: Sequence[str], /) -> str | None:
        """Return a commit, a checksum, the miniature's version, or None where it is unknown."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a recipe asks for: `stages` in an order in which they can run.

    `arms_of` names the arms that an evaluating stage belongs to: several where they differ only
    in what it does not rest on, as retrieval rests on no fine-tuning. Controls and rules belong
    to none. `rates` are those of the stages that rate intermediate tasks.
    """

    recipe: Recipe
    stages: tuple[Stage, ...]
    arms_of: Mapping[Stage, tuple[str, ...]]
    rates: tuple[Rate, ...] = ()


def build_plan(
    recipe: Recipe,
    *,
    base: Base | ServedBase,
    revision: Revision,
    place_revision: PlaceRevision = by_language.revision,
    measured_on: MeasuredOn | None = None,
) -> Plan:
    """Unfold a recipe into stages.

    Returns:
        Every stage once, parents first: shared work appears once, whoever asks for it.
    """
    graph = _Graph(recipe, base, revision, place_revision)
    asked: dict[tuple[int, str], list[Predict]] = {}
    arms_of: dict[Stage, dict[str, None]] = {}
    stages: dict[Stage, None] = {}
    for seed in recipe.seeds:
        for name, arm in recipe.arms.items():
            for stage in graph.arm(arm, seed):
                stages.update(dict.fromkeys(lineage(stage)))
                arms_of.setdefault(stage, {})[name] = None
                asked.setdefault((seed, name), []).append(stage)
        if recipe.controls:
            for control in graph.controls(seed):
                stages.update(dict.fromkeys(lineage(control)))
    rates = tuple(rate for seed in recipe.seeds for rate in graph.rates(seed))
    for rate in rates:
        stages.update(dict.fromkeys(lineage(rate)))
    timed = _timed(recipe, asked)
    stages.update(dict.fromkeys(each.planned_for(measured_on) for each in timed))
    return Plan(
        recipe=recipe,
        stages=tuple(stages),
        arms_of={stage: tuple(names) for stage, names in arms_of.items()},
        rates=rates,
    )


def selection_plan(whole: Plan, has: Callable[[Stage], bool]) -> Plan:
    """Return what rates the intermediate tasks, with those candidates that `has` says are done."""
    rates = dict.fromkeys(each.with_trained(has) for each in whole.rates)
    stages = dict.fromkeys(each for rate in rates for each in lineage(rate))
    return replace(whole, stages=tuple(stages), arms_of={}, rates=tuple(rates))


def _timed(recipe: Recipe, asked: Mapping[tuple[int, str], Sequence[Predict]]) -> Iterator[Measure]:
    if BASELINE_ARM not in recipe.arms:
        return
    measure = recipe.measure or MeasureSettings()
    targets = measure.targets or recipe.targets
    order = {task: number for number, task in enumerate(target_names())}
    timed = {
        place: tuple(
            sorted(
                (each for each in stages if each.rows.task in targets),
                key=lambda each: order[each.rows.task],
            )
        )
        for place, stages in asked.items()
    }
    arms = [name for name in recipe.arms if name != BASELINE_ARM]
    places = [place for place in product(recipe.seeds, arms) if timed.get(place)]
    shares = dict(zip(places, shares_of(measure.budget_s, len(places)), strict=True))
    for seed, name in sorted(places, key=lambda place: arms.index(place[1])):
        yield Measure(
            a=timed[seed, BASELINE_ARM],
            b=timed[seed, name],
            names=(BASELINE_ARM, name),
            profile=measure.profile,
            scenarios=measure.scenarios,
            mode=measure.mode,
            num_threads=recipe.num_threads,
            on=None,
            budget_s=shares[seed, name],
        )


def is_single(arm: Arm) -> bool:
    """Tell whether an arm is one intermediate task and nothing else."""
    return len(arm.tasks) == 1 and not (arm.mlm or arm.translated or arm.lora)


def lineage(stage: Stage) -> Iterator[Stage]:
    """Yield all that a stage rests on, parents first, and itself; some of it several times."""
    for parent in stage.parents:
        yield from lineage(parent)
    yield stage


class _Graph:
    """The recipe's choices, turned into stages on request."""

    def __init__(
        self,
        recipe: Recipe,
        base: Base | ServedBase,
        revision: Revision,
        place_revision: PlaceRevision,
    ) -> None:
        self._recipe = recipe
        precision: Precision = "fp32" if recipe.precision == "auto" else recipe.precision
        self._numerics = Numerics(precision=precision, num_threads=recipe.num_threads)
        self._own = {own.name: own for own in recipe.tasks}
        self._revision = revision
        self._place_revision = place_revision
        self._base = base

    def _asked_rows(self, task: Task) -> StageRows:
        own, revision = self._own.get(task.name), self._revision(task, task.asked_splits)
        return StageRows(task=task.name, revision=revision, own=own and own.asked)

    def _learned_rows(self, name: str, dev: Dev = "published") -> StageRows:
        """Return rows to train and to choose on; a task's own dev rows, unless they are tested."""
        if not TASKS[name].dev_overlaps_test or self._recipe.data.source == MINI:
            dev = "published"
        task = TASKS[name].chosen_on(dev)
        own, revision = self._own.get(name), self._revision(task, LEARNED)
        return StageRows(task=name, revision=revision, dev=dev, own=own and own.learned)

    def _encoder(self, arm: Arm, seed: int) -> Stage:
        trained = [task for task in intermediate_names() if task in arm.tasks]
        if not trained:
            return self._base
        return Train(
            phase=Phase.INTERMEDIATE,
            parent=self._base,
            rows=tuple(self._learned_rows(task) for task in trained),
            settings=arm.intermediate,
            mixing=self._recipe.mixing if len(arm.tasks) > 1 else Mixing(),
            numerics=self._numerics,
            seed=seed,
            translated=tuple(self._translated(arm)),
            text=self._text(arm.mlm),
            lora=arm.lora,
            asking=tuple(filter(None, (self._asking(task) for task in trained))),
        )

    def rates(self, seed: int) -> Iterator[Rate]:
        """Yield a stage per target that is trained, where the recipe is to select."""
        arms = self._recipe.arms.values() if self._recipe.select else ()
        trained = {arm.tasks[0]: self._encoder(arm, seed) for arm in arms if is_single(arm)}
        sources = {
            name: self._embed(name, self._learned_rows(name), self._recipe.intermediate)
            for name in dict.fromkeys(task for arm in arms for task in arm.tasks)
        }
        for target in self._recipe.targets if sources else ():
            task = TASKS[target]
            if task.task_type is TaskType.RETRIEVAL:  # it is trained on nothing
                continue
            rows = self._learned_rows(task.train_task, self._recipe.dev)
            asked = self._embed(task.train_task, rows, self._recipe.target[target])
            yield Rate(
                target=target,
                max_source_rows=self._recipe.intermediate.max_rows,
                asked=asked,
                sources=tuple(sources.values()),
                tuned=tuple(replace(asked, parent=each) for each in trained.values()),
                moved=tuple(replace(sources[name], parent=each) for name, each in trained.items()),
            )

    def _embed(self, name: str, rows: StageRows, settings: TrainSettings) -> Embed:
        assert self._recipe.select
        return Embed(
            parent=self._base,
            rows=rows,
            max_rows=self._recipe.select.rows,
            max_length_tokens=settings.max_length_tokens or TASKS[name].max_length_tokens,
        )

    def arm(self, arm: Arm, seed: int) -> Iterator[Predict]:
        encoder = self._encoder(arm, seed)
        for target in self._recipe.targets:
            predict = self._predict(encoder, TASKS[target], arm, seed)
            if predict.languages:
                yield predict

    def _translated(self, arm: Arm) -> Iterator[TranslatedRows]:
        for task, rows in sorted(arm.translated.items()):
            languages = tuple(sorted(rows.languages))
            yield TranslatedRows(
                task=task,
                where=rows.where,
                revision=self._place_revision(rows.where, languages) or UNKNOWN,
                languages=languages,
                weight=rows.weight,
            )

    def _text(self, mlm: MaskedText | None) -> Text | None:
        if mlm is None:
            return None
        where = mlm.where
        languages = tuple(sorted(mlm.languages or by_language.languages(where)))
        return Text(
            where=where,
            revision=self._place_revision(where, languages) or UNKNOWN,
            languages=languages,
            settings=replace(mlm, text="", config="", languages=None),
        )

    def controls(self, seed: int) -> Iterator[Stage]:
        for predict in self.arm(self._recipe.baseline, seed):
            task = TASKS[predict.rows.task]
            learned, asking = predict.parent.learned, predict.asking
            if (
                asking and not learned and task.task_type is not TaskType.RETRIEVAL
            ):  # it reads their ids
                asking = replace(asking, shots=self._shots(task))
            yield replace(predict, shuffled_seed=seed, asking=asking, engine=None)
            if task.task_type is TaskType.RANKING:  # no rule ranks a million documents
                continue
            yield Rules(
                rows=predict.rows,
                train=learned.rows if learned else None,
                max_train_rows=self._recipe.target[task.name].max_rows if learned else None,
                languages=predict.languages,
                max_rows=predict.max_rows,
            )

    def _predict(self, encoder: Stage, task: Task, arm: Arm, seed: int) -> Predict:
        settings = arm.target[task.name]
        retrieval, mines = task.task_type is TaskType.RETRIEVAL, task.metric == Metric.PAIR_F1
        wanted = self._recipe.languages or task.languages
        there = available_languages(task, self._recipe.data.where)
        vectors = self._recipe.retrieval if retrieval else None
        asking = self._asking(task.name, seed)
        backend, engine = self._recipe.model.backend, self._recipe.engine
        as_it_is = retrieval or (asking is not None and not asking.answering.fine_tuned)
        return Predict(
            parent=encoder if as_it_is else self._asked(encoder, task, arm, seed),
            rows=self._asked_rows(task),
            languages=tuple(language for language in there if language in wanted),
            max_rows=self._recipe.data.test_rows,
            max_length_tokens=arm.prompt.max_length_tokens
            if arm.prompt
            else settings.max_length_tokens or task.max_length_tokens,
            precision=self._recipe.precision,
            relative_depth=vectors.relative_depth if vectors else None,
            prefix=vectors.prefix if vectors else None,
            pooling=vectors.pooling if vectors and vectors.pooling != "mean" else None,
            bucc_duplicates=self._recipe.bucc_duplicates if mines else None,
            asking=asking,
            backend=None if retrieval or backend == "transformers" else backend,
            engine=None if engine == EngineSettings() else engine,
        )

    def _asking(self, name: str, seed: int | None = None) -> Asking | None:
        """Return how a decoder is asked a task, with a seed also after which solved rows."""
        if self._recipe.model.family == "encoder":
            return None
        task = TASKS[name]
        how = resolved(task.task_type, self._recipe.answering.get(name, Answering()))
        if self._recipe.model.backend == "endpoint":
            how = replace(how, fine_tuned=False)
        template = "" if task.task_type is TaskType.RETRIEVAL else template_of(task.template).digest
        if seed is None or not how.in_context:
            return Asking(template=template, answering=replace(how, in_context=0))
        return Asking(template=template, answering=how, shots=self._shots(task), seed=seed)

    def _shots(self, task: Task) -> str:
        return self._revision(TASKS[task.train_task], (Split.TRAIN,))

    def _asked(self, encoder: Stage, task: Task, arm: Arm, seed: int) -> Train | Prompt:
        """Return what answers a task: a fine-tuned model, or a frozen one with a prompt."""
        rows = self._learned_rows(task.train_task, self._recipe.dev)
        if arm.examples_per_class:
            rows = DrawnRows(**vars(rows), per_class=arm.examples_per_class)
        if arm.prompt:
            return Prompt(
                parent=encoder,
                rows=rows,
                cloze=clozes_in(arm.prompt.clozes, miniature=self._recipe.data.source == MINI).of(
                    task, arm.prompt.language
                ),
                settings=replace(arm.prompt, clozes=None),
                unseen=tuple(sorted(arm.unseen_classes.get(task.name, ()))),
                numerics=self._numerics,
                seed=seed if arm.prompt.is_trained else 0,
            )
        head_of = reused_head(arm, task)
        if task.first_trained_on:
            first = replace(task, trained_on=task.first_trained_on, first_trained_on=None)
            encoder = self._asked(encoder, first, replace(arm, examples_per_class=None), seed)
            head_of = "" if self._asking(task.train_task) else task.first_trained_on
        asking = self._asking(task.train_task)
        return Train(
            phase=Phase.TARGET,
            parent=encoder,
            rows=(rows,),
            settings=arm.target[task.name],
            numerics=self._numerics,
            seed=seed,
            lora=arm.lora,
            asking=(asking,) if asking else (),
            head_of=head_of,
        )
