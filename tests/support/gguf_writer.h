/* SPDX-License-Identifier: MIT
 *
 * Writes GGUF bytes in memory, wrong ones too: nothing given here is checked. */
#ifndef OGT_GGUF_WRITER_H
#define OGT_GGUF_WRITER_H

#include "formats/gguf.h"

typedef struct ogt_bytes {
    unsigned char *p;
    size_t n, cap;
} ogt_bytes;

void ogt_bytes_add(ogt_bytes *b, const void *p, size_t n);
void ogt_bytes_uint(ogt_bytes *b, uint64_t v, int n);      /* little-endian, n bytes */
void ogt_bytes_str(ogt_bytes *b, const char *s, size_t n); /* length u64 and bytes */

typedef struct ogt_gguf {
    uint32_t version, alignment; /* 0: 3 and 32 */
    uint64_t n_kv, n_tensor;     /* counted; change them to lie */
    ogt_bytes kv, info, data;
} ogt_gguf;

/* A pair of any type: value is what follows the type id. */
void ogt_gguf_kv(ogt_gguf *w, const char *key, uint32_t type, const void *value, size_t n);
void ogt_gguf_u32(ogt_gguf *w, const char *key, uint32_t v);
void ogt_gguf_f32(ogt_gguf *w, const char *key, float v);
void ogt_gguf_bool(ogt_gguf *w, const char *key, bool v);
void ogt_gguf_str(ogt_gguf *w, const char *key, const char *v);
/* An array whose elements are the n_byte bytes at items. */
void ogt_gguf_array(ogt_gguf *w, const char *key, uint32_t elem, uint64_t n, const void *items,
                    size_t n_byte);
/* Appends data (size bytes, padded; NULL: zeros) and a tensor over it. dim is fastest first. */
void ogt_gguf_tensor(ogt_gguf *w, const char *name, uint32_t type, int rank, const int64_t *dim,
                     const void *data, size_t size);
/* Only the description of a tensor, at any offset. */
void ogt_gguf_tensor_info(ogt_gguf *w, const char *name, uint32_t type, uint32_t rank,
                          const int64_t *dim, uint64_t offset);
/* The whole file; w is emptied. Free with free(). */
unsigned char *ogt_gguf_finish(ogt_gguf *w, int64_t *size);

#endif
