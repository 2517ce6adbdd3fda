"""Static membership: a worker that has a name of its own in the group, and that is there once.

A restarted worker with the same name takes its partitions back at once, and nobody else's move. The broker gives the
name to whoever came last. aiokafka 0.14 does not know what the broker answers to the one who came before
(FENCED_INSTANCE_ID): it forgets who it was and takes the name back, and so two workers with one name would throw each
other out for ever. Here the one who came before is told so, and stops.
"""

# mypy: allow-subclassing-any
# (aiokafka is not checked.)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator

NO_GENERATION = -1
FENCED_INSTANCE_ID = 82
"""The broker's error code: somebody who came later has this name."""


class NameTaken(Exception):  # noqa: N818 - somebody else's deed
    """Another living worker has our name in the group; that one goes on, we stop."""


class NamedMember(GroupCoordinator):
    """The coordinator of a static member. Made of a running one by `named`."""

    on_name_taken: Callable[[BaseException], Any]
    member_id: str
    _joining = False

    def reset_generation(self) -> None:
        """Override: ask to join again as who we were; only so the broker tells whether our name is somebody else's.

        If nobody has it (the session timed out), the broker does not know us: then, and only then, we join as new.
        """
        was, had_joined = self.member_id, self.generation != NO_GENERATION
        super().reset_generation()
        if had_joined or not self._joining:
            self.member_id = was

    async def _do_heartbeat(self) -> bool:
        """Override: a member without a generation has nothing to say until it has joined again."""
        if self.generation == NO_GENERATION:
            return False
        return bool(await super()._do_heartbeat())

    async def _do_rejoin_group(self, subscription: Any) -> bool:
        """Override: note that we join, for `reset_generation`."""
        self._joining = True
        try:
            return bool(await super()._do_rejoin_group(subscription))
        finally:
            self._joining = False

    async def _send_req(self, request: Any) -> Any:
        """Override: the one answer that ends this worker."""
        response = await super()._send_req(request)
        if getattr(response, "error_code", 0) == FENCED_INSTANCE_ID:
            self.on_name_taken(
                NameTaken(
                    f"another worker of group {self.group_id} has started with the instance id "
                    f"{self._group_instance_id!r}. It goes on; this one stops. Give every worker an id of its own "
                    "(STANDINGS_WORKER__INSTANCE_ID)"
                )
            )
        return response


def named(consumer: Any, on_name_taken: Callable[[BaseException], Any]) -> None:
    """Make a consumer's coordinator a `NamedMember`, if it has a name. aiokafka offers no way to choose its class.

    Args:
        consumer: started, not yet subscribed.
        on_name_taken: called once, in the consumer's thread.
    """
    coordinator = consumer._coordinator
    if coordinator is not None and coordinator._group_instance_id is not None:
        coordinator.on_name_taken = on_name_taken
        coordinator.__class__ = NamedMember
