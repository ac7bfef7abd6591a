/* SPDX-License-Identifier: MIT
 *
 * `oxigraph bench grammar`: what constraints cost. */
#ifndef OG_TOOLS_BENCH_GRAMMAR_H
#define OG_TOOLS_BENCH_GRAMMAR_H

#include "oxigraph/grammar.h"
#include "tools/cmd/cli.h"

/* What a constraint does to decoding: medians over tokens, seconds. */
typedef struct bench_slowdown {
    double free, constrained; /* a token without it and with it */
    int64_t n_token;          /* of each kind; 0: not measured */
} bench_slowdown;

/* Two sequences of the model at path take turns, token by token; the vocabulary is the model's. */
og_status bench_constrained(og_ctx *ctx, const char *path, const og_vocab_view *vocab,
                            og_matcher *matcher, int64_t n_token, bench_slowdown *out);

/* argv[0] is the subcommand's name; returns the exit status. */
int bench_grammar(int argc, char **argv);

#endif
