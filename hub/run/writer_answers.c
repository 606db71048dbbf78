/* What goes back: answers to the front, news to front and reader; and the rule that a session whose event was refused for
 * now begins again with that event.
 */
#include "hub/run/dead_letters.h"
#include "hub/run/writer_inside.h"

#include "hub/base/diag.h"

#include <sched.h>

/* Full only for a moment: the other side never waits for this one. */
static void send(ch_pipe *pipe, ch_mail *mail)
{
    while (ch_pipe_push(pipe, mail) == CH_FULL) {
        ch_pipe_ring(pipe);
        sched_yield();
    }
}

void ch_writer_ring_front(ch_writer *writer)
{
    if (writer->ring_front) {
        ch_pipe_ring(writer->hub->writer_to_front);
        writer->ring_front = false;
    }
}

static uint64_t hash_more(uint64_t hash, ch_str s)
{
    for (size_t i = 0; i < s.size; i++) {
        hash = (hash ^ (uint8_t)s.at[i]) * UINT64_C(1099511628211);
    }
    return (hash ^ 0xff) * UINT64_C(1099511628211);
}

static uint64_t name_of(const ch_work *work, size_t index)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    if (index >= work->count) {
        return hash_more(hash_more(hash, work->publish.connector), work->publish.from);
    }
    return hash_more(hash_more(hash, work->items[index].event.source), work->items[index].event.id);
}

void ch_writer_block(ch_writer *writer, const ch_work *work, size_t index)
{
    if (work->session == 0 || ch_session_slot(work->session) >= writer->session_count) {
        return;
    }
    ch_blocked *entry = &writer->sessions[ch_session_slot(work->session)];
    if (entry->session != work->session || work->turn <= entry->turn) {
        *entry = (ch_blocked){.session = work->session, .event = name_of(work, index), .turn = work->turn};
    }
}

void ch_writer_block_refused(ch_writer *writer, const ch_work *work)
{
    if (work->failure != NULL) {
        if (ch_status_is_temporary(work->failure->status)) {
            ch_writer_block(writer, work, 0);
        }
        return;
    }
    for (size_t i = 0; i < work->count; i++) {
        if (ch_status_is_temporary(work->answers[i].status)) {
            ch_writer_block(writer, work, i);
            return;
        }
    }
}

ch_status ch_writer_check_blocked(ch_writer *writer, const ch_work *work)
{
    if (work->session == 0 || ch_session_slot(work->session) >= writer->session_count) {
        return CH_OK;
    }
    ch_blocked *entry = &writer->sessions[ch_session_slot(work->session)];
    if (entry->session != work->session) {
        if (work->beyond_window) {
            ch_writer_block(writer, work, 0);
        }
        return work->beyond_window ? CH_BUSY : CH_OK;
    }
    if (entry->event != name_of(work, 0) || work->beyond_window) {
        return CH_BUSY;
    }
    entry->session = 0;
    return CH_OK;
}

/* Accepted or refused for good: the reader need not remember any more what made it say so. */
static void settle(ch_writer *writer, ch_work *work)
{
    if (work->from_reader) {
        atomic_fetch_sub_explicit(&writer->hub->unsettled, 1, memory_order_release);
    }
    ch_mail_free(&work->mail);
}

static void postpone(ch_writer *writer, ch_work *work)
{
    if (writer->postponed_count == CH_WRITER_POSTPONED_MOST) {
        ch_diag(CH_DIAG_ERROR, "writer", "an event of the hub itself was lost: %.*s %.*s",
                CH_STR_ARG(work->items[0].event.type), CH_STR_ARG(work->items[0].event.id));
        settle(writer, work);
        return;
    }
    work->next = NULL;
    if (writer->last_postponed == NULL) {
        writer->postponed = work;
    } else {
        writer->last_postponed->next = work;
    }
    writer->last_postponed = work;
    writer->postponed_count++;
    writer->retry_at_ms = ch_writer_now(writer) + CH_WRITER_RETRY_MS;
}

/* To the front, which knows the client; or, of the hub itself, away. */
static void hand_back(ch_writer *writer, ch_work *work, bool again)
{
    if (work->session != 0) {
        send(writer->hub->writer_to_front, &work->mail);
        writer->ring_front = true;
    } else if (again) {
        postpone(writer, work);
    } else {
        settle(writer, work);
    }
}

void ch_writer_refuse(ch_writer *writer, ch_work *work, ch_status status, const char *text)
{
    ch_work_refuse(work, status, text);
    ch_metrics_count_refusals(writer->hub->metrics, status, work->count);
    hand_back(writer, work, true);
}

void ch_writer_refuse_batch(ch_writer *writer, ch_batch *batch, ch_status status, const char *text)
{
    ch_work *work;
    ch_batch_refuse(batch, status, text);
    while ((work = ch_batch_next(batch)) != NULL) {
        ch_writer_block(writer, work, 0);
        hand_back(writer, work, true);
    }
}

static bool was_refused_for_now(const ch_work *work)
{
    return work->session == 0 && work->count > 0 && ch_status_is_temporary(work->answers[0].status);
}

void ch_writer_tell_grants(ch_writer *writer, ch_batch *batch)
{
    ch_grant grant;
    while (ch_batch_next_grant(batch, &grant)) {
        ch_grant_mail *mail = (ch_grant_mail *)ch_mail_new(CH_MAIL_GRANT);
        if (mail == NULL) {
            /* A revocation that is not heard of would leave the door open. */
            const ch_error error = {.status = CH_NO_MEMORY, .text = "no memory to tell of a grant"};
            ch_hub_fail(writer->hub, "writer", &error);
            return;
        }
        mail->grant = grant;
        send(writer->hub->writer_to_front, &mail->mail);
        writer->ring_front = true;
    }
}

void ch_writer_tell_redeliveries(ch_writer *writer, ch_batch *batch)
{
    ch_dead_letter letter;
    while (ch_batch_next_redelivery(batch, &letter)) {
        ch_redeliver_mail *mail = (ch_redeliver_mail *)ch_mail_new(CH_MAIL_REDELIVER);
        if (mail == NULL || ch_dead_letter_of_delivery(&letter, &mail->redelivery) != CH_OK) {
            ch_mail_free(mail == NULL ? NULL : &mail->mail);
            ch_diag(CH_DIAG_ERROR, "writer", "dead letter %llu cannot be delivered again",
                    (unsigned long long)letter.number);
            continue;
        }
        send(writer->hub->writer_to_reader, &mail->mail);
    }
}

void ch_writer_hand_out(ch_writer *writer, ch_batch *batch)
{
    ch_work *work;
    ch_batch_answer(batch);
    while ((work = ch_batch_next(batch)) != NULL) {
        hand_back(writer, work, was_refused_for_now(work));
    }
}

ch_work *ch_writer_next_postponed(ch_writer *writer)
{
    ch_work *work = writer->postponed;
    if (work == NULL || ch_writer_now(writer) < writer->retry_at_ms) {
        return NULL;
    }
    writer->postponed = work->next;
    writer->last_postponed = work->next == NULL ? NULL : writer->last_postponed;
    writer->postponed_count--;
    return work;
}
