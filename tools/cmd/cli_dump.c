/* SPDX-License-Identifier: MIT
 *
 * The NumPy format, version 1.0: magic, a Python dict padded with spaces to 64 bytes, the values.
 */
#include "tools/cmd/cli_dump.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "tools/cmd/cli_output.h"

typedef struct cli_dumped {
    const char *name; /* of the model's graph */
    ogi_buf data;
    int rank;
    int64_t dim[OG_MAX_RANK];
} dumped;

static dumped *find(cli_dump *d, const og_traced *v)
{
    for (int64_t i = 0; i < d->n; i++)
        if (!strcmp(d->value[i].name, v->name)) return &d->value[i];
    if (ogi_grow(d->ctx, &d->value, &d->cap, d->n + 1, sizeof *d->value) != OG_OK) return NULL;
    dumped *x = &d->value[d->n++];
    *x = (dumped){ .name = v->name, .data = { .ctx = d->ctx }, .rank = v->rank };
    memcpy(x->dim, v->dim, sizeof x->dim);
    x->dim[0] = 0;
    return x;
}

bool cli_dump_take(void *dump, const og_traced *value)
{
    cli_dump *d = dump;
    dumped *x = find(d, value);
    size_t n = sizeof(float);
    for (int i = 0; i < value->rank; i++) n *= (size_t)value->dim[i];
    if (x) ogi_buf_add(&x->data, value->data, n);
    if (x) x->dim[0] += value->dim[0];
    d->failed |= !x || x->data.failed;
    return !d->failed;
}

static void print_header(const dumped *x, ogi_buf *out)
{
    ogi_buf dict = { .ctx = x->data.ctx };
    ogi_buf_printf(&dict, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int i = 0; i < x->rank; i++) ogi_buf_printf(&dict, "%lld,", (long long)x->dim[i]);
    ogi_buf_printf(&dict, "), }");
    while ((10 + dict.n + 1) % 64) ogi_buf_putc(&dict, ' ');
    ogi_buf_putc(&dict, '\n');
    ogi_buf_add(out, "\x93NUMPY\1\0", 8);
    ogi_buf_putc(out, (char)(dict.n & 255));
    ogi_buf_putc(out, (char)(dict.n >> 8));
    ogi_buf_add(out, dict.p, dict.n);
    out->failed |= dict.failed;
    ogi_buf_free(&dict);
}

static og_status write_value(cli_dump *d, const dumped *x)
{
    char path[4096];
    cli_output out;
    ogi_buf header = { .ctx = d->ctx };
    snprintf(path, sizeof path, "%s/%s.npy", d->dir, x->name);
    og_status st = cli_output_begin(d->ctx, path, NULL, &out);
    if (st != OG_OK) return st;
    print_header(x, &header);
    st = header.failed ? OG_E_MEMORY : cli_output_put(&out, header.p, header.n);
    if (st == OG_OK) st = cli_output_put(&out, x->data.p, x->data.n);
    ogi_buf_free(&header);
    return cli_output_end(&out, st);
}

og_status cli_dump_write(cli_dump *d)
{
    if (!d->dir) return OG_OK;
    if (mkdir(d->dir, 0777) != 0 && errno != EEXIST)
        OG_FAIL(d->ctx, OG_E_IO, "%s: cannot make the folder: %s", d->dir, strerror(errno));
    for (int64_t i = 0; i < d->n; i++) OG_TRY(write_value(d, &d->value[i]));
    return OG_OK;
}

void cli_dump_free(cli_dump *d)
{
    for (int64_t i = 0; i < d->n; i++) ogi_buf_free(&d->value[i].data);
    if (d->ctx) ogi_free(d->ctx, d->value);
    *d = (cli_dump){ 0 };
}
