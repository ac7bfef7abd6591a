/* SPDX-License-Identifier: MIT
 *
 * Graphs as files and in files, as a user runs them: the same bytes come out. */
#include <criterion/criterion.h>

#include "tests/support/program.h"

#define MODEL  OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"
#define TOKENS "--tokens 1,2,3,4 --then 5"

/* Commands joined by &&, with P the program, M the model, D a folder that goes away. */
static void script(const char *body, int status, const char *why)
{
    ogt_result r = ogt_run_command("export P=%s M=%s D=$(mktemp -d); %s; S=$?; rm -r $D; exit $S",
                                   OGT_PROGRAM, MODEL, body);
    cr_assert(r.status == status && strstr(r.err, why), "%d: %s", r.status, r.err);
    ogt_result_free(&r);
}

Test(cmd_graph_text, exported_graphs_give_the_same_bytes)
{
    script("$P graph $M --export --kv f32 -o $D/m.og && "
           "$P logits $M " TOKENS " -o $D/a && "
           "$P logits $M " TOKENS " --graph $D/m.og -o $D/b && cmp $D/a $D/b && "
           "$P logits $M " TOKENS " --via-text -o $D/c && cmp $D/a $D/c",
           0, "");
    script("$P graph $M --export --kv f32 -o $D/m.og && "
           "$P embed $M --tokens 1,2 --json >$D/a && "
           "$P embed $M --tokens 1,2 --json --graph $D/m.og >$D/b && cmp $D/a $D/b",
           0, "");
}

Test(cmd_graph_text, a_file_brings_its_graphs_along)
{
    script("$P graph $M --kv f32 --embed -o $D/n.gguf && "
           "$P logits $M " TOKENS " -o $D/a && "
           "$P logits $D/n.gguf " TOKENS " --graph embedded -o $D/b && cmp $D/a $D/b && "
           "$P inspect $D/n.gguf | grep -q 'embedded: run with --graph embedded alone'",
           0, "");
    script("$P logits $M " TOKENS " --graph embedded -o $D/a", 1, "no graphs are embedded");
}

/* An architecture that the program has never seen. */
Test(cmd_graph_text, unknown_architectures_run_what_they_bring)
{
    script("$P graph $M --kv f32 --export -o $D/m.og && "
           "sed 's/^arch .*/arch \"novel\"/' <$D/m.og >$D/n.og && "
           "K='--override-kv general.architecture=str:novel' && "
           "$P logits $M " TOKENS " -o $D/a && "
           "$P graph $M $K --graph $D/n.og --embed -o $D/n.gguf && "
           "$P logits $D/n.gguf " TOKENS " -o $D/b && cmp $D/a $D/b && "
           "$P inspect $D/n.gguf | grep -q 'embedded: run, the architecture is not built in'",
           0, "");
}
