/* SPDX-License-Identifier: MIT
 *
 * `oxigraph inspect`: what a GGUF file holds, as text or JSON. Names and strings come from the
 * file: whatever a terminal could take for a command is printed escaped. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <utf8proc.h>

#include "formats/gguf.h"
#include "graph/dtype.h"
#include "graph/kx.h"
#include "models/model_text.h"
#include "tools/cmd/cli.h"
#include "tools/cmd/cli_output.h"

enum {
    TEXT_ITEMS = 4,   /* array elements shown as text */
    JSON_ITEMS = 64,  /* and in JSON */
    TEXT_BYTES = 120, /* of a string shown as text */
    MAX_TYPES = 64,
    CHUNK = 1 << 16, /* values decoded at a time */
};

/* Sums over all tensors, by type. */
typedef struct totals {
    int64_t n_param, size;
    struct {
        int type;
        int64_t n_tensor, n_param, size;
    } by_type[MAX_TYPES];
    int n_type;
} totals;

static int64_t value_count(const ogi_gguf_tensor *t)
{
    return t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
}

static totals sum_up(const ogi_gguf *f)
{
    totals sum = { 0 };
    for (int64_t i = 0; i < ogi_gguf_tensor_count(f); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_at(f, i);
        int k = 0;
        while (k < sum.n_type && sum.by_type[k].type != t->type) k++;
        if (k == MAX_TYPES) continue;
        if (k == sum.n_type) sum.n_type++;
        sum.by_type[k].type = t->type;
        sum.by_type[k].n_tensor++;
        sum.by_type[k].n_param += value_count(t);
        sum.by_type[k].size += t->size;
        sum.n_param += value_count(t);
        sum.size += t->size;
    }
    return sum;
}

static double bits_per_weight(const totals *sum)
{
    return sum->n_param ? 8.0 * (double)sum->size / (double)sum->n_param : 0;
}

/* ---- text ---- */

/* At most max bytes of s; control characters and invalid UTF-8 as \xNN. */
static void print_escaped(ogi_buf *b, ogi_sv s, size_t max)
{
    size_t n = OGI_MIN(s.n, max), i = 0;
    while (i < n) {
        utf8proc_int32_t cp;
        const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s.p + i;
        utf8proc_ssize_t len = utf8proc_iterate(p, (utf8proc_ssize_t)(s.n - i), &cp);
        utf8proc_category_t cat = len > 0 ? utf8proc_category(cp) : UTF8PROC_CATEGORY_CC;
        if (cat == UTF8PROC_CATEGORY_CC || cat == UTF8PROC_CATEGORY_CF ||
            cat == UTF8PROC_CATEGORY_ZL || cat == UTF8PROC_CATEGORY_ZP) {
            ogi_buf_printf(b, *p == '\n' ? "\\n" : "\\x%02x", *p);
            i++;
            continue;
        }
        ogi_buf_add(b, p, (size_t)len);
        i += (size_t)len;
    }
    if (n < s.n) ogi_buf_puts(b, "...");
}

static void print_value(ogi_buf *b, const ogi_gguf_kv *kv)
{
    int64_t n = OGI_MIN(kv->n, (int64_t)TEXT_ITEMS), at = 0;
    bool is_array = kv->type == OGI_GGUF_ARRAY;
    if (is_array) ogi_buf_putc(b, '[');
    for (int64_t i = 0; i < n; i++) {
        if (i) ogi_buf_puts(b, ", ");
        if (kv->elem == OGI_GGUF_STR) {
            ogi_buf_putc(b, '"');
            print_escaped(b, ogi_gguf_str_next(kv, &at), TEXT_BYTES);
            ogi_buf_putc(b, '"');
        } else if (kv->elem == OGI_GGUF_ARRAY) {
            ogi_gguf_kv item = ogi_gguf_array_next(kv, &at);
            print_value(b, &item);
        } else if (kv->elem == OGI_GGUF_F32 || kv->elem == OGI_GGUF_F64) {
            ogi_buf_printf(b, "%.9g", ogi_gguf_float_at(kv, i));
        } else if (kv->elem == OGI_GGUF_BOOL) {
            ogi_buf_puts(b, ogi_gguf_int_at(kv, i) ? "true" : "false");
        } else if (kv->elem == OGI_GGUF_U64) {
            ogi_buf_printf(b, "%llu", (unsigned long long)ogi_gguf_uint_at(kv, i));
        } else {
            ogi_buf_printf(b, "%lld", (long long)ogi_gguf_int_at(kv, i));
        }
    }
    if (is_array) ogi_buf_puts(b, n < kv->n ? ", ...]" : "]");
}

static void print_kv(ogi_buf *b, const ogi_gguf_kv *kv)
{
    ogi_buf_puts(b, "  ");
    print_escaped(b, kv->key, kv->key.n);
    if (kv->type == OGI_GGUF_ARRAY)
        ogi_buf_printf(b, " %s[%lld] = ", ogi_gguf_type_name(kv->elem), (long long)kv->n);
    else
        ogi_buf_printf(b, " %s = ", ogi_gguf_type_name(kv->type));
    print_value(b, kv);
    ogi_buf_putc(b, '\n');
}

static void print_size(ogi_buf *b, int64_t size)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    double x = (double)size;
    int u = 0;
    while (x >= 1024 && u + 1 < OGI_LEN(units)) x /= 1024, u++;
    ogi_buf_printf(b, u ? "%.2f %s" : "%.0f %s", x, units[u]);
}

static void print_count(ogi_buf *b, int64_t n)
{
    static const char units[] = { ' ', 'K', 'M', 'G', 'T' };
    double x = (double)n;
    int u = 0;
    while (x >= 1000 && u + 1 < OGI_LEN(units)) x /= 1000, u++;
    if (u)
        ogi_buf_printf(b, "%lld (%.2f %c)", (long long)n, x, units[u]);
    else
        ogi_buf_printf(b, "%lld", (long long)n);
}

static void print_summary(ogi_buf *b, const ogi_gguf *f, const totals *sum)
{
    static const char *const head[][2] = { { "architecture", "general.architecture" },
                                           { "name", "general.name" } };
    for (int i = 0; i < OGI_LEN(head); i++) {
        const ogi_gguf_kv *kv = ogi_gguf_find(f, head[i][1]);
        int64_t at = 0;
        if (!kv || kv->type != OGI_GGUF_STR) continue;
        ogi_buf_printf(b, "%-16s ", head[i][0]);
        print_escaped(b, ogi_gguf_str_next(kv, &at), TEXT_BYTES);
        ogi_buf_putc(b, '\n');
    }
    ogi_buf_printf(b, "%-16s GGUF v%d\n%-16s ", "format", ogi_gguf_version(f), "parameters");
    print_count(b, sum->n_param);
    ogi_buf_printf(b, "\n%-16s ", "size");
    print_size(b, ogi_gguf_size(f));
    ogi_buf_printf(b, "\n%-16s %.2f\n", "bits per weight", bits_per_weight(sum));
    if (ogi_gguf_find(f, OGI_MODEL_TEXT_KEY))
        ogi_buf_printf(b, "%-16s embedded: %s\n", "graphs",
                       ogi_model_is_embedded(b->ctx, f) ? "run, the architecture is not built in"
                                                        : "run with --graph embedded alone");
    ogi_buf_printf(b, "\nkeys (%lld):\n", (long long)ogi_gguf_kv_count(f));
    for (int64_t i = 0; i < ogi_gguf_kv_count(f); i++) print_kv(b, ogi_gguf_kv_at(f, i));
    ogi_buf_printf(b, "\ntensors (%lld):\n", (long long)ogi_gguf_tensor_count(f));
    for (int i = 0; i < sum->n_type; i++) {
        ogi_buf_printf(b, "  %-8s %6lld tensors  ", og_dtype_name((og_dtype)sum->by_type[i].type),
                       (long long)sum->by_type[i].n_tensor);
        print_size(b, sum->by_type[i].size);
        ogi_buf_putc(b, '\n');
    }
}

/* Shapes are printed as the graph reads them: outermost first. */
static void print_tensors(ogi_buf *b, const ogi_gguf *f)
{
    ogi_buf_printf(b, "%-8s %-24s %14s  %s\n", "type", "shape", "bytes", "name");
    for (int64_t i = 0; i < ogi_gguf_tensor_count(f); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_at(f, i);
        char shape[128] = "[";
        int n = 1;
        for (int d = t->rank - 1; d >= 0; d--)
            n += snprintf(shape + n, sizeof shape - (size_t)n, d ? "%lld, " : "%lld",
                          (long long)t->dim[d]);
        ogi_buf_printf(b, "%-8s %s]%*s %14lld  ", og_dtype_name((og_dtype)t->type), shape,
                       OGI_MAX(0, 23 - n), "", (long long)t->size);
        print_escaped(b, t->name, t->name.n);
        ogi_buf_putc(b, '\n');
    }
}

/* ---- JSON ---- */

/* JSON holds no invalid UTF-8: such bytes become U+FFFD. */
static json_t *json_text(og_ctx *ctx, ogi_sv s)
{
    json_t *j = json_stringn(s.p, s.n);
    if (j) return j;
    ogi_buf b = { .ctx = ctx };
    for (size_t i = 0; i < s.n;) {
        utf8proc_int32_t cp;
        const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s.p + i;
        utf8proc_ssize_t len = utf8proc_iterate(p, (utf8proc_ssize_t)(s.n - i), &cp);
        if (len > 0)
            ogi_buf_add(&b, p, (size_t)len);
        else
            ogi_buf_puts(&b, "\xef\xbf\xbd");
        i += (size_t)OGI_MAX(len, 1);
    }
    j = json_stringn(ogi_buf_str(&b), b.n);
    ogi_buf_free(&b);
    return j;
}

static json_t *json_items(og_ctx *ctx, const ogi_gguf_kv *kv);

/* JSON's integers end at 2^63 here: larger ones are text, which is exact. */
static json_t *json_u64(uint64_t v)
{
    char digits[24];
    if (v <= INT64_MAX) return json_integer((json_int_t)v);
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    return json_string(digits);
}

static json_t *json_item(og_ctx *ctx, const ogi_gguf_kv *kv, int64_t i, int64_t *at)
{
    if (kv->elem == OGI_GGUF_ARRAY) {
        ogi_gguf_kv item = ogi_gguf_array_next(kv, at);
        return json_items(ctx, &item);
    }
    if (kv->elem == OGI_GGUF_STR) return json_text(ctx, ogi_gguf_str_next(kv, at));
    if (kv->elem == OGI_GGUF_BOOL) return json_boolean(ogi_gguf_int_at(kv, i));
    if (kv->elem == OGI_GGUF_U64) return json_u64(ogi_gguf_uint_at(kv, i));
    if (kv->elem != OGI_GGUF_F32 && kv->elem != OGI_GGUF_F64)
        return json_integer(ogi_gguf_int_at(kv, i));
    double v = ogi_gguf_float_at(kv, i);
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *json_items(og_ctx *ctx, const ogi_gguf_kv *kv)
{
    json_t *items = json_array();
    int64_t at = 0;
    for (int64_t i = 0; i < OGI_MIN(kv->n, (int64_t)JSON_ITEMS); i++)
        json_array_append_new(items, json_item(ctx, kv, i, &at));
    return items;
}

static json_t *json_kv(og_ctx *ctx, const ogi_gguf_kv *kv)
{
    int64_t at = 0;
    if (kv->type != OGI_GGUF_ARRAY)
        return json_pack("{s:s, s:o}", "type", ogi_gguf_type_name(kv->type), "value",
                         json_item(ctx, kv, 0, &at));
    return json_pack("{s:s, s:s, s:I, s:o}", "type", "array", "element",
                     ogi_gguf_type_name(kv->elem), "length", (json_int_t)kv->n, "first",
                     json_items(ctx, kv));
}

static json_t *json_tensors(og_ctx *ctx, const ogi_gguf *f)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < ogi_gguf_tensor_count(f); i++) {
        const ogi_gguf_tensor *t = ogi_gguf_tensor_at(f, i);
        json_t *shape = json_array();
        for (int d = t->rank - 1; d >= 0; d--)
            json_array_append_new(shape, json_integer(t->dim[d]));
        json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:I, s:I, s:i}", "name",
                                              json_text(ctx, t->name), "type",
                                              og_dtype_name((og_dtype)t->type), "shape", shape,
                                              "bytes", (json_int_t)t->size, "offset",
                                              (json_int_t)t->file_offset, "part", t->part));
    }
    return list;
}

static json_t *json_model(og_ctx *ctx, const ogi_gguf *f, const totals *sum)
{
    json_t *keys = json_object(), *types = json_array();
    for (int64_t i = 0; i < ogi_gguf_kv_count(f); i++) {
        const ogi_gguf_kv *kv = ogi_gguf_kv_at(f, i);
        json_t *name = json_text(ctx, kv->key);
        json_object_setn_new(keys, json_string_value(name), json_string_length(name),
                             json_kv(ctx, kv));
        json_decref(name);
    }
    for (int i = 0; i < sum->n_type; i++)
        json_array_append_new(types, json_pack("{s:s, s:I, s:I, s:I}", "type",
                                               og_dtype_name((og_dtype)sum->by_type[i].type),
                                               "tensors", (json_int_t)sum->by_type[i].n_tensor,
                                               "parameters", (json_int_t)sum->by_type[i].n_param,
                                               "bytes", (json_int_t)sum->by_type[i].size));
    ogi_sv path = ogi_sv_of(ogi_gguf_path(f));
    return json_pack("{s:o, s:i, s:I, s:I, s:f, s:o, s:o, s:o}", "path", json_text(ctx, path),
                     "version", ogi_gguf_version(f), "bytes", (json_int_t)ogi_gguf_size(f),
                     "parameters", (json_int_t)sum->n_param, "bits_per_weight",
                     bits_per_weight(sum), "types", types, "keys", keys, "tensors",
                     json_tensors(ctx, f));
}

static int add_text(const char *p, size_t n, void *buf)
{
    ogi_buf_add(buf, p, n);
    return 0;
}

static void print_json(og_ctx *ctx, const ogi_gguf *f, const totals *sum, ogi_buf *b)
{
    json_t *j = json_model(ctx, f, sum);
    if (!j || json_dump_callback(j, add_text, b, JSON_INDENT(1) | JSON_ENSURE_ASCII))
        b->failed = true;
    ogi_buf_putc(b, '\n');
    json_decref(j);
}

/* ---- one tensor ---- */

static og_status write_values(og_ctx *ctx, const ogi_gguf_tensor *t, cli_output *out)
{
    const ogi_dtype *type = ogi_dtype_info(t->type);
    float *values = OGI_NEW_N(ctx, float, CHUNK);
    int64_t n = value_count(t), chunk = CHUNK / type->block * type->block;
    og_status status = values ? OG_OK : OG_E_MEMORY;
    for (int64_t at = 0; at < n && status == OG_OK; at += chunk) {
        int64_t here = OGI_MIN(n - at, chunk);
        const unsigned char *blocks = t->data + at / type->block * type->bytes;
        status = ogi_dequantize(ctx, type->id, blocks, here, values);
        if (status == OG_OK) status = cli_output_put(out, values, (size_t)here * sizeof *values);
    }
    ogi_free(ctx, values);
    return status;
}

/* The tensor's values as float32 in file order, little-endian, to path ("-": standard output). */
static og_status dump_tensor(og_ctx *ctx, const ogi_gguf *f, const char *name, const char *path)
{
    const ogi_gguf_tensor *t = ogi_gguf_tensor_find(f, ogi_sv_of(name));
    if (!t)
        OG_FAIL(ctx, OG_E_NOT_FOUND, "%s: no tensor '%s'; --tensors lists them", ogi_gguf_path(f),
                name);
    if (!ogi_type_def_of((og_dtype)t->type))
        OG_FAIL(ctx, OG_E_UNSUPPORTED, "%s: tensor '%s' is of type %s, which cannot be decoded",
                ogi_gguf_path(f), name, og_dtype_name((og_dtype)t->type));
    cli_output out;
    OG_TRY(cli_output_begin(ctx, path, f, &out));
    return cli_output_end(&out, write_values(ctx, t, &out));
}

/* ---- the command ---- */

typedef struct options {
    bool tensors, json;
    const char *tensor, *out;
} options;

static og_status inspect(og_ctx *ctx, const ogi_gguf *f, const options *o)
{
    if (o->tensor) return dump_tensor(ctx, f, o->tensor, o->out);
    totals sum = sum_up(f);
    ogi_buf b = { .ctx = ctx };
    if (o->json)
        print_json(ctx, f, &sum, &b);
    else if (o->tensors)
        print_tensors(&b, f);
    else
        print_summary(&b, f, &sum);
    og_status st = b.failed ? OG_E_MEMORY : cli_output_write(ctx, "-", f, &b);
    ogi_buf_free(&b);
    return st;
}

int cmd_inspect(int argc, char **argv)
{
    options o = { 0 };
    cli_list overrides = { 0 };
    const cli_opt opt[] = {
        { "--tensors", CLI_FLAG, &o.tensors, NULL, "list the tensors" },
        { "--tensor", CLI_STR, &o.tensor, "NAME", "decode one tensor, to the file given by -o" },
        { "-o|--output", CLI_STR, &o.out, "FILE", "where its values go as float32; - is stdout" },
        { "--json", CLI_FLAG, &o.json, NULL, "everything as JSON" },
        { "--override-kv", CLI_LIST, &overrides, "KEY=TYPE:VALUE",
          "another value for a key; TYPE is int, float, bool or str" },
    };
    const cli_spec spec = { "oxigraph inspect MODEL [options]",
                            "What a GGUF file holds: keys, tensors, sizes.",
                            opt,
                            OGI_LEN(opt),
                            1,
                            1 };
    const char *args[1];
    int n_args, status = cli_parse(&spec, argc, argv, args, &n_args);
    if (status >= 0) return status;
    if (!o.tensor != !o.out) return cli_usage_error("--tensor NAME and -o FILE go together");
    og_ctx *ctx = cli_ctx();
    ogi_gguf *f = NULL;
    if (!ctx) return 1;
    if (ogi_gguf_open(ctx, args[0], overrides.item, overrides.n, &f) != OG_OK) return cli_fail(ctx);
    og_status done = inspect(ctx, f, &o);
    ogi_gguf_close(f);
    if (done != OG_OK) return cli_fail(ctx);
    og_ctx_free(ctx);
    return 0;
}
