/* SPDX-License-Identifier: MIT
 *
 * `oxigraph logits` as a user runs it: values inside the model as NumPy files. */
#include <criterion/criterion.h>

#include "tests/support/program.h"

#define MODEL OGT_SOURCE_DIR "/tests/data/models/tales-1m-F16.gguf"

Test(cmd_logits, values_inside_are_dumped_over_all_steps)
{
    ogt_result r = ogt_run_command(
        "D=$(mktemp -d) && %s logits %s --tokens 1,2,3 --then 4 --batch 2 -o $D/a "
        "--dump-activations $D/d --nodes 'blk.1.*' && %s logits %s --tokens 1,2,3 --then 4 -o $D/b"
        " && cmp $D/a $D/b && ls $D/d && tail -c +11 $D/d/blk.1.out.npy | head -c 80 && rm -r $D",
        OGT_PROGRAM, MODEL, OGT_PROGRAM, MODEL);
    cr_assert_eq(r.status, 0, "%s", r.err);
    cr_assert(strstr(r.out, "blk.1.attn.npy\nblk.1.ffn.npy\nblk.1.out.npy\n"), "%s", r.out);
    cr_assert(strstr(r.out, "'descr': '<f4'") && strstr(r.out, "'shape': (4,"), "%s", r.out);
    ogt_result_free(&r);
}

Test(cmd_logits, a_pattern_that_fits_nothing_is_told)
{
    ogt_result r = ogt_run_command("%s logits %s --tokens 1 -o /dev/null --dump-activations "
                                   "/tmp/og_none --nodes nothing",
                                   OGT_PROGRAM, MODEL);
    cr_assert(r.status == 1 && strstr(r.err, "called 'nothing'"), "%s", r.err);
    ogt_result_free(&r);
}
