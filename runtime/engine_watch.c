/* SPDX-License-Identifier: MIT
 *
 * Logits that are no numbers, and where they stopped being numbers: the step's inputs are still in
 * host memory, so the same step runs again, with the backend looking at what each group stores. */
#include <math.h>

#include "graph/form.h"
#include "runtime/engine_impl.h"

/* What keeps a row from being chosen from; NULL: nothing. */
static const char *what_is_wrong(const float *x, int64_t n)
{
    int64_t n_wrong = 0, n_number = 0;
    for (int64_t i = 0; i < n; i++) {
        n_wrong += !(x[i] < INFINITY); /* NaN or +inf */
        n_number += x[i] > -INFINITY;
    }
    if (!n_wrong) return n_number ? NULL : "all are -inf";
    for (int64_t i = 0; i < n; i++)
        if (isnan(x[i])) return "NaN";
    return "+inf";
}

/* "layer 3, %17 = add(%15, %16) : F32[T,64]" */
static void print_place(const og_tensor *x, ogi_buf *out)
{
    if (x->layer >= 0) ogi_buf_printf(out, "layer %d, ", x->layer);
    ogi_form_node(x->g, x, out);
    while (out->n && out->p[out->n - 1] == '\n') out->n--;
}

/* Runs step and head again, watched. */
static og_status find_culprit(og_model *m, const og_tensor **found, bool *is_head)
{
    *is_head = false;
    OG_TRY(ogi_program_watch(m->step, m->step_sym, found));
    if (*found) return OG_OK;
    *is_head = true;
    return ogi_program_watch(m->rows, m->rows_sym, found);
}

og_status og_model_check_logits(og_model *m, const float *logits)
{
    OGI_NEEDS(m ? m->ctx : NULL, m && logits);
    if (m->pool) OG_FAIL(m->ctx, OG_E_INVALID, "the model was loaded for embeddings");
    const char *what = what_is_wrong(logits, m->model->n_vocab);
    const og_tensor *found = NULL;
    bool is_head = false;
    if (!what) return OG_OK;
    if (m->step_sym[0]) OG_TRY(find_culprit(m, &found, &is_head));
    ogi_buf place = { .ctx = m->ctx };
    if (found) print_place(found, &place);
    const char *help = found && found->op == OG_OP_KV_STORE && found->dtype != OG_F32
                           ? "; keys or values may be too large for it: try --kv f32"
                           : "";
    ogi_fail(m->ctx, OG_E_INVALID, __FILE__, __LINE__, "%s: the logits are not finite (%s)%s%s%s%s",
             ogi_gguf_path(m->file), what, found ? "; the first such value is of " : "",
             found && is_head ? "the head, " : "", ogi_buf_str(&place), help);
    ogi_buf_free(&place);
    return OG_E_INVALID;
}
