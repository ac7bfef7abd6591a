/* SPDX-License-Identifier: MIT
 *
 * References inside a schema: JSON pointers and anchors, also behind the schema's own address. */
#include <stdio.h>
#include <stdlib.h>

#include "text/schema/schema.h"

/* One part of a JSON pointer, ~0 ~1 and %XX resolved. */
static void unescape(const char *p, size_t n, ogi_buf *out)
{
    out->n = 0;
    ogi_buf_add(out, "", 0);
    for (size_t i = 0; i < n; i++) {
        unsigned hex;
        if (p[i] == '~' && i + 1 < n && (p[i + 1] == '0' || p[i + 1] == '1')) {
            ogi_buf_putc(out, p[++i] == '0' ? '~' : '/');
        } else if (p[i] == '%' && i + 2 < n && sscanf(p + i + 1, "%2x", &hex) == 1) {
            ogi_buf_putc(out, (char)hex);
            i += 2;
        } else {
            ogi_buf_putc(out, p[i]);
        }
    }
}

static json_t *pointer_step(json_t *at, const char *key)
{
    if (json_is_object(at)) return json_object_get(at, key);
    if (!json_is_array(at) || !*key || strspn(key, "0123456789") != strlen(key)) return NULL;
    unsigned long i = strlen(key) < 9 ? strtoul(key, NULL, 10) : json_array_size(at);
    return json_array_get(at, i);
}

/* Is it not the root and has an $id, to which its references are relative? */
static bool has_own_id(const ogi_schema *s, const json_t *schema)
{
    const char *id = json_string_value(json_object_get(schema, "$id"));
    const char *root = json_string_value(json_object_get(s->root, "$id"));
    return id && schema != s->root && (!root || strcmp(id, root) != 0);
}

og_status ogi_schema_check_id(ogi_schema *s, const json_t *schema, const ogi_path *path)
{
    const ogi_path here = { path, "$id", 0 };
    if (!has_own_id(s, schema)) return OG_OK;
    SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here, "a schema with an $id inside another is not supported");
}

/* The reference without the address of the schema itself. */
static const char *local_part(const ogi_schema *s, const char *ref)
{
    const char *id = json_string_value(json_object_get(s->root, "$id"));
    size_t n = id ? strcspn(id, "#") : 0;
    if (!n || strncmp(ref, id, n) != 0 || (ref[n] && ref[n] != '#')) return ref;
    return ref[n] ? ref + n : "#";
}

/* The one schema with that $anchor; NULL: none, or several. */
static og_status find_anchor(ogi_schema *s, const char *name, json_t **out)
{
    json_t **todo = NULL, *found = NULL, *v;
    int64_t n = 0, cap = 0;
    const char *key;
    size_t i;
    og_status st = ogi_grow(s->ctx, &todo, &cap, 1, sizeof(json_t *));
    if (st == OG_OK) todo[n++] = s->root;
    bool is_one = true;
    while (n > 0 && st == OG_OK) {
        json_t *at = todo[--n];
        const char *anchor = json_string_value(json_object_get(at, "$anchor"));
        if (anchor && !strcmp(anchor, name)) {
            is_one = !found;
            found = at;
        }
        st = ogi_grow(s->ctx, &todo, &cap,
                      n + 1 + (int64_t)(json_object_size(at) + json_array_size(at)),
                      sizeof(json_t *));
        if (st != OG_OK) break;
        json_object_foreach(at, key, v) todo[n++] = v;
        json_array_foreach(at, i, v) todo[n++] = v;
    }
    ogi_free(s->ctx, todo);
    *out = is_one ? found : NULL;
    return st;
}

static og_status follow_pointer(ogi_schema *s, const char *pointer, const ogi_path *path,
                                json_t **out)
{
    json_t *at = s->root;
    ogi_buf key = { .ctx = s->ctx };
    bool is_foreign = false;
    for (const char *p = pointer; at && *p == '/';) {
        size_t n = strcspn(++p, "/");
        unescape(p, n, &key);
        at = pointer_step(at, ogi_buf_str(&key));
        p += n;
        is_foreign = is_foreign || (at && *p && has_own_id(s, at));
    }
    ogi_buf_free(&key);
    if (is_foreign)
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, path, "it leads into a schema with an $id of its own");
    *out = at;
    return OG_OK;
}

og_status ogi_schema_resolve(ogi_schema *s, const char *ref, const ogi_path *path, json_t **out)
{
    const ogi_path here = { path, "$ref", 0 };
    const char *local = local_part(s, ref);
    *out = NULL;
    if (local[0] != '#')
        SCHEMA_FAIL(s, OG_E_UNSUPPORTED, &here,
                    "'%.100s': only references into the schema itself (#/... or an anchor) are "
                    "supported",
                    ref);
    if (local[1] && local[1] != '/')
        OG_TRY(find_anchor(s, local + 1, out));
    else
        OG_TRY(follow_pointer(s, local + 1, &here, out));
    if (!*out) SCHEMA_FAIL(s, OG_E_FORMAT, &here, "'%.100s' leads nowhere", ref);
    return OG_OK;
}
