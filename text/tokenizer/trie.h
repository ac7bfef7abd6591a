/* SPDX-License-Identifier: MIT
 *
 * A set of byte strings that is walked byte by byte: nodes are numbers, all edges lie in one hash
 * table. Read-only once filled. Node 0 is the root. */
#ifndef OG_TEXT_TOKENIZER_TRIE_H
#define OG_TEXT_TOKENIZER_TRIE_H

#include "base/buf.h"

typedef struct ogi_trie {
    og_ctx *ctx;
    uint64_t *edge; /* (node << 8 | byte) + 1, 0: free */
    uint32_t *child;
    int64_t n_slot, n_edge;
    int32_t *value; /* of each node; -1: no string ends here */
    int64_t n_node, cap_node;
    size_t longest; /* bytes of the longest text */
} ogi_trie;

/* A later value for the same string replaces the first. Empty strings are left out. */
og_status ogi_trie_put(ogi_trie *t, ogi_sv s, int32_t value);
void ogi_trie_free(ogi_trie *t);

static inline uint64_t ogi_trie_hash(uint64_t key)
{
    key *= 0x9e3779b97f4a7c15u;
    return key ^ key >> 32;
}

/* The node behind this byte, 0 if there is none (the root is no node's child). */
static inline uint32_t ogi_trie_step(const ogi_trie *t, uint32_t node, unsigned char byte)
{
    if (!t->n_edge) return 0;
    uint64_t key = ((uint64_t)node << 8 | byte) + 1;
    for (uint64_t i = ogi_trie_hash(key);; i++) {
        uint64_t slot = i & (uint64_t)(t->n_slot - 1);
        if (t->edge[slot] == key) return t->child[slot];
        if (!t->edge[slot]) return 0;
    }
}

#endif
