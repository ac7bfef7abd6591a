/* SPDX-License-Identifier: MIT
 *
 * JSON Schema to grammar, shared by its files:
 *   read.c      the text as JSON values
 *   schema.c    walking a schema: references, types
 *   branches.c  anyOf and oneOf
 *   merge.c     two schemas that must both hold, as one; which values two have in common
 *   ref.c       references
 *   rewrite.c   keywords that others can say, and what earlier drafts wrote otherwise
 *   names.c     which names an object may have
 *   object.c    objects
 *   array.c     arrays
 *   scalar.c    strings, constants, what all schemas use
 *   number.c    numbers
 *   plain.c     strings that no quotes surround
 *
 * The grammar accepts a part of what the schema allows, never more. It fixes the spelling:
 * properties in the schema's order (required ones first), at most one blank or a line break with
 * indentation where JSON has white space. */
#ifndef OG_TEXT_SCHEMA_SCHEMA_H
#define OG_TEXT_SCHEMA_SCHEMA_H

#include <jansson.h>

#include "text/grammar/regex.h"

enum {
    OGI_SCHEMA_MAX_DEPTH = 100,
    OGI_SCHEMA_MAX_VISITS = 50000,
    OGI_SCHEMA_MAX_COMPARES = 200000,
    OGI_SCHEMA_MAX_LENGTH = 100000, /* minLength, maxLength, minItems, maxItems */
    OGI_SCHEMA_UNREACHED = 1 << 30, /* no text is so long: as a maximum, as good as none */
};

/* Kinds of values; a number is an integer or not. */
enum {
    OGI_JSON_NULL = 1,
    OGI_JSON_BOOL = 2,
    OGI_JSON_INTEGER = 4,
    OGI_JSON_FRACTION = 8,
    OGI_JSON_NUMBER = 12,
    OGI_JSON_STRING = 16,
    OGI_JSON_ARRAY = 32,
    OGI_JSON_OBJECT = 64,
    OGI_JSON_ANY = 127,
};

/* Where in the schema: a list from the innermost part up to the root. */
typedef struct ogi_path {
    const struct ogi_path *up; /* NULL: the root, whose key is not used */
    const char *key;           /* NULL: index */
    size_t index;
} ogi_path;

/* Rules every schema may use. */
typedef enum ogi_json_rule {
    OGI_RULE_SPACE,
    OGI_RULE_CHAR,   /* as in free strings */
    OGI_RULE_LETTER, /* one code point, for counting */
    OGI_RULE_STRING,
    OGI_RULE_NAME, /* of a member */
    OGI_RULE_INTEGER,
    OGI_RULE_NUMBER,
    OGI_RULE_BOOL,
    OGI_RULE_NULL,
    OGI_RULE_VALUE,
    OGI_RULE_OBJECT,
    OGI_RULE_ARRAY,
    OGI_RULE_COUNT
} ogi_json_rule;

/* How values are written. */
typedef enum ogi_notation {
    OGI_NOTATION_JSON,
    OGI_NOTATION_GEMMA,  /* {name:<|"|>text<|"|>,other:1} */
    OGI_NOTATION_PYTHON, /* {"name": True, "other": None} */
} ogi_notation;

#define OGI_GEMMA_QUOTE "<|\"|>"

typedef struct ogi_schema {
    og_ctx *ctx;
    ogi_rules rules;
    const char *where; /* of errors: "schema" */
    ogi_notation notation;
    bool is_strict;  /* no lone surrogates, no numbers beyond what a double holds */
    int32_t until;   /* the rule of text up to the mark that all plain strings have; -1: not made */
    json_t *root;    /* what references start from */
    json_t *owned;   /* array: keeps merged schemas alive */
    json_t *rounded; /* array: numbers that stand for others, which no double is */
    ogi_map by_ref;  /* target pointer -> rule */
    int32_t rule[OGI_RULE_COUNT]; /* -1: not made yet */
    int depth, n_visit, n_compare;
} ogi_schema;

/* "schema, at PATH", kept with the rules; NULL if memory is out. */
const char *ogi_schema_place(ogi_schema *s, const ogi_path *path);
/* Raises "schema, at PATH: ..." */
og_status ogi_schema_fail(ogi_schema *s, og_status code, const char *file, int line,
                          const ogi_path *path, const char *fmt, ...) OG_PRINTF(6, 7);
#define SCHEMA_FAIL(s, code, path, ...)                                                            \
    return ogi_schema_fail((s), (code), __FILE__, __LINE__, (path), __VA_ARGS__)
/* For builders that returned NULL: their error stands. */
#define SCHEMA_NEED(e)                                                                             \
    do {                                                                                           \
        if (!(e)) return OG_E_LIMIT;                                                               \
    } while (0)

/* ---- read.c ---- */

/* The text as a value, to be released; errors name places in the schema where that is possible. A
 * byte order mark before it is skipped. */
og_status ogi_schema_read(ogi_schema *s, const char *text, size_t n, json_t **out);
bool ogi_schema_is_rounded(const ogi_schema *s, const json_t *v); /* not what the text says? */
bool ogi_schema_has_nul(const json_t *v); /* a string with U+0000, or a list with one */

/* ---- schema.c ---- */

void ogi_schema_init(ogi_schema *s, og_ctx *ctx);
void ogi_schema_free(ogi_schema *s); /* the rules, too; not the root */
/* One of several schemas that share the rules of s: a call of the rule that matches it. Texts
 * around it may be other than JSON. */
og_status ogi_schema_part(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out);
og_status ogi_schema_visit(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out);
/* A value to be released with the schema; NULL if memory is out. */
json_t *ogi_schema_keep(ogi_schema *s, json_t *v);
ogi_expr *ogi_schema_rule(ogi_schema *s, ogi_json_rule rule);
/* Refuses what cannot be enforced; *types: those that keywords speak of; *n: keywords that
 * matter. */
og_status ogi_schema_look_over(ogi_schema *s, json_t *schema, const ogi_path *path, unsigned *types,
                               int *n);
/* Is the keyword without meaning for what validates? */
bool ogi_schema_is_annotation(const char *keyword);
/* schema without allOf, $ref and what rewrite.c says by them. */
og_status ogi_schema_flatten(ogi_schema *s, json_t *schema, const ogi_path *path, json_t **out);
/* The value of a keyword that counts: *out stays as it is where it is absent. */
og_status ogi_schema_count(ogi_schema *s, const json_t *schema, const char *keyword,
                           const ogi_path *path, int32_t *out);

/* ---- ref.c ---- */

/* The schema a $ref names. */
og_status ogi_schema_resolve(ogi_schema *s, const char *ref, const ogi_path *path, json_t **out);
/* Refuses a schema with an $id inside another: references would be relative to it. */
og_status ogi_schema_check_id(ogi_schema *s, const json_t *schema, const ogi_path *path);

/* ---- branches.c ---- */

/* keyword: "anyOf" or "oneOf", which the schema has. */
og_status ogi_schema_branches(ogi_schema *s, json_t *schema, const char *keyword,
                              const ogi_path *path, ogi_expr **out);

/* ---- rewrite.c ---- */

/* schema with what earlier drafts wrote otherwise as 2020-12 has it; itself where nothing is. */
og_status ogi_schema_modernize(ogi_schema *s, json_t *schema, json_t **out);

/* schema with if, dependent* and not (but for excluded values) said by allOf; itself without them.
 */
og_status ogi_schema_rewrite(ogi_schema *s, json_t *schema, const ogi_path *path, json_t **out);
/* schema, in which nothing is left to merge, without unevaluated*. */
og_status ogi_schema_settle(ogi_schema *s, json_t *schema, json_t **out);

/* ---- merge.c ---- */

/* A schema that holds where both do. May contain what neither part says alone. */
og_status ogi_schema_merge(ogi_schema *s, json_t *a, json_t *b, const ogi_path *path, json_t **out);
/* OGI_JSON_* bits that the keyword "type" allows. */
og_status ogi_schema_types(ogi_schema *s, const json_t *schema, const ogi_path *path,
                           unsigned *types);
json_t *ogi_schema_type_list(unsigned types); /* the opposite; a new reference */
unsigned ogi_json_type(const json_t *value);
/* Does {"not": {"enum": [...]}} exclude a value of these types, or this value? */
bool ogi_schema_excludes(const json_t *schema, unsigned types);
bool ogi_schema_excludes_value(const json_t *schema, const json_t *value);
/* Is it certain that no value satisfies both? */
bool ogi_schema_is_disjoint(ogi_schema *s, json_t *a, json_t *b, int depth);
bool ogi_json_same(const json_t *a, const json_t *b);   /* 1 and 1.0 are the same */
int ogi_json_compare(const json_t *a, const json_t *b); /* two numbers: < 0, 0, > 0; exactly */

/* ---- names.c ---- */

/* Names beside the declared ones: which (NULL: any) and what their values are; false: none. */
typedef struct ogi_other_names {
    ogi_expr *name;
    json_t *values;
} ogi_other_names;

/* patternProperties: other names are those that match; `all`, the properties, take over the
 * schemas of names that match. */
og_status ogi_schema_name_patterns(ogi_schema *s, json_t *schema, json_t *all, const ogi_path *path,
                                   ogi_other_names *out);
/* propertyNames: properties of `all` that do not fit become false, names that are listed are
 * added. */
og_status ogi_schema_name_limits(ogi_schema *s, json_t *schema, json_t *all, const ogi_path *path,
                                 ogi_other_names *out);

/* Does a string, v, match a pattern? path is the pattern's. */
og_status ogi_schema_matches(ogi_schema *s, const char *pattern, const json_t *v,
                             const ogi_path *path, bool *yes);

/* ---- object.c, array.c, scalar.c, number.c ---- */

og_status ogi_schema_object(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out);
og_status ogi_schema_array(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out);
/* A string other than the names of an object. */
og_status ogi_schema_other_string(ogi_schema *s, const json_t *names, const ogi_path *path,
                                  ogi_expr **out);
og_status ogi_schema_string(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_expr **out);
og_status ogi_schema_number(ogi_schema *s, json_t *schema, bool is_integer, const ogi_path *path,
                            ogi_expr **out);
/* Do bounds and multipleOf allow the number? */
og_status ogi_schema_takes_number(ogi_schema *s, const json_t *schema, const json_t *v,
                                  const ogi_path *path, bool *ok);
/* min to max digits from `first` up to 9. */
ogi_expr *ogi_expr_digits(ogi_rules *r, char first, int32_t min, int32_t max);
/* Those of the values that the schema's other keywords allow. */
og_status ogi_schema_enum(ogi_schema *s, json_t *schema, json_t *values, const ogi_path *path,
                          ogi_expr **out);
/* The pattern of a format that is enforced, NULL for others; the length it has, 0: it varies. */
const char *ogi_schema_format(const char *name, int32_t *length);
/* The patterns that a string must match, all of them: those of "pattern" (a list where schemas were
 * merged) and, last, that of the format, if it is enforced; others are noted. length: of the
 * format. */
enum { OGI_SCHEMA_MAX_PATTERNS = 8 };
typedef struct ogi_patterns {
    const char *text[OGI_SCHEMA_MAX_PATTERNS];
    int n;
    int32_t length; /* 0: varies, or no format */
} ogi_patterns;
og_status ogi_schema_patterns(ogi_schema *s, const json_t *schema, const ogi_path *path,
                              ogi_patterns *out);
/* A constant's spelling in s's notation. */
og_status ogi_schema_constant(ogi_schema *s, const json_t *v, const ogi_path *path, ogi_expr **out);
/* The body of one of the common rules. */
ogi_expr *ogi_json_rule_body(ogi_schema *s, ogi_json_rule rule);

/* ---- plain.c ---- */

/* OGI_JSON_* bits of the values that a schema may allow, as far as types, constants and branches
 * tell. Where only strings are left (and null), calls between marks write them as they are. */
unsigned ogi_schema_kinds(const json_t *schema);
/* The strings of the schema as they are, up to the mark that ends them, which is taken too.
 * is_padded: a line break may stand on either side. */
og_status ogi_schema_plain(ogi_schema *s, json_t *schema, const ogi_path *path, ogi_sv mark,
                           bool is_padded, ogi_expr **out);
/* Can a name stand in marks, without quotes? */
bool ogi_is_plain_name(ogi_sv name);

/* Appends operands, NULL-terminated, to a new sequence. */
ogi_expr *ogi_expr_join(ogi_rules *r, ...);

#endif
