"""The pack of evidence: one that is given back is checked, a new one is built."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st
from markupsafe import Markup

import panels
import session
import telling
from evidence.attaching import reason
from file_checks import bare_name
from jobs import Job, new_folder
from triage_ml.cases import Case
from triage_ml.errors import CaseError, CaseNotFoundError
from triage_ml.evidence import PackReport, Purpose, build_pack, check_pack
from triage_ml.evidence.manifest import MANIFEST, Manifest, read_manifest
from triage_ml.evidence.purposes import purpose_facts

# What a pack may come to when it is unpacked, and its list of files.
_PACK, _MANIFEST = 2**30, 32 * 2**20
# So many seconds a pack is waited for; what takes longer goes on in the background.
_AT_ONCE = 2.0

# --- a pack that is given back


@dataclass(frozen=True, slots=True)
class Given:
    """A pack that was built before: its file, what is wrong with it, and whether this record's ledger and key made it."""

    id: str
    data: bytes
    manifest: Manifest
    is_pack: bool
    findings: tuple[str, ...]
    ours: bool

    @property
    def as_of(self) -> datetime:
        """The time of the newest entry it tells."""
        return self.manifest.as_of


def given_pack(case: Case | None) -> Given | None:
    """Draw the check of a pack; returns it where it is a whole one of this case, so that what is new can be marked."""
    say, state = session.say(), st.session_state
    with st.expander(say("evidence_given.title"), expanded=False):
        file = st.file_uploader(say("evidence_given.drop"), key="evidence-given-pack", help=say("evidence_given.help"))
        if file is None:
            state.pop("evidence-checked", None)
            return None
        name = bare_name(file.name)
        if state.get("evidence-checked", ("",))[0] != file.file_id:
            try:
                state["evidence-checked"] = (file.file_id, look_into(file.file_id, file.getvalue()))
            except CaseError as error:
                session.show_note("bad", say("evidence_given.no_pack", name=name, why=reason(error)))
                return None
        given: Given = state["evidence-checked"][1]
        _told(name, given)
        fits = case is not None and given.manifest.case_id == case.id
        if case is not None and not fits:
            session.show_note("note", say("evidence_given.other_case", case=given.manifest.case_id))
        return given if fits and given.ours and not given.findings else None


def look_into(id: str, data: bytes) -> Given:
    """Check a pack, or read the manifest of one.

    Raises
    ------
    CaseError
        Where it is neither, or larger than any pack.
    """
    store = session.store()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pack"
        path.write_bytes(data)
        is_pack = zipfile.is_zipfile(path)
        _check_size(path, is_pack)
        manifest = read_manifest(path)
        findings = check_pack(path) if is_pack else ()
    try:
        recorded = {entry.line().decode().rstrip("\n") for entry in store.case(manifest.case_id).entries}
    except CaseNotFoundError:
        recorded = set()
    ours = manifest.checkpoint.public_key == store.public_key and recorded.issuperset(manifest.entries)
    return Given(id, data, manifest, is_pack, findings, ours)


def _check_size(path: Path, is_pack: bool) -> None:
    """Refuse what would fill memory or time when it is unpacked."""
    manifest = total = path.stat().st_size
    if is_pack:
        with zipfile.ZipFile(path) as pack:
            sizes = {one.filename: one.file_size for one in pack.infolist()}
        manifest, total = sizes.get(MANIFEST, 0), sum(sizes.values())
    if manifest > _MANIFEST or total > _PACK:
        say = session.say()
        raise CaseError(path.name, say("evidence_given.large"), say("evidence_given.a_pack"), say("evidence_given.choose"))


def _told(name: str, given: Given) -> None:
    """Draw what came of the check."""
    say, made = session.say(), given.manifest
    named = purpose_facts(Purpose(made.purpose))[say.language] if made.purpose in list(Purpose) else made.purpose
    facts = {"name": name, "case": made.case_id, "purpose": named, "time": telling.at(made.as_of, session.seller_zone())}
    if given.findings:
        session.show_note("bad", say("evidence_given.differs", count=len(given.findings), **facts))
        lines = (Markup("<li>{}</li>").format(say.sentence(one)) for one in given.findings)
        st.html(Markup('<ul class="plain">{}</ul>').format(Markup("").join(lines)))
    else:
        key = "evidence_given.whole" if given.is_pack else "evidence_given.manifest"
        session.show_note("good", say(key, count=len(made.files), **facts))
    if not given.ours:
        session.show_note("note", say("evidence_given.not_ours"))


# --- a new one


@dataclass(frozen=True, slots=True)
class Built:
    """A pack, and the version of the case it was built from."""

    report: PackReport
    version: int


def pack(case: Case, purpose: Purpose) -> None:
    """Draw how the pack is built, and what came of it."""
    say, jobs, key = session.say(), session.jobs(), _pack_key()
    st.subheader(say("evidence_pack.title"))
    session.show_note("note", say("evidence_pack.personal"))
    since = None
    if earlier := given_pack(case):
        label = say("evidence_pack.since", time=telling.at(earlier.as_of, session.seller_zone()))
        since = earlier if st.checkbox(label, value=True, key=f"evidence-since:{earlier.id}") else None
    if st.button(say("evidence_pack.build"), key="evidence-build", type="primary"):
        folder = new_folder()
        jobs.start(key, case.id, _work(case, purpose, since, folder), folder).wait(_AT_ONCE)
    if job := jobs.get(key):
        _came(job, case, purpose)
    _steps(purpose)


def _pack_key() -> str:
    return f"pack:{session.session_id()}"


def _work(case: Case, purpose: Purpose, since: Given | None, folder: Path) -> Callable[[Job], Built]:
    store, zone = session.store(), str(session.seller_zone())

    def build(_: Job) -> Built:
        earlier = folder / "earlier" if since else None
        if since and earlier:
            earlier.write_bytes(since.data)
        path = folder / f"{case.id}-{purpose.value}.zip"
        return Built(build_pack(store, case.id, purpose, path, since=earlier, seller_zone=zone), case.version)

    return build


def _came(job: Job, case: Case, purpose: Purpose) -> None:
    """Draw what came of a build; a pack of a case that changed since is dropped, for it may hold what was erased."""
    say, key = session.say(), _pack_key()
    built: Built | None = job.result
    if not job.done:
        _building(job)
    elif built is None:
        session.jobs().forget(key)
        why = reason(job.error) if job.error else say("evidence_pack.unforeseen")
        session.show_note("bad", say("evidence_pack.failed", why=why))
    elif session.store().case(built.report.case_id).version != built.version:
        session.jobs().forget(key)
        session.show_note("note", say("evidence_pack.changed", case=built.report.case_id))
    elif (built.report.case_id, built.report.purpose) == (case.id, purpose):
        _shown(built.report)


@st.fragment(run_every=1.0)
def _building(job: Job) -> None:
    """Draw that a pack is being built, until it is."""
    if job.done:
        st.rerun()
    session.show_note("note", session.say()("evidence_pack.building", case=job.name))


def _shown(report: PackReport) -> None:
    """Draw what is in the pack, what to heed, and the way to download it."""
    say = session.say()
    size = say("evidence_file.kilobytes", size=f"{max(1, round(report.size / 1024)):,}")
    session.show_note("good", say("evidence_pack.built", files=len(report.files), size=size))
    st.download_button(
        say("evidence_pack.download"), report.path.read_bytes, file_name=report.path.name, mime="application/zip",
        key="evidence-download", type="primary", on_click="ignore",
    )  # fmt: skip
    missing = [one.text[say.language] for one in report.missing]
    heed = [say.sentence(caution) for caution in report.cautions]
    for title, found in (("evidence_pack.missing", missing), ("evidence_pack.heed", heed)):
        if found:
            st.html(Markup("<b>{}</b>{}").format(say(title), panels.bullets(found)))
    with st.expander(say("evidence_pack.files")):
        st.html(panels.bullets([*report.files, f"SHA-256 {report.sha256}"]))


def _steps(purpose: Purpose) -> None:
    say = session.say()
    steps = Markup("").join(Markup("<li>{}</li>").format(step) for step in purpose_facts(purpose)["steps"][say.language])
    st.html(Markup('<b>{}</b><ol class="plain">{}</ol>').format(say("evidence_pack.steps"), steps))
