"""Everything an engine promises, on its store, to be put to the test one by one.

Each scenario is an async function whose name says what is promised; it is given room for processes
(`engine_house.Cluster`) on a fresh `Installation`. Those of the second list need a store that
several processes share at once.

Source: `interloom.runtime.engine.port` and `interloom.runtime.ledger.port` (ours).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import anyio

from interloom.runtime.testing import engine_cancel as cancel
from interloom.runtime.testing import engine_drain as drain
from interloom.runtime.testing import engine_failover as failover
from interloom.runtime.testing import engine_fencing as fencing
from interloom.runtime.testing import engine_journal as journal
from interloom.runtime.testing import engine_parking as parking
from interloom.runtime.testing import engine_starting as starting
from interloom.runtime.testing import engine_streams as streams
from interloom.runtime.testing import engine_texts as texts
from interloom.runtime.testing import engine_timers as timers
from interloom.runtime.testing import engine_trouble as trouble
from interloom.runtime.testing.engine_house import LIMIT_S, Cluster, Installation, cluster
from interloom.runtime.testing.promise import BrokenPromise


class Scenario(Protocol):
    """What an engine promises; its name says it as a sentence."""

    @property
    def __name__(self) -> str:
        """The sentence, with underscores."""
        ...

    async def __call__(self, cluster: Cluster, /) -> None:
        """Put it to the test.

        Raises:
            BrokenPromise: The engine does something else.
        """
        ...


_OF_ONE: Final[tuple[Scenario, ...]] = (
    starting.a_message_is_worked_on_once_and_leaves_no_run,
    starting.a_message_sent_again_finds_the_task_it_began,
    starting.one_message_sent_many_times_at_once_begins_one_task,
    starting.a_task_of_an_unknown_agent_is_left_for_a_process_that_has_it,
    journal.a_completed_step_is_not_run_again,
    journal.an_interrupted_step_is_run_again_and_only_that,
    journal.steps_side_by_side_are_told_apart_by_their_names,
    journal.branches_keep_their_places_whichever_gets_ahead,
    journal.a_run_that_is_begun_again_says_nothing_twice,
    journal.a_step_that_is_new_in_the_code_is_run_on_waking,
    journal.a_step_that_is_gone_from_the_code_is_left_alone,
    journal.a_question_that_is_another_in_newer_code_fails_the_task,
    parking.a_task_that_waits_is_rows_and_no_coroutine,
    parking.a_quick_answer_costs_no_second_beginning,
    parking.an_answer_wakes_a_parked_run,
    parking.an_answer_that_comes_while_the_run_is_parked_is_not_slept_through,
    parking.an_answer_given_while_nobody_is_at_work_is_found_later,
    parking.an_answer_that_does_not_fit_leaves_the_task_waiting,
    parking.the_first_of_two_answers_stands_and_the_other_is_kept,
    parking.several_questions_are_answered_in_any_order,
    parking.a_run_is_not_parked_while_a_step_is_under_way,
    parking.a_parked_task_is_left_alone_by_a_restart,
    parking.a_task_that_waits_outlives_every_process,
    timers.a_short_sleep_is_waited_for,
    timers.a_long_sleep_is_rows_and_wakes_by_itself,
    timers.a_sleep_goes_on_across_a_restart,
    timers.a_sleep_that_is_kept_warm_goes_on_across_a_restart,
    timers.a_sleep_that_ended_while_nobody_was_there_ends_at_once,
    timers.a_sleep_that_is_over_is_not_slept_again,
    timers.the_earliest_of_several_sleeps_wakes_the_run,
    timers.a_sleep_beside_a_question_ends_before_its_answer,
    timers.an_answer_beside_a_sleep_comes_before_its_end,
    timers.a_cancel_ends_a_sleep,
    timers.a_drain_leaves_a_sleep_to_the_next_process,
    timers.a_task_that_sleeps_again_and_again_is_never_given_up,
    timers.a_question_is_withdrawn_when_its_time_has_passed,
    timers.an_answer_within_its_time_is_taken,
    timers.the_time_of_a_question_passes_while_nobody_is_there,
    timers.an_answer_after_its_time_is_none_however_often_the_agent_is_begun,
    cancel.a_cancel_interrupts_an_agent_at_work,
    cancel.a_cancel_of_a_warm_run_withdraws_its_question,
    cancel.a_cancel_of_a_parked_run_is_all_that_happens_to_it,
    cancel.a_cancel_while_the_run_is_being_parked_stands,
    cancel.a_cancel_of_a_run_that_nobody_has_begun_is_all_that_happens_to_it,
    cancel.a_cancel_while_draining_ends_the_agent_and_the_drain,
    cancel.a_result_that_comes_after_the_cancel_changes_nothing,
    cancel.of_an_end_and_a_cancel_at_once_one_stands,
    failover.a_task_that_ends_every_process_is_begun_so_often_and_fails,
    failover.a_task_that_gets_further_each_time_is_never_given_up,
    failover.a_task_that_waits_is_never_given_up,
    drain.an_agent_at_work_may_finish_within_the_grace_time,
    drain.an_agent_that_outlasts_the_grace_time_is_begun_again_later,
    drain.an_agent_that_waits_warm_is_parked_at_once,
    drain.an_agent_that_gave_up_waiting_has_its_grace_time,
    drain.a_drain_without_work_ends_at_once,
    drain.an_agent_that_asks_while_draining_is_parked_at_once,
    drain.a_process_that_retires_claims_nothing_more,
    drain.a_message_taken_while_draining_is_for_the_next_process,
    streams.subscribers_see_the_same_events_in_the_same_order,
    texts.a_text_is_told_while_it_is_made,
    texts.a_text_that_is_complete_is_not_made_again,
    texts.a_text_that_was_interrupted_is_made_anew_in_place_of_what_there_was,
    texts.a_text_whose_pieces_cannot_be_stored_is_made_anew,
    texts.a_text_that_ends_every_process_is_begun_so_often_and_fails,
    trouble.a_run_whose_commits_fail_goes_on_and_says_nothing_twice,
    trouble.a_message_that_cannot_be_stored_begins_nothing,
    trouble.an_answer_that_cannot_be_stored_leaves_the_question,
    trouble.a_run_that_cannot_be_parked_is_parked_later,
    trouble.a_cancel_that_cannot_be_stored_changes_nothing,
)
_OF_SEVERAL: Final[tuple[Scenario, ...]] = (
    starting.one_message_at_two_processes_begins_one_task,
    starting.what_the_caller_takes_is_known_wherever_the_agent_runs,
    timers.a_sleep_ends_at_whichever_process_is_there,
    parking.an_answer_that_comes_before_the_run_is_parked_keeps_it_from_that,
    parking.an_answer_at_another_process_reaches_the_warm_run,
    parking.an_answer_at_another_process_reaches_a_run_that_does_not_wait_for_it_yet,
    parking.an_answer_at_another_process_wakes_the_parked_run,
    parking.the_first_of_two_answers_at_two_processes_stands,
    cancel.a_cancel_at_another_process_interrupts_the_agent,
    cancel.a_cancel_at_another_process_ends_a_parked_run,
    fencing.a_frozen_process_that_comes_back_stores_no_step,
    fencing.a_frozen_process_that_comes_back_appends_no_event,
    fencing.a_frozen_process_that_comes_back_asks_nothing,
    fencing.a_frozen_process_that_comes_back_ends_nothing,
    fencing.a_frozen_process_that_comes_back_works_on,
    fencing.a_task_begun_by_a_process_that_was_taken_for_dead_is_not_lost,
    failover.the_run_of_a_killed_process_goes_on_in_another,
    failover.a_stream_goes_on_through_a_failover_without_gap_or_repeat,
    failover.a_process_whose_clock_is_wrong_takes_nothing_from_anybody,
    failover.the_runs_of_a_drained_process_go_on_at_once_elsewhere,
    failover.a_parked_run_of_a_killed_process_is_woken_in_another,
    failover.a_message_meanwhile_does_not_keep_a_task_from_being_given_up,
    failover.a_woken_run_of_an_agent_that_only_the_other_has_goes_on_there,
    streams.subscribers_of_two_processes_see_the_same_events,
    streams.a_stream_that_broke_goes_on_at_a_process_that_is_behind,
    streams.a_process_that_could_not_read_an_event_shows_it_later,
    texts.a_text_grows_for_who_watches_at_another_process,
)

SCENARIOS: Final[Mapping[str, Scenario]] = {
    each.__name__: each for each in (*_OF_ONE, *_OF_SEVERAL)
}
"""All of them, by name."""


def scenarios(*, is_shared: bool) -> tuple[str, ...]:
    """The names of those that an engine has to pass: all, where its store can be shared."""
    return tuple(SCENARIOS) if is_shared else tuple(each.__name__ for each in _OF_ONE)


async def play(name: str, installation: Installation) -> None:
    """Put an engine to the test of one scenario.

    Args:
        name: Of the scenario.
        installation: The engine, on an empty store.

    Raises:
        BrokenPromise: It does something else than promised.
    """
    broken: Exception | None = None
    async with cluster(installation) as room:
        try:
            with anyio.fail_after(LIMIT_S):
                await SCENARIOS[name](room)
        except TimeoutError:
            broken = BrokenPromise(f"nothing came of it in {LIMIT_S:.0f} seconds")
        except Exception as error:  # noqa: BLE001 - raised below, outside of the group
            broken = error
    if broken is not None:
        raise broken
