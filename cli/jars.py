"""The jars of Apache Kafka: downloaded once by a Maven resolver in plain Python, then found on disk."""

from __future__ import annotations

import fcntl
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.processes import ProcessError

KAFKA_VERSION = "4.3.1"
KAFKA_ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka's own list leaves out the jar that joins its logging (slf4j 1.7) to log4j2. Resolved apart: together
# with Kafka its parent would change the versions of Kafka's own jars.
LOGGING_ENDPOINT = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
LOGGING_JAR = "log4j-slf4j-impl-2.25.4.jar"
JARS_MIN = 20

Say = Callable[[str], None]


class EmbeddedError(ProcessError):
    """The embedded stack can't start; the text says what to do."""


def silent(_: str) -> None:
    """Says nothing."""


def kafka_class_path(say: Say = silent) -> str:
    """The Java class path of Kafka; downloads its jars the first time (about 46 MB), then needs no network.

    `STANDINGS_MAVEN_REPOSITORY` names another Maven repository than the central one.

    Raises:
        EmbeddedError: the download failed.
    """
    from jgo.config import GlobalSettings

    settings = GlobalSettings.load()
    with _one_at_a_time(Path(settings.cache_dir) / "standings.lock"):
        try:
            kafka_jars = _jars(KAFKA_ENDPOINT, Path(settings.repo_cache), say)
        except Exception as error:  # the resolver raises many kinds; all mean that the jars could not be had
            raise EmbeddedError(_download_advice(error)) from error
        if len(kafka_jars) < JARS_MIN:
            raise EmbeddedError("the jars of Apache Kafka are damaged and could not be downloaded again; try once more")
        try:
            logging_jars = _jars(LOGGING_ENDPOINT, Path(settings.repo_cache), say)
        except Exception:  # Kafka runs without its log file too
            logging_jars = []
    folders = sorted({str(jar.parent) for jar in kafka_jars})
    logging_parts = [str(jar) for jar in logging_jars if jar.name == LOGGING_JAR]
    return os.pathsep.join([f"{folder}/*" for folder in folders] + logging_parts)


def _jars(endpoint: str, repository_cache: Path, say: Say) -> list[Path]:
    """The sound jars of an endpoint; what an interrupted download left behind is had again, once."""
    import jgo
    from jgo.maven import PythonResolver

    mirror = os.environ.get("STANDINGS_MAVEN_REPOSITORY")
    repositories = {"central": mirror.rstrip("/")} if mirror else None
    for _ in range(2):
        resolver = PythonResolver(progress_callback=_DownloadReport(say))
        built = jgo.build(endpoint, repositories=repositories, resolver=resolver)
        jars: list[Path] = built.all_jars
        damaged = [jar for jar in jars if not zipfile.is_zipfile(jar)]
        if not damaged:
            return jars
        for jar in damaged:
            for cached in repository_cache.rglob(jar.name):
                cached.unlink()
        shutil.rmtree(built.path, ignore_errors=True)
    return []


class _DownloadReport:
    """Tells how much of the jars has been downloaded."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._bytes = 0

    @contextmanager
    def __call__(self, _filename: str, _bytes_total: int) -> Iterator[Callable[[int], None]]:
        def update(byte_count: int) -> None:
            before = self._bytes
            self._bytes += byte_count
            if before // 1_000_000 != self._bytes // 1_000_000:
                self._say(f"Downloading Apache Kafka {KAFKA_VERSION}: {self._bytes // 1_000_000} of about 46 MB")

        yield update


def _download_advice(error: Exception) -> str:
    return (
        f"Apache Kafka {KAFKA_VERSION} could not be downloaded: {error}\n"
        "It is needed once, and comes from a Maven repository over HTTPS.\n"
        "- behind a proxy: set HTTPS_PROXY=http://host:port\n"
        "- behind a proxy that opens TLS: set REQUESTS_CA_BUNDLE and SSL_CERT_FILE to a file with its certificate\n"
        "- no way to the central repository: set STANDINGS_MAVEN_REPOSITORY to the URL of a mirror\n"
        "- or use your own clusters: STANDINGS_KAFKA__BOOTSTRAP_SERVERS and STANDINGS_REDIS__URL"
    )


@contextmanager
def _one_at_a_time(lock_path: Path) -> Iterator[None]:
    """Only one process of this user downloads at a time."""
    lock_path.parent.mkdir(parents=True, exist_ok=True)
    with lock_path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
