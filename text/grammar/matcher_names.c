/* SPDX-License-Identifier: MIT
 *
 * Names of open objects are kept one after the other, decoded, with the index where each object's
 * begin. Trying a token works on a copy that is undone by high-water marks instead of being copied
 * again. */
#include "text/grammar/matcher_names.h"

/* ---- reading along ---- */

static og_status put_byte(ogi_names *n, uint8_t byte)
{
    if (!n->is_key) return OG_OK;
    OG_TRY(ogi_grow(n->ctx, &n->text, &n->text_cap, n->n_text + n->n_key + 1, 1));
    n->text[n->n_text + n->n_key++] = (char)byte;
    return OG_OK;
}

/* Surrogates without their other half are kept as three bytes. */
static og_status put_char(ogi_names *n, uint32_t c)
{
    if (c < 0x80) return put_byte(n, (uint8_t)c);
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    OG_TRY(put_byte(n, (uint8_t)(lead[more] | c >> (6 * more))));
    while (more-- > 0) OG_TRY(put_byte(n, (uint8_t)(0x80 | (c >> (6 * more) & 0x3f))));
    return OG_OK;
}

static og_status flush_high(ogi_names *n)
{
    uint32_t high = n->high;
    n->high = 0;
    return high ? put_char(n, high) : OG_OK;
}

static og_status put_unit(ogi_names *n, uint32_t unit)
{
    if (n->high && unit >= 0xdc00 && unit < 0xe000) {
        uint32_t c = 0x10000 + ((n->high - 0xd800) << 10) + (unit - 0xdc00);
        n->high = 0;
        return put_char(n, c);
    }
    OG_TRY(flush_high(n));
    if (unit >= 0xd800 && unit < 0xdc00) {
        n->high = unit;
        return OG_OK;
    }
    return put_char(n, unit);
}

static og_status step_escape(ogi_names *n, uint8_t byte)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (n->escape == 1) {
        n->escape = byte == 'u' ? 5 : 0;
        n->unit = 0;
        if (byte == 'u') return OG_OK;
        const char *at = byte ? strchr(from, byte) : NULL;
        return put_unit(n, at ? (uint8_t)to[at - from] : byte);
    }
    uint32_t digit = (uint32_t)(byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
    n->unit = n->unit << 4 | (digit & 15);
    if (--n->escape > 1) return OG_OK;
    n->escape = 0;
    return put_unit(n, n->unit);
}

/* Names of the innermost object begin at this index. */
static int64_t first_name(const ogi_names *n)
{
    return n->n_open ? n->open[n->n_open - 1].n_name : 0;
}

static ogi_sv name_at(const ogi_names *n, int64_t i)
{
    int64_t end = i + 1 < n->n_from ? n->from[i + 1] : n->n_text;
    return (ogi_sv){ n->text + n->from[i], (size_t)(end - n->from[i]) };
}

static og_status end_string(ogi_names *n, bool *is_repeated)
{
    if (!n->is_key) {
        n->is_in_string = false;
        n->high = 0;
        return OG_OK;
    }
    OG_TRY(flush_high(n));
    ogi_sv key = { n->n_key ? n->text + n->n_text : "", (size_t)n->n_key };
    for (int64_t i = first_name(n); i < n->n_from; i++)
        if (ogi_sv_eq(name_at(n, i), key)) *is_repeated = true;
    if (*is_repeated) return OG_OK;
    OG_TRY(ogi_grow(n->ctx, &n->from, &n->from_cap, n->n_from + 1, sizeof *n->from));
    n->from[n->n_from++] = n->n_text;
    n->n_text += n->n_key;
    n->n_key = 0;
    n->is_in_string = n->is_key = false;
    return OG_OK;
}

static og_status open_container(ogi_names *n, bool is_object)
{
    OG_TRY(ogi_grow(n->ctx, &n->open, &n->open_cap, n->n_open + 1, sizeof *n->open));
    n->open[n->n_open++] = (ogi_container){ is_object, n->n_from };
    n->wants_key = is_object;
    return OG_OK;
}

static void close_container(ogi_names *n)
{
    if (!n->n_open) return;
    int64_t first = first_name(n);
    if (first < n->n_from) n->n_text = n->from[first];
    n->n_from = first;
    n->n_open--;
    n->wants_key = false;
}

og_status ogi_names_step(ogi_names *n, uint8_t byte, bool *is_repeated)
{
    *is_repeated = false;
    if (n->is_in_string) {
        if (n->escape) return step_escape(n, byte);
        if (byte == '"') return end_string(n, is_repeated);
        if (byte == '\\') {
            n->escape = 1;
            return OG_OK;
        }
        OG_TRY(flush_high(n));
        return put_byte(n, byte);
    }
    switch (byte) {
    case '{': return open_container(n, true);
    case '[': return open_container(n, false);
    case '}':
    case ']': close_container(n); break;
    case ',': n->wants_key = n->n_open && n->open[n->n_open - 1].is_object; break;
    case '"':
        n->is_in_string = true;
        n->is_key = n->wants_key;
        n->wants_key = false;
        n->n_key = 0;
        break;
    default: break;
    }
    return OG_OK;
}

/* ---- copies ---- */

static og_status copy_array(og_ctx *ctx, void *to_ptr, int64_t *cap, const void *from, int64_t n,
                            size_t size)
{
    OG_TRY(ogi_grow(ctx, to_ptr, cap, n + 1, size));
    void *to;
    memcpy(&to, to_ptr, sizeof to);
    if (n) memcpy(to, from, (size_t)n * size);
    return OG_OK;
}

og_status ogi_names_copy(const ogi_names *from, ogi_names *to)
{
    ogi_names kept = *to;
    OG_TRY(copy_array(from->ctx, &kept.open, &kept.open_cap, from->open, from->n_open,
                      sizeof *from->open));
    to->open = kept.open, to->open_cap = kept.open_cap;
    OG_TRY(copy_array(from->ctx, &kept.text, &kept.text_cap, from->text, from->n_text + from->n_key,
                      1));
    to->text = kept.text, to->text_cap = kept.text_cap;
    OG_TRY(copy_array(from->ctx, &kept.from, &kept.from_cap, from->from, from->n_from,
                      sizeof *from->from));
    *to = *from;
    to->open = kept.open, to->open_cap = kept.open_cap;
    to->text = kept.text, to->text_cap = kept.text_cap;
    to->from = kept.from, to->from_cap = kept.from_cap;
    return OG_OK;
}

void ogi_names_reset(ogi_names *n)
{
    n->n_open = n->n_text = n->n_from = n->n_key = 0;
    n->is_in_string = n->is_key = n->wants_key = false;
    n->escape = 0;
    n->high = 0;
}

void ogi_names_free(ogi_names *n)
{
    ogi_free(n->ctx, n->open);
    ogi_free(n->ctx, n->text);
    ogi_free(n->ctx, n->from);
    *n = (ogi_names){ .ctx = n->ctx };
}

/* ---- masks ---- */

/* What trying a token on a copy has left of the original's arrays. */
typedef struct water_mark {
    int64_t n_open, n_from, n_text;
} water_mark;

/* Steps through a token on spare, a copy of n. */
static og_status try_token(ogi_names *spare, const char *p, size_t size, water_mark *low,
                           bool *is_repeated)
{
    *is_repeated = false;
    for (size_t k = 0; k < size && !*is_repeated; k++) {
        OG_TRY(ogi_names_step(spare, (uint8_t)p[k], is_repeated));
        low->n_open = OGI_MIN(low->n_open, spare->n_open);
        low->n_from = OGI_MIN(low->n_from, spare->n_from);
        low->n_text = OGI_MIN(low->n_text, spare->n_text);
    }
    return OG_OK;
}

/* Makes spare a copy again: only what lies above the marks may differ. */
static void undo(const ogi_names *n, ogi_names *spare, const water_mark *low)
{
    ogi_names kept = *spare;
    *spare = *n;
    spare->open = kept.open, spare->open_cap = kept.open_cap;
    spare->from = kept.from, spare->from_cap = kept.from_cap;
    spare->text = kept.text, spare->text_cap = kept.text_cap;
    int64_t n_text = n->n_text + n->n_key - low->n_text, n_open = n->n_open - low->n_open;
    int64_t n_from = n->n_from - low->n_from;
    if (n_open > 0)
        memcpy(spare->open + low->n_open, n->open + low->n_open,
               (size_t)n_open * sizeof *spare->open);
    if (n_from > 0)
        memcpy(spare->from + low->n_from, n->from + low->n_from,
               (size_t)n_from * sizeof *spare->from);
    if (n_text > 0) memcpy(spare->text + low->n_text, n->text + low->n_text, (size_t)n_text);
}

/* Clears those of the listed tokens that, tried, repeat a name. */
static og_status filter_list(const ogi_names *n, ogi_names *spare, const og_grammar *g,
                             const int32_t *list, int32_t n_list, uint32_t *bits)
{
    bool is_copied = false;
    for (int32_t i = 0; i < n_list; i++) {
        size_t size;
        bool is_repeated;
        water_mark low = { n->n_open, n->n_from, n->n_text };
        if (!(bits[list[i] >> 5] >> (list[i] & 31) & 1)) continue;
        if (!is_copied) OG_TRY(ogi_names_copy(n, spare));
        is_copied = true;
        const char *p = g->vocab->piece(g->vocab->user, list[i], &size);
        OG_TRY(try_token(spare, p, size, &low, &is_repeated));
        if (is_repeated) bits[list[i] >> 5] &= ~(1u << (list[i] & 31));
        undo(n, spare, &low);
    }
    return OG_OK;
}

static int32_t trie_child(const ogi_token_trie *t, int32_t node, uint8_t byte)
{
    for (int32_t i = node + 1; i < t->skip[node]; i = t->skip[i])
        if (t->byte[i] == byte) return i;
    return -1;
}

/* Clears the tokens that begin with rest and a quote. */
static void filter_ending(const ogi_token_trie *t, ogi_sv rest, uint32_t *bits)
{
    int32_t node = 0;
    for (size_t i = 0; i < rest.n && node >= 0; i++) node = trie_child(t, node, (uint8_t)rest.p[i]);
    if (node >= 0) node = trie_child(t, node, '"');
    if (node < 0) return;
    for (int32_t k = t->token_at[node]; k < t->token_at[t->skip[node]]; k++)
        bits[t->token[k] >> 5] &= ~(1u << (t->token[k] & 31));
}

og_status ogi_names_filter(const ogi_names *n, ogi_names *spare, const og_grammar *g,
                           uint32_t *bits)
{
    const ogi_token_trie *t = g->trie;
    /* Tokens with several quotes, or quote and escape, may hold whatever: they are tried. */
    OG_TRY(filter_list(n, spare, g, t->tricky, t->n_tricky, bits));
    if (!n->is_in_string || !n->is_key) return OG_OK;
    if (n->escape || n->high) return filter_list(n, spare, g, t->quoted, t->n_quoted, bits);
    ogi_sv key = { n->n_key ? n->text + n->n_text : "", (size_t)n->n_key };
    for (int64_t i = first_name(n); i < n->n_from; i++) {
        ogi_sv name = name_at(n, i);
        if (!ogi_sv_starts(name, key)) continue;
        filter_ending(t, (ogi_sv){ name.p + key.n, name.n - key.n }, bits);
    }
    return OG_OK;
}
