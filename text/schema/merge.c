/* SPDX-License-Identifier: MIT
 *
 * Two schemas as one, keyword by keyword, and the proof that two have nothing in common. */
#include <math.h>

#include "text/schema/schema.h"

static const struct {
    const char *name;
    unsigned bits;
} type_names[] = {
    { "null", OGI_JSON_NULL },     { "boolean", OGI_JSON_BOOL },  { "integer", OGI_JSON_INTEGER },
    { "number", OGI_JSON_NUMBER }, { "string", OGI_JSON_STRING }, { "array", OGI_JSON_ARRAY },
    { "object", OGI_JSON_OBJECT },
};

static unsigned named_type(const char *name)
{
    for (int i = 0; name && i < OGI_LEN(type_names); i++)
        if (!strcmp(type_names[i].name, name)) return type_names[i].bits;
    return 0;
}

/* 0 where the keyword is malformed. */
static unsigned type_bits(const json_t *type)
{
    unsigned bits = 0;
    size_t i;
    json_t *v;
    if (!json_is_array(type)) return named_type(json_string_value(type));
    json_array_foreach(type, i, v)
    {
        unsigned one = named_type(json_string_value(v));
        if (!one) return 0;
        bits |= one;
    }
    return bits;
}

og_status ogi_schema_types(ogi_schema *s, const json_t *schema, const ogi_path *path,
                           unsigned *types)
{
    const json_t *type = json_object_get(schema, "type");
    const ogi_path here = { path, "type", 0 };
    *types = type ? type_bits(type) : OGI_JSON_ANY;
    if (!*types)
        SCHEMA_FAIL(s, OG_E_FORMAT, &here,
                    "wants null, boolean, integer, number, string, array or object");
    return OG_OK;
}

json_t *ogi_schema_type_list(unsigned bits)
{
    json_t *list = json_array();
    for (int i = 0; i < OGI_LEN(type_names); i++) {
        unsigned one = type_names[i].bits;
        /* "number" covers "integer"; a fraction alone has no name and cannot come up. */
        if ((bits & one) != one || (one == OGI_JSON_INTEGER && (bits & OGI_JSON_FRACTION)))
            continue;
        json_array_append_new(list, json_string(type_names[i].name));
    }
    return list;
}

unsigned ogi_json_type(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL: return OGI_JSON_NULL;
    case JSON_TRUE:
    case JSON_FALSE: return OGI_JSON_BOOL;
    case JSON_INTEGER: return OGI_JSON_INTEGER;
    case JSON_REAL:
        return json_real_value(v) == floor(json_real_value(v)) ? OGI_JSON_INTEGER
                                                               : OGI_JSON_FRACTION;
    case JSON_STRING: return OGI_JSON_STRING;
    case JSON_ARRAY: return OGI_JSON_ARRAY;
    case JSON_OBJECT: return OGI_JSON_OBJECT;
    }
    return 0;
}

/* Doubles hold integers up to 2^53, JSON values up to 2^63. */
int ogi_json_compare(const json_t *a, const json_t *b)
{
    const double edge = 9223372036854775808.0; /* 2^63 */
    double x = json_number_value(a), y = json_number_value(b);
    bool is_exact = json_is_integer(a) && json_is_integer(b);
    if (!is_exact && (x != y || json_is_real(a) == json_is_real(b))) return (x > y) - (x < y);
    if (!is_exact && x >= edge) return json_is_integer(a) ? -1 : 1;
    json_int_t i = json_is_integer(a) ? json_integer_value(a) : (json_int_t)x;
    json_int_t k = json_is_integer(b) ? json_integer_value(b) : (json_int_t)y;
    return (i > k) - (i < k);
}

static bool is_same(const json_t *a, const json_t *b, int depth)
{
    enum { MAX_DEPTH = 100 };
    size_t i;
    const char *key;
    json_t *v;
    if (json_is_number(a) && json_is_number(b)) return ogi_json_compare(a, b) == 0;
    if (json_typeof(a) != json_typeof(b) || json_array_size(a) != json_array_size(b) ||
        json_object_size(a) != json_object_size(b))
        return false;
    if (!(json_is_array(a) || json_is_object(a)) || depth > MAX_DEPTH) return json_equal(a, b);
    json_array_foreach(a, i, v) if (!is_same(v, json_array_get(b, i), depth + 1)) return false;
    json_object_foreach((json_t *)(uintptr_t)a, key, v)
    {
        const json_t *other = json_object_get(b, key);
        if (!other || !is_same(v, other, depth + 1)) return false;
    }
    return true;
}

bool ogi_json_same(const json_t *a, const json_t *b)
{
    return is_same(a, b, 0);
}

bool ogi_schema_excludes(const json_t *schema, unsigned types)
{
    const json_t *list = json_object_get(json_object_get(schema, "not"), "enum"), *v;
    size_t i;
    json_array_foreach(list, i, v) if (ogi_json_type(v) & types) return true;
    return false;
}

bool ogi_schema_excludes_value(const json_t *schema, const json_t *value)
{
    const json_t *list = json_object_get(json_object_get(schema, "not"), "enum"), *v;
    size_t i;
    json_array_foreach(list, i, v) if (ogi_json_same(v, value)) return true;
    return false;
}

/* ---- merging ---- */

typedef enum merge_rule { MERGE_MAX, MERGE_MIN, MERGE_EITHER } merge_rule;

static const struct {
    const char *keyword;
    merge_rule rule;
} simple[] = {
    { "minimum", MERGE_MAX },          { "exclusiveMinimum", MERGE_MAX },
    { "minLength", MERGE_MAX },        { "minItems", MERGE_MAX },
    { "minProperties", MERGE_MAX },    { "maximum", MERGE_MIN },
    { "exclusiveMaximum", MERGE_MIN }, { "maxLength", MERGE_MIN },
    { "maxItems", MERGE_MIN },         { "maxProperties", MERGE_MIN },
    { "uniqueItems", MERGE_EITHER },
};

/* Both schemas must hold for one value. */
static json_t *both(json_t *a, json_t *b)
{
    if (json_is_false(a) || json_is_false(b)) return json_false();
    if (json_is_true(a) || json_equal(a, b)) return json_incref(b);
    if (json_is_true(b)) return json_incref(a);
    return json_pack("{s:[O,O]}", "allOf", a, b);
}

/* Values that are in both lists; all of a where b is missing. */
static json_t *common_values(const json_t *a, const json_t *b)
{
    json_t *list = json_array(), *x, *y;
    size_t i, k;
    json_array_foreach(a, i, x)
    {
        bool found = !b;
        json_array_foreach(b, k, y) found = found || ogi_json_same(x, y);
        if (found) json_array_append(list, x);
    }
    return list;
}

static json_t *merged_list(const json_t *a, const json_t *b)
{
    json_t *list = json_copy((json_t *)(uintptr_t)a), *x;
    size_t i, k;
    json_array_foreach(b, i, x)
    {
        bool found = false;
        for (k = 0; k < json_array_size(a); k++)
            found = found || json_equal(json_array_get(a, k), x);
        if (!found) json_array_append(list, x);
    }
    return list;
}

/* Properties of `from` go to `to`; those the other side does not name must fit its
 * additionalProperties. */
static void add_properties(json_t *to, json_t *from, const json_t *other_names, json_t *other_extra)
{
    const char *key;
    json_t *v;
    json_object_foreach(from, key, v)
    {
        json_t *present = json_object_get(to, key);
        if (present)
            json_object_set_new(to, key, both(present, v));
        else if (other_extra && !json_object_get(other_names, key))
            json_object_set_new(to, key, both(v, other_extra));
        else
            json_object_set(to, key, v);
    }
}

static json_t *merged_properties(const json_t *a, const json_t *b)
{
    json_t *pa = json_object_get(a, "properties"), *pb = json_object_get(b, "properties");
    json_t *out = json_object();
    add_properties(out, pa, pb, json_object_get(b, "additionalProperties"));
    add_properties(out, pb, pa, json_object_get(a, "additionalProperties"));
    return out;
}

/* What a schema, and what it holds in allOf, says of a property. */
static int property_schemas(json_t *schema, const char *name, json_t **out, int n, int cap,
                            int depth)
{
    enum { MAX_DEPTH = 24 };
    json_t *v = json_object_get(json_object_get(schema, "properties"), name), *part;
    json_t *all = json_object_get(schema, "allOf");
    size_t i;
    if (v && n < cap) out[n++] = v;
    if (depth >= MAX_DEPTH) return n;
    json_array_foreach(all, i, part) n = property_schemas(part, name, out, n, cap, depth + 1);
    return n;
}

/* Is there a required property of which x and y ask for different values? Conditions on one name
 * would otherwise be combined in vain. */
static bool is_contradiction(ogi_schema *s, const json_t *required, json_t *x, json_t *y)
{
    enum { MAX_SCHEMAS = 32 };
    size_t i;
    json_t *name, *px[MAX_SCHEMAS], *py[MAX_SCHEMAS];
    json_array_foreach(required, i, name)
    {
        const char *key = json_string_value(name);
        if (!key) continue;
        int nx = property_schemas(x, key, px, 0, MAX_SCHEMAS, 0);
        int ny = property_schemas(y, key, py, 0, MAX_SCHEMAS, 0);
        for (int j = 0; j < nx; j++)
            for (int k = 0; k < ny; k++)
                if (ogi_schema_is_disjoint(s, px[j], py[k], 0)) return true;
    }
    return false;
}

/* One of a and one of b: every pair that is possible in out. */
static og_status merge_branches(ogi_schema *s, json_t *out, const char *key, json_t *a, json_t *b,
                                const ogi_path *path)
{
    enum { MAX_PAIRS = 1000 };
    size_t i, k;
    json_t *x, *y, *list = json_array();
    const json_t *required = json_object_get(out, "required");
    bool is_object = json_is_string(json_object_get(out, "type")) &&
                     !strcmp(json_string_value(json_object_get(out, "type")), "object");
    json_array_foreach(a, i, x)
    {
        json_array_foreach(b, k, y)
        {
            if (json_array_size(list) > MAX_PAIRS) break;
            if (!is_object || !is_contradiction(s, required, x, y))
                json_array_append_new(list, both(x, y));
        }
    }
    s->n_visit += (int)json_array_size(list);
    json_object_set_new(out, key, list);
    if (json_array_size(list) > MAX_PAIRS)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "too many combinations of '%s'", key);
    if (!json_array_size(list)) SCHEMA_FAIL(s, OG_E_INVALID, path, "nothing matches");
    return OG_OK;
}

/* Both, each a pattern or a list of them, as one list. */
static json_t *all_patterns(json_t *a, json_t *b)
{
    json_t *x = json_is_array(a) ? json_incref(a) : json_pack("[O]", a);
    json_t *y = json_is_array(b) ? json_incref(b) : json_pack("[O]", b);
    json_t *list = merged_list(x, y);
    json_decref(x);
    json_decref(y);
    return list;
}

static og_status merge_keyword(ogi_schema *s, json_t *out, const char *key, json_t *v,
                               const ogi_path *path)
{
    json_t *old = json_object_get(out, key);
    const ogi_path here = { path, key, 0 };
    if (!strncmp(key, "unevaluated", strlen("unevaluated")))
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                    "beside anyOf or oneOf it is not supported inside allOf or $ref");
    if (!old || json_equal(old, v)) {
        json_object_set(out, key, v);
        return OG_OK;
    }
    for (int i = 0; i < OGI_LEN(simple); i++) {
        if (strcmp(simple[i].keyword, key) != 0) continue;
        bool are_numbers = json_is_number(old) && json_is_number(v);
        int order = are_numbers ? ogi_json_compare(v, old) : 0;
        bool is_new = simple[i].rule == MERGE_MAX   ? order > 0
                      : simple[i].rule == MERGE_MIN ? order < 0
                                                    : json_is_true(v);
        if (is_new) json_object_set(out, key, v);
        return OG_OK;
    }
    if (!strcmp(key, "type")) {
        unsigned bits = type_bits(old) & type_bits(v);
        if (!bits) SCHEMA_FAIL(s, OG_E_INVALID, &here, "no type is left: nothing matches");
        json_object_set_new(out, key, ogi_schema_type_list(bits));
    } else if (!strcmp(key, "enum")) {
        json_object_set_new(out, key, common_values(old, v));
    } else if (!strcmp(key, "pattern")) {
        json_object_set_new(out, key, all_patterns(old, v));
    } else if (!strcmp(key, "required") || !strcmp(key, "allOf")) {
        json_object_set_new(out, key, merged_list(old, v));
    } else if (!strcmp(key, "anyOf") || !strcmp(key, "oneOf")) {
        return merge_branches(s, out, key, old, v, &here);
    } else if (!strcmp(key, "multipleOf")) {
        double x = json_number_value(old), y = json_number_value(v);
        double larger = fmax(x, y), smaller = fmin(x, y);
        if (!(smaller > 0.0) || fmod(larger, smaller) != 0.0)
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                        "two that must both hold are supported where one divides the other");
        json_object_set_new(out, key, json_real(larger));
    } else if (!strcmp(key, "not")) { /* only excluded values are left of it */
        json_t *list = merged_list(json_object_get(old, "enum"), json_object_get(v, "enum"));
        json_object_set_new(out, key, json_pack("{s:o}", "enum", list));
    } else if (!strcmp(key, "items") || !strcmp(key, "additionalProperties")) {
        json_object_set_new(out, key, both(old, v));
    } else {
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                    "two different '%s' that must both hold are not supported", key);
    }
    return OG_OK;
}

/* const as enum, so that the two meet. */
static json_t *plain_copy(const json_t *a)
{
    json_t *out = json_object(), *v;
    const char *key;
    json_object_foreach((json_t *)(uintptr_t)a, key, v)
    {
        if (!strcmp(key, "const"))
            json_object_set_new(out, "enum", common_values(json_object_get(a, "enum"), NULL));
        else if (!ogi_schema_is_annotation(key))
            json_object_set(out, key, v);
    }
    v = json_object_get(a, "const");
    if (!v) return out;
    json_t *one = json_pack("[O]", v), *list = json_object_get(a, "enum");
    json_object_set_new(out, "enum", list ? common_values(one, list) : json_incref(one));
    json_decref(one);
    return out;
}

/* What a schema says of its i-th item; NULL: nothing. */
static json_t *item_at(const json_t *schema, size_t i)
{
    json_t *v = json_array_get(json_object_get(schema, "prefixItems"), i);
    return v ? v : json_object_get(schema, "items");
}

static json_t *both_items(json_t *x, json_t *y)
{
    return x && y ? both(x, y) : x || y ? json_incref(x ? x : y) : json_true();
}

/* Items behind one prefix may be inside the other's. */
static void merge_tuples(json_t *out, const json_t *a, const json_t *b)
{
    size_t n = OGI_MAX(json_array_size(json_object_get(a, "prefixItems")),
                       json_array_size(json_object_get(b, "prefixItems")));
    json_t *prefix = json_array();
    json_t *items = both_items(json_object_get(a, "items"), json_object_get(b, "items"));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(prefix, both_items(item_at(a, i), item_at(b, i)));
    json_object_set_new(out, "prefixItems", prefix);
    json_object_set_new(out, "items", items);
}

/* Patterns decide which properties are additional: they are merged with schemas that say nothing of
 * names alone. */
static og_status check_patterns(ogi_schema *s, const json_t *a, const json_t *b,
                                const ogi_path *path)
{
    static const char *const name[] = { "properties", "additionalProperties", "patternProperties",
                                        "propertyNames" };
    const ogi_path here = { path, "patternProperties", 0 };
    bool in_a = json_object_get(a, here.key), in_b = json_object_get(b, here.key);
    for (int i = 0; i < OGI_LEN(name); i++)
        if ((in_a && json_object_get(b, name[i])) || (in_b && json_object_get(a, name[i])))
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                        "together with another schema's '%s' it is not supported", name[i]);
    return OG_OK;
}

og_status ogi_schema_merge(ogi_schema *s, json_t *a, json_t *b, const ogi_path *path, json_t **out)
{
    *out = NULL;
    /* Merging copies the properties: many merges of many would be quadratic. */
    s->n_visit += 1 + (int)(json_object_size(json_object_get(a, "properties")) / 4);
    if (s->n_visit > OGI_SCHEMA_MAX_VISITS)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "the schema is too large");
    if (json_is_boolean(a) || json_is_boolean(b)) {
        *out = ogi_schema_keep(s, both(a, b));
        return *out ? OG_OK : OG_E_MEMORY;
    }
    if (!json_is_object(a) || !json_is_object(b))
        SCHEMA_FAIL(s, OG_E_FORMAT, path, "a schema is an object or a boolean");
    json_t *merged = ogi_schema_keep(s, plain_copy(a)), *other = ogi_schema_keep(s, plain_copy(b));
    if (!merged || !other) return OG_E_MEMORY;
    OG_TRY(check_patterns(s, merged, other, path));
    json_t *properties = ogi_schema_keep(s, merged_properties(merged, other)), *v;
    json_t *pa = json_object_get(merged, "prefixItems"),
           *pb = json_object_get(other, "prefixItems");
    bool has_tuple = pa || pb;
    if ((pa && !json_is_array(pa)) || (pb && !json_is_array(pb)))
        SCHEMA_FAIL(s, OG_E_FORMAT, path, "prefixItems wants a list");
    if (has_tuple) {
        json_t *tuples = ogi_schema_keep(s, json_object());
        if (!tuples) return OG_E_MEMORY;
        merge_tuples(tuples, merged, other);
        json_object_update(merged, tuples);
        json_object_del(other, "prefixItems");
        json_object_del(other, "items");
    }
    const char *key;
    json_object_foreach(other, key, v) if (strcmp(key, "properties") != 0)
        OG_TRY(merge_keyword(s, merged, key, v, path));
    if (json_object_size(properties)) json_object_set(merged, "properties", properties);
    *out = merged;
    return OG_OK;
}

/* ---- disjointness ---- */

static bool has_name(const json_t *list, const char *name)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i,
                       v) if (json_is_string(v) && !strcmp(json_string_value(v), name)) return true;
    return false;
}

/* The values that alone are possible: enum or const; NULL if any are. To be released. */
static json_t *listed_values(const json_t *a)
{
    json_t *c = json_object_get(a, "const");
    return c ? json_pack("[O]", c) : json_incref(json_object_get(a, "enum"));
}

/* One of the values may be of these types? */
static bool has_type(const json_t *values, unsigned types)
{
    size_t i;
    json_t *v;
    json_array_foreach(values, i, v) if (ogi_json_type(v) & types) return true;
    return false;
}

/* Are the names in properties the only ones? */
static bool is_closed(const json_t *schema)
{
    return json_is_false(json_object_get(schema, "additionalProperties")) &&
           !json_object_get(schema, "patternProperties");
}

/* A name that both need, with values that exclude each other; or that one needs and the other
 * forbids. */
static bool objects_differ(ogi_schema *s, json_t *a, json_t *b, int depth)
{
    json_t *pa = json_object_get(a, "properties"), *pb = json_object_get(b, "properties"), *v;
    json_t *ra = json_object_get(a, "required"), *rb = json_object_get(b, "required");
    size_t i;
    json_array_foreach(ra, i, v)
    {
        const char *name = json_string_value(v);
        if (!name) continue;
        json_t *x = json_object_get(pa, name), *y = json_object_get(pb, name);
        if (!y && is_closed(b)) return true;
        if (x && y && has_name(rb, name) && ogi_schema_is_disjoint(s, x, y, depth + 1)) return true;
    }
    json_array_foreach(rb, i, v)
    {
        const char *name = json_string_value(v);
        if (name && !json_object_get(pa, name) && is_closed(a)) return true;
    }
    return false;
}

static bool ranges_differ(const json_t *a, const json_t *b)
{
    const json_t *max = json_object_get(a, "maximum"), *min = json_object_get(b, "minimum");
    return json_is_number(max) && json_is_number(min) && ogi_json_compare(max, min) < 0;
}

bool ogi_schema_is_disjoint(ogi_schema *s, json_t *a, json_t *b, int depth)
{
    enum { MAX_DEPTH = 8 };
    if (depth > MAX_DEPTH || ++s->n_compare > OGI_SCHEMA_MAX_COMPARES) return false;
    if (json_is_false(a) || json_is_false(b)) return true;
    if (!json_is_object(a) || !json_is_object(b)) return false;
    const char *ra = json_string_value(json_object_get(a, "$ref"));
    const char *rb = json_string_value(json_object_get(b, "$ref"));
    if (ra || rb) { /* siblings only narrow */
        json_t *x = a, *y = b;
        const ogi_path nowhere = { 0 };
        if ((ra && ogi_schema_resolve(s, ra, &nowhere, &x) != OG_OK) ||
            (rb && ogi_schema_resolve(s, rb, &nowhere, &y) != OG_OK))
            return false;
        return ogi_schema_is_disjoint(s, x, y, depth + 1);
    }
    const json_t *ta = json_object_get(a, "type"), *tb = json_object_get(b, "type");
    unsigned types_a = ta ? type_bits(ta) : OGI_JSON_ANY;
    unsigned types_b = tb ? type_bits(tb) : OGI_JSON_ANY;
    json_t *va = listed_values(a), *vb = listed_values(b);
    bool is_listed = va || vb, is_apart = false;
    if (va && vb) {
        json_t *common = common_values(va, vb);
        is_apart = json_array_size(common) == 0;
        json_decref(common);
    } else if (is_listed) {
        is_apart = va ? !has_type(va, types_b) : !has_type(vb, types_a);
    }
    json_decref(va);
    json_decref(vb);
    if (is_listed) return is_apart;
    unsigned overlap = types_a & types_b;
    if (overlap == 0) return true;
    if (overlap == OGI_JSON_OBJECT) return objects_differ(s, a, b, depth);
    if ((overlap & ~(unsigned)OGI_JSON_NUMBER) == 0)
        return ranges_differ(a, b) || ranges_differ(b, a);
    return false;
}
