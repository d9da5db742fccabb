"""The engine's configuration: limits for a small machine, and who may do what, in ClickHouse's own access control."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path


class Role(StrEnum):
    """Roles of the engine. A session takes one when it starts and cannot leave it."""

    OWNER = "owner"
    READER = "reader"


#: Settings each role starts with. `readonly=2` lets a reader change others, as Grafana does, but not this one.
BASELINE: dict[Role, dict[str, str]] = {
    Role.OWNER: {},
    Role.READER: {"max_execution_time": "30", "max_result_rows": "10000000", "readonly": "2"},
}

_SERVER = """<clickhouse>
  <users_config>{users}</users_config>
  <ignore_empty_sql_security_in_create_view_query>0</ignore_empty_sql_security_in_create_view_query>
  <max_server_memory_usage>{memory}</max_server_memory_usage>
  <mark_cache_size>{mark_cache}</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <mmap_cache_size>64</mmap_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_move_pool_size>1</background_move_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <merge_tree>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
"""

_USERS = """<clickhouse>
  <profiles>
    <default>
      <implicit_select>0</implicit_select>
      <async_insert>0</async_insert>
      <default_normal_view_sql_security>DEFINER</default_normal_view_sql_security>
      <max_memory_usage>{query_memory}</max_memory_usage>
    </default>
    <reader>
      <constraints>
        <dialect><const/></dialect>
        <max_execution_time><min>1</min><max>300</max></max_execution_time>
        <max_memory_usage><min>1</min><max>{query_memory}</max></max_memory_usage>
        <max_result_rows><min>1</min><max>10000000</max></max_result_rows>
      </constraints>
    </reader>
  </profiles>
  <roles>
    <owner><grants><query>GRANT ALL ON *.* WITH GRANT OPTION</query></grants></owner>
    <reader><grants><query>GRANT SELECT ON arrivals.v_*</query></grants></reader>
  </roles>
  <users>
    <default>
      <password></password>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT owner, reader</query></grants>
    </default>
  </users>
  <quotas><default></default></quotas>
</clickhouse>
"""


def sensible_memory_bytes() -> int:
    """Half of the machine's memory, at least 1 GiB and at most 4 GiB."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1 << 30, min(physical // 2, 4 << 30))


def write_configuration(folder: Path, memory_bytes: int) -> Path:
    """Writes both files into `folder`, readable by the owner only, and returns the server's."""
    folder.mkdir(parents=True, exist_ok=True)
    users, server = folder / "users.xml", folder / "server.xml"
    users.write_text(_USERS.format(query_memory=memory_bytes * 3 // 4), "utf-8")
    server.write_text(_SERVER.format(users=users, memory=memory_bytes, mark_cache=memory_bytes // 32), "utf-8")
    return server
