"""Everything a `Ledger` promises, to be put to the test one by one.

Source: `interloom.runtime.ledger.port` and `rows` (ours); that a page boundary is exact is A2A
3.1.4, that a repeated messageId begins no second task is 3.3.1.
"""

from __future__ import annotations

from typing import Final

from interloom.runtime.testing import ledger_blobs as blobs
from interloom.runtime.testing import ledger_claims as claims
from interloom.runtime.testing import ledger_pushes as pushes
from interloom.runtime.testing import ledger_reads as reads
from interloom.runtime.testing import ledger_retention as retention
from interloom.runtime.testing import ledger_writes as writes
from interloom.runtime.testing.promise import Promise

LEDGER_PROMISES: Final[tuple[Promise, ...]] = (
    writes.a_new_task_is_read_back_whole,
    writes.a_moment_is_kept_to_the_millisecond,
    writes.what_was_never_written_reads_as_nothing,
    writes.a_refused_transaction_leaves_nothing,
    writes.a_guard_sees_the_writes_before_it,
    writes.a_task_moves_only_from_where_it_was_expected,
    writes.a_task_id_is_used_once,
    writes.a_message_is_taken_once,
    writes.a_reply_is_stored_once,
    writes.an_event_is_stored_once,
    writes.commits_take_place_in_the_order_of_calls,
    writes.commits_at_once_get_each_its_own_answer,
    writes.a_cancelled_caller_leaves_whole_transactions,
    writes.a_closed_store_takes_no_writes,
    reads.the_first_step_and_the_first_signal_stand,
    reads.a_journal_holds_one_task_only,
    reads.a_run_that_waits_is_parked_until_a_signal_comes,
    reads.a_run_is_not_parked_over_a_signal_that_came_first,
    reads.a_task_that_is_over_has_no_run,
    reads.a_task_that_waits_keeps_its_run,
    reads.the_clock_of_a_store_does_not_go_back,
    reads.runs_are_listed_oldest_first,
    reads.a_snapshot_stands_until_the_task_moves_on,
    reads.events_are_read_in_pages,
    reads.events_are_read_back_whole,
    reads.large_and_strange_values_come_back_byte_for_byte,
    reads.pages_meet_without_gap_or_overlap,
    reads.a_listing_shows_what_was_asked_for,
    reads.a_listing_brings_the_snapshots_along,
    reads.a_listing_counts_what_is_there_now,
    pushes.a_config_is_read_back_until_it_is_dropped,
    pushes.a_task_has_no_more_configs_than_it_may,
    pushes.an_event_is_due_with_the_transaction_that_stores_it,
    pushes.what_follows_a_delivered_event_is_due_next,
    pushes.an_outcome_counts_for_the_row_it_was_taken_from,
    pushes.a_config_that_is_given_up_is_due_no_more,
    pushes.the_outbox_is_read_earliest_first,
    pushes.a_commit_that_fills_the_outbox_nudges,
    retention.a_task_that_is_over_is_deleted_whole,
    retention.only_what_is_over_for_long_enough_is_deleted,
    retention.what_is_over_is_deleted_in_batches,
    retention.what_has_many_events_is_deleted_in_the_end,
    retention.what_is_still_to_be_posted_is_not_deleted,
    retention.a_message_answered_at_once_is_forgotten,
    retention.what_comes_after_a_deletion_is_read_as_ever,
    retention.a_chore_is_one_processs_at_a_time,
    blobs.a_value_of_any_size_comes_back,
    blobs.a_value_that_looks_like_a_reference_is_itself,
    blobs.a_large_value_stays_as_long_as_a_task_has_it,
    blobs.the_last_state_of_a_call_stands_however_large,
    blobs.a_value_that_is_too_large_is_refused_by_its_name,
    claims.a_run_nobody_works_on_is_claimed_once,
    claims.runs_are_claimed_oldest_first_and_of_known_agents,
    claims.a_run_at_work_and_a_parked_one_are_not_claimed,
    claims.a_run_that_is_let_go_of_is_claimed_again,
    claims.a_write_names_a_worker_only_where_the_store_takes_it,
    claims.a_signal_wakes_a_parked_run_and_leaves_one_at_work_where_it_is,
    claims.a_run_is_parked_and_woken_any_number_of_times,
    claims.a_parked_run_whose_signal_has_come_is_nobodys_and_active,
    claims.a_parked_run_is_claimed_when_its_time_has_come,
    claims.runs_of_a_worker_that_left_are_nobodys,
    claims.a_worker_is_alive_from_when_it_joined_until_it_left,
    claims.a_closed_store_says_of_no_worker_that_it_is_alive,
    claims.a_task_that_is_over_is_held_by_nobody,
)
