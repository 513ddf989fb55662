//! Faults on every side of the real binary, each with the same check of what must hold all the same.
//!
//! Which test holds which row of the fault plan; `rows.rs` sees to it that each of them is there. Rows that are not here
//! belong to rooms that are not built yet.
//!
//! | row | fault | tests |
//! |---|---|---|
//! | 1 | reset in mid row | `faults/upstreams.rs: a_reset_in_the_middle_of_a_row_is_never_taken_for_the_end` |
//! | 2 | end between messages | `faults/upstreams.rs: an_end_between_messages_is_told_of_and_frees_the_place` |
//! | 3 | packets dropped both ways | `faults/silence.rs: a_server_that_is_not_heard_of_any_more_is_given_up_and_what_it_was_asked_has_its_outcome`, `faults/silence.rs: a_client_that_is_not_heard_of_any_more_leaves_its_place_and_no_statement_running`, `faults/upstreams.rs: a_server_that_falls_silent_holds_nobody_who_leaves` |
//! | 4 | login never answered | `faults/upstreams.rs: a_login_has_one_time_limit_however_slowly_it_is_answered` |
//! | 5 | garbage, wrong order | `faults/upstreams.rs: an_answer_that_makes_no_sense_ends_the_session_in_a_sentence` |
//! | 6 | a byte now and then | `faults/upstreams.rs: an_answer_that_dawdles_arrives_whole_and_delays_nobody_else` |
//! | 7 | slow at the door | `faults/clients.rs: whoever_dawdles_at_the_door_is_shut_out_in_time`, `journeys/tls.rs: half_handshakes_and_garbage_end_and_nobody_else_waits` |
//! | 8 | client never reads | `faults/clients.rs: whoever_reads_nothing_for_half_a_minute_loses_the_session_and_the_server_its_work` |
//! | 9 | reset while a question waits | `faults/clients.rs: whoever_leaves_while_the_next_statement_waits_to_be_judged_is_not_waited_for` |
//! | 10 | reset after Execute | `faults/clients.rs: whoever_is_reset_after_execute_leaves_a_cancelled_statement_with_its_outcome` |
//! | 11 | cancel requests | `faults/clients.rs: a_cancel_key_stops_its_own_session_and_nothing_after_it` |
//! | 16 | no bundle at the start | `journeys/causes.rs: without_its_bundle_nothing_is_allowed_and_health_says_why` |
//! | 17 | policy that burns time | `faults/statements.rs: rules_that_burn_time_or_say_too_much_deny_and_disturb_nobody` |
//! | 18 | policy that says nothing, or nonsense | `journeys/hostile.rs: an_undefined_decision_refuses_everything`, `faults/statements.rs: rules_that_burn_time_or_say_too_much_deny_and_disturb_nobody` |
//! | 21 | full disk | `journeys/disk.rs: a_full_disk_refuses_new_work_and_goes_on_when_there_is_room` |
//! | 22 | sync that fails | `faults/disk.rs: a_disk_that_syncs_no_more_takes_no_work_and_is_taken_back_when_it_does`, `faults/disk.rs: one_sync_that_fails_costs_what_waited_for_it_and_no_more` |
//! | 23 | read-only, no inode, no descriptor | `faults/disk.rs: a_disk_that_turns_read_only_takes_no_new_work_until_it_is_writable_again`, `faults/disk.rs: a_real_disk_that_the_system_turns_read_only_takes_no_new_work_and_loses_nothing`, `faults/disk.rs: a_disk_without_room_for_another_file_refuses_new_work_and_finishes_what_runs`, `faults/disk.rs: without_a_descriptor_left_nobody_new_gets_in_and_nothing_spins` |
//! | 24 | killed at random | `faults/kills.rs: killed_at_any_moment_it_has_written_down_whatever_the_server_ran`, `faults/kills.rs: killed_at_any_moment_it_has_written_down_as_much_where_it_waits_for_no_disk` |
//! | 25 | asked to end with 200 sessions | `faults/drain.rs: two_hundred_sessions_end_in_time_and_what_still_runs_is_cancelled` |
//! | 28 | certificates rotate, expire | `journeys/tls.rs: certificates_rotate_under_load_and_no_connection_is_lost`, `journeys/tls.rs: an_expired_certificate_keeps_sidegate_from_starting_and_check_finds_it` |
//! | 29 | keys rotate, provider away | `journeys/identities.rs: keys_rotate_and_a_provider_that_is_away_locks_nobody_out_at_once` |
//! | 31 | thousands idle | `faults/crowds.rs: those_who_are_idle_cost_little_and_disturb_nobody` |
//! | 32 | churn | `faults/crowds.rs: those_who_come_and_go_leave_nothing_behind`, `faults/clients.rs: every_socket_that_a_client_resets_is_given_back` |
//! | 33 | flood at the door | `faults/crowds.rs: those_who_knock_and_run_keep_nobody_out`, `journeys/floods.rs: a_flood_from_one_address_keeps_no_place_from_another` |
//! | 34 | large values, many columns, many rows | `faults/crowds.rs: a_value_of_a_gigabyte_passes_or_is_refused_and_is_never_held`, `faults/crowds.rs: answers_of_any_form_stream_through` |
//! | 35 | statements that are too much | `faults/statements.rs: statements_that_are_too_much_are_refused_at_once_and_the_session_goes_on`, `faults/statements.rs: statements_that_are_too_much_are_refused_where_the_longest_are_allowed` |
//! | 41 | a panic in each room | `faults/defects.rs: a_defect_before_a_statement_is_written_down_ends_its_session_and_it_does_not_run`, `faults/defects.rs: a_defect_after_a_statement_is_written_down_ends_its_session_and_leaves_an_outcome`, `faults/defects.rs: a_defect_at_the_door_costs_one_connection`, `faults/defects.rs: a_defect_of_those_who_work_for_all_stops_none_of_them`, `faults/defects.rs: a_defect_on_the_way_of_another_ends_no_process_and_the_next_start_writes_the_outcome`, `faults/disk.rs: without_a_thread_left_a_login_fails_in_a_sentence_and_nobody_else_notices` |
//!
//! `make test-faults` holds the released binary to its figures: row 34 with a gigabyte, row 35 within 50 ms. `make
//! long-faults` has row 3 by the clock, and row 31 with as many as the system has descriptors for: 10,000 where it has
//! 21,000.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a test"
)]

#[path = "../journeys/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "journeys use the rest")]
mod harness;

mod clients;
mod crowds;
mod defects;
mod disk;
mod drain;
mod hold;
mod kills;
mod proxy;
mod rows;
mod silence;
mod statements;
mod upstreams;
