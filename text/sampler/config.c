/* SPDX-License-Identifier: MIT
 *
 * The user's sampling options: defaults, keys, reading and printing, and the chain they mean. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "oxigraph/sampler.h"
#include "text/value/toml.h"

typedef enum field_type { UINT, INT, FLOAT, BOOL } field_type;

typedef struct field {
    const char *key;
    field_type type;
    size_t at;
    double def;
} field;

static const field fields[] = {
#define F(name, type, def, doc) { #name, type, offsetof(og_sampler_config, name), (double)(def) },
    OG_SAMPLER_FIELDS(F)
#undef F
};

typedef struct kind_name {
    const char *name, *other;
} kind_name;

static const kind_name kinds[] = {
#define S(ENUM, name, other, doc) { name, other },
    OG_SAMPLER_LIST(S)
#undef S
};

const char *og_sampler_kind_name(og_sampler_kind kind)
{
    return (unsigned)kind < OG_SAMPLER_COUNT ? kinds[kind].name : "?";
}

og_sampler_kind og_sampler_kind_find(const char *name, size_t n)
{
    if (!name) return OG_SAMPLER_COUNT;
    for (int i = 0; i < OG_SAMPLER_COUNT; i++) {
        if (strlen(kinds[i].name) == n && !memcmp(kinds[i].name, name, n))
            return (og_sampler_kind)i;
        for (const char *o = kinds[i].other; *o;) {
            size_t len = strcspn(o, "|");
            if (len == n && !memcmp(o, name, n)) return (og_sampler_kind)i;
            o += len + (o[len] == '|');
        }
    }
    return OG_SAMPLER_COUNT;
}

/* ---- fields ---- */

static void *field_at(og_sampler_config *c, const field *f)
{
    return (char *)c + f->at;
}

static double field_get(const og_sampler_config *c, const field *f)
{
    const char *p = (const char *)c + f->at;
    switch (f->type) {
    case UINT: return (double)*(const uint32_t *)(const void *)p;
    case INT: return (double)*(const int32_t *)(const void *)p;
    case FLOAT: return (double)*(const float *)(const void *)p;
    case BOOL: return *(const bool *)(const void *)p;
    }
    return 0.0;
}

static og_status field_set(og_ctx *ctx, og_sampler_config *c, const field *f, double v)
{
    double low = f->type == INT ? -2147483648.0 : 0.0, high = 2147483647.0;
    if (f->type == UINT) high = 4294967295.0;
    if (f->type == UINT && v == -1.0) v = high; /* -1 is usual for a random seed */
    if (f->type == FLOAT) low = -3.4e38, high = 3.4e38;
    if (f->type == BOOL) high = 1.0;
    if (!(v >= low && v <= high) || (f->type != FLOAT && v != floor(v)))
        OG_FAIL(ctx, OG_E_INVALID, "%s: %g is not %s", f->key, v,
                f->type == FLOAT  ? "a finite number"
                : f->type == BOOL ? "true or false"
                                  : "an integer in range");
    switch (f->type) {
    case UINT: *(uint32_t *)field_at(c, f) = (uint32_t)v; break;
    case INT: *(int32_t *)field_at(c, f) = (int32_t)v; break;
    case FLOAT: *(float *)field_at(c, f) = (float)v; break;
    case BOOL: *(bool *)field_at(c, f) = v != 0.0; break;
    }
    return OG_OK;
}

static const field *field_find(const char *key)
{
    for (int i = 0; i < OGI_LEN(fields); i++)
        if (!strcmp(fields[i].key, key)) return &fields[i];
    return NULL;
}

void og_sampler_config_init(og_sampler_config *c)
{
    if (!c) return;
    static const og_sampler_kind order[] = {
        OG_SAMPLER_PENALTIES, OG_SAMPLER_DRY,         OG_SAMPLER_TOP_N_SIGMA, OG_SAMPLER_TOP_K,
        OG_SAMPLER_TYPICAL,   OG_SAMPLER_TAIL_FREE,   OG_SAMPLER_TOP_P,       OG_SAMPLER_MIN_P,
        OG_SAMPLER_XTC,       OG_SAMPLER_TEMPERATURE,
    };
    static const char *const breaker[] = { "\n", ":", "\"", "*" };
    memset(c, 0, sizeof *c);
#define F(name, type, def, doc) c->name = def;
    OG_SAMPLER_FIELDS(F)
#undef F
    memcpy(c->samplers, order, sizeof order);
    c->n_samplers = OGI_LEN(order);
    for (c->n_dry_breaker = 0; c->n_dry_breaker < OGI_LEN(breaker); c->n_dry_breaker++)
        strcpy(c->dry_breaker[c->n_dry_breaker], breaker[c->n_dry_breaker]);
}

bool og_sampler_config_equal(const og_sampler_config *a, const og_sampler_config *b)
{
    if (!a || !b) return a == b;
    for (int i = 0; i < OGI_LEN(fields); i++)
        if (field_get(a, &fields[i]) != field_get(b, &fields[i])) return false;
    if (a->n_samplers != b->n_samplers || a->n_dry_breaker != b->n_dry_breaker ||
        a->n_bias != b->n_bias)
        return false;
    for (int i = 0; i < a->n_samplers; i++)
        if (a->samplers[i] != b->samplers[i]) return false;
    for (int i = 0; i < a->n_dry_breaker; i++)
        if (strcmp(a->dry_breaker[i], b->dry_breaker[i]) != 0) return false;
    for (int i = 0; i < a->n_bias; i++)
        if (a->bias[i].token != b->bias[i].token || a->bias[i].bias != b->bias[i].bias)
            return false;
    return true;
}

/* ---- lists ---- */

static og_status add_sampler(og_ctx *ctx, og_sampler_config *c, const char *name, size_t n)
{
    og_sampler_kind k = og_sampler_kind_find(name, n);
    if (k == OG_SAMPLER_COUNT)
        OG_FAIL(ctx, OG_E_INVALID, "samplers: there is no sampler '%.*s'", (int)n, name);
    if (k == OG_SAMPLER_GREEDY || k == OG_SAMPLER_DIST || k == OG_SAMPLER_MIROSTAT ||
        k == OG_SAMPLER_MIROSTAT_V2 || k == OG_SAMPLER_LOGIT_BIAS)
        OG_FAIL(ctx, OG_E_INVALID,
                "samplers: '%.*s' is not a filter; temp 0, mirostat and logit_bias set it", (int)n,
                name);
    /* Room is left for the bias before and the selection after the filters. */
    if (c->n_samplers >= OG_SAMPLER_MAX_STAGES - 2)
        OG_FAIL(ctx, OG_E_LIMIT, "samplers: more than %d", OG_SAMPLER_MAX_STAGES - 2);
    c->samplers[c->n_samplers++] = k;
    return OG_OK;
}

static og_status set_samplers(og_ctx *ctx, og_sampler_config *c, const char *list)
{
    c->n_samplers = 0;
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ";,");
        if (n) OG_TRY(add_sampler(ctx, c, p, n));
        p += n + (p[n] != 0);
    }
    return OG_OK;
}

static og_status add_breaker(og_ctx *ctx, og_sampler_config *c, const char *text)
{
    if (!*text || strlen(text) >= OG_SAMPLER_BREAKER_SIZE)
        OG_FAIL(ctx, OG_E_LIMIT, "dry_sequence_breakers: wants 1 to %d bytes each",
                OG_SAMPLER_BREAKER_SIZE - 1);
    if (c->n_dry_breaker == OG_SAMPLER_MAX_BREAKERS)
        OG_FAIL(ctx, OG_E_LIMIT, "dry_sequence_breakers: more than %d", OG_SAMPLER_MAX_BREAKERS);
    strcpy(c->dry_breaker[c->n_dry_breaker++], text);
    return OG_OK;
}

static og_status add_bias(og_ctx *ctx, og_sampler_config *c, double token, double bias)
{
    if (!(token >= 0.0 && token <= 2147483647.0) || token != floor(token))
        OG_FAIL(ctx, OG_E_INVALID, "logit_bias: %g is no token id", token);
    if (!(fabs(bias) <= 1e30) && bias != -INFINITY)
        OG_FAIL(ctx, OG_E_INVALID, "logit_bias: %g is no finite number", bias);
    if (c->n_bias == OG_SAMPLER_MAX_BIAS)
        OG_FAIL(ctx, OG_E_LIMIT, "logit_bias: more than %d", OG_SAMPLER_MAX_BIAS);
    /* -1e30 forbids a token as surely as -inf, and JSON can write it. */
    float value = bias == -INFINITY ? -1e30f : (float)bias;
    c->bias[c->n_bias++] = (og_token_bias){ (int32_t)token, value };
    return OG_OK;
}

/* "ID=VALUE" or "ID+VALUE" or "ID-VALUE". */
static og_status add_bias_text(og_ctx *ctx, og_sampler_config *c, const char *text)
{
    char *end, *tail;
    long token = strtol(text, &end, 10);
    const char *value = end + (*end == '=');
    double bias = strtod(value, &tail);
    if (end == text || tail == value || *tail)
        OG_FAIL(ctx, OG_E_INVALID, "logit_bias: '%s' is not TOKEN=VALUE", text);
    return add_bias(ctx, c, (double)token, bias);
}

og_status og_sampler_config_set(og_ctx *ctx, og_sampler_config *c, const char *key,
                                const char *value)
{
    OGI_NEEDS(ctx, ctx && c && key && value);
    if (!strcmp(key, "samplers")) return set_samplers(ctx, c, value);
    if (!strcmp(key, "logit_bias")) return add_bias_text(ctx, c, value);
    if (!strcmp(key, "dry_sequence_breaker")) {
        if (strcmp(value, "none") != 0) return add_breaker(ctx, c, value);
        c->n_dry_breaker = 0;
        return OG_OK;
    }
    const field *f = field_find(key);
    if (!f) OG_FAIL(ctx, OG_E_INVALID, "there is no sampling option '%s'", key);
    if (f->type == BOOL && (!strcmp(value, "true") || !strcmp(value, "false")))
        return field_set(ctx, c, f, value[0] == 't');
    char *end;
    double v = strtod(value, &end);
    if (end == value || *end)
        OG_FAIL(ctx, OG_E_INVALID, "%s: '%s' is not %s", key, value,
                f->type == BOOL ? "true or false" : "a number");
    return field_set(ctx, c, f, v);
}

/* ---- JSON and TOML ---- */

static og_status read_samplers(og_ctx *ctx, og_sampler_config *c, const json_t *v)
{
    if (json_is_string(v)) return set_samplers(ctx, c, json_string_value(v));
    if (!json_is_array(v)) OG_FAIL(ctx, OG_E_FORMAT, "samplers: wants names");
    c->n_samplers = 0;
    for (size_t i = 0; i < json_array_size(v); i++) {
        const char *name = json_string_value(json_array_get(v, i));
        if (!name) OG_FAIL(ctx, OG_E_FORMAT, "samplers: wants names");
        OG_TRY(add_sampler(ctx, c, name, strlen(name)));
    }
    return OG_OK;
}

static og_status read_breakers(og_ctx *ctx, og_sampler_config *c, const json_t *v)
{
    if (!json_is_array(v)) OG_FAIL(ctx, OG_E_FORMAT, "dry_sequence_breakers: wants strings");
    c->n_dry_breaker = 0;
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *s = json_array_get(v, i);
        if (!json_is_string(s) || strlen(json_string_value(s)) != json_string_length(s))
            OG_FAIL(ctx, OG_E_FORMAT, "dry_sequence_breakers: wants strings without NUL");
        OG_TRY(add_breaker(ctx, c, json_string_value(s)));
    }
    return OG_OK;
}

/* [[id, value], ...] or {"id": value, ...}. */
static og_status read_bias(og_ctx *ctx, og_sampler_config *c, json_t *v)
{
    c->n_bias = 0;
    const char *key;
    json_t *value;
    if (json_is_object(v)) {
        json_object_foreach(v, key, value)
        {
            char *end;
            double token = strtod(key, &end);
            if (!*key || *end || !json_is_number(value))
                OG_FAIL(ctx, OG_E_FORMAT, "logit_bias: wants token ids and numbers");
            OG_TRY(add_bias(ctx, c, token, json_number_value(value)));
        }
        return OG_OK;
    }
    if (!json_is_array(v)) OG_FAIL(ctx, OG_E_FORMAT, "logit_bias: wants [[token, value], ...]");
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *pair = json_array_get(v, i);
        const json_t *a = json_array_get(pair, 0), *b = json_array_get(pair, 1);
        if (json_array_size(pair) != 2 || !json_is_integer(a) || !json_is_number(b))
            OG_FAIL(ctx, OG_E_FORMAT, "logit_bias: wants [[token, value], ...]");
        OG_TRY(add_bias(ctx, c, json_number_value(a), json_number_value(b)));
    }
    return OG_OK;
}

static og_status read_one(og_ctx *ctx, og_sampler_config *c, const char *key, json_t *v)
{
    if (!strcmp(key, "samplers")) return read_samplers(ctx, c, v);
    if (!strcmp(key, "dry_sequence_breakers")) return read_breakers(ctx, c, v);
    if (!strcmp(key, "logit_bias")) return read_bias(ctx, c, v);
    const field *f = field_find(key);
    if (!f) OG_FAIL(ctx, OG_E_FORMAT, "there is no sampling option '%s'", key);
    if (f->type == BOOL ? !json_is_boolean(v) : !json_is_number(v))
        OG_FAIL(ctx, OG_E_FORMAT, "%s: wants %s", key,
                f->type == BOOL ? "true or false" : "a number");
    return field_set(ctx, c, f, f->type == BOOL ? json_is_true(v) : json_number_value(v));
}

/* The line on which a key is given a value; 0 if it is written in another way (escapes). */
static int line_of(const char *text, size_t n, const char *key)
{
    size_t size = strlen(key);
    int line = 1;
    for (size_t i = 0; size && i + size < n; line += text[i] == '\n', i++) {
        size_t after = i + size;
        if (memcmp(text + i, key, size) != 0) continue;
        if (i > 0 && (isalnum((unsigned char)text[i - 1]) || strchr("_-", text[i - 1]))) continue;
        while (after < n && text[after] && strchr("\"' \t", text[after])) after++;
        if (after < n && (text[after] == '=' || text[after] == ':')) return line;
    }
    return 0;
}

/* Puts the file and line of a key in front of the error that reading its value gave. */
static og_status located(og_ctx *ctx, og_status status, const char *name, int line)
{
    char what[512], at[16] = "";
    if (status == OG_OK || status == OG_E_MEMORY) return status;
    snprintf(what, sizeof what, "%s", og_error(ctx));
    if (line) snprintf(at, sizeof at, ":%d", line);
    og_error_clear(ctx);
    OG_FAIL(ctx, status, "%s%s: %s", name, at, what);
}

static og_status read_object(og_ctx *ctx, og_sampler_config *c, const char *name, const char *text,
                             size_t n, json_t *root)
{
    if (!json_is_object(root)) OG_FAIL(ctx, OG_E_FORMAT, "%s: wants an object", name);
    /* The options may stand alone or in a table of their own. */
    json_t *table = json_object_get(root, "sampling"), *v;
    if (table && json_object_size(root) > 1)
        OG_FAIL(ctx, OG_E_FORMAT, "%s: options beside the table 'sampling'", name);
    if (table && !json_is_object(table))
        OG_FAIL(ctx, OG_E_FORMAT, "%s: 'sampling' is no table", name);
    const char *key;
    json_object_foreach(table ? table : root, key, v)
    {
        og_status s = read_one(ctx, c, key, v);
        if (s != OG_OK) return located(ctx, s, name, line_of(text, n, key));
    }
    return OG_OK;
}

og_status og_sampler_config_json(og_ctx *ctx, og_sampler_config *c, const char *name,
                                 const char *text, size_t n)
{
    OGI_NEEDS(ctx, ctx && c && name && (text || !n));
    json_error_t e;
    ogi_sv body = ogi_sv_skip_bom((ogi_sv){ text, n });
    json_t *root = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, &e);
    if (!root) OG_FAIL(ctx, OG_E_FORMAT, "%s:%d:%d: %s", name, e.line, e.column, e.text);
    og_status s = read_object(ctx, c, name, text, n, root);
    json_decref(root);
    return s;
}

og_status og_sampler_config_toml(og_ctx *ctx, og_sampler_config *c, const char *name,
                                 const char *text, size_t n)
{
    OGI_NEEDS(ctx, ctx && c && name && (text || !n));
    json_t *root;
    ogi_sv body = ogi_sv_skip_bom((ogi_sv){ text, n });
    OG_TRY(ogi_toml_parse(ctx, name, body.p, body.n, &root));
    og_status s = read_object(ctx, c, name, text, n, root);
    json_decref(root);
    return s;
}

og_status og_sampler_config_file(og_ctx *ctx, og_sampler_config *c, const char *path)
{
    OGI_NEEDS(ctx, ctx && c && path);
    ogi_buf b = { .ctx = ctx };
    og_status s = ogi_file_read(ctx, path, 1 << 20, &b);
    size_t n = strlen(path);
    bool is_toml = n >= 5 && !strcmp(path + n - 5, ".toml");
    if (s == OG_OK)
        s = is_toml ? og_sampler_config_toml(ctx, c, path, ogi_buf_str(&b), b.n)
                    : og_sampler_config_json(ctx, c, path, ogi_buf_str(&b), b.n);
    ogi_buf_free(&b);
    return s;
}

/* The shortest decimal that reads back as v; always with a point or an exponent. */
static void print_float(ogi_buf *b, float v)
{
    char text[40];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v) break;
    }
    ogi_buf_puts(b, text);
    if (!strpbrk(text, ".en")) ogi_buf_puts(b, ".0");
}

static void print_field(ogi_buf *b, const og_sampler_config *c, const field *f)
{
    if (f->type == FLOAT)
        print_float(b, (float)field_get(c, f));
    else if (f->type == BOOL)
        ogi_buf_puts(b, field_get(c, f) != 0.0 ? "true" : "false");
    else
        ogi_buf_printf(b, "%.0f", field_get(c, f));
}

static void print_key(ogi_buf *b, og_sampler_format format, const char *key)
{
    if (format == OG_SAMPLER_JSON)
        ogi_buf_printf(b, "%s  \"%s\": ", b->n > 2 ? ",\n" : "", key);
    else
        ogi_buf_printf(b, "%s%s = ", b->n ? "\n" : "", key);
}

og_status og_sampler_config_print(og_ctx *ctx, const og_sampler_config *c, og_sampler_format format,
                                  char **out)
{
    OGI_NEEDS(ctx, ctx && c && out);
    ogi_buf b = { .ctx = ctx };
    *out = NULL;
    if (format == OG_SAMPLER_JSON) ogi_buf_puts(&b, "{\n");
    for (int i = 0; i < OGI_LEN(fields); i++) {
        print_key(&b, format, fields[i].key);
        print_field(&b, c, &fields[i]);
    }
    print_key(&b, format, "samplers");
    for (int i = 0; i < c->n_samplers; i++)
        ogi_buf_printf(&b, "%s%s", i ? ";" : "\"", og_sampler_kind_name(c->samplers[i]));
    ogi_buf_puts(&b, c->n_samplers ? "\"" : "\"\"");
    print_key(&b, format, "dry_sequence_breakers");
    ogi_buf_putc(&b, '[');
    for (int i = 0; i < c->n_dry_breaker; i++) {
        if (i) ogi_buf_puts(&b, ", ");
        ogi_toml_quote(&b, c->dry_breaker[i]);
    }
    ogi_buf_putc(&b, ']');
    print_key(&b, format, "logit_bias");
    ogi_buf_putc(&b, '[');
    for (int i = 0; i < c->n_bias; i++) {
        ogi_buf_printf(&b, "%s[%d, ", i ? ", " : "", (int)c->bias[i].token);
        print_float(&b, c->bias[i].bias);
        ogi_buf_putc(&b, ']');
    }
    ogi_buf_puts(&b, format == OG_SAMPLER_JSON ? "]\n}\n" : "]\n");
    if (b.failed) {
        ogi_buf_free(&b);
        return OG_E_MEMORY;
    }
    *out = b.p;
    return OG_OK;
}

void og_sampler_text_free(og_ctx *ctx, char *text)
{
    if (!ctx) return;
    ogi_free(ctx, text);
}
