"""The workers' consumer group from outside: who is in it, and how one leaves that will not come back."""

from __future__ import annotations

from typing import NamedTuple

from kafka.admin import MemberToRemove
from kafka.errors import GroupIdNotFoundError, NoError, UnknownMemberIdError

from processors.topics import TopicNames, connected_admin


class NoSuchWorker(Exception):  # noqa: N818 - what was asked for
    """No worker has this instance id."""


class Worker(NamedTuple):
    """A member of the group.

    Attributes:
        instance_id: its name, None if it has none.
        host: where it connects from.
        partitions: the partitions of sales, targets, reps and changelog that it owns, in order.
    """

    instance_id: str | None
    host: str
    partitions: list[int]


def workers(bootstrap_servers: str, names: TopicNames) -> list[Worker]:
    """The workers of a deployment as the broker knows them: one that has died is there until its session ends.

    Raises:
        BrokerUnreachable: no broker answered.
    """
    with connected_admin(bootstrap_servers) as admin:
        try:
            group = admin.describe_groups([names.prefix])[names.prefix]
        except GroupIdNotFoundError:
            return []
    found = [
        Worker(
            member.get("group_instance_id"),
            member["client_host"].lstrip("/"),
            _partitions(member.get("member_assignment"), names),
        )
        for member in group["members"]
    ]
    return sorted(found, key=lambda worker: (worker.instance_id or "", worker.partitions))


def _partitions(assignment: object, names: TopicNames) -> list[int]:
    """Partitions of the changelog in an assignment; none while the group settles."""
    if not isinstance(assignment, dict):
        return []
    topics = assignment.get("assigned_partitions", [])
    return sorted(number for topic in topics if topic["topic"] == names.changelog for number in topic["partitions"])


def remove_worker(bootstrap_servers: str, names: TopicNames, instance_id: str) -> None:
    """Let a stopped worker leave the group now; its partitions go to the others at once.

    A worker that lives joins again by itself.

    Raises:
        BrokerUnreachable: no broker answered.
        NoSuchWorker: there is none.
    """
    with connected_admin(bootstrap_servers) as admin:
        member = MemberToRemove(group_instance_id=instance_id, reason="standings workers remove")
        try:
            answers = admin.remove_group_members(names.prefix, [member])
        except (GroupIdNotFoundError, UnknownMemberIdError):
            answers = {}
    if not answers or any(answer is UnknownMemberIdError for answer in answers.values()):
        raise NoSuchWorker(f"no worker of group {names.prefix} has the instance id {instance_id!r}")
    for answer in answers.values():
        if answer is not NoError:
            raise answer(f"the broker did not remove {instance_id!r}")
