/* SPDX-License-Identifier: MIT
 *
 * --prompt-cache: what cannot be used is told and the prompt computed anew, but a file that is no
 * prompt cache is refused, since it would be written over. */
#include <stdio.h>

#include "base/clock.h"
#include "oxigraph/prompt_cache.h"
#include "tools/chat/chat.h"
#include "tools/cmd/cli_progress.h"

static bool show_progress(void *user, double done)
{
    cli_progress_update(user, done);
    return !run_is_interrupted();
}

og_status run_cache_load(run_session *s)
{
    const char *path = s->opt->prompt_cache;
    cli_progress progress;
    if (!path) return OG_OK;
    cli_progress_begin(&progress, "reading the prompt cache");
    og_status st = og_prompt_cache_load(s->seq, path, &s->fed, show_progress, &progress);
    cli_progress_end(&progress);
    if (st == OG_E_FORMAT || st == OG_OK) return st;
    if (st != OG_E_NOT_FOUND)
        fprintf(stderr, "oxigraph: %s; the prompt is computed anew\n", og_error(s->ctx));
    og_error_clear(s->ctx);
    return OG_OK;
}

void run_cache_tell(run_session *s, int64_t n)
{
    if (!s->opt->prompt_cache || s->cache.is_told) return;
    s->cache.is_told = true;
    fprintf(stderr, "prompt cache: %lld of %lld tokens reused\n", (long long)n,
            (long long)s->ids.n);
}

void run_cache_save(run_session *s, const og_tokens *token)
{
    const char *path = s->opt->prompt_cache;
    cli_progress progress;
    if (!path) return;
    cli_progress_begin(&progress, "writing the prompt cache");
    og_status st = og_prompt_cache_save(s->seq, token->id, og_sequence_length(s->seq), path,
                                        show_progress, &progress);
    cli_progress_end(&progress);
    s->cache.seconds = ogi_seconds() - progress.start;
    s->cache.is_stale = false;
    if (st == OG_OK) return;
    fprintf(stderr, "oxigraph: %s; the prompt cache is not saved\n", og_error(s->ctx));
    og_error_clear(s->ctx);
}
