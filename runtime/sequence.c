/* SPDX-License-Identifier: MIT
 *
 * Sequences: which pages and slot hold the states of their tokens. */
#include "runtime/engine_impl.h"

enum { COPY_CHUNK = 256 << 10 };

og_status og_sequence_new(og_model *m, og_sequence **out)
{
    OGI_NEEDS(m ? m->ctx : NULL, m && out);
    *out = NULL;
    og_sequence *s = OGI_NEW(m->ctx, og_sequence);
    if (!s) return OG_E_MEMORY;
    s->m = m;
    s->slot = ogi_id_take(&m->slot);
    if (s->slot < 0) {
        ogi_free(m->ctx, s);
        OG_FAIL(m->ctx, OG_E_LIMIT, "all %lld sequences of the model are in use",
                (long long)m->n_slot);
    }
    s->next = m->seqs;
    m->seqs = s;
    *out = s;
    return OG_OK;
}

static void free_encoded(og_sequence *s)
{
    og_sequence *e = s->encoded;
    s->encoded = NULL;
    if (!e) return;
    while (e->n_page) ogi_id_give(&s->m->page, e->page[--e->n_page]);
    ogi_free(s->m->ctx, e->page);
    ogi_free(s->m->ctx, e);
}

og_status ogi_sequence_begin_encoded(og_sequence *s, int64_t length)
{
    free_encoded(s);
    s->encoded = OGI_NEW(s->m->ctx, og_sequence);
    if (!s->encoded) return OG_E_MEMORY;
    *s->encoded = (og_sequence){ .m = s->m, .slot = -1 };
    og_status st = ogi_sequence_take_pages(s->encoded, length);
    s->encoded->length = length;
    if (st != OG_OK) free_encoded(s);
    return st;
}

void og_sequence_free(og_sequence *s)
{
    if (!s) return;
    og_model *m = s->m;
    og_sequence **at = &m->seqs;
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    while (s->n_page) ogi_id_give(&m->page, s->page[--s->n_page]);
    free_encoded(s);
    ogi_id_give(&m->slot, s->slot);
    ogi_free(m->ctx, s->page);
    ogi_free(m->ctx, s);
}

og_status ogi_sequence_take_pages(og_sequence *s, int64_t length)
{
    og_model *m = s->m;
    if (!m->model->has_kv) return OG_OK;
    OG_TRY(ogi_grow(m->ctx, &s->page, &s->page_cap, (length + OGI_PAGE - 1) / OGI_PAGE,
                    sizeof *s->page));
    while (s->n_page * OGI_PAGE < length) {
        int32_t id = ogi_id_take(&m->page);
        if (id < 0)
            OG_FAIL(m->ctx, OG_E_LIMIT, "all %lld KV pages are in use", (long long)m->n_page);
        s->page[s->n_page++] = id;
    }
    return OG_OK;
}

/* Those behind its length. */
static void give_back_pages(og_sequence *s)
{
    while (s->n_page > (s->length + OGI_PAGE - 1) / OGI_PAGE)
        ogi_id_give(&s->m->page, s->page[--s->n_page]);
}

int64_t og_sequence_length(const og_sequence *s)
{
    return s ? s->length : 0;
}

og_status og_sequence_truncate(og_sequence *s, int64_t n)
{
    OGI_NEEDS(NULL, s);
    og_model *m = s->m;
    if (n < 0 || n > s->length)
        OG_FAIL(m->ctx, OG_E_INVALID, "cannot truncate a sequence of %lld tokens to %lld",
                (long long)s->length, (long long)n);
    if (n > 0 && n < s->length && m->model->has_recurrent)
        OG_FAIL(m->ctx, OG_E_UNSUPPORTED, "%s has recurrent states: it can forget all tokens only",
                m->model->arch);
    s->length = n;
    give_back_pages(s);
    return OG_OK;
}

/* Bytes of device memory, through the host. */
static void copy_device(og_model *m, void *to, const void *from, int64_t size, void *chunk)
{
    const ogi_backend *b = ogi_device_backend(m->device);
    ogi_device *d = ogi_device_inner(m->device);
    for (int64_t at = 0, n; at < size; at += n) {
        n = OGI_MIN(size - at, COPY_CHUNK);
        b->copy_out(d, chunk, (const char *)from + at, n);
        b->copy_in(d, (char *)to + at, chunk, n);
    }
}

/* Paged states of all pages from `first` on. */
static void copy_pages(og_sequence *to, const og_sequence *from, int64_t first, void *chunk)
{
    og_model *m = to->m;
    for (int i = 0; i < m->model->n_state; i++) {
        int64_t unit = m->model->state[i].unit_size;
        char *base = m->state[i];
        for (int64_t k = first; m->model->state[i].is_paged && k < from->n_page; k++)
            copy_device(m, base + unit * to->page[k], base + unit * from->page[k], unit, chunk);
    }
}

og_status og_sequence_copy(og_sequence *to, const og_sequence *from, int64_t n_alike)
{
    OGI_NEEDS(to ? to->m->ctx : NULL, to && from);
    og_model *m = to->m;
    if (to == from || from->m != m || n_alike < 0 || n_alike > to->length || n_alike > from->length)
        OG_FAIL(m->ctx, OG_E_INVALID,
                "cannot copy a sequence of %lld tokens over one of %lld with %lld alike",
                (long long)from->length, (long long)to->length, (long long)n_alike);
    to->length = 0;
    void *chunk = ogi_alloc(m->ctx, 1, COPY_CHUNK);
    og_status st = chunk ? ogi_sequence_take_pages(to, from->length) : OG_E_MEMORY;
    for (int i = 0; st == OG_OK && i < m->model->n_state; i++) {
        int64_t unit = m->model->state[i].unit_size;
        char *base = m->state[i];
        if (!m->model->state[i].is_paged)
            copy_device(m, base + unit * to->slot, base + unit * from->slot, unit, chunk);
    }
    if (st == OG_OK) copy_pages(to, from, n_alike / OGI_PAGE, chunk);
    free_encoded(to);
    if (st == OG_OK && from->encoded) {
        st = ogi_sequence_begin_encoded(to, from->encoded->length);
        if (st == OG_OK) copy_pages(to->encoded, from->encoded, 0, chunk);
    }
    if (st == OG_OK) to->length = from->length;
    give_back_pages(to);
    ogi_free(m->ctx, chunk);
    return st;
}

og_model *ogi_sequence_model(const og_sequence *s)
{
    return s->m;
}

static og_status give_pieces(og_sequence *s, ogi_piece_fn fn, void *user)
{
    og_model *m = s->m;
    for (int i = 0; i < m->model->n_state; i++) {
        int64_t unit = m->model->state[i].unit_size;
        bool is_paged = m->model->state[i].is_paged;
        for (int64_t k = 0; k < (is_paged ? s->n_page : 1); k++)
            OG_TRY(fn(user, (char *)m->state[i] + unit * (is_paged ? s->page[k] : s->slot), unit));
    }
    return OG_OK;
}

og_status ogi_sequence_pieces(og_sequence *s, int64_t n, ogi_piece_fn fn, void *user)
{
    OGI_ASSERT(n >= s->length && n <= s->m->n_ctx);
    og_status st = ogi_sequence_take_pages(s, n);
    if (st == OG_OK) st = give_pieces(s, fn, user);
    if (st == OG_OK)
        s->length = n;
    else
        give_back_pages(s);
    return st;
}
