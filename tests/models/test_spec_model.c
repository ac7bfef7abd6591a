/* SPDX-License-Identifier: MIT
 *
 * The builder of golden models itself: it must follow the documented rule to the bit. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "formats/gguf.h"
#include "tests/support/golden.h"
#include "tests/support/spec_model.h"

static og_ctx *ctx;
static ogt_spec spec;
static ogi_gguf *file;

static void open_case(const char *name)
{
    char error[200] = "";
    char *dir = ogt_kind_dir("arch");
    cr_assert(ogt_spec_open(dir, name, &spec, error), "%s", error);
    free(dir);
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogi_gguf_open_memory(ctx, name, spec.gguf, spec.gguf_size, NULL, 0, &file) == OG_OK,
              "%s", og_error(ctx));
}

static void close_case(void)
{
    ogi_gguf_close(file);
    og_ctx_free(ctx);
    ogt_spec_free(&spec);
}

Test(spec_model, weights_follow_the_documented_rule)
{
    static const float first[] = { 0.0934953243f, 0.0217748042f, -0.0769089982f };
    open_case("llama");
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(file, OGI_SV("blk.0.attn_q.weight"));
    cr_assert(t && t->type == 0 && t->rank == 2 && t->dim[0] == 64 && t->dim[1] == 64);
    for (int i = 0; i < OGI_LEN(first); i++) {
        float got;
        memcpy(&got, t->data + 4 * i, sizeof got);
        cr_assert(got == first[i], "value %d is %.9g, expected %.9g", i, (double)got,
                  (double)first[i]);
    }
    close_case();
}

Test(spec_model, metadata_keeps_types_and_values)
{
    open_case("llama");
    ogi_sv arch = { 0 };
    int64_t heads = 0;
    double eps = 0;
    cr_assert(ogi_gguf_str(file, "general.architecture", &arch) == OG_OK);
    cr_assert(ogi_sv_eq(arch, OGI_SV("llama")));
    cr_assert(ogi_gguf_int(file, "llama.attention.head_count", &heads) == OG_OK && heads == 4);
    cr_assert(ogi_gguf_float(file, "llama.attention.layer_norm_rms_epsilon", &eps) == OG_OK);
    cr_assert(eps == (double)1e-5f);
    close_case();
}

Test(spec_model, runs_cover_all_outputs)
{
    open_case("llama");
    cr_assert(spec.is_logits && spec.n_run == 2);
    cr_assert(spec.run[0].n_tokens == 30 && spec.run[0].n_then == 0 && spec.run[0].rows == 30);
    cr_assert(spec.run[1].n_tokens == 9 && spec.run[1].n_then == 12 && spec.run[1].rows == 13);
    cr_assert(spec.run[1].want == spec.want + 30 * 128 && spec.n_want == 43 * 128);
    close_case();
}

Test(spec_model, every_case_opens)
{
    char *dir = ogt_kind_dir("arch");
    ogt_names names = ogt_list(dir, ".json");
    ogt_count count = { .kind = "arch specs" };
    for (int i = 0; i < names.n; i++, count.ran++) {
        open_case(names.name[i]);
        count.passed += ogi_gguf_tensor_count(file) > 0 && spec.n_ctx > 0;
        close_case();
    }
    cr_assert(count.ran >= 41 && ogt_count_report(&count));
    ogt_names_free(&names);
    free(dir);
}

Test(spec_model, nmse_tells_lowest_floats_apart)
{
    const float low = -3.40282346638528859812e+38f;
    const float a[] = { 1, low, 2 }, b[] = { 1, low, 2.1f }, c[] = { 1, 0, 2 };
    cr_assert(ogt_nmse(a, a, 3) == 0.0);
    double e = ogt_nmse(b, a, 3);
    cr_assert(e > 0.0019 && e < 0.0021, "%g", e);
    cr_assert(ogt_nmse(c, a, 3) > 1e30);
}
