"""The last step of the demo: two weeks of a small app that autopilot keeps, from nothing."""

from rich.console import Console

from liverank.cli.commands.demo.stages import stage_lines
from liverank.proof.tables import rich_table
from liverank.proof.upkeep.plan import UpkeepPlan
from liverank.proof.upkeep.results import UpkeepResult
from liverank.proof.upkeep.run import run_upkeep
from liverank.proof.upkeep.tables import decision_grid, week_grid


def kept_plan(seed: int, days: int) -> UpkeepPlan:
    """A plan that fits into a minute or two: few people, short searches, nothing breaks."""
    return UpkeepPlan(seed=seed, people=400, days=days, budget="8s", retrain="5d")


def show_kept(plan: UpkeepPlan, console: Console) -> UpkeepResult:
    """Let autopilot keep the app, and show each week and each decision."""
    with stage_lines(console) as on_stage:
        result = run_upkeep(plan, on_stage=on_stage)
    console.print(rich_table(week_grid(result)))
    console.print(rich_table(decision_grid(result)))
    console.print("`liverank simulate autopilot` shows ninety days, with faults in the middle")
    return result
