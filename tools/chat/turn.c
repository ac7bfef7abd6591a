/* SPDX-License-Identifier: MIT
 *
 * A turn: answers and the results of their calls, at most MAX_ROUNDS of them, as messages that the
 * caller's list grows by. */
#include <signal.h>
#include <stdio.h>

#include "tools/chat/chat.h"

enum { MAX_ROUNDS = 16 };

static og_status append(run_session *s, json_t *messages, json_t *m)
{
    if (json_array_append_new(messages, m) == 0) return OG_OK;
    OG_FAIL(s->ctx, OG_E_MEMORY, "out of memory for a message");
}

/* What one answer adds to the turn. */
static void add_result(og_generate_result *sum, const og_generate_result *r)
{
    og_generate_result before = *sum;
    *sum = *r;
    sum->n_prompt += before.n_prompt;
    sum->n_generated += before.n_generated;
    sum->prompt_s += before.prompt_s;
    sum->generate_s += before.generate_s;
}

/* Does the answer call anything that can be run? */
static bool has_work(const run_session *s, const run_answer *a)
{
    bool is_whole = a->result.stop == OG_STOP_EOG || a->result.stop == OG_STOP_TEXT;
    for (size_t i = a->first_call; is_whole && i < json_array_size(a->calls); i++) {
        const json_t *name = json_object_get(json_array_get(a->calls, i), "name");
        if (og_tools_is_bound(s->tools.list, json_string_value(name))) return true;
    }
    return false;
}

static og_status run_calls(run_session *s, json_t *messages, const run_answer *a)
{
    size_t n = json_array_size(a->calls);
    for (size_t i = a->first_call; i < n; i++) {
        json_t *call = json_array_get(a->calls, i), *m;
        OG_TRY(run_tools_call(s, call, n - a->first_call));
        m = json_pack("{s:s, s:O, s:O, s:O}", "role", "tool", "tool_call_id",
                      json_object_get(call, "id"), "name", json_object_get(call, "name"), "content",
                      json_object_get(call, "result"));
        OG_TRY(append(s, messages, m));
    }
    return OG_OK;
}

static og_status run_calls_interruptibly(run_session *s, json_t *messages, const run_answer *a)
{
    struct sigaction old;
    run_catch_interrupt(&old);
    og_status st = run_calls(s, messages, a);
    sigaction(SIGINT, &old, NULL);
    return st;
}

og_status run_turn(run_session *s, json_t *messages, og_status (*encode)(void *user), void *user,
                   bool is_printed, run_answer *a)
{
    og_generate_result sum = { 0 };
    json_array_clear(a->calls);
    for (int round = 0;; round++) {
        s->is_first_answer = round == 0;
        OG_TRY(encode(user));
        OG_TRY(run_answer_ids(s, is_printed, a));
        add_result(&sum, &a->result);
        OG_TRY(append(s, messages, run_json_answer(s->ctx, a)));
        if (!has_work(s, a)) break;
        if (round == MAX_ROUNDS - 1) {
            fprintf(stderr, "oxigraph: %d rounds of tool calls: the last are not run\n",
                    (int)MAX_ROUNDS);
            break;
        }
        OG_TRY(run_calls_interruptibly(s, messages, a));
        if (run_is_interrupted()) {
            sum.stop = OG_STOP_CANCELLED;
            break;
        }
    }
    a->result = sum;
    return OG_OK;
}
