from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Budget:
    kind: Literal["steps", "images", "seconds", "multiply_accumulates"]
    amount: float


def steps_of(budget, recipe, seconds_per_step):
    assert budget.kind == "steps"
    return int(budget.amount)


def multiply_accumulates_per_step(recipe):
    return 1.0
