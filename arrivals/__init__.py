"""The program: command line, settings, adapters to Kafka and ClickHouse, the embedded servers and what joins the parts."""
