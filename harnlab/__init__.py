"""harnlab: the notebook an analyst opens when an agent run cost too much or took the wrong route.

>>> import harnlab as hl
>>> runs = hl.load("sample_transcripts/inherited-route")
>>> runs.dispatches.height > 0
True

Everything below is loaded when it is first asked for, so that ``import harnlab`` costs nothing in a script that
only needs one part; charts and widgets are never loaded by the rest.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from harnlab import errors as errors
from harnlab.errors import (
    HarnlabError,
    InvalidArgument,
    MalformedRecord,
    UnknownName,
    UnreadablePath,
)

if TYPE_CHECKING:
    import harnlab.replay.trust as trust  # noqa: PLR0402 - from the package it is the replay
    from harnlab import charts as charts
    from harnlab import core as core
    from harnlab import gate as gate
    from harnlab import notebook as notebook
    from harnlab import replay as replay
    from harnlab.analysis import autonomy as autonomy
    from harnlab.analysis import costs as costs
    from harnlab.analysis import prices as prices
    from harnlab.analysis import routes as routes
    from harnlab.analysis import skills as skills
    from harnlab.analysis import state as state
    from harnlab.analysis.compare import compare as compare
    from harnlab.analysis.explain import explain as explain
    from harnlab.analysis.trace import trace as trace
    from harnlab.gate import check as check
    from harnlab.lake.conversion import convert as convert
    from harnlab.replay import whatif as whatif
    from harnlab.replay.parity import parity as parity
    from harnlab.reports import write_report as report
    from harnlab.runs import Runs, load
    from harnlab.strict import read_event_log as read_event_log
    from harnlab.strict import read_persona_manifest as read_persona_manifest
    from harnlab.strict import read_provenance_receipt as read_provenance_receipt
    from harnlab.strict import read_receipt as read_receipt
    from harnlab.strict import read_run_record as read_run_record
    from harnlab.strict import read_skill_evidence as read_skill_evidence
    from harnlab.strict import read_state_folder as read_state_folder
    from harnlab.strict import read_step_log as read_step_log
    from harnlab.strict import read_transcript as read_transcript
    from harnlab.strict import read_trust_chain as read_trust_chain
    from harnlab.tailing import tail as tail
    from harnlab.widgets.autonomy_explorer import AutonomyExplorer as AutonomyExplorer
    from harnlab.widgets.budget_explorer import BudgetExplorer as BudgetExplorer
    from harnlab.widgets.live_chart import LiveChart as LiveChart
    from harnlab.widgets.route_explorer import RouteExplorer as RouteExplorer
    from harnlab.widgets.run_picker import RunPicker as RunPicker
    from harnlab.widgets.skill_explorer import SkillExplorer as SkillExplorer
    from harnlab.widgets.state_timeline import StateTimeline as StateTimeline
    from harnlab.widgets.tail_view import TailView as TailView

__version__ = "0.1.0"

#: Public name -> module and, for functions and classes, the name in it.
_LAZY = {
    "AutonomyExplorer": ("harnlab.widgets.autonomy_explorer", "AutonomyExplorer"),
    "BudgetExplorer": ("harnlab.widgets.budget_explorer", "BudgetExplorer"),
    "LiveChart": ("harnlab.widgets.live_chart", "LiveChart"),
    "RouteExplorer": ("harnlab.widgets.route_explorer", "RouteExplorer"),
    "RunPicker": ("harnlab.widgets.run_picker", "RunPicker"),
    "Runs": ("harnlab.runs", "Runs"),
    "SkillExplorer": ("harnlab.widgets.skill_explorer", "SkillExplorer"),
    "StateTimeline": ("harnlab.widgets.state_timeline", "StateTimeline"),
    "TailView": ("harnlab.widgets.tail_view", "TailView"),
    "autonomy": ("harnlab.analysis.autonomy", None),
    "charts": ("harnlab.charts", None),
    "check": ("harnlab.gate", "check"),
    "compare": ("harnlab.analysis.compare", "compare"),
    "convert": ("harnlab.lake.conversion", "convert"),
    "core": ("harnlab.core", None),
    "costs": ("harnlab.analysis.costs", None),
    "explain": ("harnlab.analysis.explain", "explain"),
    "frames": ("harnlab.frames", None),
    "gate": ("harnlab.gate", None),
    "load": ("harnlab.runs", "load"),
    "notebook": ("harnlab.notebook", None),
    "parity": ("harnlab.replay", "parity"),
    "prices": ("harnlab.analysis.prices", None),
    "read_event_log": ("harnlab.strict", "read_event_log"),
    "read_persona_manifest": ("harnlab.strict", "read_persona_manifest"),
    "read_provenance_receipt": ("harnlab.strict", "read_provenance_receipt"),
    "read_receipt": ("harnlab.strict", "read_receipt"),
    "read_run_record": ("harnlab.strict", "read_run_record"),
    "read_skill_evidence": ("harnlab.strict", "read_skill_evidence"),
    "read_state_folder": ("harnlab.strict", "read_state_folder"),
    "read_step_log": ("harnlab.strict", "read_step_log"),
    "read_transcript": ("harnlab.strict", "read_transcript"),
    "read_trust_chain": ("harnlab.strict", "read_trust_chain"),
    "replay": ("harnlab.replay", None),
    "report": ("harnlab.reports", "write_report"),
    "routes": ("harnlab.analysis.routes", None),
    "skills": ("harnlab.analysis.skills", None),
    "state": ("harnlab.analysis.state", None),
    "tail": ("harnlab.tailing", "tail"),
    "trace": ("harnlab.analysis.trace", "trace"),
    "trust": ("harnlab.replay.trust", None),
    "vocabulary": ("harnlab.vocabulary", None),
    "whatif": ("harnlab.replay.whatif", None),
}

__all__ = [
    "AutonomyExplorer",
    "BudgetExplorer",
    "HarnlabError",
    "InvalidArgument",
    "LiveChart",
    "MalformedRecord",
    "RouteExplorer",
    "RunPicker",
    "Runs",
    "SkillExplorer",
    "StateTimeline",
    "TailView",
    "UnknownName",
    "UnreadablePath",
    "autonomy",
    "charts",
    "check",
    "compare",
    "convert",
    "core",
    "costs",
    "errors",
    "explain",
    "frames",
    "gate",
    "load",
    "notebook",
    "parity",
    "prices",
    "read_event_log",
    "read_persona_manifest",
    "read_provenance_receipt",
    "read_receipt",
    "read_run_record",
    "read_skill_evidence",
    "read_state_folder",
    "read_step_log",
    "read_transcript",
    "read_trust_chain",
    "replay",
    "report",
    "routes",
    "skills",
    "state",
    "tail",
    "trace",
    "trust",
    "vocabulary",
    "whatif",
]


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _LAZY[name]
    except KeyError:
        meant = errors.closest(name, __all__)
        advice = f". Try: hl.{meant}" if meant else ""
        raise AttributeError(f"module 'harnlab' has no attribute {name!r}{advice}") from None
    loaded = importlib.import_module(module)
    value = loaded if attribute is None else getattr(loaded, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
