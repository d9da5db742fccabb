"""Opens kafka-python clients so that they outlive a broker that goes away, with four faults of kafka-python 3.0 mended.

- The socket of a failed attempt is left to the garbage collector, and a client whose constructor gives up keeps its network
  thread, which tries again for ever: a part that waits for its broker would run out of file descriptors.
- An idempotent producer whose records expired gives up its producer id (`reset_producer_id`) without going back to the state in
  which it asks for a new one, as the Java client does (KAFKA-7737). It never sends again. One broker restart that takes longer
  than the delivery timeout is enough.
- A group's leader that joins again because it saw new partitions counts as joined as soon as it has assigned them. When `poll`
  came back before the broker's answer, nobody takes the answer any more: the member stays without partitions for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.net.compat import KafkaNetClient
from kafka.net.inet import KafkaNetSocket
from kafka.producer.transaction_manager import TransactionManager, TransactionState

C = TypeVar("C")
_original_need_rejoin = ConsumerCoordinator.need_rejoin
_original_reset = TransactionManager.reset_producer_id


def opened(client: Callable[..., C], *args: Any, **configuration: Any) -> C:
    """A `KafkaProducer`, `KafkaConsumer` or `KafkaAdminClient`, or the error of its constructor with everything closed."""
    KafkaNetSocket.connect = _connect
    ConsumerCoordinator.need_rejoin = _need_rejoin
    TransactionManager.reset_producer_id = _reset_and_ask_again
    with ExitStack() as undo:

        def network(**configs: Any) -> KafkaNetClient:
            made = KafkaNetClient(**configs)
            undo.callback(made.close)
            return made

        made = client(*args, **configuration, kafka_client=network)
        undo.pop_all()
        return made


async def _connect(
    factory: KafkaNetSocket, net: Any, address: Sequence[Any], options: Sequence[Any] = (), timeout_at: float | None = None
) -> Any:
    """What kafka-python's own does, a connected non-blocking socket or the error of the attempt; the latter closes it."""
    family, kind, protocol, _, target = address
    sock = factory.socket(family, kind, protocol)
    with ExitStack() as undo:
        undo.callback(sock.close)
        sock.setblocking(False)
        for option in options:
            sock.setsockopt(*option)
        connected = await factory.sock_connect(net, sock, target, timeout_at=timeout_at)
        undo.pop_all()
        return connected


def _need_rejoin(coordinator: ConsumerCoordinator) -> bool:
    """What kafka-python says, and true while an attempt to join is under way, so that its end is waited for."""
    under_way = coordinator.rejoining and coordinator._subscription.partitions_auto_assigned()
    return bool(under_way or _original_need_rejoin(coordinator))


def _reset_and_ask_again(manager: TransactionManager) -> None:
    with manager._lock:
        _original_reset(manager)
        manager._current_state = TransactionState.UNINITIALIZED
