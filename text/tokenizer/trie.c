/* SPDX-License-Identifier: MIT
 *
 * Edges are keys, (parent << 8 | byte) + 1, in one hash table with linear steps, at most two
 * thirds full; 0 is a free slot. */
#include "text/tokenizer/trie.h"

static uint64_t free_slot(const ogi_trie *t, uint64_t key)
{
    uint64_t i = ogi_trie_hash(key), mask = (uint64_t)(t->n_slot - 1);
    while (t->edge[i & mask]) i++;
    return i & mask;
}

static og_status grow_edges(ogi_trie *t)
{
    ogi_trie old = *t;
    t->n_slot = old.n_slot ? old.n_slot * 2 : 256;
    t->edge = OGI_NEW_N(t->ctx, uint64_t, t->n_slot);
    t->child = OGI_NEW_N(t->ctx, uint32_t, t->n_slot);
    if (!t->edge || !t->child) {
        ogi_free(t->ctx, t->edge);
        ogi_free(t->ctx, t->child);
        *t = old;
        return OG_E_MEMORY;
    }
    for (int64_t i = 0; i < old.n_slot; i++) {
        if (!old.edge[i]) continue;
        uint64_t slot = free_slot(t, old.edge[i]);
        t->edge[slot] = old.edge[i];
        t->child[slot] = old.child[i];
    }
    ogi_free(t->ctx, old.edge);
    ogi_free(t->ctx, old.child);
    return OG_OK;
}

static og_status add_node(ogi_trie *t, uint32_t *node)
{
    if (t->n_node >= UINT32_MAX)
        OG_FAIL(t->ctx, OG_E_LIMIT, "the vocabulary needs more than 2^32 trie nodes");
    OG_TRY(ogi_grow(t->ctx, &t->value, &t->cap_node, t->n_node + 1, sizeof *t->value));
    t->value[t->n_node] = -1;
    *node = (uint32_t)t->n_node++;
    return OG_OK;
}

og_status ogi_trie_put(ogi_trie *t, ogi_sv s, int32_t value)
{
    uint32_t node = 0;
    if (!s.n) return OG_OK;
    if (!t->n_node) OG_TRY(add_node(t, &node));
    for (size_t i = 0; i < s.n; i++) {
        unsigned char byte = (unsigned char)s.p[i];
        uint32_t next = ogi_trie_step(t, node, byte);
        if (!next) {
            if (t->n_edge * 3 >= t->n_slot * 2) OG_TRY(grow_edges(t));
            OG_TRY(add_node(t, &next));
            uint64_t key = ((uint64_t)node << 8 | byte) + 1, slot = free_slot(t, key);
            t->edge[slot] = key;
            t->child[slot] = next;
            t->n_edge++;
        }
        node = next;
    }
    t->value[node] = value;
    t->longest = OGI_MAX(t->longest, s.n);
    return OG_OK;
}

void ogi_trie_free(ogi_trie *t)
{
    ogi_free(t->ctx, t->edge);
    ogi_free(t->ctx, t->child);
    ogi_free(t->ctx, t->value);
    *t = (ogi_trie){ .ctx = t->ctx };
}
