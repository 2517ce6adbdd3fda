"""What a history is made of: the product's own parts, or the variants in which a rule is switched off."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from processors.engine.changelog import ChangelogFold
from processors.engine.reclaim import Reclaims
from processors.engine.workshop import FlushLimits
from processors.projection_loop import Projector, ProjectorOptions
from tests.model import broker, projectors, workers
from tests.model.fates import Fates, any_fates
from tests.model.state import State


class Reading(ChangelogFold):
    """Recovery without an owner: the product's fold over the model's state."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()

    def put(self, key: bytes, value: bytes | None) -> None:
        self.state.load(key, value)


@dataclass(frozen=True)
class Rules:
    """Everything a history is made of; a switched-off rule replaces a part."""

    reading: type[Reading] = Reading
    state: type[State] = State
    owner: type[workers.Owner] = workers.Owner
    reclaims: type[Reclaims] = workers.OwnersReclaims
    producer: type[broker.Producer] = broker.Producer
    control: type[workers.Control] = workers.Control
    worker: type[workers.Worker] = workers.Worker
    limits: FlushLimits = workers.LIMITS
    shown: type[projectors.ModelShown] = projectors.ModelShown
    projector: type[Projector] = Projector
    projector_options: ProjectorOptions = projectors.OPTIONS
    fates: Callable[[random.Random], Fates] = any_fates
    boards: type[projectors.CheckedBoards] = projectors.CheckedBoards
