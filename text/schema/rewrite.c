/* SPDX-License-Identifier: MIT
 *
 * Keywords that others can say: if/then/else, dependentRequired, dependentSchemas and most of not
 * become anyOf under allOf; unevaluated* become additionalProperties and items. What stays of not
 * is {"not": {"enum": [...]}}: values that are excluded. */
#include "text/schema/schema.h"

static og_status negate(ogi_schema *s, json_t *schema, const ogi_path *path, json_t **out);

/* ---- not ---- */

/* Both take a new reference to what they are given. */
static json_t *one_key(const char *key, json_t *value)
{
    json_t *o = json_object();
    json_object_set_new(o, key, value);
    return o;
}

static json_t *any_of(json_t *list)
{
    if (json_array_size(list) != 1) return one_key("anyOf", list);
    json_t *one = json_incref(json_array_get(list, 0));
    json_decref(list);
    return one;
}

static og_status negate_each(ogi_schema *s, json_t *list, const char *keyword, const char *joined,
                             const ogi_path *path, json_t **out)
{
    const ogi_path here = { path, keyword, 0 };
    size_t i;
    json_t *v, *no;
    if (!json_array_size(list)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants a list of schemas");
    json_t *all = json_array();
    *out = ogi_schema_keep(s, one_key(joined, all));
    if (!*out) return OG_E_MEMORY;
    json_array_foreach(list, i, v)
    {
        const ogi_path at = { &here, NULL, i };
        OG_TRY(negate(s, v, &at, &no));
        json_array_append(all, no);
    }
    return OG_OK;
}

/* An object without one of the names. */
static json_t *negate_required(const json_t *names)
{
    json_t *list = json_array(), *v;
    size_t i;
    json_array_foreach(names, i, v)
    {
        const char *name = json_string_value(v);
        if (name)
            json_array_append_new(
                list, json_pack("{s:s,s:{s:b}}", "type", "object", "properties", name, 0));
    }
    return json_array_size(list) ? any_of(list) : (json_decref(list), json_false());
}

/* An object with one of the names, whose value does not fit. */
static og_status negate_properties(ogi_schema *s, json_t *properties, const ogi_path *path,
                                   json_t **out)
{
    const ogi_path here = { path, "properties", 0 };
    const char *key;
    json_t *v, *no, *list = json_array();
    *out = ogi_schema_keep(s, one_key("anyOf", list));
    if (!*out) return OG_E_MEMORY;
    json_object_foreach(properties, key, v)
    {
        const ogi_path at = { &here, key, 0 };
        OG_TRY(negate(s, v, &at, &no));
        json_array_append_new(list, json_pack("{s:s,s:[s],s:{s:O}}", "type", "object", "required",
                                              key, "properties", key, no));
    }
    if (!json_array_size(list)) *out = json_false();
    return OG_OK;
}

/* Bounds: the keyword that says the opposite, and by how much the value moves. */
static const struct {
    const char *keyword, *type, *opposite;
    int step;
} opposites[] = {
    { "minimum", "number", "exclusiveMaximum", 0 },
    { "maximum", "number", "exclusiveMinimum", 0 },
    { "exclusiveMinimum", "number", "maximum", 0 },
    { "exclusiveMaximum", "number", "minimum", 0 },
    { "minLength", "string", "maxLength", -1 },
    { "maxLength", "string", "minLength", 1 },
    { "minItems", "array", "maxItems", -1 },
    { "maxItems", "array", "minItems", 1 },
    { "minProperties", "object", "maxProperties", -1 },
    { "maxProperties", "object", "minProperties", 1 },
};

static json_t *negate_bound(const char *keyword, const json_t *v)
{
    for (int i = 0; i < OGI_LEN(opposites); i++) {
        if (strcmp(opposites[i].keyword, keyword) != 0 || !json_is_number(v)) continue;
        double x = json_number_value(v) + opposites[i].step;
        /* A count that no text reaches: nothing has more, everything has less. */
        bool is_unreached = opposites[i].step && x >= OGI_SCHEMA_UNREACHED;
        if (is_unreached && opposites[i].step < 0)
            return json_pack("{s:s}", "type", opposites[i].type);
        if (is_unreached || (opposites[i].step && x < 0.0)) return json_false();
        json_t *bound = json_is_integer(v) ? json_integer(json_integer_value(v) + opposites[i].step)
                                           : json_real(x);
        return json_pack("{s:s,s:o}", "type", opposites[i].type, opposites[i].opposite, bound);
    }
    return NULL;
}

static og_status negate_type(ogi_schema *s, const json_t *schema, const ogi_path *path,
                             json_t **out)
{
    unsigned types;
    OG_TRY(ogi_schema_types(s, schema, path, &types));
    /* What is no integer may be a fraction, which has no name: left out. */
    types = OGI_JSON_ANY & ~types;
    if ((types & OGI_JSON_NUMBER) == OGI_JSON_FRACTION) types &= ~(unsigned)OGI_JSON_FRACTION;
    *out = types ? one_key("type", ogi_schema_type_list(types)) : json_false();
    return OG_OK;
}

static og_status negate_keyword(ogi_schema *s, json_t *schema, const char *key, json_t *v,
                                const ogi_path *path, json_t **out)
{
    const ogi_path here = { path, key, 0 };
    json_t *no = NULL;
    if (!strcmp(key, "anyOf")) return negate_each(s, v, key, "allOf", path, out);
    if (!strcmp(key, "allOf")) return negate_each(s, v, key, "anyOf", path, out);
    if (!strcmp(key, "properties") && json_is_object(v)) return negate_properties(s, v, path, out);
    if (!strcmp(key, "not")) {
        *out = v;
        return OG_OK;
    }
    if (!strcmp(key, "$ref") && json_is_string(v)) {
        json_t *target;
        OG_TRY(ogi_schema_resolve(s, json_string_value(v), path, &target));
        return negate(s, target, &here, out);
    }
    if (!strcmp(key, "type")) OG_TRY(negate_type(s, schema, path, &no));
    if (!strcmp(key, "const")) no = json_pack("{s:{s:[O]}}", "not", "enum", v);
    if (!strcmp(key, "enum") && json_is_array(v)) no = json_pack("{s:{s:O}}", "not", "enum", v);
    if (!strcmp(key, "required") && json_is_array(v)) no = negate_required(v);
    if (!no) no = negate_bound(key, v);
    if (!no) SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "'%s' inside not or if is not supported", key);
    *out = ogi_schema_keep(s, no);
    return *out ? OG_OK : OG_E_MEMORY;
}

static og_status negate_object(ogi_schema *s, json_t *schema, const ogi_path *path, json_t **out)
{
    const char *key;
    json_t *v, *no, *parts = ogi_schema_keep(s, json_array());
    if (!parts) return OG_E_MEMORY;
    json_object_foreach(schema, key, v)
    {
        if (ogi_schema_is_annotation(key)) continue;
        OG_TRY(negate_keyword(s, schema, key, v, path, &no));
        if (!json_is_false(no)) json_array_append(parts, no);
    }
    *out = json_false();
    if (json_array_size(parts)) *out = ogi_schema_keep(s, any_of(json_incref(parts)));
    return *out ? OG_OK : OG_E_MEMORY;
}

/* A schema for the values that do not fit. */
static og_status negate(ogi_schema *s, json_t *schema, const ogi_path *path, json_t **out)
{
    *out = NULL;
    if (json_is_boolean(schema)) {
        *out = json_is_true(schema) ? json_false() : json_true();
        return OG_OK;
    }
    if (!json_is_object(schema))
        SCHEMA_FAIL(s, OG_E_FORMAT, path, "a schema is an object or a boolean");
    if (++s->depth > OGI_SCHEMA_MAX_DEPTH || ++s->n_visit > OGI_SCHEMA_MAX_VISITS)
        SCHEMA_FAIL(s, OG_E_LIMIT, path, "schemas are nested too deep, or refer to themselves");
    OG_TRY(negate_object(s, schema, path, out));
    s->depth--;
    return OG_OK;
}

static bool is_plain_not(const json_t *no)
{
    return json_object_size(no) == 1 && json_is_array(json_object_get(no, "enum"));
}

/* ---- earlier drafts ---- */

/* "items": [...] and additionalItems, which now are prefixItems and items. */
static void modernize_items(json_t *schema)
{
    json_t *items = json_object_get(schema, "items");
    json_t *others = json_object_get(schema, "additionalItems");
    if (json_is_array(items) && !json_object_get(schema, "prefixItems")) {
        json_object_set(schema, "prefixItems", items);
        if (others)
            json_object_set(schema, "items", others);
        else
            json_object_del(schema, "items");
    }
    json_object_del(schema, "additionalItems"); /* means nothing beside one schema for all */
}

/* "dependencies": lists of names and schemas, which now have a keyword each. */
static void modernize_dependencies(json_t *schema)
{
    json_t *all = json_object_get(schema, "dependencies"), *v;
    const char *key;
    json_object_foreach(all, key, v)
    {
        const char *keyword = json_is_array(v) ? "dependentRequired" : "dependentSchemas";
        json_t *old = json_object_get(schema, keyword);
        json_t *map = json_is_object(old) ? json_copy(old) : json_object();
        if (!json_object_get(map, key)) json_object_set(map, key, v);
        json_object_set_new(schema, keyword, map);
    }
    if (json_is_object(all)) json_object_del(schema, "dependencies");
}

/* "exclusiveMinimum": true beside "minimum", which now is a number. */
static void modernize_bound(json_t *schema, const char *bound, const char *exclusive)
{
    const json_t *flag = json_object_get(schema, exclusive);
    json_t *v = json_object_get(schema, bound);
    if (!json_is_boolean(flag)) return;
    bool is_open = json_is_true(flag) && v;
    if (!is_open) json_object_del(schema, exclusive);
    if (!is_open) return;
    json_object_set(schema, exclusive, v);
    json_object_del(schema, bound);
}

og_status ogi_schema_modernize(ogi_schema *s, json_t *schema, json_t **out)
{
    bool is_old = json_is_array(json_object_get(schema, "items")) ||
                  json_object_get(schema, "additionalItems") ||
                  json_object_get(schema, "dependencies") ||
                  json_is_boolean(json_object_get(schema, "exclusiveMinimum")) ||
                  json_is_boolean(json_object_get(schema, "exclusiveMaximum"));
    *out = schema;
    if (!is_old) return OG_OK;
    *out = ogi_schema_keep(s, json_copy(schema));
    if (!*out) return OG_E_MEMORY;
    modernize_items(*out);
    modernize_dependencies(*out);
    modernize_bound(*out, "minimum", "exclusiveMinimum");
    modernize_bound(*out, "maximum", "exclusiveMaximum");
    return OG_OK;
}

/* ---- rewriting ---- */

/* If the name is there, the schema holds, too. */
static json_t *dependent(const char *name, json_t *schema)
{
    return json_pack("{s:[{s:{s:b}},{s:[{s:[s]},O]}]}", "anyOf", "properties", name, 0, "allOf",
                     "required", name, schema);
}

static og_status rewrite_dependent(ogi_schema *s, const json_t *schema, const char *keyword,
                                   const ogi_path *path, json_t *all)
{
    const ogi_path here = { path, keyword, 0 };
    json_t *map = json_object_get(schema, keyword), *v;
    const char *key;
    bool is_list = !strcmp(keyword, "dependentRequired");
    if (map && !json_is_object(map)) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "wants an object");
    json_object_foreach(map, key, v)
    {
        const ogi_path at = { &here, key, 0 };
        if (is_list != json_is_array(v))
            SCHEMA_FAIL(s, OG_E_FORMAT, &at, "wants a %s", is_list ? "list of names" : "schema");
        json_t *holds = is_list ? json_pack("{s:O}", "required", v) : json_incref(v);
        json_array_append_new(all, dependent(key, holds));
        json_decref(holds);
    }
    return OG_OK;
}

static og_status rewrite_if(ogi_schema *s, const json_t *schema, const ogi_path *path, json_t *all)
{
    const ogi_path here = { path, "if", 0 };
    json_t *cond = json_object_get(schema, "if"), *no;
    json_t *yes = json_object_get(schema, "then"), *other = json_object_get(schema, "else");
    if (!cond || (!yes && !other)) return OG_OK;
    OG_TRY(negate(s, cond, &here, &no));
    json_array_append_new(all, json_pack("{s:[{s:[O,O]},{s:[O,O]}]}", "anyOf", "allOf", cond,
                                         yes ? yes : json_true(), "allOf", no,
                                         other ? other : json_true()));
    return OG_OK;
}

static og_status rewrite_not(ogi_schema *s, json_t *schema, const ogi_path *path, json_t *all)
{
    const ogi_path here = { path, "not", 0 };
    json_t *what = json_object_get(schema, "not"), *no;
    if (!what || is_plain_not(what)) return OG_OK;
    OG_TRY(negate(s, what, &here, &no));
    json_array_append(all, no);
    json_object_del(schema, "not");
    return OG_OK;
}

/* A failed condition evaluates nothing, but its negation names properties. */
static og_status check_unevaluated(ogi_schema *s, const json_t *schema, const ogi_path *path)
{
    static const char *const name[] = { "unevaluatedProperties", "unevaluatedItems" };
    for (int i = 0; i < OGI_LEN(name); i++) {
        const ogi_path here = { path, name[i], 0 };
        if (json_object_get(schema, name[i]) &&
            (json_object_get(schema, "not") || json_object_get(schema, "if")))
            SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "beside not or if it is not supported");
    }
    return OG_OK;
}

og_status ogi_schema_rewrite(ogi_schema *s, json_t *schema, const ogi_path *path, json_t **out)
{
    static const char *const keyword[] = { "if", "then", "else", "dependentRequired",
                                           "dependentSchemas" };
    const json_t *no = json_object_get(schema, "not");
    bool is_any = no && !is_plain_not(no);
    *out = schema;
    for (int i = 0; i < OGI_LEN(keyword); i++)
        is_any = is_any || json_object_get(schema, keyword[i]);
    if (!is_any) return OG_OK;
    const json_t *old = json_object_get(schema, "allOf");
    json_t *copy = ogi_schema_keep(s, json_copy(schema));
    json_t *all = ogi_schema_keep(s, json_array());
    if (!copy || !all) return OG_E_MEMORY;
    OG_TRY(check_unevaluated(s, schema, path));
    if (json_is_array(old)) json_array_extend(all, (json_t *)(uintptr_t)old);
    OG_TRY(rewrite_if(s, schema, path, all));
    OG_TRY(rewrite_dependent(s, schema, "dependentRequired", path, all));
    OG_TRY(rewrite_dependent(s, schema, "dependentSchemas", path, all));
    OG_TRY(rewrite_not(s, copy, path, all));
    for (int i = 0; i < OGI_LEN(keyword); i++) json_object_del(copy, keyword[i]);
    if (json_array_size(all)) json_object_set(copy, "allOf", all);
    *out = copy;
    return OG_OK;
}

/* ---- unevaluated ---- */

/* With everything else merged, what is not evaluated is what additionalProperties and items speak
 * of where those are missing. Branches of anyOf and oneOf evaluate more: later, in each. */
og_status ogi_schema_settle(ogi_schema *s, json_t *schema, json_t **out)
{
    static const char *const from[] = { "unevaluatedProperties", "unevaluatedItems" };
    static const char *const to[] = { "additionalProperties", "items" };
    *out = schema;
    if (json_object_get(schema, "anyOf") || json_object_get(schema, "oneOf")) return OG_OK;
    for (int i = 0; i < OGI_LEN(from); i++) {
        json_t *v = json_object_get(*out, from[i]);
        if (!v) continue;
        if (*out == schema) *out = ogi_schema_keep(s, json_copy(schema));
        if (!*out) return OG_E_MEMORY;
        if (!json_object_get(*out, to[i])) json_object_set(*out, to[i], v);
        json_object_del(*out, from[i]);
    }
    return OG_OK;
}
