/* SPDX-License-Identifier: MIT
 *
 * Element types from inside: sizes by id. How a quantized type decodes is in graph/types/. */
#ifndef OG_GRAPH_DTYPE_H
#define OG_GRAPH_DTYPE_H

#include "base/buf.h"
#include "oxigraph/dtype.h"

enum { OGI_DTYPE_FILE_MAX = 42 }; /* the largest id a file may have */

typedef struct ogi_dtype {
    og_dtype id;
    const char *name;
    int block; /* values per block; rows are whole blocks */
    int bytes; /* per block; 0: a removed type */
    bool is_quantized;
    bool removed;
} ogi_dtype;

/* NULL for an id that is no type. */
const ogi_dtype *ogi_dtype_info(int64_t id);
/* By name, in any case; NULL if there is none. */
const ogi_dtype *ogi_dtype_find(ogi_sv name);
/* Bytes of n values, which must be whole blocks of a type that exists; false if they are not, or
 * on overflow. */
bool ogi_dtype_bytes(int64_t id, int64_t n, int64_t *bytes);

#endif
