"""The model: which one counts and why, what a challenger would bring, retraining on the shop's labels, drift, kept runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from os import environ
from typing import Any

import streamlit as st
from markupsafe import Markup

import figures
import session
import telling
from model import relearning, retraining
from triage_ml import champions, model_files, registry
from triage_ml.drift import Drift
from triage_ml.errors import TriageError
from triage_ml.messages import Claim
from triage_ml.registry import Run
from triage_ml.retraining.comparison import Verdict
from triage_ml.triage import find_model

_NEWEST = 10
_WEEKS = (4, 12, 26)
_MAIN = ("macro_f1", "accuracy", "calibration_error", "abuse_precision", "abuse_recall")


def page() -> None:
    """Draw the page, one part at a time."""
    say = session.say()
    with st.container(key="page-head"):
        st.title(say("model.title"), anchor=False)
    session.show_told()
    session.board().leave(session.session_id())
    moved = retraining.job("alias")
    if moved and moved.done and (moved.error or moved.failed):
        why = say.sentence(str(moved.error)) if moved.error else say("model.unforeseen")
        session.show_note("note", say("model.alias", why=why))
    st.session_state.setdefault("model-part", "counts")
    part = st.segmented_control(
        say("model.part"), list(_PARTS), key="model-part", required=True, label_visibility="collapsed",
        persist_state="session", format_func=lambda key: say(f"model_part.{key}"),
    )  # fmt: skip
    try:
        _PARTS[part or "counts"]()
    except TriageError as error:
        session.show_note("bad", say.sentence(str(error)))


# --- which model counts


def counts() -> None:
    """Draw the model that counts with its figures, the shop's own models beside it, and what was promoted."""
    say = session.say()
    folder = find_model()
    if environ.get("TRIAGE_MODEL"):
        session.show_note("note", say("model.fixed", folder=str(folder)))
    history, champion = champions.history(), champions.champion()
    st.subheader(say("model.now"), anchor=False)
    facts = [(say("model.version"), model_files.version(folder)), (say("model.whose"), _whose(champion))]
    if history and not environ.get("TRIAGE_MODEL"):
        last = history[-1]
        facts += [(say("model.since"), _at(last.at)), (say("model.who"), last.by), (say("model.why"), last.why)]
    shown = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(*fact) for fact in facts)
    st.html(Markup('<dl class="facts">{}</dl>').format(shown))
    main_figures(model_files.facts(folder).get("held_out", {}))
    st.subheader(say("model.others"), anchor=False)
    others(champion)
    st.subheader(say("model.history"), anchor=False)
    past(history)


def _whose(champion: str) -> str:
    if environ.get("TRIAGE_MODEL"):
        return session.say()("model.named")
    return session.say()("model.own" if champion else "model.shipped")


def _at(moment: str) -> str:
    """Return a time of a file as the seller's clock shows it; as it stands where it is none."""
    with suppress(ValueError):
        return telling.at(datetime.fromisoformat(moment), session.seller_zone())
    return moment


def main_figures(held_out: Mapping[str, Any]) -> None:
    """Draw what a model reached on texts of writers it had not seen: in all, per language, per class."""
    say = session.say()
    if not held_out:
        session.show_note("note", say("model.no_figures"))
        return
    total, languages = held_out["total"], held_out["parts"].get("language", {})
    with st.container(horizontal=True):
        for name in _MAIN:
            st.metric(
                say(f"model_figure.{name}"), _three(total[name]), border=True, width="content",
                help=say(f"model_help.{name}"),
            )  # fmt: skip
    figures.quiet(say("model.measured", texts=f"{total['texts']:,}"))
    names = {claim.value: say(f"claim.{claim.value}") for claim in Claim}
    rows = {telling.language(code, say): one for code, one in languages.items()} | {say("model.all"): total}
    st.dataframe(
        [
            {
                say("model.language"): name, say("model.texts"): one["texts"],
                say("model_figure.macro_f1"): _three(one["macro_f1"]), say("model_figure.accuracy"): _three(one["accuracy"]),
                **{f"F1 · {names[claim]}": _three(one["f1"].get(claim)) for claim in names},
            }
            for name, one in rows.items()
        ],
        hide_index=True,
    )  # fmt: skip


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def others(champion: str) -> None:
    """Draw one of the shop's newest models beside the champion, and let it count."""
    say = session.say()
    newest = [version for version in champions.versions() if version != champion][:_NEWEST]
    if not newest:
        session.show_note("note", say("model.no_others"))
        return
    version = st.selectbox(say("model.which"), newest, key="model-other", width=320)
    folder = champions.folder(version)
    made = datetime.fromtimestamp((folder / "manifest.json").stat().st_mtime, UTC)
    about = model_files.facts(folder)
    learned = about.get("shop", {}).get("learned", 0)
    figures.quiet(say("model.made", time=telling.at(made, session.seller_zone()), learned=f"{learned:,}"))
    compared(about.get("comparison") or {}, str(about.get("champion", "")))
    asked_why("promote", version, say("model.promote", version=version))


def compared(found: Mapping[str, Any], against: str) -> None:
    """Draw how a challenger did beside the champion of its day."""
    say = session.say()
    if not found:
        session.show_note("note", say("model.no_comparison"))
        return
    if against and against != model_files.version(find_model()):
        session.show_note("note", say("model.compared_with", version=against))
    proposed = bool(found.get("promote"))
    session.show_note("good" if proposed else "note", say("model.proposed" if proposed else "model.not_proposed"))
    reasons = Markup("").join(Markup("<li>{}</li>").format(say.sentence(one)) for one in found.get("reasons", ()))
    st.html(Markup('<ul class="plain">{}</ul>').format(reasons))
    with st.expander(say("model.differences")):
        st.dataframe([_difference(one) for one in found.get("differences", ())], hide_index=True)


def _difference(one: Mapping[str, Any]) -> dict[str, object]:
    say = session.say()
    return {
        say("model.where"): say.sentence(one["where"]), say("model.figure"): say.sentence(one["what"]),
        say("model.texts"): one["texts"], say("model.champion"): _three(one["champion"]),
        say("model.challenger"): _three(one["challenger"]), say("model.better"): f"{one['better']:+.3f}",
        say("model.interval"): f"{one['low']:+.3f} … {one['high']:+.3f}",
        say("model.verdict"): say(f"model_verdict.{Verdict(one['verdict']).name.lower()}"),
    }  # fmt: skip


def past(history: list[champions.Promotion]) -> None:
    """Draw every change of the champion, the newest first, and the way back."""
    say = session.say()
    if not history:
        session.show_note("note", say("model.no_history"))
        return
    st.dataframe(
        [
            {
                say("model.time"): _at(one.at), say("model.step"): say(f"model_step.{one.step.value}"),
                say("model.version"): one.version or say("model.shipped"), say("model.who"): one.by, say("model.why"): one.why,
            }
            for one in reversed(history)
        ],
        hide_index=True,
    )  # fmt: skip
    back = champions.before()
    if back is not None:
        asked_why("rollback", "", say("model.roll_back", version=back or say("model.shipped")))


def asked_why(step: str, version: str, name: str) -> None:
    """Draw the place for the reason and the button; nothing counts without a reason and a name."""
    say, key = session.say(), f"model-why-{step}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(say("model.reason"), key=key, max_chars=300, width=480, placeholder=say("model.reason_example"))
        st.button(
            name, key=f"model-{step}", type="primary" if step == "promote" else "secondary", disabled=not session.person(),
            on_click=_change, args=(version, key),
        )  # fmt: skip
    if not session.person():
        session.show_note("note", say("model.needs_person"))


def _change(version: str, key: str) -> None:
    """Promote a version, or roll back where none is given; a callback, so that the page is drawn with what counts now."""
    say, why = session.say(), str(st.session_state.get(key, "")).strip()
    if not why:
        session.tell("bad", say("model.reason_missing"))
        return
    try:
        made = retraining.promote(version, why) if version else retraining.roll_back(why)
    except TriageError as error:
        session.tell("bad", say.sentence(str(error)))
        return
    st.session_state[key] = ""
    session.tell("good", say("model.counts_now", version=made.version or say("model.shipped")))


# --- drift


def drift() -> None:
    """Draw the weeks and what changed in them."""
    say = session.say()
    figures.quiet(say("model_drift.what"))
    running = relearning.is_running(retraining.job("drift"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        weeks = st.segmented_control(
            say("model_drift.weeks"), _WEEKS, default=_WEEKS[1], key="model-weeks", required=True,
            persist_state="session",
        )  # fmt: skip
        st.button(
            say("model_drift.start"), key="model-drift", type="primary", disabled=running,
            on_click=_look_for_drift, args=(weeks or _WEEKS[1],),
        )  # fmt: skip
    found: Drift | None = relearning.outcome("drift")
    if found is None:
        return
    for note in found.notes:
        session.show_note("note", say.sentence(note))
    if found.measures and not found.alarms:
        session.show_note("good", say("model_drift.quiet", checks=len(found.measures), weeks=len(found.weeks) - 1))
    for number, alarm in enumerate(found.alarms):
        session.show_note("bad", f"{say.sentence(alarm.sentence)} {say.sentence(alarm.advice)}")
        with st.container(horizontal=True, gap="small"):
            for case_id in alarm.case_ids:
                if st.button(case_id, key=f"drift-case:{number}-{case_id}", type="tertiary"):
                    session.open_case(case_id)
                    st.switch_page("case/page.py")
    widths = {"week": 150, "cases": 55, "categories": 250, "languages": 150, "confidence": 85, "abstention": 85}
    columns = {say(f"model_drift.{name}"): st.column_config.Column(width=width) for name, width in widths.items()}
    st.dataframe(_week_rows(found), hide_index=True, column_config=columns)


def _look_for_drift(weeks: int) -> None:
    retraining.look_for_drift(weeks).wait(relearning.AT_ONCE)


def _week_rows(found: Drift) -> list[dict[str, object]]:
    say = session.say()
    alarms = {(alarm.check.monday, alarm.check.measure.value) for alarm in found.alarms}
    rows: list[dict[str, object]] = []
    for week in reversed(found.weeks):
        values = {
            "categories": _mix(week.categories, figures.what),
            "languages": _mix(week.languages, lambda code: telling.language(code, say)),
            "confidence": figures.percent(week.confidence),
            "abstention": figures.percent(week.abstention),
            "unknown_words": figures.percent(week.unknown_words),
        }
        monday = say("model_drift.running", day=str(week.monday)) if week.running else str(week.monday)
        shown = {
            say(f"model_drift.{name}"): f"⚠ {value}" if (week.monday, name) in alarms else value
            for name, value in values.items()
        }
        rows.append(
            {say("model_drift.week"): monday, say("model_drift.cases"): week.cases, **shown, say("model.model"): week.model}
        )
    return rows


def _mix(shares: Mapping[str, float], name: Callable[[str], str]) -> str:
    """Return the two largest parts of a mix, which come first."""
    return figures.listed(f"{name(part)} {share:.0%}" for part, share in list(shares.items())[:2]) or "–"


# --- runs


def runs() -> None:
    """Draw the last MLflow runs."""
    say = session.say()
    if not registry.in_use():
        session.show_note("note", say("model_runs.none" if find_spec("mlflow") else "model_runs.no_extra"))
        return
    if retraining.job("runs") is None:
        retraining.read_runs().wait(relearning.AT_ONCE)
    found: list[Run] | None = relearning.outcome("runs")
    st.button(
        say("model_runs.again"), key="model-runs", disabled=relearning.is_running(retraining.job("runs")),
        on_click=_read_runs,
    )  # fmt: skip
    if found is None:
        return
    if not found:
        session.show_note("note", say("model_runs.none"))
        return
    zone = session.seller_zone()
    st.dataframe(
        [
            {
                say("model_runs.run"): run.run_id[:8], say("model.time"): telling.at(run.at, zone),
                say("model_runs.what"): " ".join(filter(None, (run.name, run.parameters.get("texts", "")))),
                say("model.model"): run.tags.get("model", ""), say("model_runs.data"): run.tags.get("data_sha256", "")[:7],
                **{say(f"model_figure.{name}"): _three(run.metrics.get(name)) for name in _MAIN},
            }
            for run in found
        ],
        hide_index=True,
    )  # fmt: skip
    figures.quiet(say("model_runs.store", uri=registry.without_password(registry.store_uri())))


def _read_runs() -> None:
    retraining.read_runs().wait(relearning.AT_ONCE)


_PARTS: Mapping[str, Callable[[], None]] = {"counts": counts, "train": relearning.train, "drift": drift, "runs": runs}

page()
