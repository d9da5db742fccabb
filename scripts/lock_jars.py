"""Writes `arrivals/embedded/kafka/jars.lock` anew for the version in `jars.py`: resolves the jars and records their SHA-256.

Run it after changing the version, and read the difference before you keep it: `python scripts/lock_jars.py`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from jgo.maven import Dependency, MavenContext

from arrivals.embedded.kafka.jars import VERSION, digest
from arrivals.embedded.kafka.maven import mirror, system_certificates

TARGET = Path(__file__).parent.parent / "arrivals" / "embedded" / "kafka" / "jars.lock"
KAFKA = ("org.apache.kafka", "kafka_2.13")
LOGGING = ("org.apache.logging.log4j", "log4j-slf4j-impl")  # in the version of log4j-core: leads Kafka's log to our file


def main() -> None:
    with TemporaryDirectory() as folder, system_certificates():
        context = MavenContext(repo_cache=Path(folder), remote_repos=mirror(), timeout=60)
        kafka = Dependency(context.project(*KAFKA).at_version(VERSION).artifact())
        _, needed = context.resolver.resolve([kafka])
        log4j = next(one.artifact.version for one in needed if one.artifact.artifactId == "log4j-core")
        logging = context.project(*LOGGING).at_version(log4j).artifact()
        artifacts = [kafka.artifact, logging, *(one.artifact for one in needed)]
        with ThreadPoolExecutor(8) as pool:
            digests = list(pool.map(lambda one: digest(one.resolve()), artifacts))
        lines = [f"{found}  {one.groupId}:{one.artifactId}:{one.version}" for one, found in zip(artifacts, digests, strict=True)]
        lines.sort(key=lambda line: line.split()[1])
    head = f"# Apache Kafka {VERSION} and everything it needs at run time: SHA-256 and Maven coordinates."
    TARGET.write_text("\n".join([f"{head} Made with `scripts/lock_jars.py`.", *lines, ""]), "utf-8")
    print(f"{len(lines)} jars in {TARGET}")


if __name__ == "__main__":
    main()
