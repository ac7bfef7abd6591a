/* SPDX-License-Identifier: MIT
 *
 * Options about devices and contexts, and opening a model by them. */
#include "tools/cmd/cli_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "formats/gguf.h"
#include "models/model.h"
#include "runtime/engine.h"
#include "tools/cmd/cli_progress.h"

void cli_model_graph_options(cli_model *m, cli_options *to)
{
    const cli_opt all[] = {
        { "-c|--ctx", CLI_INT, &m->n_ctx, "N", "context in tokens; default: as trained" },
        { "--kv", CLI_STR, &m->kv, "TYPE", "keys and values: " OGI_KV_EXPECTED },
        { "-ctk|--cache-type-k", CLI_STR, &m->kv_k, "TYPE", "the same, as llama.cpp has it: keys" },
        { "-ctv|--cache-type-v", CLI_STR, &m->kv_v, "TYPE", "and values" },
        { "--override-kv", CLI_LIST, &m->override, "KEY=TYPE:VALUE", "replace metadata" },
        { "--graph", CLI_STR, &m->graph, "FILE|embedded",
          "run these graphs, not the built-in ones" },
        { "--skip", CLI_STR, &m->skip, "PASSES", "graph passes to leave out, comma separated" },
    };
    cli_add(to, "model", all, OGI_LEN(all));
}

void cli_model_options(cli_model *m, cli_options *to)
{
    const cli_opt all[] = {
        { "--device", CLI_STR, &m->device, "NAME", "where to run: cpu" },
        { "--isa", CLI_STR, &m->isa, "NAME",
          "scalar, sse42, avx2, avx512, neon; default: the best" },
        { "-t|--threads", m->thread_list ? CLI_STR : CLI_INT,
          m->thread_list ? (void *)m->thread_list : (void *)&m->n_thread,
          m->thread_list ? "LIST" : "N",
          "threads; default: one for each core that the process may use" },
        { "--no-mmap", CLI_FLAG, &m->no_mmap, NULL, "copy the file into memory instead of a map" },
        { "--mlock", CLI_FLAG, &m->mlock, NULL, "keep the weights from being swapped out" },
    };
    cli_add(to, "device", all, OGI_LEN(all));
    cli_model_graph_options(m, to);
}

int cli_model_config(cli_model *m, og_model_options *out)
{
    if (m->n_thread < 0 || m->n_thread > 1024)
        return cli_usage_error("-t wants 1 to 1024 threads, not %lld", (long long)m->n_thread);
    if (m->n_ctx < 0) return cli_usage_error("-c wants a positive number of tokens");
    if (m->kv_k || m->kv_v) {
        if (m->kv && strchr(m->kv, '='))
            return cli_usage_error(
                "--kv names the types of keys and values: no -ctk, -ctv beside it");
        const char *rest = m->kv ? m->kv : "f16";
        snprintf(m->kv_both, sizeof m->kv_both, "k=%s,v=%s", m->kv_k ? m->kv_k : rest,
                 m->kv_v ? m->kv_v : rest);
        m->kv = m->kv_both;
        m->kv_k = m->kv_v = NULL;
    }
    if (!ogi_kv_types_parse(m->kv, &(ogi_kv_types){ 0 }))
        return cli_usage_error("--kv wants " OGI_KV_EXPECTED ", not '%s'", m->kv);
    *out = (og_model_options){
        .device = { .name = m->device, .isa = m->isa, .n_thread = (int)m->n_thread },
        .n_ctx = m->n_ctx,
        .kv = m->kv,
        .no_mmap = m->no_mmap,
        .mlock = m->mlock,
        .override = m->override.item,
        .n_override = m->override.n,
        .graph = m->graph,
        .compile = { .skip = m->skip },
    };
    return -1;
}

static bool show_progress(void *user, double done)
{
    cli_progress_update(user, done);
    return true;
}

/* What was loaded, what computes it, how much memory that takes. */
static void tell_model(og_ctx *ctx, const char *path, og_model *m, double seconds)
{
    og_model_info info;
    const ogi_gguf *f = ogi_model_file(m);
    og_model_get_info(m, &info);
    ogi_log(ctx, OG_LOG_INFO,
            "%s: %s, %lld layers of %lld, %lld tokens; %lld tensors, %.1f MB file", path, info.arch,
            (long long)info.n_layer, (long long)info.n_embd, (long long)info.n_vocab,
            (long long)ogi_gguf_tensor_count(f), (double)ogi_gguf_size(f) / 1e6);
    ogi_log(ctx, OG_LOG_INFO,
            "context %lld of %lld tokens; weights %.1f MB, keys and values %.1f MB",
            (long long)info.n_ctx, (long long)info.n_ctx_train, (double)info.weight_size / 1e6,
            (double)info.kv_size / 1e6);
    ogi_log(ctx, OG_LOG_INFO, "device %s, kernels for %s, %d threads; loaded in %.3f s",
            info.device, info.isa, info.n_thread, seconds);
}

og_status cli_model_load(og_ctx *ctx, const char *path, const og_model_options *opt, og_model **out)
{
    cli_progress progress;
    og_model_options o = *opt;
    o.progress = show_progress;
    o.user = &progress;
    cli_progress_begin(&progress, "loading");
    og_status st = og_model_load(ctx, path, &o, out);
    cli_progress_end(&progress);
    if (st == OG_OK && cli_is_verbose())
        tell_model(ctx, path, *out, ogi_seconds() - progress.start);
    return st;
}

int cli_tokens(const char *option, const char *text, int32_t **out, int64_t *n)
{
    int64_t cap = 1;
    for (const char *p = text; *p; p++) cap += *p == ',';
    *n = 0;
    *out = calloc((size_t)cap, sizeof **out);
    for (const char *p = text; *out && *p;) {
        char *end;
        errno = 0;
        long v = strtol(p, &end, 10);
        if (end == p || errno || v < 0 || v > INT32_MAX || (*end && *end != ',') ||
            (*end == ',' && !end[1]))
            return cli_usage_error("%s wants token ids as 1,2,3, not '%s'", option, text);
        (*out)[(*n)++] = (int32_t)v;
        p = end + (*end == ',');
    }
    if (!*out || !*n) return cli_usage_error("%s wants at least one token id", option);
    return -1;
}
