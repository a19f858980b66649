"""Every named fault and every invariant, with what is true after it and the tests for that.

The page docs/reliability.md is made from this (`make golden` rewrites it). What this version does
not have is listed as missing, with the reason. No entry names a test that does not exist
(`test_registry.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"

CRASHES = "tests/faults/test_named_crashes.py::test_"
INVARIANTS = "tests/faults/test_named_invariants.py::test_"
ENGINE = "tests/engine/"
SINGLE = "tests/faults/test_single.py::test_every_invariant_holds_after_one_fault"
PAIRS = "tests/faults/test_pairs.py::test_every_invariant_holds_after_two_faults"
SIEGE = "tests/kill/test_siege.py::test_"
SIMULATED = "tests/sim/test_simulation.py::test_every_invariant_holds"
MIGRATIONS = "tests/migrations/test_migrations.py::test_"
RESTORED = "tests/restored/test_restored.py::test_"
POWER = "tests/disk/test_power.py::test_nothing_is_lost_or_done_twice_however_often_the_power_fails"
SECRETS = "tests/protection/test_at_rest.py::test_no_planted_secret_is_in_any_byte_that_is_written_or_printed"

POSTGRES = "tests/stores/test_postgresql_faults.py::"
RIGHTS = "tests/stores/test_postgresql_rights.py::test_"
FAILOVER = "tests/stores/test_postgresql_failover.py::test_"


class Named(NamedTuple):
    """A fault or an invariant.

    It has what it is, what is true (after it), the tests, and what of it is missing.
    """

    number: str
    what: str
    then: str
    tests: tuple[str, ...] = ()
    absent: str = ""


FAULTS = (
    Named(
        "C1", "Crash before a start is committed",
        "The client got no answer. When it sends the same start again, there is one run.",
        (f"{CRASHES}c01_before_the_start_is_committed_nothing_was_promised_and_the_same_start_makes_one_run",),
    ),
    Named(
        "C2", "A start is committed, its answer is lost",
        "The same start, sent again, is answered with the same run.",
        (f"{CRASHES}c02_after_the_start_is_committed_the_same_start_is_answered_with_the_same_run",),
    ),
    Named(
        "C3", "Crash after the claim, before the intent",
        "The run is claimed again. Nothing was called.",
        (f"{CRASHES}c03_after_the_claim_and_before_the_intent_it_is_claimed_again_and_nothing_was_called",),
    ),
    Named(
        "C4", "The intent is committed, and the store answers with an error",
        "The worker finds the intent by its content. There is no second intent, and one call.",
        (
            f"{CRASHES}c04_an_intent_that_was_committed_with_an_error_is_found_and_not_written_again",
            f"{ENGINE}test_crash_points.py::TestCommittedButError::test_a_committed_write_is_not_written_again",
        ),
    ),
    Named(
        "C5", "Crash after the intent, before the call",
        "With a key, the action is called with the same key. With a check, the check is asked first. With neither, the commit is in doubt, and the action is not called. If the worker was only stopped there, it reports that the call never began, and no person is asked.",
        (
            f"{CRASHES}c05_after_the_intent_a_key_is_repeated_a_lookup_comes_first_and_without_either_nobody_is_called",
            f"{ENGINE}test_never_began.py::test_the_workers_word_ends_the_doubt_and_the_action_is_called",
        ),
    ),
    Named(
        "C6", "The call breaks off: no answer, half an answer, a reset, a time-out",
        "The outcome is unknown, as after C7. A time-out never counts as a failure.",
        (
            f"{CRASHES}c06_any_breakdown_during_the_call_is_a_doubt_and_never_a_failure",
            f"{ENGINE}test_retries.py::TestATimeoutOfAnAction::test_is_in_doubt_and_not_tried_again_by_retry_alone",
        ),
    ),
    Named(
        "C7", "Crash after the provider took it, before its outcome is on record",
        "There is one charge. With a key, the same key is sent again. With a check, the run takes over what the check found. With neither, the commit is in doubt.",
        (
            f"{CRASHES}c07_after_the_providers_commit_a_lookup_adopts_it_and_a_key_is_repeated",
            f"{CRASHES}c07_a_lookup_waits_until_it_can_see_the_latest_effect",
            f"{SIEGE}workers_killed_at_every_point_under_every_rule_charge_nobody_twice_and_leave_nothing_stuck",
        ),
    ),
    Named(
        "C8", "The outcome is committed, and the store answers with an error",
        "The transition is applied once. The action is not called again.",
        (f"{CRASHES}c08_an_outcome_that_was_committed_with_an_error_moves_the_run_once",),
    ),
    Named(
        "C9", "Crash after the outcome is committed, before anything follows from it",
        "The outcome is given to the step. The action is not called again.",
        (f"{CRASHES}c09_after_the_outcome_is_committed_it_is_delivered_and_nobody_is_called_again",),
        absent="sending again from an outbox. There is none: a message to others is an action of the contract",
    ),
    Named(
        "C10", "A timer is due amid a fault, or to two workers",
        "There is one transition. A timer of a state that the run has left does nothing.",
        (
            f"{CRASHES}c10_a_timer_that_fires_during_a_fault_moves_the_run_once",
            f"{CRASHES}c10_two_workers_fire_a_due_timer_once",
            f"{ENGINE}test_phases_and_timers.py::TestTimers::test_a_timer_is_gone_after_its_state_was_left",
        ),
    ),
    Named(
        "C11", "Crash between the acceptance of an event and its effect",
        "The event is applied once, or listed as unhandled. It is never lost.",
        (
            f"{CRASHES}c11_an_event_that_was_accepted_is_applied_once",
            f"{ENGINE}test_crash_with_events.py::test_one_crash_anywhere",
        ),
    ),
    Named(
        "C12", "An event comes between an intent and its outcome",
        "If the contract keeps the event or the phase handles it, it is kept until the step is over. Otherwise it is refused. An event that no state took is recorded as unhandled when the run ends.",
        (
            f"{CRASHES}c12_events_between_intent_and_outcome_are_kept_until_the_step_is_over_or_recorded_as_unhandled",
            f"{ENGINE}test_phases_and_timers.py::TestFromTheIntentToTheGotoNothingElseMovesTheRun::test_an_event_that_the_phase_does_not_handle_is_refused",
        ),
    ),
    Named(
        "C13", "The lease ends while a call is in flight",
        "The worker that takes over does not call an action without a key. It follows the rule for doubts.",
        (
            f"{CRASHES}c13_a_takeover_during_a_call_does_not_call_an_action_without_a_key",
            f"{ENGINE}test_late_answers_of_the_store.py::test_a_worker_that_lost_the_run_makes_no_attempt",
        ),
    ),
    Named(
        "C14", "A worker that was given up comes back with an outcome",
        "Its write is refused. What it learned is kept as evidence, and ends the doubt if one is open. If the evidence contradicts what was "
        "decided, an alarm stays open until a person acknowledges it.",
        (
            f"{CRASHES}c14_evidence_from_after_the_lease_is_kept_and_moves_nothing",
            f"{ENGINE}test_alarms.py::test_an_answer_after_the_decision",
            f"{SIEGE}evidence_of_a_worker_stopped_for_three_leases_ends_the_doubt_and_changes_nothing_else",
        ),
    ),
    Named(
        "C15", "Two workers start up at once, or one during a recovery",
        "No call is made twice.",
        (
            f"{CRASHES}c15_workers_that_start_up_during_a_recovery_do_not_call_twice",
            f"{ENGINE}test_crash_points.py::TestTwoWorkers::test_two_workers_that_start_together_call_once",
            "tests/kill/test_rogues.py::"
            "test_workers_that_start_during_a_takeover_put_each_run_in_doubt_once",
            f"{ENGINE}test_claimed_anew.py::test_a_single_worker_goes_on_after_its_store_was_unreachable",
        ),
    ),
    Named(
        "C16", "A step of the store's own schema fails or is cut off",
        "The store has one whole version of its schema, the old one or the new one, and the next opening goes on from there. Two processes that open it take turns. A process that has it open goes on. An older program refuses it.",
        (
            f"{MIGRATIONS}a_step_that_fails_at_any_statement_changes_nothing_and_can_be_repeated",
            f"{MIGRATIONS}a_process_that_is_killed_at_any_statement_leaves_a_whole_version",
            f"{MIGRATIONS}two_processes_that_open_an_old_store_at_once_take_turns",
            f"{MIGRATIONS}an_open_old_store_works_while_another_process_migrates_it",
            f"{MIGRATIONS}an_older_program_refuses_a_newer_store_and_changes_nothing",
        ),
    ),
    Named(
        "C17", "Another version of the contract while runs are live",
        "A run stays with the contract that it was started under. A run of a version without handlers waits, and says so.",
        (
            f"{ENGINE}test_crash_points.py::TestWorkersAndContracts::test_a_run_whose_version_has_no_handlers_stays_running_with_that_as_its_reason",
            "tests/testing/test_world.py::test_a_new_deployment_carries_all_runs_from_then_on",
        ),
        absent="`upgrade`, which moves live runs to another version. The language refuses it for now",
    ),
    Named(
        "C18", "A compensation crashes, or fails for good",
        "The compensations are carried through, in order. One that cannot be carried through waits for a person, with its reason.",
        (
            f"{CRASHES}c18_a_compensation_that_goes_wrong_is_carried_through",
            f"{CRASHES}c18_a_compensation_that_fails_for_good_waits_for_a_person_and_says_why",
        ),
    ),
    Named(
        "C19", "Cancel, approval and timer at the same moment",
        "One of them wins. The senders of the others are told what came first.",
        (
            f"{CRASHES}c19_of_a_confirmation_and_a_cancel_at_the_same_moment_one_wins_and_the_other_is_told",
            f"{ENGINE}test_same_instant.py::test_exactly_one_wins_and_the_losers_learn_which",
            f"{ENGINE}test_same_instant.py::test_exactly_one_wins_and_the_losers_learn_which",
            f"{ENGINE}test_phases_and_timers.py::TestTimers::test_an_approval_and_a_timer_at_the_same_instant_have_one_winner",
        ),
    ),
    Named(
        "C20", "A second fault in the recovery from the first",
        "The same promises hold.",
        (
            f"{CRASHES}c20_a_second_fault_in_the_recovery_from_the_first_changes_no_promise",
            PAIRS,
            f"{ENGINE}test_crash_everywhere.py::test_two_crashes_anywhere",
        ),
    ),
    Named(
        "C21", "The store is restored from an older copy",
        "After `opord db restored`, nothing that may have been done since the copy is done again. A key that the contract computes and that is still valid is used again. Any other commit is in doubt first, and neither `repeat` nor a check uses the run's own key.",
        (
            f"{RESTORED}nothing_happens_twice_whenever_the_copy_was_made",
            f"{RESTORED}a_second_loss_after_the_restore_changes_nothing",
            f"{RESTORED}a_forgotten_key_gives_a_doubt_and_a_valid_one_is_used_again",
            f"{RESTORED}an_action_without_a_key_is_in_doubt_before_its_call_with_the_reason",
            "tests/restored/test_another_way.py::test_nothing_is_done_twice_on_another_way",
            "tests/restored/test_another_way.py::test_only_a_person_lets_an_own_key_be_used_again",
            "tests/sim/test_lost_time.py::test_nothing_takes_effect_after_a_restore_that_nobody_allowed",
        ),
    ),
    Named(
        "C22", "No worker was there for longer than the provider remembers the key",
        "The action is not called. The check is asked, or a person.",
        (
            f"{CRASHES}c22_past_the_window_of_the_key_nobody_is_called_and_a_person_is_asked",
            f"{ENGINE}test_crash_points.py::TestTheWindowHasPassed::test_no_call_is_made_if_the_worker_was_down_longer_than_the_keys_window",
        ),
    ),
    Named(
        "C23", "The provider keeps an error under the key",
        "The action is not tried under another key. The check is asked, or the commit is in doubt.",
        (f"{CRASHES}c23_an_error_that_the_provider_keeps_under_the_key_is_not_answered_with_another_key",),
    ),
    Named(
        "C24", "Other arguments at a later attempt",
        "This cannot happen: the intent keeps the arguments, the earlier answers and `now`.",
        (
            f"{CRASHES}c24_every_attempt_has_the_arguments_of_the_intent",
            f"{ENGINE}test_steps.py::TestTheAnswersBeforeACommit::test_answers_are_recorded_with_the_intent_and_used_after_a_takeover",
        ),
    ),
)  # fmt: skip

WORLD = "tests/cli/test_worker_in_the_world.py::test_"
OUTLAST = f"{ENGINE}test_handlers_that_outlast_cancellation.py::test_"
NEVER_BEGAN = f"{ENGINE}test_never_began.py::test_"
POISON = f"{ENGINE}test_events_that_cannot_be_computed.py::"
EFFECTS = f"{ENGINE}test_attempts_of_effects.py::"

FOUND = (
    Named(
        "F1", "A final failure during a repeat in doubt",
        "The provider may have given it before it looked at the key (401, 403, 400, 409). So the doubt stays, and a person is asked, unless the contract says that the failure `settles`. The action is not called under another key.",
        (
            f"{ENGINE}test_doubts.py::TestRepeat::test_a_later_final_failure_that_does_not_settle_asks_a_person",
            f"{ENGINE}test_doubts.py::TestRepeat::test_a_later_failure_that_settles_ends_it",
            "tests/kernel/test_doubt.py::test_in_doubt_only_a_failure_that_settles_ends_the_commit",
            f"{CRASHES}c23_an_error_that_the_provider_keeps_under_the_key_is_not_answered_with_another_key",
        ),
    ),
    Named(
        "F2", "A late yes after the run went on as if it were a no",
        "An alarm stays open until a person acknowledges it, also after the end of the run. `verify` and `doctor` say so.",
        (
            f"{ENGINE}test_alarms.py::test_an_answer_after_the_decision",
            f"{ENGINE}test_alarms.py::test_an_alarm_is_told_once_found_and_acknowledged",
            "tests/cli/test_alarms.py::test_an_alarm_is_seen_everywhere_and_closed_by_a_person",
        ),
    ),
    Named(
        "F3", "A restore from a copy, and a commit under the run's own key",
        "It is in doubt first, and a person is asked.",
        (
            f"{RESTORED}nothing_happens_twice_whenever_the_copy_was_made",
            f"{RESTORED}an_action_without_a_key_is_in_doubt_before_its_call_with_the_reason",
        ),
    ),
    Named(
        "F4", "One file of a store under two names",
        "It is refused when it is opened, with the mend. A worker that runs notices, and writes nothing more until the second name is gone.",
        (
            "tests/stores/test_two_names.py::test_a_file_with_two_names_is_refused_under_both",
            "tests/cli/test_two_names.py::test_every_command_refuses_a_file_with_two_names_in_the_same_words",
            "tests/cli/test_two_names.py::test_a_worker_stops_writing_when_its_file_gets_a_second_name_and_goes_on_when_that_is_gone",
        ),
    ),
    Named(
        "F5", "A coroutine that swallows or outlasts its cancellation",
        "It is given up at its time-out, as a thread is. Drain and SIGTERM keep their limits. What it brings later is evidence; of an effect it is the answer while the run still waits for that call.",
        (
            f"{OUTLAST}an_action_is_in_doubt_on_time_and_its_late_answer_ends_the_doubt",
            f"{OUTLAST}an_effect_has_timed_out_on_time",
            f"{OUTLAST}a_drain_keeps_its_limit",
            f"{WORLD}a_handler_that_does_not_end_does_not_keep_a_worker_from_ending",
        ),
    ),
    Named(
        "F6", "A handler that blocks the event loop",
        "The log names it with its place, once. An attempt whose call never began does not count, and no person is asked about it.",
        (
            f"{ENGINE}test_loop_watch.py::test_a_handler_that_blocks_is_named_once_with_its_place",
            f"{NEVER_BEGAN}an_attempt_that_never_began_does_not_count_for_retry",
            f"{NEVER_BEGAN}a_question_that_was_put_to_a_person_is_withdrawn",
            f"{WORLD}a_handler_that_holds_the_event_loop_does_not_keep_a_worker_from_ending",
        ),
    ),
    Named(
        "F7", "A handler that forks, sets up logging or closes stderr; signals at a bad moment",
        "The worker lives on and logs on, and ends in time. A child that comes back from a fork does not carry runs, and uses no file of the store. Two signals at once are one order. A worker whose store is locked or full at its start ends when it is told to, and says the truth.",
        (
            f"{WORLD}a_worker_lives_on_beside_the_children_of_its_handlers",
            "tests/stores/test_forks.py::test_a_fork_in_the_midst_of_a_write_locks_nothing_for_the_child",
            "tests/stores/test_forks.py::test_nothing_is_open_while_a_process_forks",
            f"{WORLD}a_worker_logs_on_whatever_its_handlers_make_of_logging",
            f"{WORLD}a_handler_that_closes_stderr_stops_neither_the_log_nor_the_worker",
            f"{WORLD}two_signals_in_one_turn_are_one_order",
            f"{WORLD}a_signal_at_any_moment_of_its_life_ends_a_worker_in_order_and_no_run_is_lost",
            f"{WORLD}a_worker_that_waits_for_a_locked_store_at_its_start_ends_when_it_is_told_to",
            f"{WORLD}a_worker_whose_store_is_full_at_its_start_says_so_and_ends_when_it_is_told_to",
        ),
    ),
    Named(
        "F8", "Effects of many runs between two attempts; all threads held by plain handlers that hang",
        "Other contracts go on. Why a run stands still is in sight: in `list`, `show`, `doctor` and the worker's log. Attempts survive restarts.",
        (
            f"{EFFECTS}TestBetweenAttempts::test_many_runs_hold_no_place_and_others_go_on",
            f"{EFFECTS}TestOverRestarts::test_attempts_are_counted_on",
            f"{ENGINE}test_held_threads.py::test_a_shortage_of_threads_is_said_with_numbers",
            "tests/cli/test_doctor.py::test_what_runs_stand_still_for_is_said",
            f"{ENGINE}test_standstill_watch.py::test_runs_between_two_attempts_are_told_at_the_start_and_again_at_growing_intervals",
            f"{ENGINE}test_standstill_watch.py::test_a_cancel_that_waits_is_told_by_name_and_so_is_a_worker_that_died",
        ),
    ),
    Named(
        "F9", "Columns edited behind the journal; a row that cannot be read",
        "`verify` computes each column from the journal, and names each difference. A row that cannot be read does not hide the others.",
        (
            "tests/kernel/test_verify_columns.py::test_an_edit_beside_the_journal_is_found",
            "tests/cli/test_damaged_rows.py::test_one_row_that_cannot_be_read_shows_as_damaged_and_hides_no_other",
        ),
    ),
    Named(
        "F10", "A payload that no state can carry; an event that can only stall the run",
        "It is refused where that can be computed, before it is accepted. Else a person can take it out. The messages say that the run is stalled.",
        (
            f"{POISON}TestAStepThatCanOnlyStall::test_the_event_is_refused_with_the_place_and_changes_nothing",
            f"{POISON}TestAStepThatCanOnlyStall::test_data_that_no_state_can_carry_count",
            f"{POISON}TestAConditionThatCannotBeComputed::test_a_kept_event_is_stored_and_the_run_goes_on_waiting",
            f"{ENGINE}test_dropped_events.py::TestAnEventOfAStalledStep::test_the_run_waits_again_with_its_timers_and_takes_other_events",
            f"{ENGINE}test_dropped_events.py::TestAStalledRunSaysSo::test_to_a_sender_whose_event_waits_for_it",
        ),
    ),
    Named(
        "F11", "Answers that will never fit",
        "A person is told after three more calls, with the place.",
        (
            f"{ENGINE}test_answers_that_never_fit.py::TestAnActionWithoutRetry::test_is_called_three_more_times_and_a_person_is_told_where_it_went_wrong",
            f"{ENGINE}test_answers_that_never_fit.py::TestAnEffect::test_is_tried_three_more_times_and_the_run_stalls",
        ),
    ),
    Named(
        "F12", "The file of the store is deleted, replaced or misnamed",
        "It is said in true words. No reader makes a store. A worker whose file is taken away ends, and says what is not kept.",
        (
            f"{WORLD}a_worker_whose_store_is_taken_away_ends_and_says_so",
            "tests/cli/test_no_store.py::test_other_commands_create_no_store",
            "tests/stores/test_opening.py::test_a_file_that_was_moved_away_while_open_is_gone",
            "tests/stores/test_forks.py::test_a_file_that_was_replaced_during_a_fork_is_told",
        ),
    ),
    Named(
        "F13", "A PostgreSQL server is killed, stopped or restarted; connections are cut before or after an answer; it takes no more of them, is read-only, or gives no lock in time",
        "The worker waits and goes on by itself. Nothing is lost or done twice. The message says which of these it was, and shows no password.",
        (
            f"{POSTGRES}TestAnEngineGoesOn::test_over_a_server_that_ends_and_is_started_again",
            f"{POSTGRES}TestAnEngineGoesOn::test_over_connections_that_are_ended",
            f"{POSTGRES}TestAnEngineGoesOn::test_over_connections_that_break_before_and_after_an_answer",
            f"{POSTGRES}TestAnEngineGoesOn::test_over_a_server_that_takes_no_more_connections",
            f"{POSTGRES}TestOneWrite::test_whose_connection_breaks_is_done_as_a_whole_or_not",
            f"{POSTGRES}TestOneWrite::test_waits_for_a_lock_for_a_time_only",
            f"{POSTGRES}TestOneWrite::test_may_take_a_time_only",
            f"{POSTGRES}TestOneWrite::test_meets_a_server_that_has_become_read_only",
            f"{POSTGRES}TestOneWrite::test_meets_a_schema_that_is_gone",
            f"{POSTGRES}TestOpening::test_a_wrong_password_is_told_at_once_and_not_shown",
        ),
    ),
    Named(
        "F14", "A standby that lost the last commits of a PostgreSQL server is promoted",
        "Workers wait, and say so, until `opord db restored` has marked the live runs; see C21. Then they go on by themselves.",
        (
            f"{FAILOVER}workers_wait_for_the_mark_and_then_go_on",
            f"{FAILOVER}another_cluster_is_refused_until_the_runs_are_marked",
        ),
    ),
    Named(
        "F15", "The disk of a PostgreSQL server is full, or its quota is used up",
        "Nothing is lost or done twice. The log says that the server's disk is full, and workers go on by themselves when there is room and the server runs.",
        (
            "tests/stores/test_postgresql_disk.py::test_a_full_disk_loses_nothing_and_runs_go_on_when_there_is_room",
            "tests/stores/test_postgresql_disk.py::test_an_error_of_the_disk_without_a_code_is_waited_for",
        ),
    ),
    Named(
        "F16", "The connection of a verb ends at any of its statements, before or after the answer",
        "All of the verb is done, or nothing of it. Made again, it is done once.",
        ("tests/stores/test_postgresql_cuts.py::test_a_verb_is_done_as_a_whole_or_not_wherever_its_connection_breaks",),
    ),
    Named(
        "F17", "A DBA revokes a right, changes a password, sets limits of time for the role, or renames a schema or a database",
        "A worker that runs waits, says why with the next move, and goes on when that is undone. What its calls brought meanwhile is kept.",
        (
            f"{RIGHTS}a_right_that_is_revoked_and_given_back",
            f"{RIGHTS}a_role_that_may_not_log_in_for_a_time",
            f"{RIGHTS}a_password_that_is_changed_and_changed_back",
            f"{RIGHTS}a_schema_that_is_renamed_and_named_back",
            f"{RIGHTS}a_database_that_is_renamed_and_named_back",
            f"{RIGHTS}limits_that_a_dba_has_set_for_a_role_are_not_those_of_a_worker",
        ),
    ),
    Named(
        "F18", "A dump is restored, on another PostgreSQL server or on the same one, also while workers run",
        "As after the promotion of a standby (F14). Nothing is read or written while the dump is only half there.",
        (
            "tests/stores/test_postgresql_dumps.py::test_what_was_done_after_the_dump_is_asked_about_and_not_done_again",
            "tests/stores/test_postgresql_dumps.py::test_a_worker_touches_nothing_while_a_dump_is_restored_under_it",
        ),
    ),
    Named(
        "F19", "A pooler in transaction mode stands before the PostgreSQL server, and is killed",
        "No notices come, so workers look for work by polling, and the log says so once. Nothing is lost or done twice, and no session keeps a setting.",
        ("tests/stores/test_postgresql_pooler.py::test_runs_go_on_over_cut_sessions_and_killed_poolers",),
    ),
    Named(
        "F20", "A PostgreSQL server takes calls and answers none of them, is away when a worker starts, or answers again after the leases have ended",
        "The log says each of these once. The worker waits also at its start, unless only a person can help. The journal blames no death that nobody saw.",
        (
            f"{ENGINE}test_silent_stores.py::test_a_store_that_neither_answers_nor_fails_is_told_once_and_so_is_its_next_answer",
            "tests/cli/test_worker_without_a_server.py::test_it_waits_until_the_server_is_there_and_says_so",
            f"{ENGINE}test_after_an_outage.py::test_runs_whose_leases_ended_are_in_doubt_for_that_reason_and_the_log_is_bounded",
        ),
    ),
    Named(
        "F21", "A process dies, a handler fails or the store goes away in an action in transaction",
        "The handler's rows and the next state of the run are both there, or neither. A run whose worker died at the commit is sound.",
        (
            "tests/faults/test_single.py::test_every_fault_of_a_transaction_leaves_its_rows_and_the_run_in_step",
            f"{ENGINE}test_transactions.py::test_a_crash_at_any_point_writes_once",
            f"{ENGINE}test_transactions.py::test_a_run_that_has_just_entered_a_waiting_state_is_sound",
        ),
    ),
)  # fmt: skip

HOLD = (SINGLE, PAIRS, SIMULATED)
"""The tests that assert after faults every invariant that the verifier knows."""

ALWAYS = (
    Named(
        "1", "One effect for each commit",
        "The provider's ledger has at most one effect for each occurrence of an action, unless the contract calls it repeatable.",
        (f"{INVARIANTS}i01_a_second_charge_is_seen_under_the_same_key_and_under_another", *HOLD),
    ),
    Named(
        "2", "No effect without an intent",
        "For each entry of the ledger, the journal has an intent with that key.",
        (f"{INVARIANTS}i02_a_charge_without_an_intent_is_seen", *HOLD),
    ),
    Named(
        "3", "No invented success",
        "What the journal says happened is in the ledger.",
        (f"{INVARIANTS}i03_an_invented_success_is_seen", *HOLD),
    ),
    Named(
        "4", "A doubt does not just go away",
        "A doubt ends by a result or a final failure under the same key, by the contract's rule, by late evidence, or by a named person's word. The journal says which.",
        (
            f"{INVARIANTS}i04_a_doubt_that_disappears_is_seen",
            f"{INVARIANTS}i04_who_resolved_a_doubt_when_and_why_stays_in_the_journal",
            "tests/kernel/test_doubt.py::test_every_situation_meets_exactly_one_row",
            *HOLD,
        ),
    ),
    Named(
        "5", "Starts",
        "A start that was confirmed made one run for its key. A start that was not confirmed made one run or none.",
        (f"{INVARIANTS}i05_a_confirmed_start_that_is_not_there_or_is_there_twice_is_seen", *HOLD, POWER),
    ),
    Named(
        "6", "Events",
        "An event that was confirmed is applied once, or listed as waiting or unhandled. It is never applied twice.",
        (
            f"{INVARIANTS}i06_a_confirmed_event_that_is_lost_or_applied_twice_is_seen",
            f"{INVARIANTS}i06_an_event_with_a_key_is_one_event_however_often_it_is_sent",
            *HOLD, POWER,
        ),
    ),
    Named(
        "7", "A legal path",
        "A journal is a path that the contract has, with data of the declared types. A verifier that shares no code with the engine says so.",
        (
            f"{INVARIANTS}i07_a_path_that_the_contract_does_not_have_is_seen",
            "tests/kernel/test_legality.py::test_a_forged_journal_is_found_at_its_record",
            *HOLD,
        ),
    ),
    Named(
        "8", "Append-only",
        "Records are numbered without gaps, each is linked to the one before, and epochs never fall.",
        (
            f"{INVARIANTS}i08_a_journal_that_is_not_only_appended_to_is_seen",
            f"{INVARIANTS}i08_an_epoch_that_falls_is_seen",
            "tests/stores/test_faults.py::test_the_journal_is_append_only",
            *HOLD,
        ),
    ),
    Named(
        "9", "An end is an end",
        "Nothing moves a run after its end. Events are refused, and late outcomes are kept as evidence. Evidence that contradicts what was decided raises an alarm.",
        (
            f"{ENGINE}test_alarms.py::test_an_alarm_is_told_once_found_and_acknowledged",
            f"{INVARIANTS}i09_a_move_after_the_end_is_seen",
            f"{INVARIANTS}i09_an_event_after_the_end_is_refused_and_a_late_outcome_is_kept_as_evidence",
            *HOLD,
        ),
    ),
    Named(
        "10", "The state is the sum of the journal",
        "This is true on every store, after every write. Opening the store again changes nothing.",
        (
            f"{INVARIANTS}i10_a_head_that_is_not_the_sum_of_the_journal_is_seen",
            "tests/faults/test_restart.py::test_after_every_write_the_journal_adds_up_to_what_is_stored",
            "tests/faults/test_restart.py::test_a_process_per_step_ends_in_the_same_state_as_one_process",
            "tests/kernel/test_verify_columns.py::test_an_edit_beside_the_journal_is_found",
            "tests/kernel/test_verify_columns.py::test_columns_without_a_record_are_listed",
            *HOLD,
        ),
    ),
    Named(
        "11", "No stale write",
        "A write with an old epoch moves no run. What its worker learned is kept.",
        (
            f"{INVARIANTS}i11_no_write_of_an_old_epoch_moves_a_run_and_its_evidence_is_kept",
            f"{INVARIANTS}i11_a_write_of_an_old_epoch_is_seen",
            *HOLD,
        ),
    ),
    Named(
        "12", "One holder",
        "No two claims give out the same run under the same epoch. Leases go by the store's clock.",
        (
            f"{INVARIANTS}i12_no_two_claims_give_out_the_same_run_under_the_same_epoch",
            "tests/stores/test_faults.py::test_two_processes_of_four_threads_claim_each_run_once",
            *HOLD,
        ),
    ),
    Named(
        "13", "Timers",
        "A timer fires once, not early by the store's clock, and as soon as a worker is there.",
        (
            f"{INVARIANTS}i13_a_timer_that_fires_early_or_never_is_seen",
            f"{INVARIANTS}i13_a_timer_that_fell_due_without_a_worker_fires_once_and_not_early",
            *HOLD,
        ),
    ),
    Named(
        "14", "Progress",
        "When faults stop, every run ends or says what it waits for, and something will wake it.",
        (
            f"{INVARIANTS}i14_a_run_that_nobody_will_move_is_seen",
            "tests/progress/test_look.py::test_each_run_waits_for_one_thing",
            "tests/progress/test_look.py::test_an_abandoned_run_is_found",
            f"{ENGINE}test_attempts_of_effects.py::TestPromisesInTime::test_hold_though_every_worker_dies_in_every_pause",
            *HOLD,
        ),
    ),
    Named(
        "15", "Poison",
        "A run that fails for ever does not hold up others. No event stops a run for good: an event whose step cannot be computed is refused, and a person can take out an event that stalls the run.",
        (
            f"{ENGINE}test_events_that_cannot_be_computed.py::TestAStepThatCanOnlyStall::test_the_event_is_refused_with_the_place_and_changes_nothing",
            f"{ENGINE}test_events_that_cannot_be_computed.py::TestAConditionThatCannotBeComputed::test_a_kept_event_is_stored_and_the_run_goes_on_waiting",
            f"{ENGINE}test_dropped_events.py::TestAnEventOfAStalledStep::test_the_run_waits_again_with_its_timers_and_takes_other_events",
            f"{ENGINE}test_dropped_events.py::TestCrashes::test_at_any_point_lose_nothing",
            f"{ENGINE}test_poison.py::test_runs_that_always_fail_are_tried_a_few_times_and_others_go_on",
            f"{ENGINE}test_poison.py::test_runs_that_always_fail_do_not_take_the_places_of_others",
            f"{ENGINE}test_attempts_of_effects.py::TestBetweenAttempts::test_many_runs_hold_no_place_and_others_go_on",
        ),
    ),
    Named(
        "16", "Compensation",
        "Compensations run in the declared order, and only for what was done.",
        (
            f"{INVARIANTS}i16_bookings_are_given_back_in_reverse_order_and_nothing_else_is",
            f"{INVARIANTS}i16_an_end_that_does_not_fit_the_ledger_is_seen",
            SINGLE,
            PAIRS,
        ),
    ),
    Named(
        "17", "Outbox", "",
        absent="an outbox. There is none: a message to others is an action of the contract and has its promises",
    ),
    Named(
        "18", "The same again",
        "The same seed, or the same faults, give the same trace to the byte.",
        (
            f"{INVARIANTS}i18_the_same_faults_give_the_same_trace_to_the_byte",
            SIMULATED,
            "tests/disk/test_power.py::test_the_same_seed_gives_the_same_losses",
        ),
    ),
    Named(
        "19", "A sound file",
        "SQLite finds no damage in it, and no row refers to nothing.",
        (f"{INVARIANTS}i19_the_file_is_sound_after_faults_and_an_unsound_one_is_seen", POWER),
    ),
    Named(
        "20", "Nothing leaks",
        "No secret is in any byte that is written or printed. Text that looks like markup is shown as text. A request that was denied changed nothing.",
        (
            SECRETS,
            "tests/language/sheet/test_html.py::test_text_that_looks_like_markup_is_shown_as_text",
            f"{ENGINE}test_events.py::TestRoles::test_a_sender_without_a_role_is_refused_and_changes_nothing",
        ),
        absent="the HTTP interface and the console, which have to hold this when they are there",
    ),
    Named(
        "21", "Explicit refusals",
        "Each refusal has a stable code and has changed nothing.",
        (f"{INVARIANTS}i21_every_refusal_has_a_stable_code_and_changes_nothing",),
    ),
    Named(
        "22", "Resources",
        "After a fault, there are no more open descriptors, tasks and transactions than before, and the file's log is no larger.",
        (
            f"{INVARIANTS}i22_faults_leave_no_file_or_transaction_open",
            f"{INVARIANTS}i22_no_task_outlives_its_engine",
            "tests/engine/test_costs.py::test_a_storm_leaves_nothing_behind",
            "tests/engine/test_costs.py::test_a_log_that_grew_behind_a_long_reader_is_cut_when_the_reader_ends",
            "tests/stores/test_faults.py::test_an_interrupt_in_between_leaves_no_transaction_open",
        ),
    ),
    Named(
        "23", "The right worker",
        "A run is carried only by workers that take its label, and none waits whose label a worker takes. Workers take due runs of a higher priority first.",
        (
            "tests/engine/test_scheduling.py::test_a_worker_carries_the_runs_of_its_labels_alone",
            "tests/engine/test_scheduling.py::test_runs_of_a_higher_priority_are_carried_first",
            "tests/stores/test_costs_do_not_grow.py::test_claims_and_looks_cost_the_same_however_many_runs_of_each_priority_wait",
            SIMULATED,
        ),
    ),
)  # fmt: skip

ELSEWHERE = (
    ("Temporal", "to come, with a differential test against it"),
    ("The HTTP interface and the console", "to come, with hostile requests"),
    ("More than one machine", "with PostgreSQL, the tests run the workers and the server on one machine"),
)
